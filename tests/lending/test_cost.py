"""What a loan costs a year: of terms with every kind of charge, and of a loan to which things have happened."""

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lending.apr import annualised_cost_percent, apr, cost_by_irr
from lending.cost import cost_of_account, cost_of_terms
from lending.duedates import Period, shift
from lending.events import Event
from lending.money import yuan
from lending.schedules import build_schedule
from lending.servicing import service
from lending.terms import Terms
from tests.lending.builders import event, terms_of


def cost(terms: Terms, events: list[Event], day: str) -> Decimal | None:
    on = date.fromisoformat(day)
    return cost_of_account(terms, events, service(terms, events, on))


@settings(max_examples=100, deadline=None)
@given(st.dates(date(2026, 1, 1), date(2028, 12, 31)), st.integers(1, 24), st.decimals(1, 36, places=1))
def test_a_plain_loan_costs_its_rate_whatever_day_it_begins(start: date, months: int, rate: Decimal) -> None:
    terms = terms_of(
        annual_rate_percent=str(rate),
        n_periods=months,
        principal="1000000.00",
        disbursement_date=start.isoformat(),
        first_due_date=shift(start, Period(), 1, start.day).isoformat(),
    )
    assert cost_of_terms(terms) == rate.quantize(Decimal("0.01"))


def test_a_fee_due_with_the_payout_costs_more_than_one_due_later() -> None:
    at_once, first, last = (
        cost_of_terms(terms_of(fees=[{"amount": "600", **due}])) for due in ({"due": "2024-01-01"}, {"n": 1}, {"n": 12})
    )
    assert at_once > first > last > 12
    paid = [{"amount": yuan(row.total), "first": row.due.isoformat()} for row in build_schedule(terms_of()).rows]
    received = {"principal": "11400", "disbursement_date": "2024-01-01", "unit_periods_per_year": 12, "payments": paid}
    assert at_once == apr(received)


def test_a_fee_due_on_an_installments_own_day_costs_what_one_due_with_it_does() -> None:
    by_day, by_number = (
        cost_of_terms(terms_of(fees=[{"amount": "600", **due}])) for due in ({"due": "2024-03-01"}, {"n": 2})
    )
    assert by_day == by_number > 12


def test_a_schedules_cost_and_its_terms_cost_are_one_where_no_fee_has_a_day() -> None:
    terms = terms_of(fees=[{"amount": "10"}], subsidised_until="2024-03-01")
    assert cost_of_terms(terms) == annualised_cost_percent(build_schedule(terms), [(date(2024, 1, 1), 1_200_000)])


@pytest.mark.parametrize(
    "events",
    [
        [],
        [event("repayment", "2024-02-01", amount="1066.19")],
        [event("repayment", "2024-03-20", amount="1066.19")],
        [event("repayment", "2024-01-20", amount="1066.19")],
        [event("deferral", "2024-02-01", "d", periods=2, component="principal")],
        [event("reschedule", "2024-02-01", "r", from_="2024-02-01", extra_periods=12)],
        [event("disbursement", "2024-01-01", amount="12000")],
    ],
    ids=["untouched", "paid", "late", "kept as credit", "deferred", "extended", "paid out"],
)
def test_what_adds_no_charge_changes_no_cost(events: list[Event]) -> None:
    assert cost(terms_of(), events, "2024-04-15") == Decimal("12.00")


def test_penalty_is_no_part_of_the_cost() -> None:
    late = terms_of(late={"penalty_multiple": "1.5"})
    assert service(late, [], date(2024, 4, 15)).penalty_outstanding_fen > 0
    assert cost(late, [], "2024-04-15") == Decimal("12.00")


def test_a_fee_makes_a_running_loan_dearer_and_a_waiver_cheaper() -> None:
    fee = cost(terms_of(), [event("fee", "2024-02-01", amount="100")], "2024-02-01")
    waiver = cost(terms_of(), [event("waiver", "2024-02-01", amount="100", component="interest")], "2024-02-01")
    assert fee is not None
    assert waiver is not None
    assert waiver < 12 < fee


def test_a_fee_costs_the_same_once_it_is_paid() -> None:
    fee = event("fee", "2024-02-01", amount="100")
    paid = event("repayment", "2024-02-01", amount="1166.19")
    assert cost(terms_of(), [fee, paid], "2024-02-01") == cost(terms_of(), [fee], "2024-02-01")


def test_a_change_of_rate_lies_between_the_rates() -> None:
    changed = cost(terms_of(), [event("rate_change", "2024-04-01", annual_rate_percent="24")], "2024-04-01")
    assert changed is not None
    assert Decimal("16") < changed < Decimal("24")


def test_what_was_prepaid_counts_on_its_day() -> None:
    terms = terms_of(method="equal_principal", day_count="actual/365")
    early = [event("prepayment", "2024-01-16", "p", amount="6000", effect="reduce_installment")]
    found = cost(terms, early, "2024-01-16")
    assert found is not None
    assert abs(found - 12) < Decimal("0.1")


def test_money_that_is_back_on_the_first_day_cost_nothing() -> None:
    assert cost(terms_of(), [event("settlement", "2024-01-01", "s")], "2024-01-01") == 0


def test_a_loan_whose_principal_is_let_off_has_no_cost() -> None:
    let_off = [event("waiver", "2024-02-01", amount="6000", component="principal")]
    assert cost(terms_of(), let_off, "2024-02-01") is None


def test_the_cost_counts_a_fee_on_a_day_of_its_own_to_the_fen() -> None:
    terms = terms_of(
        principal="1.00", annual_rate_percent="0", n_periods=1, fees=[{"amount": "0.10", "due": "2024-01-16"}]
    )
    flows = [(date(2024, 1, 16), 10), (date(2024, 2, 1), 100)]
    assert cost_of_terms(terms) == cost_by_irr(terms.period, [(date(2024, 1, 1), 100)], flows)
