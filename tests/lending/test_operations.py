"""The JSON operations: rows with events, and errors by field."""

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lending.operations import run_case, run_cases

TERMS: dict[str, object] = {
    "principal": "12000.00",
    "annual_rate_percent": "12",
    "method": "equal_principal",
    "n_periods": 12,
    "disbursement_date": "2024-01-01",
    "first_due_date": "2024-02-01",
}


def run(*events: Mapping[str, object], **changed: object) -> Any:
    case: dict[str, object] = {"operation": "schedule", "terms": TERMS | changed}
    if events:
        case["events"] = list(events)
    return run_case(case)


def test_a_plain_schedule_has_rows_and_totals_with_money_as_text() -> None:
    result = run()
    assert result["rows"][0] == {
        "n": 1,
        "due": "2024-02-01",
        "principal": "1000.00",
        "interest": "120.00",
        "fee": "0.00",
        "penalty": "0.00",
        "total": "1120.00",
        "balance": "11000.00",
    }
    assert result["totals"]["total"] == "12780.00"


def test_rows_are_serviced_once_there_are_events() -> None:
    paid = {"id": "r1", "type": "repayment", "date": "2024-02-03", "amount": "1120.00"}
    result = run(paid, {"id": "look", "type": "as_of", "date": "2024-03-11"})
    first, second = result["rows"][:2]
    assert (first["paid"], first["outstanding"], first["paid_on"], first["dpd"]) == ("1120.00", "0.00", "2024-02-03", 0)
    assert (second["paid"], second["outstanding"], second["paid_on"], second["dpd"]) == ("0.00", "1110.00", None, 10)
    assert result["totals"]["paid"] == "1120.00"
    assert result["state"]["bucket"] == "M1"
    assert result["state"]["overdue"] == "1110.00"


def test_without_a_day_asked_for_the_state_is_that_of_the_last_event() -> None:
    result = run({"id": "r1", "type": "repayment", "date": "2024-02-03", "amount": "1.00"})
    assert result["state"]["as_of"] == "2024-02-03"


def test_the_last_of_several_days_asked_for_counts() -> None:
    looks = [{"id": f"l{day}", "type": "as_of", "date": f"2024-02-{day}"} for day in ("10", "05")]
    assert run(*looks)["state"]["dpd"] == 9


def test_the_states_part_is_shown_where_the_terms_have_one() -> None:
    result = run(subsidised_until="2024-02-01")
    assert (result["rows"][0]["subsidy"], result["totals"]["subsidy"]) == ("120.00", "120.00")
    serviced = run({"id": "a", "type": "as_of", "date": "2024-02-01"}, subsidised_until="2024-02-01")
    assert serviced["rows"][0]["subsidy"] == serviced["totals"]["subsidy"] == "120.00"


def test_a_prepayment_above_what_ends_the_loan_is_refused_with_the_difference() -> None:
    look = {"id": "look", "type": "as_of", "date": "2024-02-01"}
    prepaid = {"id": "p", "type": "prepayment", "date": "2024-02-01"}
    settled = run(look, prepaid | {"amount": "12120.00"})
    assert settled["state"]["settled_on"] == "2024-02-01"
    above = run(look, prepaid | {"amount": "12120.01"})
    assert above["error"] == {
        "code": "invalid_event",
        "field": "events[1].amount",
        "detail": "p is 0.01 more than what would end the loan that day",
    }
    # A deposit is no prepayment: what it brings too much is kept for the next due date.
    assert run(look, prepaid | {"type": "repayment", "amount": "1120.01"})["state"]["credit"] == "0.01"


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"amount": "0"}, "events[1].amount"),
        ({"amount": "-1"}, "events[1].amount"),
        ({"amount": "NaN"}, "events[1].amount"),
        ({"amount": "Infinity"}, "events[1].amount"),
        ({"date": "2023-12-31"}, "events[1].date"),
        ({"id": "r"}, "events[1].id"),
        ({"type": "reversal", "amount": None, "of": "undo"}, "events[1].of"),
        ({"type": "waiver", "component": "capital"}, "events[1].component"),
        ({"type": "rate_change", "amount": None, "annual_rate_percent": "-1"}, "events[1].annual_rate_percent"),
        ({"type": "rate_change", "amount": None, "annual_rate_percent": "1000000000"}, "events[1].annual_rate_percent"),
        ({"type": "prepayment", "effect": "vanish"}, "events[1].effect"),
    ],
)
def test_a_bad_event_is_refused_by_field_and_nothing_has_changed(changed: dict[str, object], field: str) -> None:
    good: dict[str, object] = {"id": "undo", "type": "reversal", "date": "2024-02-03", "of": "r"}
    events: list[dict[str, object]] = [
        {"id": "r", "type": "repayment", "date": "2024-02-01", "amount": "5"},
        {"id": "bad", "type": "repayment", "date": "2024-02-02", "amount": "1"} | changed,
        good,
    ]
    before = run(events[0], good)
    refused = run(*events)
    assert refused["error"]["field"] == field
    assert list(refused) == ["error"]
    assert run(events[0], good) == before


def test_a_number_that_is_too_large_is_refused_with_what_is_allowed() -> None:
    refused = run(annual_rate_percent="1000000000")
    assert refused["error"] == {
        "code": "invalid_terms",
        "field": "annual_rate_percent",
        "detail": "must be at most 1000",
    }


def test_an_installment_is_explained_when_the_case_asks() -> None:
    case = {"operation": "schedule", "terms": TERMS, "explain": 2}
    planned: Any = run_case(case)
    assert [step["amount"] for step in planned["explanation"]["steps"]] == ["110.00", "1000.00"]
    paid = {"id": "r", "type": "repayment", "date": "2024-02-01", "amount": "1120.00"}
    serviced: Any = run_case(case | {"explain": 1, "events": [paid]})
    assert serviced["explanation"]["steps"][-1]["en"] == "1,000.00 of principal was paid on 2024-02-01 by r."
    for wrong in ("2", True, 13, 0):
        refused: Any = run_case(case | {"explain": wrong})
        assert refused["error"]["field"] == "explain"


def test_installments_that_may_yet_move_are_named_where_due_dates_keep_to_working_days() -> None:
    far = run(disbursement_date="2089-01-01", first_due_date="2089-02-01", business_days="following")
    assert far["provisional"] == list(range(1, 13))
    look = {"id": "look", "type": "as_of", "date": "2024-02-01"}
    assert run(look, business_days="following")["provisional"] == []
    assert "provisional" not in run()


@pytest.mark.parametrize(
    ("case", "code", "field"),
    [
        ({"operation": "lend"}, "invalid_case", "operation"),
        ({"operation": "schedule"}, "invalid_case", "terms"),
        ({"operation": "apr", "input": 5}, "invalid_case", "input"),
        ({"operation": "schedule", "terms": TERMS | {"n_periods": 0}}, "invalid_terms", "n_periods"),
        ({"operation": "schedule", "terms": TERMS, "events": "none"}, "invalid_case", "events"),
        ({"operation": "schedule", "terms": TERMS, "events": [5]}, "invalid_case", "events[0]"),
        (
            {"operation": "schedule", "terms": TERMS, "events": [{"id": "x", "type": "as_of", "date": "?"}]},
            "invalid_event",
            "events[0].date",
        ),
        (
            {
                "operation": "schedule",
                "terms": TERMS,
                "events": [
                    {"id": "ok", "type": "as_of", "date": "2024-02-01"},
                    {"id": "x", "type": "repayment", "date": "2023-02-01", "amount": "1"},
                ],
            },
            "invalid_event",
            "events[1].date",
        ),
    ],
)
def test_a_refused_case_names_its_code_field_and_reason(case: dict[str, object], code: str, field: str) -> None:
    result: Any = run_case(case)
    assert (result["error"]["code"], result["error"]["field"]) == (code, field)
    assert result["error"]["detail"]
    assert not result["error"]["detail"].startswith(field)


FIELDS = [*TERMS, "events", "due_dates", "late", "fees", "rounding", "period", "subsidised_until", "daily_rate_percent"]
anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.dates().map(str),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=5,
)


@settings(max_examples=300, deadline=None)
@given(st.dictionaries(st.sampled_from(FIELDS), anything, max_size=4), anything)
def test_whatever_is_sent_the_answer_is_rows_or_an_error_by_field(changed: dict[str, object], events: object) -> None:
    result: Any = run_cases([{"operation": "schedule", "terms": TERMS | changed, "events": events}])[0]
    assert ("rows" in result) != ("error" in result)
