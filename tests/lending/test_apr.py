"""Yearly rates: the actuarial APR, XIRR and the borrower's annualised cost."""

from datetime import date
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from lending.apr import (
    InvalidAprInput,
    _decimal,
    _percent,
    _solve,
    _Stream,
    _yearly_percent,
    annualised_cost_percent,
    apr,
    xirr,
)
from lending.schedules import build_schedule
from tests.lending.builders import terms_of

START = date(2024, 1, 1)


def monthly(**changed: object) -> dict[str, object]:
    body: dict[str, object] = {
        "principal": "5000.00",
        "disbursement_date": "1978-01-10",
        "payments": [{"amount": "230.00", "count": 24, "first": "1978-02-10"}],
        "unit_periods_per_year": 12,
        "first_payment_unit_periods": 1,
        "odd_days_fraction": "0",
    }
    return {field: value for field, value in (body | changed).items() if value is not None}


def test_unit_periods_are_counted_from_the_dates_where_they_are_not_given() -> None:
    counted = monthly(first_payment_unit_periods=None, odd_days_fraction=None)
    assert apr(counted) == apr(monthly()) == Decimal("9.69")


def test_a_later_stream_begins_on_its_own_date() -> None:
    # A payment at the end of each year at 10 %: 100 / 1.1 + 100 / 1.1^3 = 166.04, the second year skipped.
    body = monthly(
        principal="166.04",
        disbursement_date="2020-01-01",
        payments=[{"amount": "100", "first": "2021-01-01"}, {"amount": "100", "first": "2023-01-01"}],
        unit_periods_per_year=1,
    )
    assert apr(body) == Decimal("10.00")


def test_a_later_stream_that_begins_within_a_unit_period_counts_from_its_end() -> None:
    first = {"amount": "2600", "first": "1978-02-10"}
    found = [apr(monthly(payments=[first, {"amount": "2600", "first": day}])) for day in ("1978-03-25", "1978-04-10")]
    assert found[0] == found[1]


def test_a_later_stream_of_half_months_counts_from_the_end_of_the_one_it_begins_in() -> None:
    first = {"amount": "2600", "first": "1978-02-01"}
    found = [
        apr(monthly(payments=[first, {"amount": "2600", "first": day}], unit_periods_per_year=24))
        for day in ("1978-02-20", "1978-03-01")
    ]
    assert found[0] == found[1]


def test_a_single_payment_has_its_own_term_as_unit_period() -> None:
    # 1,000 grow to 1,080 in 250 days: 8 % a unit period of which a year has 365/250.
    body = monthly(
        principal="1000", payments=[{"amount": "1080", "first": "1978-09-17"}], unit_periods_per_year="365/250"
    )
    assert apr(body) == Decimal("11.68")


def test_a_loan_without_cost_has_a_rate_of_zero() -> None:
    assert apr(monthly(principal="5520.00")) == 0


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"principal": "5520.01"}, "payments"),
        ({"principal": None}, "principal"),
        ({"payments": []}, "payments"),
        ({"payments": [{"amount": "1", "count": 0, "first": "1978-02-10"}]}, "payments[0].count"),
        ({"payments": [{"amount": "1", "first": "x"}]}, "payments[0].first"),
        ({"unit_periods_per_year": "0"}, "unit_periods_per_year"),
        ({"unit_periods_per_year": None}, "unit_periods_per_year"),
        ({"unit_periods_per_year": "366.5"}, "unit_periods_per_year"),
        ({"odd_days_fraction": "1/0"}, "odd_days_fraction"),
        ({"odd_days_fraction": 0.5}, "odd_days_fraction"),
        ({"first_payment_unit_periods": -1}, "first_payment_unit_periods"),
        ({"first_payment_unit_periods": 12_001}, "first_payment_unit_periods"),
        ({"extra": 1}, "extra"),
        (
            {"payments": [{"amount": "9000", "first": "1978-02-10"}, {"amount": "1", "first": "1978-01-10"}]},
            "payments[1].first",
        ),
        (
            {"unit_periods_per_year": 8, "first_payment_unit_periods": None, "odd_days_fraction": None},
            "first_payment_unit_periods",
        ),
        ({"principal": "0.01", "payments": [{"amount": "10000000", "first": "1978-02-10"}]}, "payments"),
    ],
)
def test_input_without_a_rate_is_refused_by_field(changed: dict[str, object], field: str) -> None:
    with pytest.raises(InvalidAprInput) as refused:
        apr(monthly(**changed))
    assert refused.value.field == field


def test_a_loan_without_fees_costs_its_contract_rate() -> None:
    schedule = build_schedule(terms_of(annual_rate_percent="12"))
    assert annualised_cost_percent(schedule, [(START, 1_200_000)]) == Decimal("12.00")


def test_flat_interest_costs_nearly_twice_its_name() -> None:
    schedule = build_schedule(terms_of(method="flat", annual_rate_percent="12"))
    assert Decimal("21.4") < annualised_cost_percent(schedule, [(START, 1_200_000)]) < Decimal("21.5")


def test_every_charge_counts_in_the_annualised_cost() -> None:
    schedule = build_schedule(terms_of(fees=[{"amount": "10.00"}]))
    assert annualised_cost_percent(schedule, [(START, 1_200_000)]) > Decimal("13.7")


def test_interest_that_the_state_bears_costs_the_borrower_nothing() -> None:
    schedule = build_schedule(terms_of(method="interest_only", subsidised_until="2025-12-31"))
    assert annualised_cost_percent(schedule, [(START, 1_200_000)]) == 0


def test_tranches_count_from_their_own_days() -> None:
    schedule = build_schedule(terms_of(method="interest_only", n_periods=2, annual_rate_percent="0"))
    one_month_later = [(START, 600_000), (date(2024, 2, 1), 600_000)]
    assert annualised_cost_percent(schedule, one_month_later) == 0


def test_repayments_below_the_payout_have_no_cost() -> None:
    schedule = build_schedule(terms_of(annual_rate_percent="0"))
    with pytest.raises(InvalidAprInput):
        annualised_cost_percent(schedule, [(START, 1_200_001)])


def test_xirr_is_the_effective_yearly_rate() -> None:
    rate = xirr([(date(2023, 1, 1), -1000), (date(2024, 1, 1), Decimal(1100))])
    assert rate is not None
    assert round(rate, 8) == Decimal("0.1")


def test_a_rate_beyond_all_numbers_is_none() -> None:
    assert xirr([(date(2024, 1, 1), -1), (date(2024, 1, 2), 10**9)]) is None


def test_money_that_flows_one_way_only_has_no_xirr() -> None:
    assert xirr([(date(2023, 1, 1), -1000), (date(2024, 1, 1), -1)]) is None


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.tuples(st.integers(1, 500_000), st.integers(1, 40), st.integers(0, 60)), min_size=1, max_size=5),
    st.sampled_from([Fraction(0), Fraction(1, 3), Fraction(19, 30)]),
    st.sampled_from([Fraction(12), Fraction(52), Fraction(365), Fraction(1, 2)]),
    st.integers(1, 100),
)
def test_the_quick_estimate_gives_the_digits_of_the_exact_search(
    parts: list[tuple[int, int, int]], odd: Fraction, a_year: Fraction, share: int
) -> None:
    payments = [_Stream(fen, times, whole, odd) for fen, times, whole in parts]
    assume(any(one.times > 1 or one.whole or one.odd for one in payments))
    principal = max(sum(fen * times for fen, times, _ in parts) * share // 100, 1)
    try:
        exact = _percent(_solve(principal, payments, "payments") * _decimal(a_year))
    except InvalidAprInput:
        assume(False)
    assert _yearly_percent(principal, payments, "payments", a_year) == exact


def test_an_estimate_too_near_to_a_half_is_left_to_the_exact_search() -> None:
    # 100.005 for 100 a year later is 0.005 %: the third place decides, and a half goes up.
    assert _yearly_percent(10_000_000, [_Stream(10_000_500, 1, 1, Fraction(0))], "payments", Fraction(1)) == Decimal(
        "0.01"
    )


def test_payments_that_all_fall_on_the_day_of_the_payout_give_no_rate() -> None:
    body = monthly(payments=[{"amount": "5000.00", "first": "1978-01-10"}], first_payment_unit_periods=None)
    with pytest.raises(InvalidAprInput) as refused:
        apr(body | {"odd_days_fraction": None})
    assert refused.value.fields == {"payments": "all fall on the day of the payout; a rate needs time to pass"}


def test_a_payment_before_the_payout_is_refused() -> None:
    body = monthly(payments=[{"amount": "230.00", "count": 24, "first": "1978-01-09"}], first_payment_unit_periods=None)
    with pytest.raises(InvalidAprInput) as refused:
        apr(body | {"odd_days_fraction": None})
    assert refused.value.field == "payments[0].first"
