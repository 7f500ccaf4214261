"""Several simple cases approved at once: marked in the inbox, listed for confirmation, and what became of each."""

import asyncio
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter, Request, Response

from books.errors import UnknownTask
from books.session import UnitOfWork
from engine.bulk_decisions import Decided, approve_all
from lending.errors import LendingError
from models.keys import ID_PATTERN, new_id
from models.messages import DecisionOrder
from models.tasks import Outcome
from services import bulk_decisions
from services.audit import sender_of
from services.bulk_decisions import MOST_AT_ONCE
from services.errors import InvalidDecision
from web import labels, pages
from web.context import WebContext
from web.decision import DecisionForm, read_note
from web.inbox import TaskRow, rows_for
from web.refusals import showing
from web.session import posted
from web.visit import StaffVisit, Visit

router = APIRouter()

MARK = "task_"
"""How the fields of marked tasks begin; the task's id follows."""


@dataclass(frozen=True)
class Marked:
    """A marked task, and why it cannot be approved together with others; None where it can."""

    row: TaskRow
    why_not: str | None


@router.get("/inbox/together", name="together")
def confirmation(request: Request, visit: StaffVisit) -> Response:
    """Lists what was marked: what will be approved, and what has to be decided on its own."""
    return _page(request, visit, _marked(request.query_params), DecisionForm())


@router.post("/inbox/together", name="approve_together")
async def approve(request: Request, visit: StaffVisit) -> Response:
    """Approves what was confirmed and tells what became of each."""
    fields = await posted(request, visit.session)
    context: WebContext = request.app.state.context
    tasks, form = _marked(fields), DecisionForm.from_fields(fields)
    try:
        reason = read_note(form)
        if not 0 < len(tasks) <= MOST_AT_ONCE:
            raise InvalidDecision("none is marked, or too many are")
    except InvalidDecision as error:
        return await asyncio.to_thread(_page, request, visit, tasks, form, error)
    found = await approve_all(
        context.books, context.commands, visit.person, sender_of(visit.person), tasks, reason, form.given_id
    )
    return await asyncio.to_thread(_result, request, visit, found)


def _marked(names: Iterable[str]) -> list[str]:
    found = (name.removeprefix(MARK) for name in names if name.startswith(MARK))
    return [task for task in found if re.fullmatch(ID_PATTERN, task)]


def _rows(work: UnitOfWork, visit: Visit, tasks: Iterable[str]) -> list[TaskRow]:
    seen = []
    for task_id in tasks:
        try:
            seen.append(work.tasks.seen_by(visit.person, task_id))
        except UnknownTask:
            continue
    return rows_for(work, visit.person, seen)


def _page(
    request: Request, visit: Visit, tasks: list[str], form: DecisionForm, error: InvalidDecision | None = None
) -> Response:
    with showing(request, visit) as work:
        found = [Marked(row, _why_not(work, visit, row)) for row in _rows(work, visit, tasks[: 2 * MOST_AT_ONCE])]
    values: dict[str, Any] = {
        "found": [one for one in found if one.why_not is None],
        "others": [one for one in found if one.why_not is not None],
        "reason": form.reason,
        "command_id": form.given_id,
        "is_wrong": error is not None,
        "most": MOST_AT_ONCE,
        "mark": MARK,
    }
    return pages.show(request, visit, "together.html", error.http_status if error else 200, **values)


def _why_not(work: UnitOfWork, visit: Visit, row: TaskRow) -> str | None:
    person = visit.person
    order = DecisionOrder(
        task_id=row.task.id, outcome=Outcome.APPROVE, reason="?", sender=sender_of(person), command_id=new_id()
    )
    try:
        bulk_decisions.check(work, person, row.task, order)
    except LendingError as error:
        return labels.refusal(error, visit.language)
    return None


def _result(request: Request, visit: Visit, found: list[Decided]) -> Response:
    with showing(request, visit) as work:
        rows = {row.task.id: row for row in _rows(work, visit, [one.task_id for one in found])}
    told = [
        (
            rows[one.task_id],
            labels.refusal(one.refusal, visit.language) if one.refusal else None,
        )
        for one in found
        if one.task_id in rows
    ]
    approved = sum(refusal is None for _, refusal in told)
    return pages.show(request, visit, "together_done.html", told=told, approved=approved)
