"""The ledger as finance, risk and auditors read it: trial balance, postings of an account, months and their figures."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date

from books.periods import MonthFigures
from books.session import UnitOfWork
from lending.errors import LendingError
from models import ledger as chart
from models.ledger import Posting
from models.months import Month
from models.periods import ClosedPeriod, MonthEnd
from models.staff import Actor
from services.errors import InvalidPeriod
from services.periods import oldest_open
from services.permissions import Action, require
from services.reports import TrialBalance, trial_balance

LONGEST_PERIOD_DAYS = 366
MONTHS_SHOWN = 24


class UnknownLedgerAccount(LendingError):
    """The chart of accounts has no such code."""

    code = "unknown_ledger_account"
    http_status = 404

    def __init__(self, account: str) -> None:
        super().__init__(f"the chart of accounts has no account {account}")


@dataclass(frozen=True)
class MonthState:
    """A month of the accounts. `can_be_closed` says that nothing but finance's word is missing.

    `vat_fen` is the tax that became payable by what was booked in the month, less what was taken back.
    """

    month: Month
    ended: MonthEnd | None
    closed: ClosedPeriod | None
    can_be_closed: bool
    vat_fen: int
    figures: MonthFigures = field(default_factory=MonthFigures)


def trial_balance_on(work: UnitOfWork, actor: Actor, day: date) -> TrialBalance:
    """The trial balance at the end of a day, for who may see the funds."""
    require(actor, Action.SEE_FUNDS)
    return trial_balance(work, day)


def postings_of(
    work: UnitOfWork, actor: Actor, account: str, first: date, last: date, *, after: str | None = None, limit: int = 50
) -> list[Posting]:
    """Postings to and from an account that are booked in a period, the newest first; `after` is the last id seen.

    Refused: an account that is not in the chart, and a period that ends before it begins or is longer than a year.
    """
    require(actor, Action.SEE_FUNDS)
    if not work.ledger.versions(account):
        raise UnknownLedgerAccount(account)
    if not 0 <= (last - first).days < LONGEST_PERIOD_DAYS:
        raise InvalidPeriod(LONGEST_PERIOD_DAYS)
    return work.ledger.page(account, first, last, after=after, limit=limit)


def months(work: UnitOfWork, actor: Actor, since: Month | None = None) -> list[MonthState]:
    """The months since the first booking, this one included, the newest first: from one on, else MONTHS_SHOWN."""
    require(actor, Action.SEE_FUNDS)
    periods = work.periods
    first = periods.first_booking()
    if first is None:
        return []
    listed = _until(since or Month.of(first), Month.of(max(work.today, first)))
    if since is None:
        listed = listed[-MONTHS_SHOWN:]
    oldest = str(listed[0])
    ended = {one.month: one for one in periods.ended(oldest)}
    closed = {one.month: one for one in periods.closed(oldest)}
    figures = periods.figures(oldest)
    vat = work.ledger.booked_by_month(chart.VAT_PAYABLE, listed[0].first)
    next_to_close, first_payout = oldest_open(periods), periods.first_payout()
    return [
        MonthState(
            month=month,
            ended=ended.get(str(month)),
            closed=closed.get(str(month)),
            can_be_closed=month == next_to_close
            and month.last < work.today
            and (str(month) in ended or first_payout is None or first_payout > month.last),
            vat_fen=-vat.get(str(month), 0),
            figures=figures.get(str(month), MonthFigures()),
        )
        for month in reversed(listed)
    ]


def _until(first: Month, last: Month) -> Sequence[Month]:
    listed = [first]
    while listed[-1] < last:
        listed.append(listed[-1].next)
    return listed
