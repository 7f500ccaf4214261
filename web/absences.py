"""Who is away: the list, entering an absence and calling one off."""

import asyncio
from collections.abc import Iterable, Mapping

from fastapi import APIRouter, Request, Response

from books.session import UnitOfWork
from lending.errors import LendingError
from services import absences
from services.absences import InvalidAbsence
from services.permissions import MAY_DECIDE, Action, require
from web import pages, refusals
from web.addresses import Id, on_day
from web.context import in_books
from web.language import marked
from web.refusals import showing
from web.session import posted
from web.visit import StaffVisit, Visit

router = APIRouter()

PROBLEMS = {
    "who": marked("Choose one of these."),
    "deputy": marked("Choose a colleague of the same role or above, other than who is away."),
    "from": marked("A day. Nobody is away twice at once: call the other absence off first."),
    "to": marked("Not before the first day, not over, and at most a year after it."),
    "reason": marked("Write a sentence of at most 500 characters."),
}
"""What a person reads at a field that was refused."""


@router.get("/absences", name="absences")
def absences_page(request: Request, visit: StaffVisit) -> Response:
    """Who is away now or will be, and a form for another absence."""
    return _page(request, visit, {})


@router.post("/absences", name="enter_absence")
async def enter(request: Request, visit: StaffVisit) -> Response:
    """Enters an absence."""
    fields = await posted(request, visit.session)

    def change(work: UnitOfWork) -> None:
        first, last = on_day(fields.get("from", "")), on_day(fields.get("to", ""))
        if first is None or last is None:
            missing = {name: "" for name, day in (("from", first), ("to", last)) if day is None}
            raise InvalidAbsence("the absence is not complete", fields=missing)
        who, deputy = fields.get("who") or visit.person.id, fields.get("deputy", "")
        absences.enter(work, visit.person, who, deputy, first, last, fields.get("reason", ""))

    try:
        await in_books(request, change)
    except LendingError as error:
        why = await refusals.told(request, visit, error)
        return await asyncio.to_thread(_page, request, visit, fields, error.fields, why, error.http_status)
    return pages.go(request, "/absences")


@router.post("/absences/{absence}/call-off", name="call_off_absence")
async def call_off(request: Request, visit: StaffVisit, absence: Id) -> Response:
    """Ends an absence before its time."""
    await posted(request, visit.session)
    await in_books(request, lambda work: absences.call_off(work, visit.person, absence))
    return pages.go(request, "/absences")


def _page(
    request: Request,
    visit: Visit,
    entered: Mapping[str, str],
    wrong: Iterable[str] = (),
    refused: str | None = None,
    status: int = 200,
) -> Response:
    require(visit.person, Action.SEE_ABSENCES)
    with showing(request, visit) as work:
        staff = {person.id: person for person in work.staff.all()}
        known = work.absences.from_day(work.today)
    holders = [one for one in staff.values() if one.active and one.role in MAY_DECIDE]
    # Whose absence this person may enter, himself first, and who may stand in for any of them.
    below = [one for one in holders if absences.is_above(visit.person, one)]
    roles = {role for one in below for role in MAY_DECIDE[one.role]}
    problems = {name: visit.language.say(PROBLEMS[name]) for name in wrong if name in PROBLEMS}
    return pages.show(
        request,
        visit,
        "absences.html",
        status,
        known=[(one, absences.is_above(visit.person, staff[one.staff_id])) for one in known],
        names={person.id: person.name for person in staff.values()},
        below=sorted(below, key=lambda one: (one.id != visit.person.id, one.role, one.id)),
        deputies=[one for one in holders if one.role in roles],
        entered=entered,
        problems=problems,
        refused=None if problems else refused,
    )
