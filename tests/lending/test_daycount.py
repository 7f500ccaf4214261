"""Day counts, due dates and the measure of a part of a period."""

from datetime import date
from fractions import Fraction

import pytest

from lending.daycount import DayCount, days_30_360, year_fraction
from lending.duedates import Period, PeriodUnit, anchor_of, due_dates, shift
from lending.timeline import Timeline
from tests.lending.builders import terms_of

MONTH = Period()


@pytest.mark.parametrize(
    ("day_count", "years"),
    [
        (DayCount.THIRTY_360, Fraction(60, 360)),
        (DayCount.ACTUAL_365, Fraction(60, 365)),
        (DayCount.ACTUAL_360, Fraction(60, 360)),
        (DayCount.ACTUAL_364, Fraction(60, 364)),
        (DayCount.ACTUAL_ACTUAL, Fraction(60, 366)),
        (DayCount.DAILY_RATE, Fraction(60)),
    ],
)
def test_each_day_count_measures_two_months_of_a_leap_year(day_count: DayCount, years: Fraction) -> None:
    assert year_fraction(day_count, date(2024, 1, 1), date(2024, 3, 1)) == years


def test_actual_actual_splits_at_new_year() -> None:
    fraction = year_fraction(DayCount.ACTUAL_ACTUAL, date(2023, 12, 1), date(2024, 2, 1))
    assert fraction == Fraction(31, 365) + Fraction(31, 366)


def test_actual_actual_counts_a_leap_years_days_only_to_its_end() -> None:
    span = year_fraction(DayCount.ACTUAL_ACTUAL, date(2024, 12, 1), date(2025, 3, 1))
    assert span == Fraction(31, 366) + Fraction(59, 365)
    # 2024 is a leap year too, but no day of it is in here.
    assert year_fraction(DayCount.ACTUAL_ACTUAL, date(2022, 7, 1), date(2023, 7, 1)) == 1


def test_the_thirty_first_counts_as_the_thirtieth_in_30_360() -> None:
    assert days_30_360(date(2024, 1, 31), date(2024, 3, 31)) == 60
    assert days_30_360(date(2024, 1, 15), date(2024, 3, 31)) == 76
    assert days_30_360(date(2023, 2, 28), date(2023, 3, 28)) == 30


def test_a_whole_period_has_no_fixed_length_in_days() -> None:
    with pytest.raises(ValueError, match="due dates"):
        year_fraction(DayCount.PERIOD, date(2024, 1, 1), date(2024, 2, 1))


def test_a_month_end_clamps_in_short_months_and_comes_back() -> None:
    assert due_dates(date(2023, 1, 31), MONTH, 4, 31) == [
        date(2023, 1, 31),
        date(2023, 2, 28),
        date(2023, 3, 31),
        date(2023, 4, 30),
    ]


def test_a_first_due_date_clamped_from_the_payout_keeps_its_day() -> None:
    assert anchor_of(date(2023, 1, 31), date(2023, 2, 28), MONTH) == 31
    assert anchor_of(date(2023, 1, 10), date(2023, 2, 28), MONTH) == 28
    assert anchor_of(date(2023, 1, 31), date(2023, 2, 27), MONTH) == 27
    assert terms_of(disbursement_date="2023-01-31", first_due_date="2023-02-28").dues[1] == date(2023, 3, 31)


def test_a_first_due_date_left_out_is_a_period_after_the_payout() -> None:
    assert terms_of(disbursement_date="2024-01-31", first_due_date=None).dues[:3] == (
        date(2024, 2, 29),
        date(2024, 3, 31),
        date(2024, 4, 30),
    )


@pytest.mark.parametrize(
    ("unit", "every", "after"),
    [
        (PeriodUnit.DAY, 10, date(2024, 3, 10)),
        (PeriodUnit.WEEK, 2, date(2024, 3, 14)),
        (PeriodUnit.QUARTER, 1, date(2024, 5, 29)),
        (PeriodUnit.YEAR, 1, date(2025, 2, 28)),
    ],
)
def test_periods_of_every_unit_follow_each_other(unit: PeriodUnit, every: int, after: date) -> None:
    assert shift(date(2024, 2, 29), Period(unit, every), 1, 29) == after


def test_a_stub_is_its_share_of_the_period_it_lies_in() -> None:
    short = Timeline(terms_of(disbursement_date="2022-12-30", first_due_date="2023-01-25"))
    assert Fraction(*short.period_ratio(0, date(2022, 12, 30))) == Fraction(26, 31) / 12
    long = Timeline(terms_of(disbursement_date="2023-12-07", first_due_date="2024-01-27"))
    assert Fraction(*long.period_ratio(0, date(2023, 12, 7))) == (1 + Fraction(20, 30)) / 12


def test_a_month_from_a_clamped_payout_is_a_whole_period() -> None:
    clamped = Timeline(terms_of(disbursement_date="2023-01-31", first_due_date="2023-02-28"))
    assert Fraction(*clamped.period_ratio(0, date(2023, 1, 31))) == Fraction(1, 12)


def test_parts_of_a_period_add_up_to_the_whole_in_every_day_count() -> None:
    for name in ("period", "30/360", "actual/365", "actual/actual"):
        line = Timeline(terms_of(day_count=name, disbursement_date="2023-12-01", first_due_date="2024-01-01"))
        parts = line.within(1, date(2024, 1, 1), date(2024, 1, 31)) + line.within(
            1, date(2024, 1, 31), date(2024, 2, 1)
        )
        assert parts == Fraction(*line.period_ratio(1, date(2024, 1, 1)))


def test_time_after_the_last_due_date_goes_on_by_the_same_periods() -> None:
    line = Timeline(terms_of(n_periods=1))
    assert line.after(date(2024, 2, 1), date(2024, 2, 1), date(2024, 4, 16)) == (2 + Fraction(15, 30)) / 12
