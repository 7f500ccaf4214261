"""Schedules and annual rates: the published cases, and nothing that is no case."""

import json
from pathlib import Path
from typing import Any

import pytest

from lending.operations import run_cases
from tests.api.serving import Caller

CASES = Path(__file__).resolve().parent.parent / "cases"
TERMS = {
    "principal": "12000.00",
    "annual_rate_percent": "12",
    "method": "level_payment",
    "n_periods": 12,
    "period": {"unit": "month", "every": 1},
    "disbursement_date": "2026-01-05",
    "first_due_date": "2026-02-05",
    "day_count": "period",
}


def test_a_schedule_adds_up(refusing_api: Caller) -> None:
    answer = refusing_api.post("/schedules", {"terms": TERMS})

    assert answer.status_code == 200
    assert answer.json()["totals"]["principal"] == "12000.00"
    assert len(answer.json()["rows"]) == 12


def test_a_list_gives_each_result_in_its_place(refusing_api: Caller) -> None:
    cases: list[object] = [
        {"operation": "schedule", "terms": TERMS},
        {"terms": TERMS | {"n_periods": "36个月"}},
        "nonsense",
    ]

    cases.append({"terms": TERMS | {"lone \ud800 surrogate": "1"}})
    first, second, third, fourth = refusing_api.post("/schedules", cases).json()

    assert "rows" in first
    assert second["error"]["field"] == "n_periods"
    assert third["error"]["field"] == "body"
    assert fourth["error"]["field"] == "lone \ud800 surrogate"


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("schedules", {"terms": TERMS | {"principal": 12000.5}}, "principal"),
        ("schedules", {"terms": TERMS | {"principal": "12000.001"}}, "principal"),
        ("schedules", {"terms": "none"}, "terms"),
        ("schedules", {}, "terms"),
        ("schedules", {"operation": "apr", "input": {}}, "operation"),
        ("apr", {"operation": "schedule", "terms": TERMS}, "operation"),
        ("apr", {"input": None}, "input"),
        ("schedules", [{"terms": TERMS}] * 101, "body"),
        ("schedules", "text", "body"),
        ("schedules", {"terms": TERMS | {"lone \ud800 surrogate": "1"}}, "lone \ud800 surrogate"),
    ],
)
def test_what_is_no_case_is_refused_by_field(refusing_api: Caller, path: str, body: object, field: str) -> None:
    answer = refusing_api.post(f"/{path}", body)

    assert answer.status_code == 422
    assert list(answer.json()["fields"]) == [field]


@pytest.mark.parametrize("name", ["schedules", "apr"])
def test_the_published_cases_give_the_same_as_on_the_command_line(refusing_api: Caller, name: str) -> None:
    cases: list[dict[str, Any]] = json.loads((CASES / f"{name}.json").read_text(encoding="utf-8"))
    asked = [{part: case[part] for part in ("terms", "events", "input") if part in case} for case in cases]

    for start in range(0, len(asked), 50):
        answer = refusing_api.post(f"/{name}", asked[start : start + 50])
        assert answer.json() == run_cases(cases[start : start + 50])
