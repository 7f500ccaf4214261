"""Row scope: who sees which loans and tasks, asked of every list and every get."""

import pytest

from books.errors import UnknownLoan, UnknownTask
from books.session import Books
from models.loans import Stage
from models.staff import Actor, Role
from models.tasks import Outcome, TaskKind
from services.status import schedule_of, status_of
from services.tasks import open_task
from tests.services.procedure import (
    ADMIN,
    AGENT,
    AUDITOR,
    FINANCE,
    INTEGRATOR,
    MANAGER,
    OTHER_AGENT,
    RISK,
    Procedure,
)

STRANGER = Actor("agent-elsewhere", Role.AGENT)
OTHER_MANAGER = Actor("manager-elsewhere", Role.MANAGER)


@pytest.fixture
def loans(procedure: Procedure) -> dict[str, str]:
    """One loan of each owner: of an agent, his colleague, an agent of another team, a system, nobody."""
    loans = {
        "lin": procedure.graded(actor=AGENT),
        "he": procedure.graded(actor=OTHER_AGENT),
        "elsewhere": procedure.graded(actor=STRANGER),
        "system": procedure.graded(actor=INTEGRATOR),
        "handed over": procedure.graded(actor=INTEGRATOR),
    }
    procedure.own(loans["handed over"], AGENT.id)
    return loans


SEEN = [
    (AGENT, {"lin", "handed over"}),
    (OTHER_AGENT, {"he"}),
    (STRANGER, {"elsewhere"}),
    # An integrator follows what it entered, whoever looks after the customer since.
    (INTEGRATOR, {"system", "handed over"}),
    # A manager sees his team's loans, the system's that reports to him, and those of customers whom nobody owns.
    (MANAGER, {"lin", "he", "system", "handed over"}),
    (OTHER_MANAGER, {"system"}),
    (RISK, {"lin", "he", "elsewhere", "system", "handed over"}),
    (FINANCE, {"lin", "he", "elsewhere", "system", "handed over"}),
    (AUDITOR, {"lin", "he", "elsewhere", "system", "handed over"}),
    (ADMIN, {"lin", "he", "elsewhere", "system", "handed over"}),
    (Actor("x", Role.BORROWER), set()),
    (Actor("x", Role.BORROWER, customer_id=""), set()),
]


def test_every_role_sees_its_own_loans_in_every_list_and_every_get(books: Books, loans: dict[str, str]) -> None:
    with books.read() as work:
        for actor, expected in SEEN:
            numbers = {loans[name] for name in expected}
            assert {loan.number for loan in work.loans.page(actor)} == numbers, actor
            assert {loan.number for loan in work.loans.page(actor, stage=Stage.APPROVAL)} == numbers, actor
            assert {loan.number for loan in work.loans.page(actor, product="micro")} == numbers, actor
            assert work.loans.by_stage(actor).get(Stage.APPROVAL, 0) == len(numbers), actor
            for number in loans.values():
                for look in (
                    work.loans.seen_by,
                    lambda a, n: status_of(work, a, n),
                    lambda a, n: schedule_of(work, a, n),
                ):
                    if number in numbers:
                        look(actor, number)
                        continue
                    with pytest.raises(UnknownLoan):
                        look(actor, number)


def test_a_borrower_sees_his_own_loans_and_no_others(procedure: Procedure) -> None:
    mine, other = procedure.apply(), procedure.apply()
    borrower = procedure.borrower_of(mine)
    with procedure.books.read() as work:
        assert [loan.number for loan in work.loans.page(borrower)] == [mine]
        assert work.loans.seen_by(borrower, mine).number == mine
        with pytest.raises(UnknownLoan):
            work.loans.seen_by(borrower, other)


def test_a_loan_that_is_not_there_and_one_that_is_hidden_give_the_same_answer(procedure: Procedure) -> None:
    hidden = procedure.apply(actor=STRANGER)
    refusals = []
    with procedure.books.read() as work:
        for number in (hidden, "L26999999"):
            with pytest.raises(UnknownLoan) as refused:
                work.loans.seen_by(AGENT, number)
            refusals.append(str(refused.value).replace(number, "…"))
    assert refusals[0] == refusals[1]


@pytest.fixture
def tasks(procedure: Procedure) -> dict[str, str]:
    """An open task for each role, by name."""
    approval = procedure.graded("auto", actor=AGENT)
    elsewhere = procedure.graded(actor=STRANGER)
    returned = procedure.graded(actor=AGENT)
    procedure.decide(returned, Outcome.RETURN)
    with procedure.at() as work:
        money = open_task(work, None, TaskKind.UNMATCHED_MONEY, Role.FINANCE, procedure.day, "whose money is this")
    return {
        "approval": procedure.task(approval, TaskKind.APPROVAL).id,
        "elsewhere": procedure.task(elsewhere, TaskKind.APPROVAL).id,
        "completion": procedure.task(returned, TaskKind.COMPLETION).id,
        "money": money.id,
    }


def test_every_role_sees_its_own_tasks_in_every_list_and_every_get(procedure: Procedure, tasks: dict[str, str]) -> None:
    everything = set(tasks)
    seen: list[tuple[Actor, set[str]]] = [
        (AGENT, {"completion"}),
        (OTHER_AGENT, set()),
        (STRANGER, set()),
        (INTEGRATOR, set()),
        (MANAGER, {"approval", "completion"}),
        (OTHER_MANAGER, set()),
        (FINANCE, {"money"}),
        (RISK, everything),
        (AUDITOR, everything),
        (ADMIN, everything),
        (Actor("x", Role.BORROWER, customer_id="x"), set()),
    ]
    with procedure.books.read() as work:
        for actor, expected in seen:
            ids = {tasks[name] for name in expected}
            assert {task.id for task in work.tasks.page(actor)} == ids, actor
            assert {task.id for task in work.tasks.page(actor, open_only=False)} >= ids, actor
            for task_id in tasks.values():
                if task_id in ids:
                    assert work.tasks.seen_by(actor, task_id).id == task_id
                    continue
                with pytest.raises(UnknownTask):
                    work.tasks.seen_by(actor, task_id)


def test_my_tasks_are_those_in_my_hands_and_those_that_wait_for_my_role(
    procedure: Procedure, tasks: dict[str, str]
) -> None:
    with procedure.at() as work:
        task = work.tasks.get(tasks["approval"])
        task.assignee_id = RISK.id
        work.session.add(task)
    with procedure.books.read() as work:
        assert {task.id for task in work.tasks.page(MANAGER, mine=True)} == set()
        assert tasks["approval"] in {task.id for task in work.tasks.page(RISK, mine=True)}
        assert {task.id for task in work.tasks.page(FINANCE, mine=True)} == {tasks["money"]}
        assert {task.id for task in work.tasks.page(AUDITOR, mine=True)} == set()


def test_what_waits_for_an_agent_where_there_is_none_waits_for_a_manager(
    procedure: Procedure, loans: dict[str, str]
) -> None:
    with procedure.at() as work:
        follow_ups = {
            name: open_task(work, work.loans.get(loan), TaskKind.OVERDUE, Role.AGENT, procedure.day, "call him").id
            for name, loan in loans.items()
        }
    # Nobody owns this customer any more, but the agent who entered the loan sees its tasks.
    procedure.own(loans["lin"], None)

    def waiting(actor: Actor) -> set[str]:
        with procedure.books.read() as work:
            mine = {task.id for task in work.tasks.page(actor, mine=True, kind=TaskKind.OVERDUE)}
        return {name for name, task in follow_ups.items() if task in mine}

    assert waiting(MANAGER) == waiting(OTHER_MANAGER) == {"system"}
    assert waiting(AGENT) == {"lin", "handed over"}
    assert waiting(RISK) == set()
    with procedure.at() as work:
        task = work.tasks.get(follow_ups["system"])
        task.assignee_id = OTHER_MANAGER.id
        work.session.add(task)
    assert (waiting(MANAGER), waiting(OTHER_MANAGER)) == (set(), {"system"})
