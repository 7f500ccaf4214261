"""Knock-out, grading and pricing decide as the one table of each product did that they were taken from.

`tables_before` has those tables as they were. They differ only where a fact is asked for that they did not know, and
in what the law closes: a row of the law now comes before those that leave a case to a person.
"""

import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from services.decisions import shipped_chain
from services.policies import GradeOutcome, evaluate
from services.policy_tables import BOOLEAN, INTEGER, DecisionTable, uncovered
from tests.modules.applications import CATALOGUE
from tests.modules.decided import QUIET

BEFORE = {
    code: json.loads(Path(__file__).with_name("tables_before").joinpath(f"{code}.json").read_text(encoding="utf-8"))
    for code in CATALOGUE.codes()
}
DRAWN = 1500
NO_CO_SIGNER = {"co_signer_known": True, "co_signer_matches": True, "co_signer_blacklisted": False}
SINCE: dict[str, dict[str, Any]] = {
    "auto": {
        "dealer_blocked": False,
        "vehicle_elsewhere": False,
        "valued": True,
        "vehicle_age_at_end_months": 0,
        "term": 24,
        **NO_CO_SIGNER,
    },
    "student": {"household_size_known": True, **NO_CO_SIGNER},
}
"""Facts of a product that no rule asked before, as they are where nothing is against the case."""
WIDEST = {
    "micro": {"term": 36, "amount_fen": 20_000_000},
    "auto": {"term": 60, "amount_fen": 200_000_000},
    "student": {"term": 264},
}
"""The bounds of the forms, which were in no table then."""
CAPS_BP = {"new": 8000, "new_energy": 8500, "used": 7000}
"""The most of a vehicle's value that may be lent, from 2018 on."""


def cases(code: str) -> Iterator[dict[str, Any]]:
    """Cases that each row of the table takes, the other facts by chance; and cases all by chance."""
    table = DecisionTable.read(BEFORE[code])
    chance = random.Random(code)

    def drawn() -> dict[str, Any]:
        return {fact: _value(table, fact, kind, chance) for fact, kind in table.declared.items()}

    for number, box in enumerate(table.boxes, 1):
        left = uncovered(box, table.boxes[: number - 1], 10_000)
        if left is not None:
            yield from (drawn() | table.example(left) for _ in range(20))
    # A case all by chance stumbles over the first rows; most of these are good but for a fact or two.
    good = dict.fromkeys(("identity_known", "identity_matches", "bureau_known", "vehicle_known"), True)
    for number in range(DRAWN):
        found = drawn()
        yield found | {fact: True for fact in good if fact in found} if number % 3 else found


def _value(table: DecisionTable, fact: str, kind: str, chance: random.Random) -> Any:
    if kind == BOOLEAN:
        known_good = fact.endswith(("_known", "_matches", "_found", "_licensed"))
        return chance.random() < (0.9 if known_good else 0.2)
    classes = table.dimensions[fact].classes if fact in table.dimensions else (0, 1_500_000)
    found = chance.choice(classes)
    return int(str(found)) + chance.randrange(3) if kind == INTEGER else found


def hardship(facts: dict[str, Any]) -> dict[str, Any]:
    """What the rules of hardship would have to say for the bounds of income that the old table had in its rows."""
    income_fen = facts["household_income_fen"]
    yearly_fen = 2_000_000 if facts["degree"] in ("associate", "bachelor") else 2_500_000
    return {
        "hardship_level": "great" if income_fen <= 6_000_000 else "some" if income_fen <= 15_000_000 else "none",
        "yearly_limit_fen": yearly_fen,
        "hardship_fen": min(facts["amount_fen"], yearly_fen),
        "above_yearly_limit": facts["amount_fen"] > yearly_fen,
    }


@pytest.mark.parametrize("code", CATALOGUE.codes())
def test_the_three_tables_decide_as_the_one_did(code: str) -> None:
    chain = shipped_chain(CATALOGUE.product(code))
    seen: set[tuple[str, ...]] = set()
    for drawn in cases(code):
        facts = drawn | {fact: min(drawn[fact], most) for fact, most in WIDEST[code].items() if fact in drawn}
        before = evaluate(code, BEFORE[code], facts)
        further = hardship(facts) if code == "student" else {}
        after = chain.decide({**QUIET, **facts, **SINCE.get(code, {}), **further}).outcome
        closed = closed_by_law(code, facts)
        if closed is not None:
            assert (after.outcome, after.reasons) == ("refuse", (closed,)), facts
        else:
            assert compared(code, after, facts) == compared(code, before, facts), facts
        seen.add(after.reasons if closed else before.reasons)
    rows = DecisionTable.read(BEFORE[code]).rows
    assert len(seen) >= len({row["reasons"] for row in rows}) - 1, "all rows but the last, which is for the unforeseen"


def closed_by_law(code: str, facts: dict[str, Any]) -> str | None:
    """Why the law closes a case that the table before may have left to a person, or refused for another reason."""
    if code == "auto" and facts["day"] >= 20180101 and facts["ltv_bp"] > CAPS_BP.get(facts["condition"], 10_000_000):
        return "ltv_above_cap"
    if code == "student" and facts["enrolment_known"] and not facts["full_time_student"]:
        return "not_full_time_student"
    return None


def compared(code: str, outcome: GradeOutcome, facts: dict[str, Any]) -> tuple[Any, ...]:
    """What must be the same. A student's limit is what he asks for at most.

    Where a person has to look first, the yearly limit of the degree binds him now; before, there was one sum for all.
    """
    limit_fen = outcome.limit_fen
    if code == "student":
        is_open = outcome.grade == "E" or outcome.reasons[0] in ("school_differs", "graduation_differs")
        limit_fen = 0 if is_open else min(limit_fen, facts["amount_fen"])
    return outcome.outcome, outcome.grade, limit_fen, outcome.annual_rate_percent, outcome.reasons
