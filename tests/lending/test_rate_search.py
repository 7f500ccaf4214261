"""How a yearly rate is found: by a quick estimate where that is sure of its places, else by the exact search."""

from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Never

import pytest

from lending.apr import InvalidAprInput, _Stream, _yearly_percent, annualised_cost_percent, apr, cost_by_irr, xirr
from lending.duedates import Period
from lending.schedules import build_schedule
from tests.lending.builders import terms_of

_WHOLE = Fraction(0)


@pytest.mark.parametrize("odd", [Fraction(0), Fraction(15, 31)])
def test_usual_loans_never_need_the_exact_search(monkeypatch: pytest.MonkeyPatch, odd: Fraction) -> None:
    def refuse(*_: object) -> Never:
        raise AssertionError("the quick estimate was not sure of a plain monthly loan")

    exact = _yearly_percent(500_000, [_Stream(23_000, 24, 1, odd)], "payments", Fraction(12))
    monkeypatch.setattr("lending.apr._solve", refuse)
    assert _yearly_percent(500_000, [_Stream(23_000, 24, 1, odd)], "payments", Fraction(12)) == exact


def test_where_money_flows_back_the_exact_search_decides_between_several_rates() -> None:
    # -1,000 + 3,600 / x - 4,310 / x^2 + 1,716 / x^3 is nought at x = 1.1, 1.2 and 1.3, for (x - 1.1)(x - 1.2)(x - 1.3)
    # = x^3 - 3.6 x^2 + 4.31 x - 1.716. Halving 0 to 100 % ends at the highest of them, Newton's method at the lowest.
    flows = [_Stream(3600, 1, 1, _WHOLE), _Stream(-4310, 1, 2, _WHOLE), _Stream(1716, 1, 3, _WHOLE)]
    assert _yearly_percent(1000, flows, "payments", Fraction(1)) == Decimal("30.00")


def test_a_first_payment_after_whole_unit_periods_has_no_odd_days() -> None:
    body = {
        "principal": "5000.00",
        "disbursement_date": "1978-01-10",
        "payments": [{"amount": "230.00", "count": 24, "first": "1978-02-10"}],
        "unit_periods_per_year": 12,
        "first_payment_unit_periods": 1,
    }
    assert apr(body) == Decimal("9.69")


@pytest.mark.parametrize(("digits", "is_read"), [(18, True), (19, False)])
def test_a_fraction_is_read_up_to_twenty_characters(digits: int, is_read: bool) -> None:
    body = {
        "principal": "5000.00",
        "disbursement_date": "1978-01-10",
        "payments": [{"amount": "230.00", "count": 24, "first": "1978-02-10"}],
        "unit_periods_per_year": 12,
        "first_payment_unit_periods": 1,
        "odd_days_fraction": "0." + "0" * digits,
    }
    if is_read:
        assert apr(body) == Decimal("9.69")
        return
    with pytest.raises(InvalidAprInput) as refused:
        apr(body)
    assert set(refused.value.fields) == {"odd_days_fraction"}
    assert refused.value.fields["odd_days_fraction"].endswith("such as 19/30")


def test_a_cost_that_no_payments_bear_is_refused_by_the_schedule() -> None:
    schedule = build_schedule(terms_of(annual_rate_percent="0"))
    with pytest.raises(InvalidAprInput) as refused:
        annualised_cost_percent(schedule, [(date(2024, 1, 1), 1_200_001)])
    assert refused.value.field == "schedule"


def test_from_the_31st_to_the_end_of_february_is_a_month() -> None:
    day = date(2023, 1, 31)
    # 1 % for a month is 12 % a year, though the month has 28 days.
    assert cost_by_irr(Period(), [(day, 100_000)], [(date(2023, 2, 28), 101_000)]) == Decimal("12.00")


def test_there_is_no_xirr_where_no_rate_makes_the_amounts_worth_nothing() -> None:
    # -1,000 + 2,400 v - 1,500 v^2 is below zero for every v: 2,400^2 < 4 x 1,000 x 1,500.
    flows = [(date(2023, 1, 1), -1000), (date(2024, 1, 1), 2400), (date(2025, 1, 1), -1500)]
    assert xirr(flows) is None
