"""Another role, another team, other scopes: what an act changes, whom it signs out, and what it refuses."""

from collections.abc import Callable
from typing import Any

import pytest
from sqlmodel import select

from books.errors import UnknownLoan
from books.session import Books
from lending.errors import LendingError
from models.audit import AuditEntry
from models.sign_in import WebSession
from models.staff import Actor, Role, Scope
from services.audit import SYSTEM
from services.errors import NotAllowed
from services.sign_in import Origin, enter_demo, session_of
from services.sign_in_machines import Token, add_secret, holder_of, issue_token
from services.staff import InvalidPerson, UnknownPerson, add_machine, add_person, disable
from services.staff_changes import LastOfRole, TeamWithoutManager, change_machine, change_person
from services.status import status_of
from tests.services.audit_log import of_act
from tests.services.procedure import ADMIN, AGENT, MANAGER, Procedure

OTHER_MANAGER = Actor("manager-feng", Role.MANAGER)


def last(books: Books, act: str = "staff_changed") -> AuditEntry:
    with books.read() as work:
        return of_act(work, act)[-1]


def sees(books: Books, actor: Actor, loan: str) -> bool:
    with books.read() as work:
        try:
            status_of(work, actor, loan)
        except UnknownLoan:
            return False
        return True


def test_whoever_goes_to_another_team_takes_his_customers_along(books: Books, procedure: Procedure) -> None:
    loan = procedure.graded(actor=AGENT)
    assert (sees(books, MANAGER, loan), sees(books, OTHER_MANAGER, loan)) == (True, False)

    with books.begin() as work:
        change_person(work, ADMIN, AGENT.id, " moves to the north ", manager_id=OTHER_MANAGER.id)

    assert (sees(books, MANAGER, loan), sees(books, OTHER_MANAGER, loan)) == (False, True)
    entry = last(books)
    was = {"role": "agent", "manager": MANAGER.id, "customer": None, "scopes": None, "active": True}
    assert (entry.actor_id, entry.subject, entry.reason) == (ADMIN.id, AGENT.id, "moves to the north")
    assert (entry.before, entry.after) == (was, was | {"manager": OTHER_MANAGER.id})


def test_another_role_signs_a_person_out_and_nobody_else(books: Books) -> None:
    with books.begin() as work:
        cookies = [enter_demo(work, one, Origin()) for one in (AGENT.id, "agent-he")]
    with books.begin() as work:
        change_person(work, ADMIN, AGENT.id, "leads a team", role=Role.MANAGER, no_manager=True)
    with books.read() as work:
        person = work.staff.get(AGENT.id)
        assert person is not None
        assert (person.role, person.manager_id) == (Role.MANAGER, None)
        assert [session_of(work, one) is not None for one in cookies] == [False, True]
        standing = work.staff.standing(AGENT.id)
        assert standing is not None
        assert (standing.version, standing.who["role"], standing.entry_id) == (2, Role.MANAGER, last(books).id)


def test_a_machine_with_other_scopes_asks_for_another_token_with_the_secret_it_has(books: Books) -> None:
    with books.begin() as work:
        account = add_machine(work, SYSTEM, "machine-new", "新接口", frozenset({Scope.LOANS_READ, Scope.PAYMENTS}))
        secret = add_secret(work, SYSTEM, account)
        before = issue_token(work, "machine-new", secret, None, None)
    assert isinstance(before, Token)

    with books.begin() as work:
        scopes = frozenset({Scope.LOANS_READ})
        change_machine(work, ADMIN, "machine-new", "pays no more", scopes=scopes, manager_id=MANAGER.id)

    with books.begin() as work:
        assert holder_of(work, before.text) is None
        now = issue_token(work, "machine-new", secret, None, None)
    assert isinstance(now, Token)
    assert now.scopes == scopes
    assert (last(books).after or {})["manager"] == MANAGER.id


REFUSED: dict[str, tuple[type[LendingError], str, str, dict[str, Any]]] = {
    "himself": (NotAllowed, "nobody changes his own", ADMIN.id, {"manager_id": MANAGER.id}),
    "the last of a role": (LastOfRole, "the only auditor", "auditor-wei", {"role": Role.ADMIN}),
    "a manager with a team": (TeamWithoutManager, "3 are in the team", MANAGER.id, {"role": Role.RISK}),
    "nothing new": (InvalidPerson, "that already", AGENT.id, {"role": Role.AGENT, "manager_id": MANAGER.id}),
    "nothing at all": (InvalidPerson, "that already", AGENT.id, {}),
    "no manager": (InvalidPerson, "not the id of a manager", AGENT.id, {"manager_id": "risk-qian"}),
    "a team of his own": (InvalidPerson, "team of his own", MANAGER.id, {"manager_id": MANAGER.id}),
    "both": (InvalidPerson, "or none", AGENT.id, {"manager_id": OTHER_MANAGER.id, "no_manager": True}),
    "a role of no staff": (InvalidPerson, "one of the roles", AGENT.id, {"role": Role.INTEGRATOR}),
    "a machine": (InvalidPerson, "no member of staff", "integrator-demo", {"role": Role.ADMIN}),
    "nobody": (UnknownPerson, "nobody has the id", "agent-nobody", {"role": Role.ADMIN}),
}


@pytest.mark.parametrize("why", REFUSED)
def test_what_cannot_be_is_refused_and_changes_nothing(books: Books, why: str) -> None:
    error, said, staff_id, changes = REFUSED[why]
    with books.begin() as work:
        cookie = enter_demo(work, AGENT.id, Origin())
    with pytest.raises(error, match=said), books.begin() as work:
        change_person(work, ADMIN, staff_id, "because", **changes)
    with books.read() as work:
        assert session_of(work, cookie) is not None
        assert of_act(work, "staff_changed") == []


def test_a_change_needs_a_reason(books: Books) -> None:
    with pytest.raises(InvalidPerson, match="say why"), books.begin() as work:
        change_person(work, ADMIN, AGENT.id, " ", role=Role.RISK)


@pytest.mark.parametrize("change", [change_machine, change_person])
def test_people_have_no_scopes_and_machines_no_other_role(books: Books, change: Callable[..., None]) -> None:
    of = AGENT.id if change is change_machine else "integrator-demo"
    with pytest.raises(InvalidPerson, match="is no"), books.begin() as work:
        change(work, ADMIN, of, "because", no_manager=True)


def test_a_role_is_left_to_who_may_come_in(books: Books) -> None:
    """Somebody disabled holds no role for the one who leaves it, and a team of leavers holds no manager back."""
    with books.begin() as work:
        disable(work, SYSTEM, "risk-shen")
        with pytest.raises(LastOfRole):
            change_person(work, ADMIN, "risk-qian", "leaves", role=Role.AGENT)
        add_person(work, SYSTEM, "risk-neu", "新同事", Role.RISK)
        change_person(work, ADMIN, "risk-qian", "leaves", role=Role.AGENT)
        disable(work, SYSTEM, "agent-tang")
        change_person(work, ADMIN, OTHER_MANAGER.id, "leads nobody", role=Role.AGENT)


def test_sessions_of_before_stay_ended(books: Books) -> None:
    with books.begin() as work:
        enter_demo(work, AGENT.id, Origin())
        change_person(work, ADMIN, AGENT.id, "helps out", role=Role.RISK)
    with books.begin() as work:
        change_person(work, ADMIN, AGENT.id, "is back", role=Role.AGENT)
    with books.read() as work:
        assert [one.ended_at is not None for one in work.session.exec(select(WebSession))] == [True]
