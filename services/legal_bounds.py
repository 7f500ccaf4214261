"""What the law closes, asked when a case is approved: a person may overrule the lender's own rules and nothing else."""

import json
from collections.abc import Mapping
from copy import deepcopy
from typing import Any

from books.session import UnitOfWork
from lending.money import yuan
from models.grading import Grading
from models.loans import Loan
from models.policies import PolicyKind
from services.decisions import Chain
from services.errors import ClosedByLaw, FactsForLawMissing, InvalidDecision
from services.policies import FactsIncomplete, Version, deciding, prepared, version
from services.policy_cells import constant
from services.policy_kinds import CHAIN, REFUSE, name_of
from services.policy_tables import DecisionTable, only_node
from services.products import catalogue

_bare: dict[tuple[str, frozenset[str]], Version] = {}
"""By id of the version and the reasons of the law; both never change."""


def chain_of(work: UnitOfWork, loan: Loan, grading: Grading) -> Chain:
    """The rules that graded a case, with those that would have been asked after them on that day."""
    day = grading.decided_on(work.clock)
    names = [name_of(kind, loan.product) for kind in CHAIN]
    found = work.policies.in_force_of(names, day, before_id=grading.id)
    in_force = [deciding(work, one) for one in found.values() if one.champion is not None]
    # A challenger may have decided in its share.
    asked = [version(work, one) for one in grading.table_ids]
    return Chain({one.kind.code: one for one in (*in_force, *asked) if one.kind.code in CHAIN})


def require_lawful(work: UnitOfWork, loan: Loan, amount_fen: int, facts: Mapping[str, Any]) -> None:
    """Refuses an approval that the law forbids, by the rules of the grading and the facts as they are by now for this
    amount (`facts_by_now`): an invoice may have come in since, or another loan of the same person or year.

    ClosedByLaw where a row that refuses for a reason of the law takes the case, even if a row of the lender's own
    refused it first; InvalidDecision where the pricing leaves less than the amount by now; FactsForLawMissing for a
    case from before the rules asked so much, of which nobody can tell what the law says.
    """
    grading = work.policies.grading(loan.number)
    if grading is None:
        return
    closed = catalogue().product(loan.product).refused_by_law
    is_refused = grading.outcome == REFUSE
    if is_refused and not closed.isdisjoint(grading.reasons):
        raise ClosedByLaw
    look = work.tasks.second_look(loan.number) if is_refused else None
    chain = chain_of(work, loan, grading)
    try:
        bare = Chain({kind: _without_own_refusals(work, one, closed) for kind, one in chain.versions.items()})
        outcome = bare.decide(facts).outcome
        pricing = chain.versions.get(PolicyKind.PRICING)
        priced = pricing.ask({**facts, "grade": look.grade if look else grading.grade}) if pricing else None
    except FactsIncomplete as missing:
        raise FactsForLawMissing(loan.number, sorted(missing.fields)) from missing
    if outcome.outcome == REFUSE and not closed.isdisjoint(outcome.reasons):
        raise ClosedByLaw
    if priced is not None and amount_fen > priced.values["limit_fen"]:
        left = yuan(priced.values["limit_fen"])
        raise InvalidDecision(
            f"by what is known today, of other loans too, at most {left} can be approved",
            fields={"amount": f"at most {left}"},
        )


def _without_own_refusals(work: UnitOfWork, asked: Version, closed: frozenset[str]) -> Version:
    """The table less the rows that refuse for reasons of the lender's own; any other kind as it is."""
    if "outcome" not in dict(asked.outputs):
        return asked
    key = (asked.key, closed)
    if key not in _bare:
        content = deepcopy(work.policies.get(asked.key).content)
        table = DecisionTable.read(content)
        node: dict[str, Any] = only_node(content, "decisionTableNode")["content"]
        node["rules"] = [
            row
            for number, row in enumerate(node["rules"], 1)
            if table.cell(number, "outcome") != json.dumps(REFUSE)
            or not closed.isdisjoint(constant(table.cell(number, "reasons")) or ())
        ]
        _bare[key] = prepared(asked.label, content, asked.kind.code)
    return _bare[key]
