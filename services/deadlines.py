"""Deadlines of tasks: people are reminded the day before, and what is late goes to the role above."""

from collections.abc import Iterable
from datetime import date, timedelta

from books.session import UnitOfWork
from models.recurring import DeadlinesOrder, DeadlinesPage
from models.staff import Role
from models.tasks import Task, TaskKind
from services import audit
from services.tasks import hand_up

PAGE = 200
LADDER = {Role.AGENT: Role.MANAGER, Role.MANAGER: Role.RISK}
"""To whom a late task goes; where nobody is above it stays, late and in sight."""
LONGER_DAYS = 2
"""How many days the role above gets."""
WATCHED_BY_WORKFLOWS = frozenset({TaskKind.APPROVAL, TaskKind.COMPLETION, TaskKind.CHANGE})
"""A loan's workflow escalates the first and ends the others when their time is over."""


def look_at_page(work: UnitOfWork, order: DeadlinesOrder) -> DeadlinesPage:
    """Reminds of and escalates the open tasks of the next page that are due until the day after the business date.

    A task is reminded of once for each deadline that it gets, and goes up once for each deadline that passes, so that
    the same day may be looked at any number of times.
    """
    tasks = work.tasks.due_until(order.day + timedelta(days=1), order.after, PAGE)
    reminded = [task for task in tasks if task.due_on >= order.day and task.reminded_for != task.due_on]
    late = [task for task in tasks if task.due_on < order.day and _may_go_up(work, task)]
    for task in reminded:
        _remind(work, task)
    for task in late:
        _escalate(work, task, order.day)
    return DeadlinesPage(
        after=tasks[-1].id if len(tasks) == PAGE else None, reminded=len(reminded), escalated=len(late)
    )


def _may_go_up(work: UnitOfWork, task: Task) -> bool:
    if task.kind in WATCHED_BY_WORKFLOWS or task.role not in LADDER:
        return False
    if task.kind is not TaskKind.TROUBLE or task.loan is None:
        return True
    # Troubles of a loan are one for each role: the role above has one already, and this one stays in sight.
    return LADDER[task.role] not in _roles(work.tasks.open_of(task.loan, TaskKind.TROUBLE))


def _roles(tasks: Iterable[Task]) -> set[Role]:
    return {task.role for task in tasks}


def _remind(work: UnitOfWork, task: Task) -> None:
    task.reminded_for = task.due_on
    work.session.add(task)
    audit.record(
        work,
        audit.SYSTEM,
        "task_reminded",
        loan=task.loan,
        subject=task.id,
        after={"due_on": task.due_on.isoformat(), "role": task.role, "assignee": task.assignee_id},
    )


def _escalate(work: UnitOfWork, task: Task, day: date) -> None:
    before = {"role": task.role, "assignee": task.assignee_id}
    hand_up(work, task, LADDER[task.role], day + timedelta(days=LONGER_DAYS), before=before)
