"""Early warnings: the loans that are getting worse, why, and what to do next."""

import re
from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response

from books.behaviour import WarningFilter
from books.session import UnitOfWork
from models.behaviour import Urgency
from services.early_warnings import (
    URGENCIES,
    begin_export,
    csv_lines,
    early_warnings,
    how_good,
    newest_month,
    place_of,
    spelled,
)
from services.products import catalogue
from web import pages
from web.addresses import query
from web.context import WebContext
from web.files import csv_file
from web.refusals import showing
from web.visit import StaffVisit, Visit

router = APIRouter()

PAGE = 25
MONTH = re.compile(r"[0-9]{4}-(0[1-9]|1[0-2])")
BAND = re.compile(r"[A-Z][A-Z0-9]?")

Text = Annotated[str, Query(max_length=40)]


@dataclass(frozen=True)
class Asked:
    """What stands in the address of the list."""

    month: Text = ""
    product: Text = ""
    urgency: Text = ""
    band: Text = ""

    def wanted(self, work: UnitOfWork, visit: Visit) -> WarningFilter:
        """What it asks for; what is no filter is left out. Without a month it is the newest, "" before the first."""
        numbers = {name: number for number, name in URGENCIES.items()}
        return WarningFilter(
            self.month if MONTH.fullmatch(self.month) else newest_month(work, visit.person) or "",
            self.product if self.product in catalogue().codes() else None,
            Urgency(numbers[self.urgency]) if self.urgency in numbers else None,
            self.band if BAND.fullmatch(self.band) else None,
        )


Filter = Annotated[Asked, Depends()]


@router.get("/warnings", name="warnings")
def warnings(request: Request, visit: StaffVisit, filtered: Filter, after: Text = "") -> Response:
    """The list of a month, and how good past warnings were."""
    with showing(request, visit) as work:
        wanted = filtered.wanted(work, visit)
        place = place_of(after)
        found = early_warnings(work, visit.person, wanted, place, PAGE + 1)
        shown = found[:PAGE]
        names = work.customers.names(one.loan.customer_id for one in shown)
        asked = {
            "month": wanted.month,
            "product": wanted.product or "",
            "urgency": URGENCIES.get(wanted.urgency or 0, ""),
            "band": wanted.band or "",
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
            first_page=query(asked),
            next_page=query(following) if following else None,
            foresight=how_good(work, visit.person),
        )


@router.get("/warnings.csv", name="warnings_file")
def warnings_file(request: Request, visit: StaffVisit, filtered: Filter) -> Response:
    """The whole list as a file, in the visitor's language."""
    context: WebContext = request.app.state.context
    with context.books.begin() as work:
        wanted = filtered.wanted(work, visit)
        begin_export(work, visit.person, wanted)
        # Read before it is sent: whoever loads the file slowly holds no connection.
        pieces = list(csv_lines(work, visit.person, wanted, visit.language.code))
    return csv_file(f"warnings-{wanted.month or 'none'}", pieces)
