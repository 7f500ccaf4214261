"""Deadlines: a reminder the day before, the role above once they are over, and the same day looked at twice is once."""

from datetime import timedelta

import pytest

from models.recurring import DeadlinesOrder, DeadlinesPage
from models.staff import Role
from models.tasks import Task, TaskKind
from services import deadlines, tasks
from tests.services.procedure import AGENT, RISK, Procedure


def look(procedure: Procedure, day: int) -> tuple[int, int]:
    """How many tasks were reminded of and how many went up, so many days on."""
    page = DeadlinesPage(after="")
    reminded = escalated = 0
    while page.after is not None:
        with procedure.at(procedure.day + timedelta(days=day)) as work:
            order = DeadlinesOrder(day=procedure.day + timedelta(days=day), after=page.after)
            page = deadlines.look_at_page(work, order)
        reminded, escalated = reminded + page.reminded, escalated + page.escalated
    return reminded, escalated


def opened(procedure: Procedure, kind: TaskKind, role: Role, loan: str | None = None, days: int = 2) -> str:
    with procedure.at() as work:
        found = work.loans.get(loan) if loan else None
        due_on = procedure.day + timedelta(days=days)
        return tasks.open_task(work, found, kind, role, due_on, "to do").id


def seen(procedure: Procedure, task_id: str) -> Task:
    with procedure.books.read() as work:
        return work.tasks.get(task_id)


@pytest.fixture
def loan(procedure: Procedure) -> str:
    return procedure.running()


def test_people_are_reminded_the_day_before_once(procedure: Procedure, loan: str) -> None:
    task = opened(procedure, TaskKind.OVERDUE, Role.AGENT, loan)
    assert look(procedure, 0) == (0, 0)
    assert look(procedure, 1) == (1, 0)
    assert look(procedure, 1) == look(procedure, 2) == (0, 0)
    assert seen(procedure, task).reminded_for == seen(procedure, task).due_on
    entry = procedure.entries(loan)[-1]
    assert (entry.act, entry.subject) == ("task_reminded", task)


def test_a_task_that_is_due_at_once_is_reminded_of_on_its_day(procedure: Procedure, loan: str) -> None:
    opened(procedure, TaskKind.OVERDUE, Role.AGENT, loan, days=0)
    assert look(procedure, 0) == (1, 0)


def test_a_late_follow_up_goes_up_step_by_step_and_stays_at_the_top(procedure: Procedure, loan: str) -> None:
    task = opened(procedure, TaskKind.OVERDUE, Role.AGENT, loan)
    with procedure.at() as work:
        tasks.claim(work, AGENT, work.tasks.get(task))
    steps = [(3, Role.MANAGER, 1), (6, Role.RISK, 2), (9, Role.RISK, 2)]
    for day, role, escalations in steps:
        look(procedure, day)
        assert look(procedure, day)[1] == 0
        found = seen(procedure, task)
        assert (found.role, found.escalations, found.assignee_id) == (role, escalations, None)
    assert seen(procedure, task).due_on == procedure.day + timedelta(days=8)
    assert [one.act for one in procedure.entries(loan)].count("task_escalated") == 2
    with procedure.books.read() as work:
        assert task in [one.id for one in work.tasks.page(RISK, mine=True)]


def test_what_a_workflow_escalates_or_ends_is_reminded_of_only(procedure: Procedure) -> None:
    loan = procedure.graded()
    assert look(procedure, 1) == (1, 0)
    assert look(procedure, 9) == (0, 0)
    assert procedure.task(loan, TaskKind.APPROVAL).role is Role.MANAGER


def test_finances_late_task_stays_with_finance(procedure: Procedure) -> None:
    task = opened(procedure, TaskKind.UNMATCHED_MONEY, Role.FINANCE)
    assert look(procedure, 9) == (0, 0)
    assert seen(procedure, task).role is Role.FINANCE


def test_a_trouble_stays_where_the_role_above_has_one_of_the_loan(procedure: Procedure, loan: str) -> None:
    below = opened(procedure, TaskKind.TROUBLE, Role.MANAGER, loan)
    opened(procedure, TaskKind.TROUBLE, Role.RISK, loan)
    assert look(procedure, 9) == (0, 0)
    assert seen(procedure, below).role is Role.MANAGER


def test_pages_follow_each_other_without_gap(procedure: Procedure, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deadlines, "PAGE", 2)
    for _ in range(5):
        opened(procedure, TaskKind.UNMATCHED_MONEY, Role.FINANCE)
    assert look(procedure, 1) == (5, 0)
