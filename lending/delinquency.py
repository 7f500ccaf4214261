"""Arrears, and the next day on which something happens to a loan by itself."""

from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

from lending.account import InstallmentState, LoanAccount


@dataclass(frozen=True, slots=True)
class Milestones:
    """Days before a due date on which to remind, and days past due on which something is to be done."""

    reminder_days_before: tuple[int, ...] = ()
    overdue_days: tuple[int, ...] = ()


class Occasion(StrEnum):
    """Why a day matters, the weightiest first."""

    DUE = "due"
    OVERDUE = "overdue"
    REMINDER = "reminder"


@dataclass(frozen=True, slots=True)
class DayThatMatters:
    """A day on which a loan wakes, why, and for which installment."""

    date: date
    why: Occasion
    n: int | None


def days_past_due(due: date, on: date) -> int:
    """Days past due on a day: the day after the due date is 1, whatever the days of grace."""
    return max((on - due).days, 0)


def next_day_that_matters(account: LoanAccount, after: date, milestones: Milestones) -> DayThatMatters | None:
    """The first such day strictly after `after`, or None when nothing more happens by itself.

    Where several fall together a due date comes before a milestone before a reminder: one visit to that day does them
    all. Reminders are for what the borrower owes; a due date that only the state pays still matters.
    """
    if account.settled_on is not None and not any(row.subsidy_due for row in account.rows):
        return None
    if account.written_off_on is not None:
        return None
    found = [one for row in account.rows for one in _of_installment(row, milestones)]
    found += _of_arrears(account, after, milestones)
    order = list(Occasion)
    return min(
        (one for one in found if one.date > after), key=lambda one: (one.date, order.index(one.why)), default=None
    )


def _of_installment(row: InstallmentState, milestones: Milestones) -> list[DayThatMatters]:
    if not row.outstanding and not row.subsidy_due:
        return []
    reminders = milestones.reminder_days_before if row.outstanding else ()
    days = [row.due - timedelta(days=early) for early in reminders if early > 0]
    return [
        DayThatMatters(row.due, Occasion.DUE, row.n),
        *(DayThatMatters(day, Occasion.REMINDER, row.n) for day in days),
    ]


def _of_arrears(account: LoanAccount, after: date, milestones: Milestones) -> list[DayThatMatters]:
    """Milestones of the oldest unpaid installment: days past due of a loan are those of its oldest arrears."""
    oldest = next((row for row in account.rows if row.outstanding and row.due <= after), None)
    if oldest is None:
        return []
    days = [oldest.due + timedelta(days=late) for late in milestones.overdue_days if late > 0]
    return [DayThatMatters(day, Occasion.OVERDUE, oldest.n) for day in days]
