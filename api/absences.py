"""Who is away, and who stands in for him."""

from datetime import date
from typing import Annotated

from fastapi import APIRouter, Path
from pydantic import BaseModel, Field

from api.context import Acting, Context, Looking
from api.problems import refusals
from api.shapes import Asked, Words
from models.absences import Absence
from models.keys import ID_PATTERN
from services import absences
from services.permissions import Action, require

router = APIRouter(tags=["absences"])

AbsenceId = Annotated[str, Path(pattern=ID_PATTERN)]
StaffId = Annotated[str, Field(pattern=r"^[!-~]{1,64}$", description="id of a colleague")]


class AbsenceBody(Asked):
    """Who is away from when to when, both included, and who stands in for him; without `who` it is the caller."""

    who: StaffId | None = None
    deputy: StaffId
    from_on: date = Field(alias="from")
    to_on: date = Field(alias="to")
    reason: Words


class AbsenceView(BaseModel):
    """An absence that is not over."""

    id: str
    who: str
    deputy: str
    from_on: date = Field(serialization_alias="from")
    to_on: date = Field(serialization_alias="to")
    reason: str
    entered_by: str


@router.get("/absences", responses=refusals(403))
def list_absences(actor: Acting, look: Looking) -> list[AbsenceView]:
    """Everybody who is away now or will be."""
    with look() as work:
        require(actor, Action.SEE_ABSENCES)
        return [_view(one) for one in work.absences.from_day(work.today)]


@router.post("/absences", status_code=201, responses=refusals(403, 409))
def enter_absence(body: AbsenceBody, actor: Acting, context: Context) -> AbsenceView:
    """Enters an absence: one's own or, by a manager or administrator, that of somebody below."""
    with context.books.begin() as work:
        who = body.who or actor.id
        return _view(absences.enter(work, actor, who, body.deputy, body.from_on, body.to_on, body.reason))


@router.post("/absences/{absence}/call-off", responses=refusals(403, 404))
def call_off_absence(absence: AbsenceId, actor: Acting, context: Context) -> AbsenceView:
    """Ends an absence before its time."""
    with context.books.begin() as work:
        return _view(absences.call_off(work, actor, absence))


def _view(absence: Absence) -> AbsenceView:
    return AbsenceView(
        id=absence.id,
        who=absence.staff_id,
        deputy=absence.deputy_id,
        from_on=absence.from_on,
        to_on=absence.to_on,
        reason=absence.reason,
        entered_by=absence.entered_by,
    )
