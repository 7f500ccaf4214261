"""The audit log for auditors: search, one entry with its seal, and how the chain stands."""

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response

from books.audit import EntryFilter
from lending.calendar import SHANGHAI
from models.keys import ID_PATTERN, LOAN_PATTERN
from models.staff import Role
from services import audit_search
from services.proving import standing
from web import pages
from web.addresses import Id, on_day, query
from web.context import WebContext, in_books
from web.files import csv_file
from web.refusals import showing
from web.visit import StaffVisit

router = APIRouter()

PAGE = 50
ACTOR = re.compile(r"[!-~]{1,64}")
ACT = re.compile(r"[a-z][a-z0-9_]{0,47}")
OUTCOMES = {"done": False, "refused": True}

Text = Annotated[str, Query(max_length=64)]
Day = Annotated[str, Query(max_length=10)]
LastSeen = Annotated[str | None, Query(pattern=ID_PATTERN)]


@dataclass(frozen=True)
class Asked:
    """What stands in the address; what is no filter is left out."""

    since: Annotated[str, Query(alias="from", max_length=10)] = ""
    until: Annotated[str, Query(alias="to", max_length=10)] = ""
    actor: Text = ""
    role: Text = ""
    act: Text = ""
    loan: Text = ""
    outcome: Text = ""

    def wanted(self) -> EntryFilter:
        """What it asks for; days are those in Shanghai, the last one included."""
        last = on_day(self.until)
        return EntryFilter(
            _begins(on_day(self.since)),
            _begins(last + timedelta(days=1)) if last and last < date.max else None,
            self.actor.strip() if ACTOR.fullmatch(self.actor.strip()) else None,
            self.role if self.role in set(Role) else None,
            self.act.strip() if ACT.fullmatch(self.act.strip()) else None,
            self.loan.strip() if re.fullmatch(LOAN_PATTERN, self.loan.strip()) else None,
            OUTCOMES.get(self.outcome),
        )

    def values(self) -> dict[str, str]:
        """As they stand in an address."""
        given = dict(vars(self))
        return {"from": given.pop("since"), "to": given.pop("until"), **given}


Filter = Annotated[Asked, Depends()]


@router.get("/audit", name="audit")
def audit(request: Request, visit: StaffVisit, asked: Filter, after: LastSeen = None) -> Response:
    """The newest entries that are asked for, and how the chain stands."""
    with showing(request, visit) as work:
        found = audit_search.entries(work, visit.person, asked.wanted(), after, PAGE + 1)
        return pages.show(
            request,
            visit,
            "audit.html",
            found=found[:PAGE],
            asked=asked.values(),
            roles=list(Role),
            outcomes=list(OUTCOMES),
            chain=audit_search.chain(work, visit.person),
            proof=standing(work),
            staff=work.staff.names(),
            is_first=after is None,
            first_page=query(asked.values()),
            next_page=query(asked.values() | {"after": found[PAGE - 1].entry.id}) if len(found) > PAGE else None,
        )


@router.get("/audit.csv", name="audit_file")
async def audit_file(request: Request, visit: StaffVisit, asked: Filter) -> Response:
    """All entries that are asked for as a file; that they were taken out is an entry itself."""
    context: WebContext = request.app.state.context
    wanted = asked.wanted()
    await in_books(request, lambda work: audit_search.begin_export(work, visit.person, wanted))
    return csv_file("audit", audit_search.csv_lines(context.books, visit.person, wanted))


@router.get("/audit/{id}", name="audit_entry")
def audit_entry(request: Request, visit: StaffVisit, id: Id) -> Response:
    """One entry, with its place in its seal."""
    with showing(request, visit) as work:
        found = audit_search.entry(work, visit.person, id)
        return pages.show(request, visit, "audit_entry.html", found=found, staff=work.staff.names())


def _begins(day: date | None) -> datetime | None:
    # The first of all days begins before any instant that a clock of ours can tell.
    if day is None or day == date.min:
        return None
    return datetime(day.year, day.month, day.day, tzinfo=SHANGHAI).astimezone(UTC)
