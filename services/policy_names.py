"""Which policies there may be, what ships of them, and which facts each may ask."""

import json
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from books.errors import UnknownPolicy
from lending.behaviour import FACTS as BEHAVIOUR_FACTS
from lending.behaviour import InvalidWarningRule, WarningRule
from models.changes import CHANGES_TERMS, ChangeKind
from models.policies import PolicyKind
from models.products import Product
from models.staff import Role
from services.authority import LOANS
from services.facts import CORE_FACTS
from services.forms import Sentence
from services.policy_cells import Problem, constant
from services.policy_checks import problems_of
from services.policy_kinds import BEHAVIOUR_CARD, KINDS, PRIOR, kind_of, name_of, scope_of
from services.policy_tables import DecisionTable, declared_facts
from services.products import catalogue
from services.reminder_rules import REMINDER_FACTS, window_problems

_KNOWN_LATER = ("documents_complete", "documents_unread", "documents_doubtful", "score", "score_known")
"""Facts of the core that are not there yet when the list of documents is asked."""
_WITHOUT_NEW_TERMS = frozenset(ChangeKind) - CHANGES_TERMS
FOLDER = Path(__file__).with_name("shipped_policies")
"""The policies of the core, one file each; those of a product come with its module."""


@cache
def shipped_by_core() -> Mapping[str, Mapping[str, Any]]:
    """The policies that the core ships, by name."""
    return {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in sorted(FOLDER.glob("*.json"))}


def shipped_by(product: Product) -> dict[str, Mapping[str, Any]]:
    """The policies that a product ships, by name."""
    return {name_of(PolicyKind(kind), product.code): content for kind, content in product.shipped.items()}


def shipped() -> dict[str, Mapping[str, Any]]:
    """All policies that ship, by name."""
    found = dict(shipped_by_core())
    for product in catalogue().products:
        found |= shipped_by(product)
    return found


def check_name(name: str) -> None:
    """Refuses (UnknownPolicy) a name whose kind is none, or whose scope is neither a product nor a part of the core.

    Authority is one table for all products: nothing would ask one of a product's own.
    """
    try:
        code = kind_of(name).code
    except LookupError:
        raise UnknownPolicy(name) from None
    is_of_product = code is not PolicyKind.AUTHORITY and scope_of(name) in catalogue().codes()
    if name not in shipped_by_core() and not is_of_product:
        raise UnknownPolicy(name)


def product_of(name: str) -> Product | None:
    """The product that a policy is about; None for one of the core."""
    code = scope_of(name)
    return catalogue().product(code) if code in catalogue().codes() else None


def facts_on_offer(name: str) -> dict[str, str]:
    """The facts that a policy of this name may ask, with their types.

    Of a product: every fact that it gives (`fact_types`), what its shipped tables declare besides, the core's facts,
    those that the core adds for this kind, and what hardship and yearly limit give to the tables after them. Those two
    and the list of documents are asked first, before further facts are known: of what shipped tables declare they may
    ask what those of these kinds do. Of the core: what the shipped version declares; of authority over loans the core's
    facts too, which every graded case has.
    """
    kind, product = kind_of(name), product_of(name)
    if kind.code is PolicyKind.REMINDERS:
        return dict(REMINDER_FACTS)
    if name == BEHAVIOUR_CARD:
        return dict(BEHAVIOUR_FACTS)
    offered = _declared(shipped_by_core().get(name))
    if product is None:
        return offered | dict(CORE_FACTS) if name == LOANS else offered
    is_prior = kind.code in PRIOR
    offered |= product.fact_types
    for other, content in shipped_by(product).items():
        # Those are about a running loan, of which other things are known.
        if kind_of(other).code is not PolicyKind.REMINDERS and (not is_prior or kind_of(other).code in PRIOR):
            offered |= _declared(content)
    if is_prior:
        return offered | {fact: kind for fact, kind in CORE_FACTS.items() if fact not in _KNOWN_LATER}
    offered |= {fact: kind for code in PRIOR for fact, kind in KINDS[code].gives.values()}
    added = {fact for one in KINDS.values() for fact in one.asks}
    return {fact: kind for fact, kind in offered.items() if fact not in added} | dict(CORE_FACTS) | dict(kind.asks)


def _declared(content: Mapping[str, Any] | None) -> dict[str, str]:
    try:
        return declared_facts(content) if content is not None else {}
    except (AttributeError, KeyError, TypeError, ValueError):
        # A scorecard has no input node; what is no policy at all is refused by its check.
        return {}


def draft_problems(name: str, content: Mapping[str, Any]) -> list[Problem]:
    """What forbids to publish this content under this name: also facts and documents that its product does not know."""
    check_name(name)
    kind, product = kind_of(name), product_of(name)
    found = problems_of(content, facts_on_offer(name), kind.code)
    if not found and kind.code is PolicyKind.DOCUMENTS and product is not None:
        found = list(_document_problems(content, product.documents))
    if not found and kind.code is PolicyKind.AUTHORITY:
        found = list(_finance_problems(name, content))
    if not found and kind.code is PolicyKind.REMINDERS:
        found = list(window_problems(content))
    if not found and name == BEHAVIOUR_CARD:
        found = list(_warning_problems(content))
    return found


def _warning_problems(content: Mapping[str, Any]) -> Iterable[Problem]:
    try:
        WarningRule.of(content)
    except InvalidWarningRule as error:
        zh = "warnings 应有分值递减的 bands（最后一档 from 为 null）、其中的 warned_bands 和大于零的 drop_points"
        yield Problem(Sentence(str(error), zh))


def _finance_problems(name: str, content: Mapping[str, Any]) -> Iterable[Problem]:
    """Finance decides neither amount nor terms; the database refuses what it would approve."""
    table = DecisionTable.read(content)
    for number in range(1, len(table.rows) + 1):
        if constant(table.cell(number, "decided_by")) != Role.FINANCE:
            continue
        if name == LOANS:
            yield Problem(Sentence("finance approves no loan", "财务岗不审批贷款"), number, "decided_by")
        elif constant(table.cell(number, "kind")) not in _WITHOUT_NEW_TERMS:
            kinds = ", ".join(sorted(_WITHOUT_NEW_TERMS))
            en = f"a row in which finance decides must name one of: {kinds}"
            yield Problem(Sentence(en, f"由财务岗决定的行应写明下列之一：{kinds}"), number, "kind")


def _document_problems(content: Mapping[str, Any], known: Iterable[str]) -> Iterable[Problem]:
    table = DecisionTable.read(content)
    for number in range(1, len(table.rows) + 1):
        for kind in constant(table.cell(number, "required")):
            if kind not in known:
                en = f"{kind} is no document that the product takes"
                yield Problem(Sentence(en, f"该产品不接收 {kind} 这类材料"), number, "required")
