"""Quotes for prepayments. The payment itself needs the engine: test_commands."""

from datetime import timedelta
from typing import Any

import pytest

from tests.api.serving import Caller
from tests.services.procedure import Procedure


def test_a_quote_without_amount_clears_the_loan(api: Caller, procedure: Procedure) -> None:
    loan = procedure.running()

    quote = api.post(f"/loans/{loan}/prepayment-quote", None, "integrator-demo").json()

    assert quote["settles"]
    assert quote["amount"] == quote["settlement"] == quote["principal"] == "12000.00"
    assert (quote["principal_after"], quote["currency"]) == ("0.00", "CNY")
    assert float(quote["interest_saved"]) > 0


def test_a_quote_for_a_part_says_what_it_changes(api: Caller, procedure: Procedure) -> None:
    loan = procedure.running()
    before = api.get(f"/loans/{loan}/schedule").json()["rows"]
    body = {"amount": "6000", "effect": "reduce_term"}

    quote = api.post(f"/loans/{loan}/prepayment-quote", body).json()

    assert (quote["principal_after"], quote["settles"]) == ("6000.00", False)
    assert quote["last_due"] < before[-1]["due"]
    assert api.get(f"/loans/{loan}/schedule").json()["rows"] == before


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"amount": "12000.01"}, "invalid_prepayment"),
    ({"amount": "0"}, "invalid_prepayment"),
    ({"amount": "-5"}, "invalid_request"),
    ({"amount": 100.5}, "invalid_request"),
    ({"amount": "1.001"}, "invalid_request"),
    ({"effect": "make_rich"}, "invalid_request"),
]


def test_a_prepayment_that_cannot_be_taken_is_refused(api: Caller, procedure: Procedure) -> None:
    loan = procedure.running()

    for path in ("prepayment-quote", "prepayment"):
        for body, code in WRONG:
            answer = api.post(f"/loans/{loan}/{path}", body)
            assert (answer.status_code, answer.json()["code"]) == (422, code), body


def test_only_a_running_loan_is_prepaid(api: Caller, procedure: Procedure) -> None:
    loan = procedure.offered()

    for path in ("prepayment-quote", "prepayment"):
        answer = api.post(f"/loans/{loan}/{path}")
        assert (answer.status_code, answer.json()["code"]) == (409, "wrong_stage")


def test_a_quote_counts_the_days_that_the_money_was_used(api: Caller, procedure: Procedure) -> None:
    loan = procedure.running()
    procedure.day += timedelta(days=10)
    procedure.advance(loan)

    quote = api.post(f"/loans/{loan}/prepayment-quote").json()

    assert quote["on"] == procedure.day.isoformat()
    assert float(quote["interest"]) > 0
    assert float(quote["settlement"]) == pytest.approx(12000 + float(quote["interest"]))


def test_finance_prepays_nobodys_loan(api: Caller, procedure: Procedure) -> None:
    answer = api.post(f"/loans/{procedure.running()}/prepayment", None, "finance-sun")

    assert (answer.status_code, answer.json()["code"]) == (403, "not_allowed")


def test_a_quote_that_holds_is_kept_under_an_id(api: Caller, procedure: Procedure) -> None:
    loan = procedure.running()
    until = str(procedure.day + timedelta(days=10))

    quote = api.post(f"/loans/{loan}/prepayment-quote", {"valid_until": until}).json()

    assert (quote["valid_until"], quote["settles"]) == (until, True)
    with procedure.at() as work:
        kept = work.prepayments.fitting(loan, int(quote["amount"].replace(".", "")), procedure.day)
    assert kept is not None
    assert kept.id == quote["quote"]
    assert api.post(f"/loans/{loan}/prepayment-quote").json()["quote"] is None


def test_a_quote_cannot_hold_for_ever(api: Caller, procedure: Procedure) -> None:
    loan = procedure.running()
    answer = api.post(f"/loans/{loan}/prepayment-quote", {"valid_until": str(procedure.day + timedelta(days=32))})
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_prepayment")
    assert list(answer.json()["fields"]) == ["valid_until"]


def test_settlement_figures_are_told_for_each_day_of_a_stretch(api: Caller, procedure: Procedure) -> None:
    loan = procedure.running()
    until = procedure.day + timedelta(days=30)

    days = api.get(f"/loans/{loan}/settlement-figures?from={procedure.day}&to={until}").json()["days"]

    assert [days[0], len(days)] == [{"currency": "CNY", "on": str(procedure.day), "amount": "12000.00"}, 31]
    assert float(days[-1]["amount"]) > 12000
    alone = api.get(f"/loans/{loan}/settlement-figures?from={until}").json()["days"]
    assert alone == days[-1:]
    for period in (f"from={until}&to={procedure.day}", "from=2020-01-01", f"from={procedure.day}&to=2099-01-01"):
        answer = api.get(f"/loans/{loan}/settlement-figures?{period}")
        assert answer.status_code == 422, period
