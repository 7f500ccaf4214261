"""Day counts: how long a stretch of days is in the unit that the rate is quoted for."""

from datetime import date
from enum import StrEnum
from fractions import Fraction


class DayCount(StrEnum):
    """The conventions of the contract. `period` needs the loan's own calendar: see `lending.timeline`."""

    PERIOD = "period"
    THIRTY_360 = "30/360"
    ACTUAL_365 = "actual/365"
    ACTUAL_360 = "actual/360"
    ACTUAL_364 = "actual/364"
    ACTUAL_ACTUAL = "actual/actual"
    DAILY_RATE = "daily_rate"

    # Every span looks its year up, and Enum's own hash is a Python call.
    __hash__ = str.__hash__


_FIXED_YEAR = {DayCount.ACTUAL_365: 365, DayCount.ACTUAL_360: 360, DayCount.ACTUAL_364: 364, DayCount.DAILY_RATE: 1}


def days_30_360(start: date, end: date) -> int:
    """Days by the 30/360 bond basis (ISDA 2006 section 4.16(f)): the 31st counts as the 30th."""
    first = min(start.day, 30)
    last = 30 if end.day == 31 and first == 30 else end.day
    return (end.year - start.year) * 360 + (end.month - start.month) * 30 + last - first


def is_leap(year: int) -> bool:
    """Whether the Gregorian year has 366 days."""
    return year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)


def _actual_actual(start: date, end: date) -> tuple[int, int]:
    """Days in leap years over 366 and the others over 365 (ISDA 2006 section 4.16(b))."""
    if start.year == end.year:
        return (end - start).days, 366 if is_leap(start.year) else 365
    leap_days = sum(
        (min(end, date(year + 1, 1, 1)) - max(start, date(year, 1, 1))).days
        for year in range(start.year, end.year + 1)
        if is_leap(year)
    )
    return leap_days * 365 + ((end - start).days - leap_days) * 366, 365 * 366


def span_ratio(day_count: DayCount, start: date, end: date) -> tuple[int, int]:
    """Numerator and denominator of `year_fraction`, as the integers that the fast schedule works with."""
    basis = _FIXED_YEAR.get(day_count)
    if basis is not None:
        return (end - start).days, basis
    if day_count is DayCount.THIRTY_360:
        return days_30_360(start, end), 360
    if day_count is DayCount.ACTUAL_ACTUAL:
        return _actual_actual(start, end)
    raise ValueError("the day count 'period' is measured on the loan's own due dates")


def year_fraction(day_count: DayCount, start: date, end: date) -> Fraction:
    """Exact years from `start` to `end`; for `daily_rate`, whose rate is quoted per day, exact days."""
    return Fraction(*span_ratio(day_count, start, end))
