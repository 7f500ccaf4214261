"""Grading by data: what a decision table may be, what it must be asked with, and what it may answer."""

import copy
import json
from typing import Any

import pytest

from services.policies import FactsIncomplete, InvalidPolicy, NoAnswer, evaluate, problems_of, reason_text
from services.products import install
from tests.modules.applications import CATALOGUE

ROWS: list[dict[str, str]] = [
    {
        "known": "false",
        "outcome": '"refer"',
        "grade": '"E"',
        "limit": "amount_fen",
        "rate": '"20"',
        "why": '["unknown"]',
    },
    {"amount_fen": "> 5000", "outcome": '"refuse"', "grade": '"E"', "limit": "0", "rate": '"0"', "why": '["large"]'},
    {
        "region": '$ in ["north", "south"]',
        "outcome": '"refer"',
        "grade": '"A"',
        "limit": "5000",
        "rate": '"7.2"',
        "why": '["near"]',
    },
    {"outcome": '"refer"', "grade": '"E"', "limit": "100", "rate": '"20"', "why": '["unknown"]'},
]
FACTS = {"amount_fen": 4000, "known": True, "region": "north"}


def policy(rows: list[dict[str, str]] | None = None, **changes: Any) -> dict[str, Any]:
    """A small decision model of these rows; changes are those of its table."""
    schema = {
        "type": "object",
        "properties": {"amount_fen": {"type": "integer"}, "known": {"type": "boolean"}, "region": {"type": "string"}},
    }
    columns = {
        "outcome": "outcome",
        "grade": "grade",
        "limit": "limit_fen",
        "rate": "annual_rate_percent",
        "why": "reasons",
    }
    table = {
        "hitPolicy": "first",
        "inputs": [{"id": name, "name": name, "field": name} for name in ("amount_fen", "known", "region")],
        "outputs": [{"id": key, "name": key, "field": field} for key, field in columns.items()],
        "rules": [{"_id": f"row-{n}", **row} for n, row in enumerate(ROWS if rows is None else rows, 1)],
        **changes,
    }
    place = {"x": 0, "y": 0}
    return {
        "nodes": [
            {
                "id": "in",
                "name": "in",
                "type": "inputNode",
                "position": place,
                "content": {"schema": json.dumps(schema)},
            },
            {"id": "table", "name": "table", "type": "decisionTableNode", "position": place, "content": table},
            {"id": "out", "name": "out", "type": "outputNode", "position": place, "content": {}},
        ],
        "edges": [
            {"id": "1", "type": "edge", "sourceId": "in", "targetId": "table"},
            {"id": "2", "type": "edge", "sourceId": "table", "targetId": "out"},
        ],
        "reasons": {code: {"en": f"{code}.", "zh": f"{code}。"} for code in ("unknown", "large", "near")},
    }


def changed(row: int, **cells: str) -> list[dict[str, str]]:
    """The rows with cells of one of them changed."""
    rows = copy.deepcopy(ROWS)
    rows[row].update(cells)
    return rows


def test_the_first_row_that_fits_decides() -> None:
    answer = evaluate("test", policy(), FACTS)
    assert (answer.outcome, answer.grade, answer.limit_fen, answer.annual_rate_percent) == ("refer", "A", 5000, "7.2")
    assert answer.reasons == ("near",)
    assert evaluate("test", policy(), FACTS | {"amount_fen": 5001}).outcome == "refuse"
    assert evaluate("test", policy(), FACTS | {"known": False}).limit_fen == 4000
    assert evaluate("test", policy(), FACTS | {"region": "west"}).grade == "E"


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
    with pytest.raises(NoAnswer):
        evaluate("test", policy(changed(2, limit="shoe_size")), FACTS | {"shoe_size": 43})


@pytest.mark.parametrize(
    ("rows", "complaint"),
    [
        (changed(1, amount_fen="> > 5"), "row 2: amount_fen"),
        (changed(1, amount_fen="> 5000.5"), "row 2: amount_fen"),
        (changed(1, amount_fen="> 50个"), "row 2: amount_fen"),
        (changed(1, amount_fen='"5000"'), "row 2: amount_fen"),
        (changed(1, amount_fen="> limit"), "row 2: amount_fen"),
        (changed(0, known="flase"), "row 1: known"),
        (changed(0, known="1"), "row 1: known"),
        (changed(2, region="north"), "row 3: region"),
        (changed(2, region='"north", "south"'), "row 3: region"),
        (changed(1, outcome='"approve"'), "row 2: outcome"),
        (changed(1, outcome=""), "row 2: outcome"),
        (changed(1, limit="5 000"), "row 2: limit_fen"),
        (changed(1, why='["surprise"]'), "reason surprise has no sentence"),
        (changed(1, why='"large"'), "no list of reasons"),
        (changed(1, why="[]"), "no list of reasons"),
        (changed(3, known="true"), "last row"),
        (changed(3, outcome='"refuse"'), "last row"),
        ([], "last row"),
    ],
)
def test_a_table_with_a_cell_that_could_fail_silently_is_refused(rows: list[dict[str, str]], complaint: str) -> None:
    assert any(complaint in problem for problem in problems_of(policy(rows)))
    with pytest.raises(InvalidPolicy, match="cannot be used"):
        evaluate("test", policy(rows), FACTS)


@pytest.mark.parametrize("cell", ["5", "== 5", "!= 5", ">= -5", "[1..5]", "(1..5)", "[1..5)"])
def test_ordinary_cells_are_taken(cell: str) -> None:
    assert problems_of(policy(changed(1, amount_fen=cell))) == []
    evaluate("test", policy(changed(1, amount_fen=cell)), FACTS)


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"hitPolicy": "collect"}, "hit policy"),
        ({"inputs": [{"id": "x", "name": "x", "field": "shoe_size"}]}, "no declared fact"),
        ({"outputs": []}, "outputs are not exactly"),
        ({"rules": None}, "no decision model"),
    ],
)
def test_a_table_of_the_wrong_shape_is_refused(change: dict[str, Any], complaint: str) -> None:
    assert any(complaint in problem for problem in problems_of(policy(**change)))


@pytest.mark.parametrize("content", [{}, {"nodes": 5}, {"nodes": [{}]}, {"nodes": [None]}, {"nodes": []}])
def test_what_is_no_decision_model_is_refused(content: dict[str, Any]) -> None:
    assert problems_of(content)


@pytest.mark.parametrize(
    "cells",
    [
        {"limit": "amount_fen / 3"},
        {"limit": "-1"},
        {"rate": '"cheap"'},
        {"rate": "7.2"},
        {"grade": '"F"'},
        {"limit": "region"},
    ],
)
def test_an_answer_that_is_not_whole_is_an_error(cells: dict[str, str]) -> None:
    with pytest.raises(NoAnswer):
        evaluate("test", policy(changed(2, **cells)), FACTS)


def test_a_policy_whose_table_is_not_connected_gives_an_error() -> None:
    content = policy()
    content["edges"] = []
    with pytest.raises(NoAnswer):
        evaluate("test", content, FACTS)


@pytest.mark.parametrize("code", CATALOGUE.codes())
def test_the_shipped_tables_are_fit_to_be_published(code: str) -> None:
    assert problems_of(CATALOGUE.product(code).grading) == []


def test_reasons_are_told_in_both_languages() -> None:
    install(CATALOGUE)
    assert reason_text("blacklisted", "en") == "The person is on the credit bureau's list of defaulters."
    assert reason_text("blacklisted", "zh_CN") == "征信显示为失信人员。"
    assert reason_text("near", "en", policy()) == "near."
    assert reason_text("retired_reason", "zh") == "retired_reason"
