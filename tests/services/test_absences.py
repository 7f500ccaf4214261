"""Who is away: his tasks reach the deputy, decisions say for whom, and four eyes stay four."""

from datetime import date, timedelta

import pytest

from models.absences import Absence
from models.staff import Actor, Role, Staff
from models.tasks import TaskKind
from services import absences, tasks
from services.absences import DeputyAway, InvalidAbsence, UnknownAbsence, deputy_of, stood_in_for
from services.errors import NotAllowed, OwnCase, TaskTaken
from tests.services.people import add as add_staff
from tests.services.policies import OTHER_RISK
from tests.services.procedure import ADMIN, AGENT, FINANCE, MANAGER, OTHER_AGENT, RISK, Procedure
from tests.services.test_authority import LARGE, graded

FENG = Actor("manager-feng", Role.MANAGER)
THIRD = Actor("manager-third", Role.MANAGER)


def away(
    procedure: Procedure,
    who: Actor = MANAGER,
    deputy: Actor = FENG,
    *,
    by: Actor | None = None,
    first: int = 0,
    days: int = 7,
    reason: str = "annual leave",
) -> Absence:
    """An absence from so many days on, for so many days."""
    begins = procedure.day + timedelta(days=first)
    with procedure.at() as work:
        return absences.enter(work, by or who, who.id, deputy.id, begins, begins + timedelta(days=days - 1), reason)


@pytest.fixture
def third(procedure: Procedure) -> Actor:
    with procedure.at() as work:
        add_staff(work, Staff(id=THIRD.id, name="第三人", role=Role.MANAGER, key_hash=THIRD.id))
    return THIRD


def stand_ins(procedure: Procedure, of: Actor, day: date | None = None) -> tuple[str, ...]:
    with procedure.books.read() as work:
        return stood_in_for(work, of.id, day or procedure.day)


def deputy(procedure: Procedure, of: Actor) -> str:
    with procedure.books.read() as work:
        return deputy_of(work, of.id, procedure.day)


def hold(procedure: Procedure, loan: str, holder: Actor, kind: TaskKind = TaskKind.APPROVAL) -> str:
    with procedure.at() as work:
        return tasks.claim(work, holder, work.tasks.open_of(loan, kind)[0]).id


def inbox(procedure: Procedure, person: Actor) -> list[str]:
    """The ids of what waits for a person, as the edge knows him today."""
    known = Actor(person.id, person.role, stands_in_for=stand_ins(procedure, person))
    with procedure.books.read() as work:
        return [task.id for task in work.tasks.page(known, mine=True)]


def test_an_absence_begins_and_ends_by_itself(procedure: Procedure) -> None:
    away(procedure, first=2, days=3)
    for day, found in ((1, ()), (2, (MANAGER.id,)), (4, (MANAGER.id,)), (5, ())):
        assert stand_ins(procedure, FENG, procedure.day + timedelta(days=day)) == found
    with procedure.books.read() as work:
        entry = work.audit.page()[-1]
    assert (entry.act, entry.actor_id, entry.reason) == ("absence_entered", MANAGER.id, "annual leave")


def test_the_deputy_finds_the_tasks_and_the_cases_of_who_is_away(procedure: Procedure) -> None:
    loan = procedure.graded(actor=AGENT)
    task = hold(procedure, loan, MANAGER)
    assert task not in inbox(procedure, FENG)
    away(procedure)
    assert task in inbox(procedure, FENG)
    known = Actor(FENG.id, FENG.role, stands_in_for=(MANAGER.id,))
    with procedure.books.read() as work:
        assert work.loans.seen_by(known, loan).number == loan
    procedure.day += timedelta(days=7)
    assert task not in inbox(procedure, FENG)


def test_a_deputy_decides_and_the_record_says_for_whom(procedure: Procedure) -> None:
    loan = procedure.graded()
    procedure.complete(loan)
    hold(procedure, loan, MANAGER)
    with pytest.raises(TaskTaken):
        procedure.decide(loan, actor=FENG)
    away(procedure)
    procedure.decide(loan, actor=FENG)
    with procedure.books.read() as work:
        (decision,) = work.tasks.decisions(loan)
    assert (decision.decided_by, decision.stands_in_for) == (FENG.id, MANAGER.id)
    entry = next(one for one in procedure.entries(loan) if one.act == "approval_decided")
    assert (entry.after or {})["stands_in_for"] == MANAGER.id


def test_four_eyes_hold_against_the_deputy_and_against_whom_he_stands_in_for(procedure: Procedure) -> None:
    entered, owned = procedure.graded(actor=MANAGER), procedure.graded()
    procedure.own(owned, MANAGER.id)
    for loan in (entered, owned):
        hold(procedure, loan, MANAGER)
    away(procedure)
    for loan in (entered, owned):
        with pytest.raises(OwnCase):
            procedure.decide(loan, actor=FENG)
        with pytest.raises(OwnCase):
            procedure.decide(loan, actor=MANAGER)


def test_who_was_stood_in_for_does_not_give_the_second_approval(procedure: Procedure) -> None:
    loan = graded(procedure, LARGE)
    hold(procedure, loan, RISK)
    away(procedure, RISK, OTHER_RISK)
    procedure.decide(loan, actor=OTHER_RISK)
    for actor in (RISK, OTHER_RISK):
        with pytest.raises(OwnCase, match="first approval"):
            procedure.decide(loan, actor=actor)


def test_what_is_handed_to_who_is_away_reaches_his_deputy(procedure: Procedure) -> None:
    loan = procedure.graded()
    task = hold(procedure, loan, FENG)
    away(procedure)
    with procedure.at() as work:
        assert tasks.delegate(work, FENG, work.tasks.get(task), MANAGER.id).assignee_id == FENG.id
    assert (procedure.entries(loan)[-1].after or {}) == {"assignee": FENG.id, "instead_of": MANAGER.id}


def test_the_deputy_takes_and_gives_back_what_who_is_away_holds(procedure: Procedure) -> None:
    loan = procedure.graded()
    task = hold(procedure, loan, MANAGER)
    away(procedure)
    with procedure.at() as work:
        assert tasks.release(work, FENG, work.tasks.get(task)).assignee_id is None
    hold(procedure, loan, MANAGER)
    with procedure.at() as work:
        assert tasks.claim(work, FENG, work.tasks.get(task)).assignee_id == FENG.id


def test_deputies_of_deputies_are_found_and_circles_refused(procedure: Procedure, third: Actor) -> None:
    away(procedure, MANAGER, FENG)
    away(procedure, FENG, third, first=2)
    assert deputy(procedure, MANAGER) == FENG.id
    for who in (MANAGER, FENG):
        with pytest.raises(DeputyAway):
            away(procedure, third, who, first=4)
    procedure.day += timedelta(days=2)
    assert deputy(procedure, MANAGER) == third.id
    assert stand_ins(procedure, third) == (FENG.id, MANAGER.id)
    assert stand_ins(procedure, FENG) == ()
    # Once the others are back he may hand over his own work.
    away(procedure, third, MANAGER, first=20)


def test_a_circle_that_is_there_all_the_same_loses_nothing(procedure: Procedure) -> None:
    away(procedure, MANAGER, FENG)
    with procedure.at() as work:
        work.write(
            Absence(
                staff_id=FENG.id,
                deputy_id=MANAGER.id,
                from_on=procedure.day,
                to_on=procedure.day,
                reason="x",
                entered_by="x",
                entered_at=work.now,
            )
        )
    assert (deputy(procedure, MANAGER), deputy(procedure, FENG)) == (MANAGER.id, FENG.id)
    assert stand_ins(procedure, FENG) == ()


@pytest.mark.parametrize("by", [MANAGER, ADMIN], ids=lambda one: one.role)
def test_a_person_above_enters_it_for_who_fell_ill(procedure: Procedure, by: Actor) -> None:
    assert away(procedure, AGENT, OTHER_AGENT, by=by).entered_by == by.id


@pytest.mark.parametrize("by", [FENG, RISK, FINANCE, OTHER_AGENT], ids=lambda one: one.id)
def test_nobody_else_does(procedure: Procedure, by: Actor) -> None:
    with pytest.raises(NotAllowed):
        away(procedure, AGENT, OTHER_AGENT, by=by)


@pytest.mark.parametrize("to", [MANAGER, AGENT, FINANCE, Actor("nobody", Role.MANAGER)], ids=lambda one: one.id)
def test_the_deputy_is_a_colleague_of_the_same_role_or_above(procedure: Procedure, to: Actor) -> None:
    with pytest.raises(InvalidAbsence) as refused:
        away(procedure, MANAGER, to)
    assert list(refused.value.fields) == ["deputy"]


@pytest.mark.parametrize(
    ("first", "days", "reason", "field"),
    [(0, 0, "x", "to"), (-9, 3, "x", "to"), (0, 367, "x", "to"), (0, 3, "  ", "reason"), (0, 3, "x" * 501, "reason")],
)
def test_days_and_reason_are_checked(procedure: Procedure, first: int, days: int, reason: str, field: str) -> None:
    with pytest.raises(InvalidAbsence) as refused:
        away(procedure, first=first, days=days, reason=reason)
    assert list(refused.value.fields) == [field]


def test_nobody_is_away_twice_at_once_and_who_holds_no_tasks_needs_no_deputy(procedure: Procedure) -> None:
    away(procedure)
    with pytest.raises(InvalidAbsence):
        away(procedure, first=6)
    away(procedure, first=7)
    with pytest.raises(InvalidAbsence):
        away(procedure, ADMIN, RISK)


def test_an_absence_is_called_off_by_who_may_enter_it(procedure: Procedure) -> None:
    absence = away(procedure)
    with pytest.raises(NotAllowed), procedure.at() as work:
        absences.call_off(work, FENG, absence.id)
    with procedure.at() as work:
        absences.call_off(work, MANAGER, absence.id)
    assert stand_ins(procedure, FENG) == ()
    for known in (absence.id, "0" * 32):
        with pytest.raises(UnknownAbsence), procedure.at() as work:
            absences.call_off(work, MANAGER, known)
