"""Work of who was disabled or does something else now: it lies in somebody's inbox, and his customers get an agent."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

from books.session import Books, UnitOfWork
from lending.errors import LendingError
from models.staff import Actor, Role
from models.tasks import Outcome, TaskKind
from services import hand_over as act
from services import tasks
from services.errors import NotAllowed
from services.hand_over import HandedOver, hand_over
from services.staff import InvalidPerson, UnknownPerson, add_person, disable
from services.staff_changes import change_person
from services.tasks import open_task
from tests.services.audit_log import of_act
from tests.services.procedure import ADMIN, AGENT, FINANCE, MANAGER, OTHER_AGENT, RISK, Procedure

OTHER_FINANCE = Actor("finance-zhou", Role.FINANCE)
OTHER_MANAGER = Actor("manager-feng", Role.MANAGER)
TANG = Actor("agent-tang", Role.AGENT)


def follow_up(procedure: Procedure, loan: str) -> str:
    with procedure.at() as work:
        return open_task(work, work.loans.get(loan), TaskKind.OVERDUE, Role.AGENT, procedure.day, "call him").id


def claimed_money(procedure: Procedure) -> str:
    with procedure.at() as work:
        task = open_task(work, None, TaskKind.UNMATCHED_MONEY, Role.FINANCE, procedure.day, "whose is it").id
    with procedure.at() as work:
        return tasks.claim(work, FINANCE, work.tasks.get(task)).id


def waits_for(procedure: Procedure, *people: Actor, approvals: bool = False) -> dict[str, set[str]]:
    """The open tasks in each one's inbox: either approvals, or all others."""
    with procedure.books.read() as work:
        return {
            one.id: {
                task.id for task in work.tasks.page(one, mine=True) if (task.kind is TaskKind.APPROVAL) is approvals
            }
            for one in people
        }


def owners(books: Books) -> set[str | None]:
    with books.read() as work:
        return {loan_owner(work, number) for number in work.loans.all_numbers()}


def loan_owner(work: UnitOfWork, loan: str) -> str | None:
    return work.customers.of_loan(loan).owner_id


def leave(procedure: Procedure, who: Actor, role: Role | None = None, *, no_manager: bool = False) -> None:
    with procedure.at() as work:
        if role is None:
            disable(work, ADMIN, who.id)
        else:
            change_person(work, ADMIN, who.id, "does other work", role=role, no_manager=no_manager)


def test_what_waits_for_an_agent_who_left_waits_for_his_manager(procedure: Procedure) -> None:
    of_lin, of_he = (follow_up(procedure, procedure.graded(actor=one)) for one in (AGENT, OTHER_AGENT))
    returned = procedure.graded(actor=AGENT)
    procedure.decide(returned, Outcome.RETURN)
    completion = procedure.task(returned, TaskKind.COMPLETION).id
    assert waits_for(procedure, MANAGER, OTHER_AGENT) == {MANAGER.id: set(), OTHER_AGENT.id: {of_he}}

    leave(procedure, AGENT)
    assert waits_for(procedure, MANAGER, OTHER_MANAGER) == {MANAGER.id: {of_lin, completion}, OTHER_MANAGER.id: set()}

    leave(procedure, OTHER_AGENT, Role.RISK)
    assert waits_for(procedure, MANAGER)[MANAGER.id] == {of_lin, of_he, completion}


def test_what_an_active_agent_entered_waits_for_him_though_its_customer_has_nobody(procedure: Procedure) -> None:
    loan = procedure.graded(actor=AGENT)
    procedure.own(loan, TANG.id)
    task = follow_up(procedure, loan)

    leave(procedure, TANG)

    assert waits_for(procedure, AGENT, MANAGER) == {AGENT.id: {task}, MANAGER.id: set()}


@pytest.mark.parametrize("role", [None, Role.AUDITOR])
def test_whoever_leaves_has_nothing_in_his_hands(procedure: Procedure, role: Role | None) -> None:
    task = claimed_money(procedure)
    assert task not in waits_for(procedure, OTHER_FINANCE)[OTHER_FINANCE.id]

    leave(procedure, FINANCE, role)

    assert task in waits_for(procedure, OTHER_FINANCE)[OTHER_FINANCE.id]
    with procedure.books.read() as work:
        (entry,) = of_act(work, "task_released")
        assert (entry.subject, entry.actor_id) == (task, ADMIN.id)
        assert (entry.before, entry.after) == ({"assignee": FINANCE.id}, {"assignee": None})
        assert entry.reason is not None
        assert entry.reason.startswith(FINANCE.id)
    with procedure.at() as work:
        tasks.claim(work, OTHER_FINANCE, work.tasks.get(task))
        tasks.finish(work, OTHER_FINANCE, work.tasks.get(task), "sent back")


def test_another_team_takes_nothing_out_of_anybodys_hands(procedure: Procedure) -> None:
    task = claimed_money(procedure)
    with procedure.at() as work:
        change_person(work, ADMIN, FINANCE.id, "reports to her", manager_id=MANAGER.id)
    assert task in waits_for(procedure, FINANCE)[FINANCE.id]


def test_nobody_who_left_takes_a_task_that_he_asked_for_before(procedure: Procedure) -> None:
    with procedure.at() as work:
        task = open_task(work, None, TaskKind.UNMATCHED_MONEY, Role.FINANCE, procedure.day, "whose is it").id
    leave(procedure, FINANCE)
    with pytest.raises(NotAllowed, match="does not hold the role"), procedure.at() as work:
        tasks.claim(work, FINANCE, work.tasks.get(task))
    assert task in waits_for(procedure, OTHER_FINANCE)[OTHER_FINANCE.id]


def test_whoever_takes_a_task_at_the_moment_in_which_he_is_disabled_does_not_keep_it(procedure: Procedure) -> None:
    with procedure.at() as work:
        task = open_task(work, None, TaskKind.UNMATCHED_MONEY, Role.FINANCE, procedure.day, "whose is it").id
    start = Barrier(2)

    def take() -> None:
        start.wait()
        try:
            with procedure.at() as work:
                tasks.claim(work, FINANCE, work.tasks.get(task))
        except NotAllowed:
            pass

    def keep_out() -> None:
        start.wait()
        leave(procedure, FINANCE)

    with ThreadPoolExecutor(2) as pool:
        for done in [pool.submit(take), pool.submit(keep_out)]:
            done.result()
    assert task in waits_for(procedure, OTHER_FINANCE)[OTHER_FINANCE.id]


def test_the_team_of_a_manager_who_was_disabled_counts_to_every_managers(procedure: Procedure) -> None:
    loan = procedure.graded("auto", actor=AGENT)
    approval = procedure.task(loan, TaskKind.APPROVAL).id
    assert waits_for(procedure, OTHER_MANAGER, approvals=True) == {OTHER_MANAGER.id: set()}

    leave(procedure, MANAGER)

    assert waits_for(procedure, OTHER_MANAGER, approvals=True) == {OTHER_MANAGER.id: {approval}}
    with procedure.at() as work:
        add_person(work, ADMIN, "manager-neu", "新经理", Role.MANAGER)
        for one in (AGENT, OTHER_AGENT):
            change_person(work, ADMIN, one.id, "a new manager", manager_id="manager-neu")
    new = Actor("manager-neu", Role.MANAGER)
    assert waits_for(procedure, OTHER_MANAGER, new, approvals=True) == {OTHER_MANAGER.id: set(), new.id: {approval}}


def test_what_somebody_leaves_behind_in_nobodys_team_every_manager_sees(procedure: Procedure) -> None:
    task = follow_up(procedure, procedure.graded(actor=AGENT))
    leave(procedure, AGENT, Role.RISK, no_manager=True)
    assert waits_for(procedure, MANAGER, OTHER_MANAGER) == {MANAGER.id: {task}, OTHER_MANAGER.id: {task}}


def test_customers_are_handed_over_to_an_agent_and_are_in_his_team(procedure: Procedure) -> None:
    loans = [procedure.graded(actor=AGENT) for _ in range(2)]
    other = procedure.graded(actor=OTHER_AGENT)
    task = follow_up(procedure, loans[0])
    leave(procedure, AGENT)
    with procedure.books.read() as work:
        customers = sorted(work.customers.of_loan(one).id for one in loans)

    with procedure.at() as work:
        assert hand_over(work, ADMIN, AGENT.id, TANG.id, " he left ") == HandedOver(2, more=False)

    with procedure.books.read() as work:
        assert [loan_owner(work, one) for one in (*loans, other)] == [TANG.id, TANG.id, OTHER_AGENT.id]
        assert {one.number for one in work.loans.page(TANG)} == set(loans)
        assert {one.number for one in work.loans.page(OTHER_MANAGER)} == set(loans)
        (entry,) = of_act(work, "customers_handed_over")
    assert (entry.actor_id, entry.subject, entry.reason) == (ADMIN.id, AGENT.id, "he left")
    assert (entry.before, entry.after) == ({"owner": AGENT.id}, {"owner": TANG.id, "customers": customers})
    assert waits_for(procedure, TANG, MANAGER, OTHER_MANAGER) == {
        TANG.id: {task},
        MANAGER.id: set(),
        OTHER_MANAGER.id: set(),
    }


def test_many_customers_are_handed_over_by_several_acts(procedure: Procedure, monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(3):
        procedure.graded(actor=AGENT)
    monkeypatch.setattr(act, "AT_ONCE", 2)
    done = []
    for _ in range(2):
        with procedure.at() as work:
            done.append(hand_over(work, ADMIN, AGENT.id, TANG.id, "he left"))
    assert done == [HandedOver(2, more=True), HandedOver(1, more=False)]
    assert owners(procedure.books) == {TANG.id}


REFUSED: dict[str, tuple[type[LendingError], str, str, str, str]] = {
    "no reason": (InvalidPerson, "say why", AGENT.id, TANG.id, " "),
    "too long": (InvalidPerson, "say why", AGENT.id, TANG.id, "x" * 501),
    "himself": (InvalidPerson, "somebody else", AGENT.id, AGENT.id, "?"),
    "a manager": (InvalidPerson, "no agent who may come in", AGENT.id, MANAGER.id, "?"),
    "risk": (InvalidPerson, "no agent who may come in", AGENT.id, RISK.id, "?"),
    "a machine": (InvalidPerson, "no agent who may come in", AGENT.id, "integrator-demo", "?"),
    "disabled": (InvalidPerson, "no agent who may come in", AGENT.id, OTHER_AGENT.id, "?"),
    "nobody's": (InvalidPerson, "looks after no customer", MANAGER.id, TANG.id, "?"),
    "to nobody": (UnknownPerson, "nobody has the id", AGENT.id, "agent-nobody", "?"),
    "of nobody": (UnknownPerson, "nobody has the id", "agent-nobody", TANG.id, "?"),
}


@pytest.mark.parametrize("why", REFUSED)
def test_what_cannot_be_handed_over_stays(procedure: Procedure, why: str) -> None:
    procedure.graded(actor=AGENT)
    leave(procedure, OTHER_AGENT)
    error, words, from_id, to_id, reason = REFUSED[why]
    with pytest.raises(error, match=words), procedure.at() as work:
        hand_over(work, ADMIN, from_id, to_id, reason)
    assert owners(procedure.books) == {AGENT.id}
    with procedure.books.read() as work:
        assert of_act(work, "customers_handed_over") == []
