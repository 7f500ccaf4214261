"""Due dates: an anchor day that clamps in short months and comes back after."""

from calendar import monthrange
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum


class PeriodUnit(StrEnum):
    """What a period is counted in."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    QUARTER = "quarter"
    YEAR = "year"

    # Every due date looks its unit up, and Enum's own hash is a Python call.
    __hash__ = str.__hash__


_DAYS = {PeriodUnit.DAY: 1, PeriodUnit.WEEK: 7}
_MONTHS = {PeriodUnit.MONTH: 1, PeriodUnit.QUARTER: 3, PeriodUnit.YEAR: 12}
_DAYS_OF_EVERY_MONTH = 28
MAX_YEARS = 200
_UNITS_A_YEAR = {
    PeriodUnit.DAY: 365,
    PeriodUnit.WEEK: 52,
    PeriodUnit.MONTH: 12,
    PeriodUnit.QUARTER: 4,
    PeriodUnit.YEAR: 1,
}


@dataclass(frozen=True, slots=True)
class Period:
    """The distance of two due dates: every so many units."""

    unit: PeriodUnit = PeriodUnit.MONTH
    every: int = 1

    def year_ratio(self) -> tuple[int, int]:
        """One whole period in years, whatever its days: a month is 1/12, two weeks are 2/52."""
        return self.every, _UNITS_A_YEAR[self.unit]

    def is_too_long(self, count: int) -> bool:
        """Whether so many periods make more than two hundred years: no loan lasts as long."""
        years, units = self.year_ratio()
        return years * count > MAX_YEARS * units

    @property
    def months(self) -> int:
        """Months in one period; 0 where it is counted in days."""
        return _MONTHS.get(self.unit, 0) * self.every


def shift(day: date, period: Period, count: int, anchor_day: int) -> date:
    """The date `count` periods after `day` (before, if negative), on `anchor_day` or the month's last day."""
    days = _DAYS.get(period.unit)
    if days is not None:
        return day + timedelta(days=days * period.every * count)
    return _in_month(day.year * 12 + day.month - 1 + period.months * count, anchor_day)


def periods_between(start: date, end: date, period: Period, anchor_day: int) -> int:
    """How many whole periods fit between two days, counted from `start` on, or back from it if `end` lies before."""
    forward = end >= start
    days = _DAYS.get(period.unit)
    if days is not None:
        return abs((end - start).days) // (days * period.every)
    months = abs((end.year - start.year) * 12 + end.month - start.month) // period.months
    reached = shift(start, period, months if forward else -months, anchor_day)
    beyond = reached > end if forward else reached < end
    return months - 1 if beyond and months else months


def _in_month(month: int, anchor_day: int) -> date:
    """The anchor day, or the last, of a month counted from the year 0."""
    year, month0 = divmod(month, 12)
    if anchor_day > _DAYS_OF_EVERY_MONTH:
        anchor_day = min(anchor_day, monthrange(year, month0 + 1)[1])
    return date(year, month0 + 1, anchor_day)


def anchor_of(disbursed: date, first_due: date, period: Period) -> int:
    """The day of the month that due dates keep to.

    A first due date clamped by a short month, from a disbursement later in its month, keeps the disbursement's day:
    paid out on 31 January, due first on 28 February, then on 31 March.
    """
    if not period.months or disbursed.day <= first_due.day:
        return first_due.day
    apart = (first_due.year - disbursed.year) * 12 + first_due.month - disbursed.month
    clamped = monthrange(first_due.year, first_due.month)[1] == first_due.day
    return disbursed.day if clamped and apart % period.months == 0 else first_due.day


def due_dates(first_due: date, period: Period, n: int, anchor_day: int) -> list[date]:
    """`n` due dates from the first one on, each counted from the first so that a clamp leaves no trace."""
    months = period.months
    if not months:
        days = _DAYS[period.unit] * period.every
        return [first_due + timedelta(days=days * count) for count in range(n)]
    first = first_due.year * 12 + first_due.month - 1
    return [first_due, *(_in_month(first + months * count, anchor_day) for count in range(1, n))]
