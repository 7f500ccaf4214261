"""Who is away: the list, entering an absence and calling one off."""

import asyncio
from collections.abc import Mapping
from typing import Any

from fastapi import APIRouter, Request, Response

from lending.errors import LendingError
from models.staff import Staff
from services import absences
from services.absences import InvalidAbsence
from services.permissions import MAY_DECIDE
from web import labels, pages, refusals
from web.addresses import TaskId, on_day
from web.context import WebContext
from web.language import marked
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
    return _page(request, visit, {}, {}, None)


@router.post("/absences", name="enter_absence")
async def enter(request: Request, visit: StaffVisit) -> Response:
    """Enters an absence."""
    fields = await posted(request, visit.session)
    context: WebContext = request.app.state.context

    def change() -> None:
        first, last = on_day(fields.get("from", "")), on_day(fields.get("to", ""))
        if first is None or last is None:
            missing = {name: "" for name, day in (("from", first), ("to", last)) if day is None}
            raise InvalidAbsence("the absence is not complete", fields=missing)
        with context.books.begin() as work:
            who, deputy = fields.get("who") or visit.person.id, fields.get("deputy", "")
            absences.enter(work, visit.person, who, deputy, first, last, fields.get("reason", ""))

    try:
        await asyncio.to_thread(change)
    except LendingError as error:
        await asyncio.to_thread(refusals.note, request, visit, error)
        return await asyncio.to_thread(_page, request, visit, fields, error.fields, error, error.http_status)
    return pages.go(request, "/absences")


@router.post("/absences/{absence}/call-off", name="call_off_absence")
async def call_off(request: Request, visit: StaffVisit, absence: TaskId) -> Response:
    """Ends an absence before its time."""
    await posted(request, visit.session)
    context: WebContext = request.app.state.context

    def change() -> None:
        with context.books.begin() as work:
            absences.call_off(work, visit.person, absence)

    await asyncio.to_thread(change)
    return pages.go(request, "/absences")


def _page(
    request: Request,
    visit: Visit,
    entered: Mapping[str, str],
    wrong: Mapping[str, str],
    error: LendingError | None,
    status: int = 200,
) -> Response:
    context: WebContext = request.app.state.context
    absences.check_may_see(visit.person)
    with context.books.read() as work:
        staff = {person.id: person for person in work.staff.all()}
        known = work.absences.from_day(work.today)
        values: dict[str, Any] = {
            "known": [(one, absences.is_above(visit.person, staff[one.staff_id])) for one in known],
            "names": {person.id: person.name for person in staff.values()},
            "below": _below(staff, visit),
            "deputies": _deputies(staff, visit),
            "entered": entered,
            "problems": {name: visit.language.say(PROBLEMS[name]) for name in wrong if name in PROBLEMS},
            "refused": None,
        }
    if error is not None and not values["problems"]:
        values["refused"] = labels.refusal(error.code, str(error), visit.language)
    return pages.show(request, visit, "absences.html", status, **values)


def _below(staff: Mapping[str, Staff], visit: Visit) -> list[Staff]:
    """Whose absence this person may enter, himself first."""
    found = [one for one in staff.values() if one.active and one.role in MAY_DECIDE]
    mine = [one for one in found if absences.is_above(visit.person, one)]
    return sorted(mine, key=lambda one: (one.id != visit.person.id, one.role, one.id))


def _deputies(staff: Mapping[str, Staff], visit: Visit) -> list[Staff]:
    """Who may stand in for any of them."""
    roles = {role for one in _below(staff, visit) for role in MAY_DECIDE[one.role]}
    return [one for one in staff.values() if one.active and one.role in roles]
