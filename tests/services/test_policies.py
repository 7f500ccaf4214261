"""Grading by data: what a decision table must be asked with, what it may answer, and which row said so."""

from typing import Any

import pytest

from services.policies import FactsIncomplete, InvalidPolicy, NoAnswer, evaluate, reason_text
from services.products import install
from tests.modules.applications import CATALOGUE
from tests.services.policies import FACTS, changed, policy


def test_the_first_row_that_fits_decides_and_is_named() -> None:
    answer = evaluate("test", policy(), FACTS)
    assert (answer.outcome, answer.grade, answer.limit_fen, answer.annual_rate_percent) == ("refer", "A", 5000, "7.2")
    assert (answer.reasons, answer.fired_row) == (("near",), 3)
    assert evaluate("test", policy(), FACTS | {"amount_fen": 5001}).outcome == "refuse"
    unknown = evaluate("test", policy(), FACTS | {"known": False})
    assert (unknown.limit_fen, unknown.fired_row) == (4000, 1)
    west = evaluate("test", policy(), FACTS | {"region": "west"})
    assert (west.grade, west.fired_row) == ("E", 4)


def test_the_smaller_of_two_sums_can_be_the_limit() -> None:
    content = policy(changed(2, limit_fen="min([amount_fen, 3500])"))
    assert evaluate("test", content, FACTS).limit_fen == 3500
    assert evaluate("test", content, FACTS | {"amount_fen": 3499}).limit_fen == 3499


def test_a_changed_table_decides_at_once() -> None:
    assert evaluate("test", policy(), FACTS).outcome == "refer"
    assert evaluate("test", policy(changed(1, amount_fen="> 3999")), FACTS).outcome == "refuse"


@pytest.mark.parametrize("fact", sorted(FACTS))
def test_a_missing_fact_is_an_error_and_not_the_last_row(fact: str) -> None:
    with pytest.raises(FactsIncomplete) as refusal:
        evaluate("test", policy(), {name: value for name, value in FACTS.items() if name != fact})
    assert refusal.value.fields.keys() == {fact}


@pytest.mark.parametrize(
    ("fact", "value"),
    [("amount_fen", 4000.0), ("amount_fen", "4000"), ("amount_fen", True), ("known", 1), ("region", None)],
)
def test_a_fact_of_another_type_is_an_error_that_does_not_repeat_it(fact: str, value: object) -> None:
    with pytest.raises(FactsIncomplete) as refusal:
        evaluate("test", policy(), FACTS | {fact: value})
    assert refusal.value.fields.keys() == {fact}
    assert "4000" not in str(refusal.value)


def test_facts_that_the_policy_does_not_declare_do_not_count() -> None:
    assert evaluate("test", policy(), FACTS | {"shoe_size": 43}) == evaluate("test", policy(), FACTS)


@pytest.mark.parametrize(
    "rows",
    [changed(1, amount_fen="> > 5"), changed(1, limit_fen="shoe_size"), changed(3, known="true"), []],
)
def test_a_table_with_problems_decides_nothing(rows: list[dict[str, str]]) -> None:
    with pytest.raises(InvalidPolicy, match="cannot be used"):
        evaluate("test", policy(rows), FACTS)


def test_an_answer_that_is_not_whole_is_an_error() -> None:
    """A limit below zero, which the check of the table cannot see."""
    with pytest.raises(NoAnswer):
        evaluate("test", policy(), FACTS | {"known": False, "amount_fen": -1})


def test_reasons_are_told_in_both_languages() -> None:
    install(CATALOGUE)
    assert reason_text("blacklisted", "en") == "The person is on the credit bureau's list of defaulters."
    assert reason_text("blacklisted", "zh_CN") == "征信显示为失信人员。"
    content: dict[str, Any] = policy()
    assert reason_text("near", "en", content) == "near."
    assert reason_text("retired_reason", "zh") == "retired_reason"
