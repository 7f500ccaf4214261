"""The first page after the sign-in, by role."""

from fastapi import APIRouter, Request, Response

from models.loans import CLOSED, Stage
from web import pages
from web.errors import PageNotFound
from web.inbox import rows_for
from web.refusals import showing
from web.visit import AnyVisit

router = APIRouter()

SHOWN_TASKS = 6
RUNNING = tuple(stage for stage in Stage if stage not in CLOSED)
ENDED = tuple(stage for stage in Stage if stage in CLOSED)


@router.get("/", name="home")
def home(request: Request, visit: AnyVisit) -> Response:
    """What waits for a member of staff and where the loans stand; a borrower goes straight to his loan."""
    if visit.person.customer_id is not None:
        return pages.go(request, "/my")
    if not visit.is_staff:
        raise PageNotFound
    with showing(request, visit) as work:
        counts = work.loans.by_stage(visit.person)
        tasks = work.tasks.page(visit.person, mine=True, limit=SHOWN_TASKS)
        overdue = work.loans.page(visit.person, overdue=True, limit=SHOWN_TASKS)
        rows = rows_for(work, visit.person, tasks)
        away = visit.person.stands_in_for
        names = work.staff.names() if away else {}
        return pages.show(
            request,
            visit,
            "home.html",
            stands_in_for=[names.get(person, person) for person in away],
            reminded=any(row.is_reminded for row in rows),
            counts=counts,
            running=RUNNING,
            ended=ENDED,
            rows=rows,
            overdue=overdue,
        )
