"""Which documents a case needs by the policy of its product, and how they stand."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any

from books.session import UnitOfWork
from models.loans import Loan
from models.policies import PolicyKind
from models.products import Product
from models.tasks import Outcome
from services.policies import deciding
from services.policy_kinds import name_of


class DocumentStanding(StrEnum):
    """How a kind of document stands for a loan."""

    HANDED_IN = "handed_in"
    MISSING = "missing"
    UNREAD = "unread"
    IN_DOUBT = "in_doubt"


NAMES_ZH = {
    "id_card": "身份证",
    "income_proof": "收入证明",
    "bank_statement": "银行流水",
    "admission_letter": "录取通知书",
    "hardship_proof": "家庭困难证明",
    "driving_licence": "驾驶证",
    "vehicle_invoice": "购车发票",
}
"""Names for messages to the borrower; a kind that a module brings stands for itself."""


@dataclass(frozen=True)
class DocumentList:
    """The kinds a case needs and why, and how each stands.

    `handed_in` has the kinds of which a document is there that nobody refused; `unread` those of which one waits to be
    read; `in_doubt` those of which one is in doubt or was refused.
    """

    required: tuple[str, ...]
    handed_in: frozenset[str]
    unread: frozenset[str]
    in_doubt: frozenset[str]
    reasons: tuple[str, ...] = ()
    policy_id: str | None = None

    @property
    def missing(self) -> tuple[str, ...]:
        """Kinds that are needed and not there."""
        return tuple(kind for kind in self.required if kind not in self.handed_in)

    @property
    def are_complete(self) -> bool:
        """Whether a document of each kind that is needed is there, and none waits to be read."""
        return not self.missing and not self.are_unread

    @property
    def are_unread(self) -> bool:
        """Whether anything that was handed in waits to be read."""
        return bool(self.unread)

    @property
    def are_doubtful(self) -> bool:
        """Whether anything that was handed in is in doubt."""
        return bool(self.in_doubt)

    def standing(self, kind: str) -> DocumentStanding:
        """How a kind stands; what is in doubt or not read is shown as such even where another of its kind is sound."""
        if kind in self.in_doubt:
            return DocumentStanding.IN_DOUBT
        if kind in self.unread:
            return DocumentStanding.UNREAD
        return DocumentStanding.HANDED_IN if kind in self.handed_in else DocumentStanding.MISSING


def documents_of(work: UnitOfWork, loan: Loan, product: Product, day: date, facts: Mapping[str, Any]) -> DocumentList:
    """The list of a case by the policy `documents-<product>` in force on a day, and how it stands.

    A product without such a policy needs one of each kind that it takes.
    """
    found = work.policies.in_force(name_of(PolicyKind.DOCUMENTS, product.code), day)
    states = work.documents.states(loan.number)
    taken = frozenset(one.kind for one in states if one.outcome is not Outcome.REFUSE)
    unread = frozenset(one.kind for one in states if not one.is_read)
    doubtful = frozenset(one.kind for one in states if one.doubtful and one.outcome is not Outcome.APPROVE)
    if found.champion is None:
        return DocumentList(product.documents, taken, unread, doubtful)
    answer = deciding(work, found).ask(facts)
    required = _known(answer.values["required"], product)
    return DocumentList(required, taken, unread, doubtful, tuple(answer.values["reasons"]), answer.policy_id)


def _known(kinds: Iterable[str], product: Product) -> tuple[str, ...]:
    """Without kinds that the product does not take: nobody could ever hand them in."""
    return tuple(kind for kind in dict.fromkeys(kinds) if kind in product.documents)
