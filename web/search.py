"""Search by name or number, and one masked value in full."""

import asyncio
import re
import unicodedata

from fastapi import APIRouter, Request, Response

from books.session import UnitOfWork
from lending.errors import LendingError
from models.keys import ID_PATTERN, LOAN_PATTERN
from services.reveals import ASKS_FOR, Revealed, reveal
from services.search import Found, search
from services.search_words import LONGEST_QUERY
from web import pages, refusals
from web.addresses import Number
from web.context import in_books
from web.errors import PageNotFound
from web.refusals import showing
from web.session import posted
from web.visit import StaffVisit, Visit

router = APIRouter()


@router.post("/loans/search", name="search_loans")
async def search_loans(request: Request, visit: StaffVisit) -> Response:
    """Loans by who borrows, and the page of a loan by its number.

    What was typed of a person stands in no address, so in no log and no history of a browser.
    """
    fields = await posted(request, visit.session)
    typed, after = fields.get("query", "")[:LONGEST_QUERY], fields.get("after", "")
    after = after if re.fullmatch(ID_PATTERN, after) else ""
    found: Found | None = None
    refused, status = None, 200
    try:
        if number := _number(typed):
            await in_books(request, lambda work: work.loans.seen_by(visit.person, number))
            return pages.go(request, f"/loans/{number}")
        found = await asyncio.to_thread(_found, request, visit, typed, after)
    except LendingError as error:
        if error.http_status not in (404, 422, 429):
            raise
        refused, status = await refusals.told(request, visit, error), error.http_status
    names = {one.id: one for one in found.customers} if found else {}
    return pages.show(request, visit, "search.html", status, typed=typed, found=found, customers=names, refused=refused)


def _found(request: Request, visit: Visit, typed: str, after: str) -> Found:
    with showing(request, visit, recorded=True) as work:
        return search(work, visit.person, typed, after)


def _number(typed: str) -> str | None:
    """The number of a loan, if it is one that was typed: case, blanks and full-width signs do not matter."""
    plain = re.sub(r"\s", "", unicodedata.normalize("NFKC", typed)).upper()
    return plain if re.fullmatch(LOAN_PATTERN, plain) else None


@router.post("/loans/{number}/reveals", name="reveal_value")
async def reveal_value(request: Request, visit: StaffVisit, number: Number) -> Response:
    """One masked value of the borrower in full, for this once."""
    fields = await posted(request, visit.session)
    if fields.get("field") not in list(Revealed):
        raise PageNotFound
    field, reason = Revealed(fields["field"]), fields.get("reason", "")

    def shown(work: UnitOfWork) -> str:
        return reveal(work, visit.person, work.loans.seen_by(visit.person, number), field, reason)

    value, refused, status = None, None, 200
    try:
        value = await in_books(request, shown)
    except LendingError as error:
        if error.http_status not in (422, 429):
            raise
        refused, status = await refusals.told(request, visit, error), error.http_status
    return pages.show(
        request,
        visit,
        "reveal.html",
        status,
        number=number,
        field=field,
        fields=tuple(ASKS_FOR),
        value=value,
        reason=reason,
        refused=refused,
    )
