"""Tasks: in one person's hands at a time, handed on to who may do them, and up when they are late."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

import pytest

from models.messages import BooksOrder
from models.staff import Actor, Role, Staff
from models.tasks import Outcome, Task, TaskKind, TaskStatus
from services import tasks
from services.errors import InvalidDecision, NotAllowed, TaskClosed, TaskTaken
from tests.services.people import add as add_staff
from tests.services.procedure import ADMIN, AGENT, AUDITOR, FINANCE, INTEGRATOR, MANAGER, RISK, Procedure

ANOTHER_MANAGER = Actor("manager-two", Role.MANAGER)


@pytest.fixture
def approval(procedure: Procedure) -> str:
    """An open approval task for managers."""
    with procedure.at() as work:
        for colleague in (ANOTHER_MANAGER.id, "manager-away"):
            row = Staff(
                id=colleague, name="同事", role=Role.MANAGER, key_hash=colleague, active=colleague != "manager-away"
            )
            add_staff(work, row)
    return procedure.task(procedure.graded(), TaskKind.APPROVAL).id


@pytest.fixture
def follow_up(procedure: Procedure) -> str:
    """An open task about money that nobody claims."""
    with procedure.at() as work:
        return tasks.open_task(work, None, TaskKind.UNMATCHED_MONEY, Role.FINANCE, procedure.day, "whose is it").id


def look(procedure: Procedure, task_id: str) -> Task:
    with procedure.books.read() as work:
        return work.tasks.get(task_id)


def claim(procedure: Procedure, task_id: str, actor: Actor) -> None:
    with procedure.at() as work:
        tasks.claim(work, actor, work.tasks.get(task_id))


def release(procedure: Procedure, task_id: str, actor: Actor) -> None:
    with procedure.at() as work:
        tasks.release(work, actor, work.tasks.get(task_id))


def delegate(procedure: Procedure, task_id: str, actor: Actor, to: str) -> None:
    with procedure.at() as work:
        tasks.delegate(work, actor, work.tasks.get(task_id), to)


def finish(procedure: Procedure, task_id: str, actor: Actor, note: str = "called and paid") -> None:
    with procedure.at() as work:
        tasks.finish(work, actor, work.tasks.get(task_id), note)


def close(procedure: Procedure, task_id: str) -> None:
    with procedure.at() as work:
        tasks.close(work, work.tasks.get(task_id))


def test_a_claimed_task_is_in_one_persons_hands(procedure: Procedure, approval: str) -> None:
    claim(procedure, approval, MANAGER)
    claim(procedure, approval, MANAGER)
    assert look(procedure, approval).assignee_id == MANAGER.id
    with pytest.raises(TaskTaken):
        claim(procedure, approval, ANOTHER_MANAGER)


@pytest.mark.parametrize("actor", [AUDITOR, FINANCE, AGENT, ADMIN, INTEGRATOR], ids=lambda actor: actor.role)
def test_nobody_claims_a_task_that_he_could_not_decide(procedure: Procedure, approval: str, actor: Actor) -> None:
    with pytest.raises(NotAllowed):
        claim(procedure, approval, actor)
    assert look(procedure, approval).assignee_id is None


def test_of_two_who_claim_at_the_same_moment_one_gets_the_task(procedure: Procedure, approval: str) -> None:
    start = Barrier(2)

    def try_it(actor: Actor) -> str:
        start.wait(timeout=10)
        try:
            claim(procedure, approval, actor)
        except TaskTaken:
            return "taken"
        return actor.id

    with ThreadPoolExecutor(2) as pool:
        for _ in range(5):
            answers = list(pool.map(try_it, (MANAGER, ANOTHER_MANAGER)))
            assert answers.count("taken") == 1
            (holder,) = {answer for answer in answers if answer != "taken"}
            assert look(procedure, approval).assignee_id == holder
            release(procedure, approval, RISK)


def test_a_task_is_given_back_by_its_holder_or_somebody_above(procedure: Procedure, approval: str) -> None:
    for actor in (MANAGER, RISK, ADMIN):
        claim(procedure, approval, MANAGER)
        release(procedure, approval, actor)
        assert look(procedure, approval).assignee_id is None
    claim(procedure, approval, MANAGER)
    for actor in (AGENT, FINANCE, AUDITOR):
        with pytest.raises(TaskTaken):
            release(procedure, approval, actor)


def test_a_task_is_handed_to_a_colleague_who_may_decide_it(procedure: Procedure, approval: str) -> None:
    claim(procedure, approval, MANAGER)
    delegate(procedure, approval, MANAGER, ANOTHER_MANAGER.id)
    assert look(procedure, approval).assignee_id == ANOTHER_MANAGER.id
    delegate(procedure, approval, RISK, RISK.id)
    assert look(procedure, approval).assignee_id == RISK.id
    assert procedure.acts(look(procedure, approval).loan or "")[-3:] == [
        "task_claimed",
        "task_delegated",
        "task_delegated",
    ]


@pytest.mark.parametrize("to", [AGENT.id, FINANCE.id, AUDITOR.id, "nobody", "manager-away"])
def test_a_task_is_not_handed_to_who_could_not_do_it(procedure: Procedure, approval: str, to: str) -> None:
    with pytest.raises(NotAllowed):
        delegate(procedure, approval, MANAGER, to)


@pytest.mark.parametrize("actor", [AUDITOR, FINANCE, AGENT], ids=lambda actor: actor.role)
def test_nobody_hands_on_what_is_not_his_to_do(procedure: Procedure, approval: str, actor: Actor) -> None:
    with pytest.raises((NotAllowed, TaskTaken)):
        delegate(procedure, approval, actor, MANAGER.id)


def test_finances_task_stays_with_finance(procedure: Procedure, follow_up: str) -> None:
    """Whoever got it otherwise could not finish it, and nobody else would see it."""
    with pytest.raises(NotAllowed):
        delegate(procedure, follow_up, FINANCE, RISK.id)


def test_a_held_task_is_not_handed_on_by_a_third_person(procedure: Procedure, follow_up: str) -> None:
    claim(procedure, follow_up, FINANCE)
    with pytest.raises(TaskTaken):
        delegate(procedure, follow_up, Actor("finance-two", Role.FINANCE), FINANCE.id)


def test_a_closed_task_takes_no_act(procedure: Procedure, approval: str) -> None:
    close(procedure, approval)
    for act in (claim, release, finish):
        with pytest.raises(TaskClosed):
            act(procedure, approval, MANAGER)
    with pytest.raises(TaskClosed):
        delegate(procedure, approval, MANAGER, ANOTHER_MANAGER.id)


def test_a_follow_up_is_finished_with_a_note(procedure: Procedure, follow_up: str) -> None:
    finish(procedure, follow_up, FINANCE, "sent back to its sender")
    done = look(procedure, follow_up)
    assert (done.status, done.closed_at is not None) == (TaskStatus.DONE, True)
    with procedure.books.read() as work:
        entry = work.audit.page()[-1]
    assert (entry.act, entry.reason) == ("unmatched_money_finished", "sent back to its sender")


def test_a_follow_up_is_not_finished_without_a_note_nor_by_another_role(procedure: Procedure, follow_up: str) -> None:
    with pytest.raises(InvalidDecision) as refused:
        finish(procedure, follow_up, FINANCE, "  ")
    assert list(refused.value.fields) == ["reason"]
    with pytest.raises(NotAllowed):
        finish(procedure, follow_up, MANAGER)
    assert look(procedure, follow_up).status is TaskStatus.OPEN


def test_what_the_workflow_waits_for_cannot_be_finished_by_hand(procedure: Procedure, approval: str) -> None:
    with pytest.raises(NotAllowed):
        finish(procedure, approval, MANAGER)
    assert look(procedure, approval).status is TaskStatus.OPEN


def test_a_late_task_goes_up_leaves_its_holder_and_gets_a_new_date(procedure: Procedure, approval: str) -> None:
    claim(procedure, approval, MANAGER)
    loan = look(procedure, approval).loan or ""
    procedure.day += timedelta(days=3)
    procedure.act(tasks.escalate, BooksOrder(**procedure.order(loan, task_id=approval)))
    task = look(procedure, approval)
    assert (task.role, task.assignee_id, task.escalations) == (Role.RISK, None, 1)
    assert task.due_on == procedure.day + timedelta(days=2)
    assert procedure.acts(loan)[-1] == "task_escalated"


def test_a_late_task_at_the_top_stays_late_and_nothing_is_noted(procedure: Procedure, approval: str) -> None:
    loan = look(procedure, approval).loan or ""
    with procedure.at() as work:
        task = work.tasks.get(approval)
        task.role = Role.RISK
        work.session.add(task)
    claim(procedure, approval, RISK)
    before, acts = look(procedure, approval), procedure.acts(loan)
    procedure.day += timedelta(days=3)
    progress = procedure.act(tasks.escalate, BooksOrder(**procedure.order(loan, task_id=approval)))
    assert progress.task_id == approval
    assert look(procedure, approval) == before
    assert procedure.acts(loan) == acts


def test_a_task_that_took_the_place_of_a_late_one_does_not_go_up_in_its_stead(
    procedure: Procedure, approval: str
) -> None:
    """The first person decides at the moment at which his time is over: the timer finds the second one's task."""
    loan = look(procedure, approval).loan or ""
    on_its_last_day = look(procedure, approval).due_on
    procedure.day = on_its_last_day
    procedure.act(tasks.escalate, BooksOrder(**procedure.order(loan, task_id=approval)))
    assert (look(procedure, approval).escalations, look(procedure, approval).due_on) == (0, on_its_last_day)
    assert "task_escalated" not in procedure.acts(loan)


def test_a_decided_task_does_not_go_up(procedure: Procedure, approval: str) -> None:
    loan = look(procedure, approval).loan or ""
    procedure.decide(loan, Outcome.REFUSE)
    procedure.act(tasks.escalate, BooksOrder(**procedure.order(loan, task_id=approval)))
    assert look(procedure, approval).escalations == 0
    assert "task_escalated" not in procedure.acts(loan)


def test_a_loan_has_one_open_task_of_a_kind(procedure: Procedure, approval: str) -> None:
    loan = procedure.loan(look(procedure, approval).loan or "")
    with procedure.at() as work:
        again = tasks.open_task(work, loan, TaskKind.APPROVAL, Role.RISK, procedure.day, "again")
        assert again.id == approval
        money = [
            tasks.open_task(work, None, TaskKind.UNMATCHED_MONEY, Role.FINANCE, procedure.day, "m").id for _ in range(2)
        ]
    assert len(set(money)) == 2


def test_what_a_task_is_about_is_cut_to_what_the_books_hold(procedure: Procedure) -> None:
    with procedure.at() as work:
        task = tasks.open_task(work, None, TaskKind.UNMATCHED_MONEY, Role.FINANCE, procedure.day, "why " * 100)
        assert len(task.about) == tasks.LONGEST_ABOUT


def test_tasks_that_fell_away_are_cancelled_and_not_done(procedure: Procedure, approval: str) -> None:
    loan = look(procedure, approval).loan or ""
    with procedure.at() as work:
        tasks.close_all(work, loan, TaskKind.OVERDUE)
        assert work.tasks.get(approval).status is TaskStatus.OPEN
        tasks.close_all(work, loan)
    assert look(procedure, approval).status is TaskStatus.CANCELLED
