"""The published cases, to the cent, each with the rule behind it."""

import json
from pathlib import Path
from typing import Any

import pytest

from lending.events import EventType
from lending.money import to_fen
from lending.operations import run_case, run_cases

CASES = Path(__file__).parent.parent / "cases"


def cases_of(name: str) -> list[Any]:
    cases: list[Any] = json.loads((CASES / name).read_text(encoding="utf-8"))
    return cases


@pytest.mark.parametrize("case", cases_of("schedules.json"), ids=lambda case: str(case["id"]))
def test_a_schedule_comes_out_to_the_cent(case: dict[str, Any]) -> None:
    expected = case["expected"]
    tolerance = to_fen(expected.get("tolerance", "0"))
    result: Any = run_case(case)
    rows = {row["n"]: row for row in result["rows"]}
    for row in expected["rows"]:
        for field, figure in row.items():
            if field in ("n", "due"):
                assert rows[row["n"]][field] == figure
            else:
                assert abs(to_fen(rows[row["n"]][field]) - to_fen(figure)) <= tolerance, (row["n"], field)
    for field, figure in expected.get("totals", {}).items():
        assert abs(to_fen(result["totals"][field]) - to_fen(figure)) <= tolerance, field


@pytest.mark.parametrize("case", cases_of("own.json"), ids=lambda case: str(case["id"]))
def test_a_loan_worked_out_by_hand_comes_out_to_the_cent(case: dict[str, Any]) -> None:
    result: Any = run_case(case)
    rows = {row["n"]: row for row in result["rows"]}
    for row in case["expected"]["rows"]:
        assert {field: rows[row["n"]][field] for field in row} == row
    for part in ("totals", "state"):
        expected = case["expected"].get(part, {})
        assert {field: result[part][field] for field in expected} == expected


def test_every_kind_of_event_has_a_case_worked_out_by_hand() -> None:
    assert {case["kind"] for case in cases_of("own.json")} == set(EventType)
    assert all(case["working"] for case in cases_of("own.json"))


@pytest.mark.parametrize("case", cases_of("apr.json"), ids=lambda case: str(case["id"]))
def test_an_annual_rate_comes_out_to_the_second_place(case: dict[str, Any]) -> None:
    assert run_case(case) == case["expected"]


def test_a_refused_case_leaves_its_error_in_its_place() -> None:
    good = cases_of("apr.json")[0]
    results: list[Any] = run_cases([{"operation": "schedule", "terms": {"principal": 1.5}}, good, "no case"])
    assert results[0]["error"]["code"] == "invalid_terms"
    assert results[1] == good["expected"]
    assert results[2]["error"]["field"] == "operation"
