"""Schedules and annual rates: the published cases, and nothing that is no case."""

import json
import time
from concurrent.futures import ThreadPoolExecutor
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


def test_a_case_may_ask_for_one_explanation_or_for_several(refusing_api: Caller) -> None:
    one, several, wrong, missing = refusing_api.post(
        "/schedules", [{"terms": TERMS, "explain": asked} for asked in (2, [12, 1], [1, "2"], [13])]
    ).json()

    assert (one["explanation"]["n"], len(one["explanation"]["steps"])) == (2, 2)
    assert [row["n"] for row in several["explanations"]] == [12, 1]
    assert several["explanations"][1]["steps"][0]["zh"].startswith("利息120.00元")
    assert (wrong["error"]["code"], wrong["error"]["field"]) == ("invalid_case", "explain")
    assert (missing["error"]["code"], missing["error"]["field"]) == ("unknown_installment", "explain")


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


def repriced(times: int) -> dict[str, Any]:
    """A long loan whose rate changes so often: what costs most for its size."""
    changes = [
        {"id": f"e{n}", "type": "rate_change", "date": "2026-01-06", "annual_rate_percent": f"{n % 30}.5"}
        for n in range(times)
    ]
    return {"terms": TERMS | {"n_periods": 600}, "events": changes}


def streams(count: int) -> dict[str, Any]:
    """Payments in streams of a hundred years each."""
    firsts = [f"2{n // 12:03d}-{n % 12 + 1:02d}-01" for n in range(count)]
    payments = [{"amount": "10.00", "count": 1200, "first": first} for first in firsts]
    return {
        "input": {
            "principal": "5000.00",
            "disbursement_date": "1999-12-01",
            "unit_periods_per_year": 12,
            "payments": payments,
        }
    }


@pytest.mark.parametrize(("path", "case"), [("schedules", repriced(2000)), ("apr", streams(2400))])
def test_a_case_that_costs_too_much_is_refused_at_once(refusing_api: Caller, path: str, case: dict[str, Any]) -> None:
    began = time.monotonic()
    answer = refusing_api.post(f"/{path}", case)

    assert (answer.status_code, answer.json()["code"]) == (422, "too_much_work")
    assert "fewer" in answer.json()["detail"]
    assert time.monotonic() - began < 5


@pytest.mark.parametrize(("path", "case"), [("schedules", repriced(100)), ("apr", streams(800))])
def test_the_cases_of_one_request_share_its_limit(refusing_api: Caller, path: str, case: dict[str, Any]) -> None:
    results = refusing_api.post(f"/{path}", [case] * 4).json()

    assert "error" not in results[0]
    assert [result.get("error", {}).get("code") for result in results[2:]] == ["too_much_work"] * 2


def test_who_calculates_much_keeps_nobody_else_waiting(refusing_api: Caller) -> None:
    with ThreadPoolExecutor(30) as callers:
        began = time.monotonic()
        sent = [callers.submit(refusing_api.post, "/schedules", repriced(180)) for _ in range(30)]
        while not any(one.done() for one in sent):
            time.sleep(0.01)
        others = [refusing_api.get("/tasks") for _ in range(3)]
        answered = time.monotonic() - began
        answers = [one.result() for one in sent]
        took = time.monotonic() - began

    assert [other.status_code for other in others] == [200] * 3
    assert answered < took
    turned_away = [answer for answer in answers if answer.status_code == 503]
    assert turned_away
    assert {answer.json()["code"] for answer in turned_away} == {"calculations_full"}
    assert all(int(answer.headers["Retry-After"]) > 0 for answer in turned_away)
    assert [answer.status_code for answer in answers if answer not in turned_away].count(200) >= 9
