"""What happens on a person's account by itself: the salary comes, the money is spent."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

from simulators.records import AccountHabit

_LONGEST_KEEPING = timedelta(days=31)


@dataclass(frozen=True, slots=True)
class Movement:
    """Money that comes (positive) or goes (negative)."""

    on: date
    amount_fen: int
    kind: str


def movements(habit: AccountHabit, balance_fen: int, after: date, until: date) -> Iterator[Movement]:
    """Salary and spending later than `after` up to and including `until`, in order of their days."""
    days: list[tuple[date, str]] = []
    for pay_day in _pay_days(habit.pay_day, after - _LONGEST_KEEPING, until):
        if pay_day > after and habit.paid_from <= pay_day < habit.paid_until:
            days.append((pay_day, "salary"))
        if habit.keeps_days is not None and after < (spent_on := pay_day + timedelta(habit.keeps_days)) <= until:
            days.append((spent_on, "living"))
    for day, kind in sorted(days):
        amount_fen = habit.inflow_fen if kind == "salary" else -max(0, balance_fen - habit.kept_fen)
        if amount_fen:
            balance_fen += amount_fen
            yield Movement(day, amount_fen, kind)


def _pay_days(day_of_month: int, first: date, last: date) -> Iterator[date]:
    year, month = first.year, first.month
    while (day := date(year, month, day_of_month)) <= last:
        if day >= first:
            yield day
        year, month = (year + 1, 1) if month == 12 else (year, month + 1)
