"""Working days by the Chinese calendar: public holidays, and weekends that are worked to make up for them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

from chinese_calendar import is_workday  # type: ignore[import-untyped]

_SATURDAY = 5

LONGEST_BREAK_DAYS = 15
"""No working day is further away: the longest break so far, in the spring of 2020, had ten days."""


class DayConvention(StrEnum):
    """Where a due date goes that is no working day: on, on unless the month ends before, or back."""

    FOLLOWING = "following"
    MODIFIED_FOLLOWING = "modified_following"
    PRECEDING = "preceding"


@dataclass(frozen=True, slots=True)
class Workday:
    """A working day. `is_provisional` says that the State Council has not announced the holidays it depends on."""

    date: date
    is_provisional: bool


def workday(day: date, convention: DayConvention) -> Workday:
    """The day itself if it is worked, else the one that the convention puts in its place.

    Where no holidays are announced for a year, weekends are all that is known, and the answer is provisional.
    """
    if convention is DayConvention.PRECEDING:
        return _search(day, -1)
    found = _search(day, 1)
    if convention is DayConvention.MODIFIED_FOLLOWING and found.date.month != day.month:
        return _search(day, -1)
    return found


def provisional(days: Sequence[date]) -> list[int]:
    """The numbers, from 1, of the days that lie in a year whose holidays are not announced."""
    return [n for n, day in enumerate(days, start=1) if not _look_up(day)[1]]


def _search(day: date, step: int) -> Workday:
    is_known = True
    while True:
        is_worked, announced = _look_up(day)
        is_known = is_known and announced
        if is_worked:
            return Workday(day, not is_known)
        day += timedelta(days=step)


def _look_up(day: date) -> tuple[bool, bool]:
    """Whether a day is worked, and whether that is announced."""
    try:
        return is_workday(day), True
    except NotImplementedError:
        return day.weekday() < _SATURDAY, False
