"""The plan of debits: on which days an unpaid sum is drawn again, how often, and what makes a further try useless."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, timedelta

from lending.account import LoanAccount

NO_MORE_TRIES = frozenset(
    {
        "account_closed",
        "account_unknown",
        "name_mismatch",
        "mandate_unknown",
        "mandate_missing",
        "mandate_exceeded",
    }
)
"""Reasons that the next try would meet again: somebody has to get another account or mandate first."""


@dataclass(frozen=True, slots=True)
class DebitPlan:
    """What follows when a debit on the due date does not bring everything in; data of a product.

    `retry_days` are days past due on which it is tried again. `most_tries_a_month` counts all debits of a month and
    holds back retries only: what falls due is always drawn. `part_allowed` takes what the account has, if it has
    less. `stops_at` are the bank's reasons after which nothing is drawn from that account any more.
    """

    retry_days: tuple[int, ...] = (1, 4, 8, 15, *range(31, 3651, 30))
    most_tries_a_month: int = 6
    part_allowed: bool = True
    stops_at: frozenset[str] = NO_MORE_TRIES


def is_debit_day(plan: DebitPlan, account: LoanAccount, day: date, tries: Collection[date]) -> bool:
    """Whether what is due is drawn on a day; `tries` are the days of all earlier debits.

    Due dates are, and the retry days of the oldest arrears, unless the month has had its tries.
    """
    if any(row.due == day and row.outstanding for row in account.rows):
        return True
    oldest = next((row.due for row in account.rows if row.outstanding and row.due < day), None)
    if oldest is None:
        # Due is then something that belongs to no installment; no plan of its own is needed for it.
        return account.due_fen > 0
    return (day - oldest).days in plan.retry_days and not _is_full(plan, day, tries)


def next_retry(plan: DebitPlan, account: LoanAccount, day: date, tries: Collection[date]) -> date | None:
    """The next day after `day` on which arrears are drawn again before another installment falls due; None if none."""
    oldest = next((row.due for row in account.rows if row.outstanding and row.due <= day), None)
    if oldest is None:
        return None
    falls_due = min((row.due for row in account.rows if row.outstanding and row.due > day), default=date.max)
    days = (oldest + timedelta(days=late) for late in sorted(plan.retry_days))
    return next((one for one in days if day < one < falls_due and not _is_full(plan, one, tries)), None)


def _is_full(plan: DebitPlan, day: date, tries: Collection[date]) -> bool:
    this_month = [one for one in tries if one < day and (one.year, one.month) == (day.year, day.month)]
    return len(this_month) >= plan.most_tries_a_month
