"""The life of a loan for auditors: what history, books and bank have of it side by side, replayed and taken along."""

import asyncio
from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response

from engine.bundles import export_loan
from engine.histories import Histories
from engine.replaying import Replays
from engine.stories import FoundRuns, check_may_read, find_runs
from lending.errors import LendingError
from services.loan_audit import look
from services.timeline_days import DayToCome
from web import labels, pages, refusals
from web.addresses import Number, on_day, query
from web.context import WebContext
from web.funds import account_names
from web.language import marked
from web.refusals import showing
from web.session import posted
from web.visit import StaffVisit, Visit

router = APIRouter(prefix="/audit/loans/{number}")

PAGE = 50
LAST_LINE = 1_000_000
SAID = {"replayed": marked("Every run was executed again by today's code; the verdicts stand beside the runs.")}
"""What the page says after an act."""


@dataclass(frozen=True)
class Asked:
    """What stands in the address: the day that is asked for, after how many lines the page begins, what was done."""

    as_of: Annotated[str, Query(max_length=10)] = ""
    after: Annotated[int, Query(ge=0, le=LAST_LINE)] = 0
    said: Annotated[str, Query(max_length=20)] = ""


@router.get("", name="loan_audit")
async def loan_audit(
    request: Request, visit: StaffVisit, number: Number, asked: Annotated[Asked, Depends()]
) -> Response:
    """The runs of a loan, what does not fit, its story in pages, and how it stood at the end of a day."""
    return await _page(request, visit, number, asked)


async def _page(
    request: Request, visit: Visit, number: str, asked: Asked, error: LendingError | None = None
) -> Response:
    """The page; with an error also what was refused on it."""
    context: WebContext = request.app.state.context
    await asyncio.to_thread(check_may_read, context.books, visit.person, number)
    found = await find_runs(context.books, Histories(context.commands.client), number)
    problem = await refusals.told(request, visit, error) if error is not None else None
    status = error.http_status if error is not None else 200
    return await asyncio.to_thread(_shown, request, visit, number, found, asked, status, problem)


def _shown(
    request: Request, visit: Visit, number: str, found: FoundRuns, asked: Asked, status: int, problem: str | None
) -> Response:
    day, day_problem = on_day(asked.as_of), None
    with showing(request, visit, of_one_moment=True) as work:
        if day is not None and day > work.today:
            refused = DayToCome(day)
            day, status, day_problem = None, refused.http_status, labels.refusal(refused, visit.language)
        seen = look(
            work,
            number,
            found.runs,
            engine_answered=found.engine_answered,
            as_of=day,
            after=asked.after,
            limit=PAGE,
        )
        here = {"as_of": str(day or "")}
        return pages.show(
            request,
            visit,
            "loan_audit.html",
            status,
            number=number,
            seen=seen,
            asked_day=asked.as_of,
            problem=problem,
            day_problem=day_problem,
            done=visit.language.say(SAID[asked.said]) if asked.said in SAID else "",
            staff=work.staff.names(),
            accounts=account_names(work, visit.language),
            first_page=query(here),
            page_before=query(here | {"after": str(max(asked.after - PAGE, 0) or "")}),
            next_page=query(here | {"after": str(seen.next)}) if seen.next is not None else None,
        )


@router.post("/replay", name="replay_loan")
async def replay_loan(request: Request, visit: StaffVisit, number: Number) -> Response:
    """Executes every run again by today's code, apart from all else; the verdicts are kept."""
    await posted(request, visit.session)
    replays: Replays = request.app.state.replays
    try:
        await replays.replay(visit.person, number)
    except LendingError as error:
        return await _page(request, visit, number, Asked(), error)
    return pages.go(request, f"/audit/loans/{number}?said=replayed")


@router.post("/bundle", name="export_loan")
async def export_bundle(request: Request, visit: StaffVisit, number: Number) -> Response:
    """The signed evidence of the loan as a file; that it was taken out is on record."""
    await posted(request, visit.session)
    context: WebContext = request.app.state.context
    try:
        bundle = await export_loan(context.books, Histories(context.commands.client), visit.person, number)
    except LendingError as error:
        return await _page(request, visit, number, Asked(), error)
    headers = {"Content-Disposition": f'attachment; filename="{number}.zip"'}
    return Response(bundle, media_type="application/zip", headers=headers)
