"""Floating rates: a published table, a margin, and the days on which a loan's rate is set anew."""

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import ClassVar, Self

from lending.duedates import Period, PeriodUnit, shift
from lending.errors import LendingError
from lending.events import Event, EventType
from lending.floating_clause import Reset, Tenor
from lending.terms import Terms

_YEAR = Period(PeriodUnit.YEAR)


class RateNotPublished(LendingError):
    """The table of published rates begins after the day asked for."""

    code: ClassVar[str] = "rate_not_published"
    http_status: ClassVar[int] = 409


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


@dataclass(frozen=True, slots=True)
class FloatingRate:
    """A contract's rate: the published one of a tenor plus a margin in percentage points, which may be negative."""

    tenor: Tenor
    margin_percent: Decimal
    reset: Reset
    disbursed: date

    @classmethod
    def of(cls, terms: Terms) -> Self | None:
        """What the contract agrees on, or None where its rate is fixed."""
        clause = terms.floating
        if clause is None:
            return None
        return cls(clause.tenor, clause.margin_percent, clause.reset, terms.disbursement_date)

    def reset_days(self, until: date) -> list[date]:
        """The days up to `until` on which the rate is set anew; the payout is none of them."""
        first = self.disbursed
        years = range(first.year + 1, until.year + 1)
        if self.reset is Reset.NEW_YEAR:
            return [date(year, 1, 1) for year in years]
        days = [shift(first, _YEAR, year - first.year, first.day) for year in years]
        return [day for day in days if day <= until]


def rate_on(floating: FloatingRate, table: LoanPrimeRates, day: date) -> Decimal:
    """The contract rate on a day in percent a year, never below zero: as set at the payout or on the last reset."""
    set_on = max([floating.disbursed, *floating.reset_days(day)])
    return max(published_rate(table, floating.tenor, set_on) + floating.margin_percent, Decimal(0))


def rate_changes(
    floating: FloatingRate, table: LoanPrimeRates, until: date, set_before: Mapping[date, Decimal] | None = None
) -> list[Event]:
    """The rate changes that the resets up to `until` bring, as events; a reset that changes nothing is none.

    `set_before` are the rates that were set already: that of the contract on the day of the payout, and those of resets
    that are booked. They stay, even if the table knows more by now; the next reset is measured against them.
    """
    known = set_before or {}
    rate = known.get(floating.disbursed, rate_on(floating, table, floating.disbursed))
    events = []
    for day in floating.reset_days(until):
        new = known.get(day, rate_on(floating, table, day))
        if new != rate and day not in known:
            events.append(Event(f"reset-{day.isoformat()}", EventType.RATE_CHANGE, day, annual_rate_percent=new))
        rate = new
    return events
