"""The ledger for people: trial balance, months and their closing, postings. For finance, risk and auditors."""

from datetime import date, timedelta
from typing import Annotated

from fastapi import APIRouter, Path, Query, Request, Response

from models.keys import ID_PATTERN
from services.bookkeeping import months, postings_of, trial_balance_on
from services.periods import close_period
from services.permissions import Action, allows
from web import pages
from web.addresses import on_day, query
from web.context import in_books
from web.funds import account_names
from web.refusals import showing
from web.session import posted
from web.visit import StaffVisit

router = APIRouter()

PAGE = 50
DAYS_LISTED = 30

Day = Annotated[str, Query(max_length=10)]
MonthName = Annotated[str, Path(pattern=r"^[0-9]{4}-(0[1-9]|1[0-2])$")]
AccountCode = Annotated[str, Path(pattern=r"^[0-9]{1,8}$")]
LastSeen = Annotated[str | None, Query(pattern=ID_PATTERN)]


@router.get("/ledger", name="ledger")
def ledger(request: Request, visit: StaffVisit, on: Day = "") -> Response:
    """The trial balance at the end of a day, today unless another is asked for, and how far each month is."""
    with showing(request, visit) as work:
        return pages.show(
            request,
            visit,
            "ledger.html",
            balance=trial_balance_on(work, visit.person, on_day(on) or work.today),
            months=months(work, visit.person),
            staff=work.staff.names(),
            closes=allows(visit.person, Action.CLOSE_MONTHS),
        )


@router.get("/ledger/accounts/{code}", name="ledger_account")
def ledger_account(
    request: Request,
    visit: StaffVisit,
    code: AccountCode,
    first: Annotated[str, Query(alias="from", max_length=10)] = "",
    last: Annotated[str, Query(alias="to", max_length=10)] = "",
    after: LastSeen = None,
) -> Response:
    """The postings of an account by booking dates, the newest first; of the last month unless a period is asked for."""
    with showing(request, visit) as work:
        until = on_day(last) or work.today
        since = on_day(first) or max(until, date.min + timedelta(days=DAYS_LISTED)) - timedelta(days=DAYS_LISTED)
        found = postings_of(work, visit.person, code, since, until, after=after, limit=PAGE + 1)
        asked = {"from": since.isoformat(), "to": until.isoformat()}
        return pages.show(
            request,
            visit,
            "ledger_account.html",
            code=code,
            postings=found[:PAGE],
            first=since,
            last=until,
            names=account_names(work, visit.language),
            is_first=after is None,
            first_page=query(asked),
            next_page=query(asked | {"after": found[PAGE - 1].id}) if len(found) > PAGE else None,
        )


@router.post("/ledger/months/{month}/close", name="close_month")
async def close_month(request: Request, visit: StaffVisit, month: MonthName) -> Response:
    """Finance closes a month for good."""
    await posted(request, visit.session)
    await in_books(request, lambda work: close_period(work, visit.person, month))
    return pages.go(request, "/ledger")
