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


class StepKind(StrEnum):
    """Why a day matters."""

    DUE = "due"
    OVERDUE = "overdue"
    REMINDER = "reminder"


@dataclass(frozen=True, slots=True)
class Step:
    """A day on which a loan wakes, why, and for which installment."""

    date: date
    why: StepKind
    n: int | None


def days_past_due(due: date, on: date) -> int:
    """Days past due on a day: the day after the due date is 1, whatever the days of grace."""
    return max((on - due).days, 0)


def next_day_that_matters(account: LoanAccount, after: date, milestones: Milestones) -> Step | None:
    """The first step strictly after `after`, or None when nothing more happens by itself.

    Where several fall on one day the step is a due date before a milestone before a reminder: one visit to that day
    does them all. Reminders are for what the borrower owes; a due date that only the state pays is still a step.
    """
    if account.settled_on is not None and not any(row.subsidy_due for row in account.rows):
        return None
    if account.written_off_on is not None:
        return None
    steps = [step for row in account.rows for step in _steps_of(row, milestones) if step.date > after]
    steps += _overdue_steps(account, after, milestones)
    order = list(StepKind)
    return min(steps, key=lambda step: (step.date, order.index(step.why)), default=None)


def _steps_of(row: InstallmentState, milestones: Milestones) -> list[Step]:
    if not row.outstanding and not row.subsidy_due:
        return []
    steps = [Step(row.due, StepKind.DUE, row.n)]
    if row.outstanding:
        before = milestones.reminder_days_before
        steps += [Step(row.due - timedelta(days=days), StepKind.REMINDER, row.n) for days in before if days > 0]
    return steps


def _overdue_steps(account: LoanAccount, after: date, milestones: Milestones) -> list[Step]:
    """Milestones of the oldest unpaid installment: days past due of a loan are those of its oldest arrears."""
    oldest = next((row for row in account.rows if row.outstanding and row.due <= after), None)
    if oldest is None:
        return []
    days = [oldest.due + timedelta(days=late) for late in milestones.overdue_days if late > 0]
    return [Step(day, StepKind.OVERDUE, oldest.n) for day in days if day > after]
