"""Early warnings: the loans that are getting worse, why, and what to do next."""

import re
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request, Response

from books.behaviour import WarningFilter
from books.session import UnitOfWork
from models.behaviour import Urgency
from services.early_warnings import (
    URGENCIES,
    csv_lines,
    early_warnings,
    how_good,
    newest_month,
    place_of,
    spelled,
)
from services.products import catalogue
from web import formats, pages
from web.context import WebContext
from web.visit import StaffVisit, Visit

router = APIRouter()

PAGE = 25
MONTH = re.compile(r"[0-9]{4}-(0[1-9]|1[0-2])")
BAND = re.compile(r"[A-Z][A-Z0-9]?")

Text = Annotated[str, Query(max_length=40)]


@router.get("/warnings", name="warnings")
def warnings(
    request: Request,
    visit: StaffVisit,
    month: Text = "",
    product: Text = "",
    urgency: Text = "",
    band: Text = "",
    after: Text = "",
) -> Response:
    """The list of a month, and how good past warnings were. What is no filter is left out."""
    context: WebContext = request.app.state.context
    with context.books.read() as work:
        wanted = _wanted(work, visit, month, product, urgency, band)
        place = place_of(after)
        found = early_warnings(work, visit.person, wanted, place, PAGE + 1) if wanted else []
        shown = found[:PAGE]
        names = work.customers.names(one.loan.customer_id for one in shown)
        asked = {
            "month": wanted.month if wanted else "",
            "product": (wanted.product or "") if wanted else "",
            "urgency": URGENCIES.get(wanted.urgency or 0, "") if wanted else "",
            "band": (wanted.band or "") if wanted else "",
        }
        following = {**asked, "after": spelled(shown[-1].place)} if len(found) > PAGE else None
        return pages.show(
            request,
            visit,
            "warnings.html",
            warnings=shown,
            names=names,
            asked=asked,
            products=catalogue().products,
            urgencies=list(URGENCIES.values()),
            is_first=place is None,
            first_page=_query(asked),
            next_page=_query(following) if following else None,
            foresight=how_good(work, visit.person),
            share=lambda basis_points: formats.percent(str(basis_points / 100), visit.language),
        )


@router.get("/warnings.csv", name="warnings_file")
def warnings_file(
    request: Request,
    visit: StaffVisit,
    month: Text = "",
    product: Text = "",
    urgency: Text = "",
    band: Text = "",
) -> Response:
    """The whole list as a file, in the visitor's language."""
    context: WebContext = request.app.state.context
    with context.books.read() as work:
        wanted = _wanted(work, visit, month, product, urgency, band) or WarningFilter("")
        text = "".join(csv_lines(work, visit.person, wanted, visit.language.code))
    headers = {"Content-Disposition": f'attachment; filename="warnings-{wanted.month or "none"}.csv"'}
    # Spreadsheets take a file without this mark for another encoding than the Chinese in it has.
    return Response("\ufeff" + text, media_type="text/csv; charset=utf-8", headers=headers)


def _wanted(work: UnitOfWork, visit: Visit, month: str, product: str, urgency: str, band: str) -> WarningFilter | None:
    newest = newest_month(work, visit.person)
    asked = month if MONTH.fullmatch(month) else newest
    if asked is None:
        return None
    wanted = {name: number for number, name in URGENCIES.items()}
    return WarningFilter(
        asked,
        product if product in catalogue().codes() else None,
        Urgency(wanted[urgency]) if urgency in wanted else None,
        band if BAND.fullmatch(band) else None,
    )


def _query(asked: dict[str, str]) -> str:
    text = urlencode({name: value for name, value in asked.items() if value})
    return f"?{text}" if text else ""
