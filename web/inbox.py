"""The inbox: tasks for me and my role, the most urgent first."""

import hashlib
import re
from dataclasses import dataclass
from datetime import date
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response

from books.session import UnitOfWork
from models.keys import ID_PATTERN
from models.loans import Loan
from models.staff import Actor
from models.tasks import Task, TaskKind
from services.permissions import Action, allows
from services.reveals import shown_name
from web import addresses, pages
from web.refusals import showing
from web.visit import StaffVisit

router = APIRouter()

PAGE = 25

Text = Annotated[str, Query(max_length=80)]


@dataclass(frozen=True)
class TaskRow:
    """A task as a list shows it. `days_left` is negative once it is late, `stands_in` says that an absent colleague
    holds it for whom the visitor acts.
    """

    task: Task
    loan: Loan | None
    borrower: str
    holder: str
    is_mine: bool
    days_left: int
    stands_in: bool = False

    @property
    def is_reminded(self) -> bool:
        """Whether people were reminded of the deadline that the task has now."""
        return self.task.reminded_for == self.task.due_on

    @property
    def urgency(self) -> str:
        """`late`, `today` or `later`."""
        return "late" if self.days_left < 0 else "today" if self.days_left == 0 else "later"


@dataclass(frozen=True)
class Filter:
    """What a person asked to see."""

    everything: bool
    kind: TaskKind | None
    after: tuple[date, str] | None

    def query(self, **changes: object) -> str:
        """The address that asks for the same, with changes."""
        values: dict[str, Any] = {
            "show": "all" if self.everything else "",
            "kind": self.kind or "",
            "after": f"{self.after[0]}_{self.after[1]}" if self.after else "",
        } | changes
        return addresses.query({name: str(value) for name, value in values.items() if value})


def rows_for(work: UnitOfWork, actor: Actor, tasks: list[Task]) -> list[TaskRow]:
    """The tasks with what stands beside them, in three queries however many there are."""
    loans = work.loans.by_number([task.loan for task in tasks if task.loan])
    names = work.customers.names([loan.customer_id for loan in loans.values()])
    staff = work.staff.names() if any(task.assignee_id for task in tasks) else {}
    rows = []
    for task in tasks:
        loan = loans.get(task.loan or "")
        rows.append(
            TaskRow(
                task=task,
                loan=loan,
                borrower=shown_name(actor, names.get(loan.customer_id, "")) if loan else "",
                holder=staff.get(task.assignee_id, task.assignee_id) if task.assignee_id else "",
                is_mine=task.assignee_id == actor.id,
                days_left=(task.due_on - work.today).days,
                stands_in=task.assignee_id in actor.stands_in_for,
            )
        )
    return rows


@router.get("/inbox", name="inbox")
def inbox(request: Request, visit: StaffVisit, show: Text = "", kind: Text = "", after: Text = "") -> Response:
    """The page with the list."""
    return pages.show(request, visit, "inbox.html", kinds=list(TaskKind), **_list(request, visit, show, kind, after))


@router.get("/inbox/rows", name="inbox_rows")
def inbox_rows(
    request: Request, visit: StaffVisit, show: Text = "", kind: Text = "", after: Text = "", seen: Text = ""
) -> Response:
    """The list alone, for the live refresh; nothing if it is as the page has it."""
    values = _list(request, visit, show, kind, after)
    if values["mark"] == seen:
        return Response(status_code=204)
    return pages.show(request, visit, "parts/inbox_rows.html", **values)


def _list(request: Request, visit: StaffVisit, show: str, kind: str, after: str) -> dict[str, Any]:
    wanted = Filter(show == "all", TaskKind(kind) if kind in list(TaskKind) else None, _place(after))
    with showing(request, visit) as work:
        tasks = work.tasks.page(
            visit.person, mine=not wanted.everything, kind=wanted.kind, after=wanted.after, limit=PAGE + 1
        )
        rows = rows_for(work, visit.person, tasks[:PAGE])
    last = tasks[PAGE - 1] if len(tasks) > PAGE else None
    shown = "|".join(f"{row.task.id},{row.holder},{row.task.role},{row.days_left},{row.is_reminded}" for row in rows)
    return {
        "rows": rows,
        "may_approve": allows(visit.person, Action.DECIDE_FOR_MANAGER),
        "filter": wanted,
        "next_page": wanted.query(after=f"{last.due_on}_{last.id}") if last else None,
        "mark": hashlib.sha256(f"{shown}|{bool(last)}".encode()).hexdigest()[:16],
    }


def _place(after: str) -> tuple[date, str] | None:
    day, _, last = after.partition("_")
    try:
        return (date.fromisoformat(day), last) if re.fullmatch(ID_PATTERN, last) else None
    except ValueError:
        return None
