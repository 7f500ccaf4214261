"""Every row of every shipped policy: a case that only this row takes is asked of the engine."""

import json
from collections.abc import Mapping
from typing import Any

import pytest

from models.policies import PolicyKind
from services.policies import prepared
from services.policy_kinds import KINDS, kind_of
from services.policy_names import draft_problems, shipped
from services.policy_tables import DecisionTable, uncovered
from services.products import install
from tests.modules.applications import CATALOGUE
from tests.services.shipped_cases import POINTS, SOME, WRITTEN, points

install(CATALOGUE)
SHIPPED = shipped()
TABLES = sorted(name for name in SHIPPED if kind_of(name).is_table)


@pytest.mark.parametrize("name", sorted(SHIPPED))
def test_each_shipped_policy_is_fit_to_be_published(name: str) -> None:
    assert draft_problems(name, SHIPPED[name]) == []


def test_each_kind_is_shipped_at_least_once() -> None:
    assert {kind_of(name).code for name in SHIPPED} == set(PolicyKind) == set(KINDS)


@pytest.mark.parametrize("name", TABLES)
def test_each_row_decides_the_cases_that_earlier_rows_leave_it(name: str) -> None:
    content = SHIPPED[name]
    table, rules = DecisionTable.read(content), prepared(name, content, kind_of(name).code)
    for number, box in enumerate(table.boxes, 1):
        left = uncovered(box, table.boxes[: number - 1], 10_000)
        if left is None:
            # Only the last row may be there for nothing: for what nobody thought of.
            assert number == len(table.rows)
            continue
        case = {fact: SOME[kind] for fact, kind in table.declared.items()} | table.example(left)
        answer = rules.ask(case)
        assert answer.fired_row == number
        assert answer.values == {output: _said(table.cell(number, output), case) for output in answer.values}


@pytest.mark.parametrize("name", TABLES)
def test_each_row_says_what_is_written_of_it_and_holds_up_to_its_bounds(name: str) -> None:
    """The cases lie beside the tests, so that no cell of a shipped table changes unseen. After a change that is meant:
    `python -m tests.services.shipped_cases`, and read the difference.
    """
    cases = [
        line for line in map(json.loads, WRITTEN.read_text(encoding="utf-8").splitlines()) if line["policy"] == name
    ]
    table, rules = DecisionTable.read(SHIPPED[name]), prepared(name, SHIPPED[name], kind_of(name).code)
    for case in cases:
        answer = rules.ask({fact: SOME[kind] for fact, kind in table.declared.items()} | case["facts"])
        assert (answer.fired_row, dict(answer.values)) == (case["row"], case["says"]), case["facts"]
    taken = {case["row"] for case in cases}
    last = len(table.rows)
    # The last row may have nothing left to take; no other may go unasked.
    assert taken | {last} == set(range(1, last + 1))


def test_each_bin_of_each_shipped_card_and_each_rate_of_default_is_as_written() -> None:
    """Also kept beside the tests, and written anew by the same command."""
    assert list(points()) == POINTS.read_text(encoding="utf-8").splitlines(keepends=True)


def _said(cell: str, case: Mapping[str, Any]) -> object:
    """What a cell comes to. A sum may name facts, in a form that Python reads as the engine does."""
    try:
        return json.loads(cell)
    except ValueError:
        return eval(cell, {"min": min, "max": max}, dict(case))


@pytest.mark.parametrize("name", TABLES)
def test_each_sentence_that_ships_is_one_that_a_row_gives(name: str) -> None:
    content = SHIPPED[name]
    table = DecisionTable.read(content)
    numbers = range(1, len(table.rows) + 1)
    told = {code for row in numbers if (cell := table.cell(row, "reasons")) for code in json.loads(cell)}
    refusing = {
        code
        for row in numbers
        if "outcome" in kind_of(name).outputs and table.cell(row, "outcome") == '"refuse"'
        for code in json.loads(table.cell(row, "reasons"))
    }
    assert told == set(content.get("reasons", {}))
    assert refusing == set(content.get("remedies", {}))
