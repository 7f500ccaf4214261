"""The flow of funds, of a business date and of a loan: for finance, risk and auditors."""

from datetime import date, timedelta
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from books.session import UnitOfWork
from services.funds import day_funds, loan_funds, reconciliations
from web import pages
from web.addresses import Number, on_day
from web.language import Language
from web.refusals import showing
from web.visit import StaffVisit

router = APIRouter()

DAYS_LISTED = 30


@router.get("/funds", name="funds")
def funds(request: Request, visit: StaffVisit, on: Annotated[str, Query(max_length=10)] = "") -> Response:
    """A day's flow of funds, yesterday's unless another is asked for, and how the days before it came out."""
    with showing(request, visit) as work:
        day = on_day(on) or work.today - timedelta(days=1)
        shown = day_funds(work, visit.person, day)
        first = max(day, date.min + timedelta(days=DAYS_LISTED)) - timedelta(days=DAYS_LISTED)
        return pages.show(
            request, visit, "funds.html", shown=shown, days=reconciliations(work, visit.person, first, day)
        )


@router.get("/loans/{number}/funds", name="loan_funds")
def funds_of_loan(request: Request, visit: StaffVisit, number: Number) -> Response:
    """Each movement of a loan at the bank, with its references and postings."""
    with showing(request, visit) as work:
        moved = loan_funds(work, visit.person, number)
        accounts = account_names(work, visit.language)
        return pages.show(request, visit, "loan_funds.html", number=number, moved=moved, accounts=accounts)


def account_names(work: UnitOfWork, language: Language) -> dict[str, str]:
    """What the accounts of the ledger are called, by their codes."""
    in_chinese = language.code == "zh"
    return {one.code: one.name_zh if in_chinese else one.name_en for one in work.ledger.accounts(work.today)}
