"""The ledger for people: trial balance, postings of an account, months and their closing; not for every role."""

from datetime import date, datetime
from typing import Annotated

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, Field

from api.context import Acting, Context, Looking
from api.problems import refusals
from api.shapes import Limit, Shown, in_yuan, since_of
from lending.money import yuan
from models import keys
from models.months import Month
from services import chart
from services.bookkeeping import MonthState, months, postings_of, trial_balance_on
from services.chart import LedgerRules
from services.periods import close_period
from services.reports import TrialBalanceLine

router = APIRouter(prefix="/ledger", tags=["ledger"], responses=refusals(403))

MonthName = Annotated[str, Path(pattern=r"^[0-9]{4}-(0[1-9]|1[0-2])$", description="YYYY-MM", examples=["2026-01"])]
AccountCode = Annotated[str, Query(pattern=r"^[0-9]{1,8}$", description="its code in the chart of accounts")]
LastSeen = Annotated[str | None, Query(pattern=keys.ID_PATTERN, description="`next` of the page before")]


class AccountLine(BaseModel):
    """One account: all that was debited and credited to it, and its balance on one of the two sides."""

    code: str
    name_en: str
    name_zh: str
    kind: str = Field(description="asset, liability, equity, income, expense or memorandum")
    parent: str | None
    debited: str
    credited: str
    debit_balance: str
    credit_balance: str


class TrialBalanceView(Shown):
    """Every account that was ever moved, as booked to the end of a day. The two totals are equal."""

    on: date
    lines: list[AccountLine]
    debit_balances: str
    credit_balances: str


class LedgerPosting(BaseModel):
    """One amount moved from the credited to the debited account.

    It counts from `value_date` and stands in the accounts of the month of `booking_date`.
    """

    id: str
    entry: str
    loan: str | None
    debit: str
    credit: str
    amount: str
    about: str
    value_date: date
    booking_date: date
    booked_at: datetime


class PostingsPage(Shown):
    """Postings of an account, the newest first; `next` is the `after` of the following page, null on the last."""

    account: str
    items: list[LedgerPosting]
    next: str | None


class MonthView(BaseModel):
    """A month of the accounts, with what its end came to over all loans."""

    month: str
    ended_at: datetime | None = Field(description="when its end was posted for every loan; null before")
    closed_at: datetime | None
    closed_by: str | None
    can_be_closed: bool = Field(description="nothing is missing but finance's word")
    vat: str = Field(description="tax that became payable by what was booked in the month")
    loans: int
    non_accrual: int = Field(description="loans whose interest is no income")
    accrued: str = Field(description="earned and not due yet, turned around on the first of the next month")
    suspended: str = Field(description="income of bad loans that is taken back until it is paid")
    memorandum: str = Field(description="all interest and penalty that bad loans owe")
    provision: str


class MonthsView(Shown):
    """The months since the first booking, the newest first."""

    items: list[MonthView]


class RulesAdded(BaseModel):
    """How many versions were added."""

    added: int


@router.get("/trial-balance")
def show_trial_balance(
    actor: Acting,
    look: Looking,
    on: Annotated[date | None, Query(description="booked to the end of this day; today if left out")] = None,
) -> TrialBalanceView:
    """Every account's balance by booking dates: that of a closed month never changes."""
    with look() as work:
        found = trial_balance_on(work, actor, on or work.today)
    return TrialBalanceView(
        on=found.as_of,
        lines=[_account(line) for line in found.lines],
        debit_balances=yuan(found.debit_balances),
        credit_balances=yuan(found.credit_balances),
    )


@router.get("/postings", responses=refusals(404))
def list_postings(
    account: AccountCode,
    actor: Acting,
    look: Looking,
    first: Annotated[date | None, Query(alias="from", description="a month before `to` if left out")] = None,
    last: Annotated[date | None, Query(alias="to", description="today if left out")] = None,
    after: LastSeen = None,
    limit: Limit = 50,
) -> PostingsPage:
    """What was moved to and from an account, by booking dates."""
    with look() as work:
        until = last or work.today
        found = postings_of(work, actor, account, since_of(first, until), until, after=after, limit=limit)
        items = [LedgerPosting.model_validate(in_yuan(posting.model_dump())) for posting in found]
    return PostingsPage(account=account, items=items, next=items[-1].id if len(items) == limit else None)


@router.get("/months")
def list_months(actor: Acting, look: Looking) -> MonthsView:
    """How far each month is: ended for every loan, closed, or still open."""
    with look() as work:
        return MonthsView(items=[_month(one) for one in months(work, actor)])


@router.post("/months/{month}/close", responses=refusals(404, 409))
def close_month(month: MonthName, actor: Acting, context: Context) -> MonthView:
    """Finance closes a month that is over. A closed month is never opened again: what comes late is booked after it."""
    with context.books.begin() as work:
        close_period(work, actor, month)
        return _month(months(work, actor, Month.parse(month))[-1])


@router.post("/rules")
def add_rules(rules: LedgerRules, actor: Acting, context: Context) -> RulesAdded:
    """Finance adds versions of accounts, tax rates, provision rates and the non-accrual rule, from a day to come on."""
    with context.books.begin() as work:
        return RulesAdded(added=chart.revise(work, actor, rules))


def _account(line: TrialBalanceLine) -> AccountLine:
    return AccountLine(
        code=line.code,
        name_en=line.name_en,
        name_zh=line.name_zh,
        kind=line.kind,
        parent=line.parent,
        debited=yuan(line.debited),
        credited=yuan(line.credited),
        debit_balance=yuan(line.debit_balance),
        credit_balance=yuan(line.credit_balance),
    )


def _month(state: MonthState) -> MonthView:
    figures = state.figures
    return MonthView(
        month=str(state.month),
        ended_at=state.ended.completed_at if state.ended else None,
        closed_at=state.closed.closed_at if state.closed else None,
        closed_by=state.closed.closed_by if state.closed else None,
        can_be_closed=state.can_be_closed,
        vat=yuan(state.vat_fen),
        loans=figures.loans,
        non_accrual=figures.non_accrual,
        accrued=yuan(figures.accrued_fen),
        suspended=yuan(figures.suspended_fen),
        memorandum=yuan(figures.memorandum_fen),
        provision=yuan(figures.provision_fen),
    )
