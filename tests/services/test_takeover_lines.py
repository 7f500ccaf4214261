"""Taking over running loans: what is read of a line, and what is compared."""

from datetime import timedelta
from typing import Any

import pytest

from console.seed import load_products
from lending.money import yuan
from services.takeover_check import DifferencePolicy
from services.takeover_lines import LONGEST_GAP, InvalidTakeover, read_line, read_origin
from settings import Settings
from tests.modules.applications import DAY
from tests.services.portfolios import ADOPT, REFUSE, account, check, customer, running_loan


@pytest.fixture(autouse=True)
def products() -> None:
    load_products(Settings())


def wrong(body: dict[str, Any], policy: DifferencePolicy = REFUSE) -> dict[str, str]:
    """What is wrong with a line, by field."""
    with pytest.raises(InvalidTakeover) as refusal:
        check(body, policy)
    return refusal.value.fields


# -- what is read ---------------------------------------------------------------------------------------------------

PAYMENT = {"type": "repayment", "date": "2025-08-05", "amount": "1.00"}


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"product": "mortgage"}, "product"),
        ({"product": None}, "product"),
        ({"currency": "USD"}, "currency"),
        ({"customer": customer(1, id_number="110101199003070000")}, "customer.id_number"),
        ({"customer": customer(1, mobile="12")}, "customer.mobile"),
        ({"customer": customer(1, bank_card="")}, "customer.bank_card"),
        ({"customer": "王先生"}, "customer"),
        ({"disbursement": {"date": "2025-07-05", "amount": "-1.00"}}, "disbursement.amount"),
        ({"disbursement": {"date": "2026-01-06", "amount": "12000.00"}}, "disbursement.date"),
        ({"cut_off": "2026-01-06"}, "cut_off"),
        ({"cut_off": (DAY - LONGEST_GAP - timedelta(days=1)).isoformat()}, "cut_off"),
        (
            {"claimed": {"principal": "-0.01", "interest": "0", "fee": "0", "penalty": "0", "dpd": 0}},
            "claimed.principal",
        ),
        (
            {"claimed": {"principal": "1.005", "interest": "0", "fee": "0", "penalty": "0", "dpd": 0}},
            "claimed.principal",
        ),
        ({"claimed": {"principal": 1.5, "interest": "0", "fee": "0", "penalty": "0", "dpd": 0}}, "claimed.principal"),
        ({"claimed": {"principal": "1", "interest": "0", "fee": "0", "penalty": "0", "dpd": -1}}, "claimed.dpd"),
        ({"claimed": {"principal": "1"}}, "claimed.interest"),
        ({"events": [{"type": "repayment", "date": "2025-07-04", "amount": "1.00"}]}, "events[0].date"),
        ({"events": [{"type": "repayment", "date": "2026-01-06", "amount": "1.00"}]}, "events[0].date"),
        ({"events": [{"type": "repayment", "date": "2025-08-05", "amount": "-1.00"}]}, "events[0].amount"),
        ({"events": [{"type": "write_off", "date": "2025-12-05"}]}, "events[0].type"),
        ({"events": [{"type": "settlement", "date": "2025-12-05"}]}, "events[0].type"),
        ({"events": [{"type": "rate_change", "date": "2025-12-05", "annual_rate_percent": "36.01"}]}, None),
        ({"events": [{"type": "reversal", "date": "2025-12-05", "of": "nothing"}]}, None),
        ({"events": [{"type": "reversal", "date": "2025-12-05", "of": "disbursement"}]}, "events[0].of"),
        ({"events": [{"id": "disbursement", **PAYMENT}]}, "events[0].id"),
        ({"events": [{"id": "a", **PAYMENT}, {"id": "b", **PAYMENT}, {"id": "a", **PAYMENT}]}, "events[2].id"),
        ({"events": [{"id": "events[1].", **PAYMENT}, PAYMENT]}, "events[1].id"),
        ({"events": ["paid"]}, "events[0]"),
        ({"events": {"0": "paid"}}, "events"),
        ({"schedule": [{"n": 1, "due": "2025-08-05", "principal": "-1", "interest": "0"}]}, "schedule[0].principal"),
        ({"remark": "moved in a hurry"}, "remark"),
    ],
)
def test_what_cannot_be_is_refused_by_the_name_of_its_field(changes: dict[str, Any], field: str | None) -> None:
    body = running_loan() | changes
    found = wrong(body)
    assert (field or "events[0].") in str(sorted(found)), found
    assert customer(1)["name"] not in str(found)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"annual_rate_percent": "36.01"}, "terms.annual_rate_percent"),
        ({"annual_rate_percent": "-1"}, "terms.annual_rate_percent"),
        ({"annual_rate_percent": None, "daily_rate_percent": "0.1"}, "terms.daily_rate_percent"),
        ({"n_periods": 0}, "terms.n_periods"),
        ({"method": "balloon"}, "terms.method"),
        ({"colour": "red"}, "terms.colour"),
    ],
)
def test_terms_that_cannot_be_are_refused_by_the_name_of_their_field(changes: dict[str, Any], field: str) -> None:
    body = running_loan()
    assert list(wrong(body | {"terms": body["terms"] | changes})) == [field]


def test_a_payout_before_the_terms_begin_and_one_above_the_principal_are_refused() -> None:
    body = running_loan()
    later = body["terms"] | {"disbursement_date": "2025-07-06"}
    assert list(wrong(body | {"terms": later})) == ["disbursement.date"]
    more = {"date": "2025-07-05", "amount": "12000.01"}
    assert list(wrong(body | {"disbursement": more})) == ["disbursement.amount"]


def test_all_that_is_wrong_is_said_at_once() -> None:
    body = running_loan() | {"product": "mortgage", "customer": customer(1, mobile="1"), "cut_off": "tomorrow"}
    assert {"product", "customer.mobile", "cut_off"} <= wrong(body).keys()


@pytest.mark.parametrize(
    "number", [None, "", "贷款1", "a b", "x" * 65, customer(1)["id_number"], customer(1)["mobile"]]
)
def test_a_number_of_the_other_system_says_which_loan_and_nothing_of_a_person(number: str | None) -> None:
    with pytest.raises(InvalidTakeover) as refusal:
        read_origin(running_loan() | {"source_loan": number})
    assert list(refusal.value.fields) == ["source_loan"]


def test_a_name_that_stands_twice_in_a_line_is_refused() -> None:
    with pytest.raises(InvalidTakeover) as refusal:
        read_line('{"source": "a", "source": "b"}')
    assert list(refusal.value.fields) == ["source"]


def test_a_loan_that_is_settled_by_the_cut_off_is_not_taken_over() -> None:
    last = running_loan(terms={"n_periods": 3})
    assert "settle" in wrong(last)["events"]


# -- what is compared -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("claimed", "field", "difference"),
    [
        ({"principal": "5000.00"}, "principal", "-1179.02"),
        ({"interest": "1.00"}, "interest", "1.00"),
        ({"fee": "2.00"}, "fee", "2.00"),
        ({"penalty": "0.01"}, "penalty", "0.01"),
        ({"credit": "5.00"}, "credit", "5.00"),
        ({"dpd": 3}, "dpd", "3"),
        ({"next_due": "2026-02-07"}, "next_due", "2"),
    ],
)
def test_each_balance_that_differs_is_listed(claimed: dict[str, Any], field: str, difference: str) -> None:
    found = check(running_loan(claimed=claimed))
    assert not found.is_taken
    assert [(one.field, one.difference) for one in found.differences] == [(field, difference)]


def test_a_schedule_that_differs_is_listed_row_by_row() -> None:
    body = running_loan()
    rows = [dict(row) for row in body["schedule"][:11]]
    rows[2]["interest"] = "99.99"
    rows[3]["due"] = "2025-11-06"
    found = check(body | {"schedule": rows})
    assert [one.field for one in found.differences] == ["schedule 3 interest", "schedule 4 due", "schedule length"]
    beyond = check(body | {"schedule": [*body["schedule"], {**body["schedule"][-1], "n": 13}]})
    assert [one.field for one in beyond.differences] == ["schedule 13"]


def test_a_schedule_given_in_part_is_compared_in_that_part() -> None:
    body = running_loan()
    assert check(body | {"schedule": body["schedule"][6:]}).is_taken
    assert check({name: value for name, value in body.items() if name != "schedule"}).is_taken


def test_less_owed_is_adopted_by_a_waiver_and_more_fees_by_a_fee() -> None:
    body = running_loan(without=(5, 6))
    less = {"principal": "7000.00", "interest": "100.00", "penalty": "0.00", "fee": "30.00"}
    found = check(running_loan(without=(5, 6), claimed=less, schedule=None), ADOPT)
    assert [it.field for it in found.left] == []
    assert {it.field for it in found.differences} == {"principal", "interest", "penalty", "fee"}
    assert (found.account.principal_outstanding_fen, found.account.fee_outstanding_fen) == (700_000, 3_000)
    assert account(body).principal_outstanding_fen > 700_000


@pytest.mark.parametrize(
    "claimed",
    [{"principal": "6200.00"}, {"interest": "1.00"}, {"penalty": "1.00"}, {"credit": "1.00"}, {"dpd": 9}],
)
def test_what_no_adjustment_can_express_is_said_and_the_loan_stays_out(claimed: dict[str, Any]) -> None:
    found = check(running_loan(claimed=claimed), ADOPT)
    assert not found.is_taken
    assert [one.field for one in found.left] == list(claimed)


def test_a_payment_of_the_cut_off_date_comes_after_the_adjustments_and_may_keep_a_loan_out() -> None:
    beside = check(running_loan(claimed={"fee": "12.00"}), ADOPT)
    assert [one.field for one in beside.left] == ["principal", "fee"]
    day_before = check(running_loan(cut_off=DAY - timedelta(days=1), claimed={"fee": "12.00"}), ADOPT)
    assert day_before.is_taken


def test_a_schedule_may_be_as_we_compute_it_before_the_adjustments_or_after_them() -> None:
    day = DAY - timedelta(days=1)
    before = running_loan(cut_off=day, claimed={"principal": "7000.00"})
    adopted = check(before, ADOPT)
    assert adopted.is_taken
    less = yuan(account(before).principal_outstanding_fen - 700_000)
    waiver = {"type": "waiver", "component": "principal", "date": day.isoformat(), "amount": less}
    rows = running_loan(cut_off=day, events=[*before["events"], waiver])["schedule"]
    assert rows != before["schedule"]
    assert check(before | {"schedule": rows}, ADOPT).left == ()
    wrong_row = {**rows[8], "interest": "1.00"}
    assert [one.field for one in check(before | {"schedule": [*rows[:8], wrong_row, *rows[9:]]}, ADOPT).left] == [
        "schedule 9 interest"
    ]
