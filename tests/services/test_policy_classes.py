"""A table that keeps its answers says of every case what the engine says of it."""

import random
from typing import Any

import pytest

from services import policy_classes
from services.policies import Answer, FactsIncomplete, Version, deciding, version
from services.policy_classes import OfMany, of_many
from tests.modules.applications import DAY
from tests.services.policies import put_in_force, small_policy
from tests.services.procedure import Procedure

NAMES = ("knockout-micro", "grading-micro", "pricing-micro", "grading-auto", "pricing-student", "authority-loans")


def cases(asked: OfMany, chance: random.Random) -> list[dict[str, Any]]:
    """Facts around everything that the cells of a table compare with."""
    words = ("A", "B", "C", "E", "refuse", "refer", "micro", "bachelor", "other")

    def value(kind: type) -> Any:
        if kind is bool:
            return chance.random() < 0.8
        if kind is str:
            return chance.choice(words)
        near = chance.choice((0, 1, 3, 5, 12, 30, 60, 90, 3_500, 5_000, 7_000, 10_000, 200_000, 5_000_000, 20_000_000))
        return max(near + chance.choice((-1, 0, 1)), 0)

    return [{fact: value(kind) for fact, kind in asked.declared} for _ in range(400)]


@pytest.mark.parametrize("name", NAMES)
def test_every_answer_is_that_of_the_engine(procedure: Procedure, name: str) -> None:
    with procedure.books.read() as work:
        plain = deciding(work, work.policies.in_force(name, DAY))
        kept = of_many(work, plain)
    for facts in cases(kept, random.Random(7)) * 2:
        assert kept.ask(facts) == plain.ask(facts)
    assert len({answer.fired_row for answer in kept.kept.values()}) > 1


def small(procedure: Procedure, rows: list[dict[str, str]], declared: dict[str, str]) -> OfMany:
    with procedure.at() as work:
        policy = put_in_force(work, "grading-micro", 9, small_policy(rows, declared))
        return of_many(work, version(work, policy.id))


def test_the_engine_is_asked_once_for_all_that_no_cell_tells_apart(
    procedure: Procedure, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Any] = []
    ask = Version.ask

    def counted(self: Version, facts: Any) -> Answer:
        asked.append(facts)
        return ask(self, facts)

    kept = small(
        procedure,
        [{"age": "[18..60]", "region": '"north"', "grade": '"A"'}, {}],
        {"age": "integer", "region": "string", "unused": "integer"},
    )
    monkeypatch.setattr(Version, "ask", counted)
    for age in (18, 40, 60):
        assert kept.ask({"age": age, "region": "north", "unused": age}).values["grade"] == "A"
    for age, region in ((17, "north"), (5, "north"), (61, "north"), (99, "north"), (30, "south"), (31, "east")):
        assert kept.ask({"age": age, "region": region, "unused": 0}).values["grade"] == "E"
    assert [one["age"] for one in asked] == [18, 17, 61, 30]
    # No more answers are kept than that.
    monkeypatch.setattr(policy_classes, "MOST_KEPT", 4)
    for _ in range(2):
        kept.ask({"age": 5, "region": "west", "unused": 0})
    assert len(asked) == 6


def test_a_fact_that_an_answer_reckons_with_counts_by_its_value(procedure: Procedure) -> None:
    rows = [{"amount_fen": "> 5000", "limit_fen": "max([0, 9000 - amount_fen])"}, {"limit_fen": "amount_fen"}]
    kept = small(procedure, rows, {"amount_fen": "integer"})
    assert [kept.ask({"amount_fen": fen}).values["limit_fen"] for fen in (5001, 8000, 9500, 10, 11)] == [
        *(3999, 1000, 0),
        *(10, 11),
    ]


@pytest.mark.parametrize("facts", [{}, {"known": 1}, {"known": None}])
def test_facts_that_are_missing_or_of_another_type_are_refused_as_by_the_version_itself(
    procedure: Procedure, facts: dict[str, Any]
) -> None:
    kept = small(procedure, [{"known": "true", "grade": '"A"'}, {}], {"known": "boolean"})
    kept.ask({"known": True})
    with pytest.raises(FactsIncomplete) as refused:
        kept.ask(facts)
    assert refused.value.fields == {"known": "must be a boolean"}
