"""Closing a month: from then on nothing is booked in it, whatever its value date."""

from books.periods import PeriodBook
from books.session import UnitOfWork
from lending.errors import LendingError
from models.months import Month
from models.periods import ClosedPeriod
from models.staff import Actor
from services import audit
from services.permissions import Action, require


class InvalidMonth(LendingError):
    """What was given is not a month."""

    code = "invalid_month"
    http_status = 422


class PeriodNotOver(LendingError):
    """A month is closed when its last day is over."""

    code = "period_not_over"
    http_status = 409


class PeriodClosed(LendingError):
    """The month is closed already."""

    code = "period_closed"
    http_status = 409


class EarlierPeriodOpen(LendingError):
    """Months are closed one after the other."""

    code = "earlier_period_open"
    http_status = 409


class MonthEndOutstanding(LendingError):
    """The month's end is not posted for every loan yet."""

    code = "month_end_outstanding"
    http_status = 409


def close_period(work: UnitOfWork, actor: Actor, month: str) -> ClosedPeriod:
    """Closes a month (YYYY-MM) for postings. Events dated in it are booked on the first open day from then on.

    Refused: anybody but finance, a month that is not over, that is closed, whose month-end is not posted for every
    loan, or before which another one is open.
    """
    require(actor, Action.CLOSE_MONTHS)
    try:
        wanted = Month.parse(month)
        last = wanted.last
    except (ValueError, OverflowError) as error:
        raise InvalidMonth("a month is written YYYY-MM, such as 2026-01", fields={"month": "YYYY-MM"}) from error
    if last >= work.today:
        raise PeriodNotOver(f"{wanted} ends on {last}; it can be closed from the day after")
    periods = work.periods
    periods.hold_postings()
    oldest = oldest_open(periods)
    if oldest is None or wanted < oldest:
        raise PeriodClosed(f"{wanted} is closed, or nothing was ever booked in it")
    if wanted > oldest:
        raise EarlierPeriodOpen(f"{oldest} is still open; close it first")
    first_payout = periods.first_payout()
    if first_payout is not None and first_payout <= last and not periods.has_month_end(str(wanted)):
        left = periods.loans_to_end(wanted, after="", limit=5, ready_only=False)
        which = ", ".join(loan.number for loan in left) or "any loan"
        raise MonthEndOutstanding(f"the end of {wanted} is not posted yet for {which}; try again when it is")
    period = ClosedPeriod(month=str(wanted), open_from=wanted.next.first, closed_by=actor.id, closed_at=work.now)
    periods.close(period)
    audit.record(work, actor, "period_closed", subject=period.month, after={"open_from": period.open_from.isoformat()})
    return period


def oldest_open(periods: PeriodBook) -> Month | None:
    """The month after the last closed one, or the one of the first booking; None in books without a posting."""
    last = periods.last_closed()
    if last is not None:
        return Month.of(last.open_from)
    first = periods.first_booking()
    return Month.of(first) if first else None
