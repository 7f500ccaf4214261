"""Floating rates: a published table, a margin, and the days on which a loan's rate is set anew."""

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import ClassVar

from lending.duedates import Period, PeriodUnit, shift
from lending.errors import LendingError
from lending.events import Event, EventType

_YEAR = Period(PeriodUnit.YEAR)


class RateNotPublished(LendingError):
    """The table of published rates begins after the day asked for."""

    code: ClassVar[str] = "rate_not_published"
    http_status: ClassVar[int] = 409


class Tenor(StrEnum):
    """The tenors that the loan prime rate is published for."""

    ONE_YEAR = "one_year"
    OVER_FIVE_YEARS = "over_five_years"


@dataclass(frozen=True, slots=True)
class Published:
    """A rate in percent a year as published on a day; it holds until the next one."""

    on: date
    percent: Decimal


LoanPrimeRates = Mapping[Tenor, Sequence[Published]]
"""The publications of each tenor, the oldest first. They are data: the rate is published on the 20th of each month."""


def published_rate(table: LoanPrimeRates, tenor: Tenor, day: date) -> Decimal:
    """The rate that holds on a day: that of the last publication up to it."""
    publications = table.get(tenor, ())
    place = bisect_right(publications, day, key=lambda published: published.on)
    if not place:
        raise RateNotPublished(f"no rate for {tenor.value} was published up to {day}")
    return publications[place - 1].percent


class Reset(StrEnum):
    """When the rate of a running loan follows the table: each 1 January, or each year on the day of the payout."""

    NEW_YEAR = "new_year"
    ANNIVERSARY = "anniversary"


@dataclass(frozen=True, slots=True)
class FloatingRate:
    """A contract's rate: the published one of a tenor plus a margin in percentage points, which may be negative."""

    tenor: Tenor
    margin_percent: Decimal
    reset: Reset
    disbursed: date

    def reset_days(self, until: date) -> list[date]:
        """The days up to `until` on which the rate is set anew; the payout is none of them."""
        if self.reset is Reset.NEW_YEAR:
            return [date(year, 1, 1) for year in range(self.disbursed.year + 1, until.year + 1)]
        days = [
            shift(self.disbursed, _YEAR, count, self.disbursed.day)
            for count in range(1, until.year - self.disbursed.year + 1)
        ]
        return [day for day in days if day <= until]


def rate_on(floating: FloatingRate, table: LoanPrimeRates, day: date) -> Decimal:
    """The contract rate on a day in percent a year, never below zero: as set at the payout or on the last reset."""
    set_on = max([floating.disbursed, *floating.reset_days(day)])
    return max(published_rate(table, floating.tenor, set_on) + floating.margin_percent, Decimal(0))


def rate_changes(floating: FloatingRate, table: LoanPrimeRates, until: date) -> list[Event]:
    """The rate changes that the resets up to `until` bring, as events; a reset that changes nothing is none."""
    rate = rate_on(floating, table, floating.disbursed)
    events = []
    for day in floating.reset_days(until):
        new = rate_on(floating, table, day)
        if new != rate:
            events.append(Event(f"reset-{day.isoformat()}", EventType.RATE_CHANGE, day, annual_rate_percent=new))
        rate = new
    return events
