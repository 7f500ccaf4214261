"""Deadlines and covers that end: everybody who has to know hears of it, once."""

from datetime import date, timedelta

import pytest

from models.collateral import ConditionKind
from models.loans import Stage
from models.tasks import TaskKind
from services import collateral_watch
from services.collateral_evidence import InvalidEvidence
from tests.services.damage import damage_one
from tests.services.procedure import AGENT, Procedure
from tests.services.vehicles import conditions, confirmed, entered, say, thing, used_car, watched

REGISTRATION, INSURANCE = ConditionKind.REGISTRATION, ConditionKind.INSURANCE
YEAR = timedelta(days=364)


def insured(procedure: Procedure) -> tuple[str, date]:
    """A used vehicle that is paid for, and the day on which its cover ends."""
    loan = used_car(procedure)
    confirmed(procedure, loan, REGISTRATION)
    confirmed(procedure, loan, INSURANCE)
    procedure.pay_out(loan)
    return loan, procedure.day + YEAR


def test_the_borrower_is_reminded_a_week_before_something_is_due(procedure: Procedure) -> None:
    loan = procedure.running("auto")
    day = procedure.day + timedelta(days=23)
    assert watched(procedure, day - timedelta(days=1)) == 0
    assert watched(procedure, day) == 2
    assert sorted(procedure.messages(loan)[-2:]) == ["insurance_due", "registration_due"]
    assert watched(procedure, day) == 0
    assert watched(procedure, procedure.day + timedelta(days=31)) == 2
    assert procedure.acts(loan)[-2:] == ["condition_overdue"] * 2
    assert watched(procedure, procedure.day + timedelta(days=400)) == 0


def test_a_cover_begins_before_the_last_one_ends(procedure: Procedure) -> None:
    loan, until = insured(procedure)
    later = until + timedelta(days=2)
    with pytest.raises(InvalidEvidence, match="does not prove"):
        entered(procedure, loan, INSURANCE, dated=later, until=later + YEAR, number="2")


def test_nobody_is_reminded_of_what_waits_to_be_confirmed(procedure: Procedure) -> None:
    loan = procedure.running("auto")
    entered(procedure, loan, REGISTRATION)
    assert watched(procedure, procedure.day + timedelta(days=23)) == 2
    assert procedure.messages(loan)[-1] == "insurance_due"
    assert "registration_due" not in procedure.messages(loan)


def test_nobody_is_reminded_of_what_is_there(procedure: Procedure) -> None:
    loan = procedure.running("auto")
    confirmed(procedure, loan, REGISTRATION)
    confirmed(procedure, loan, INSURANCE)
    assert watched(procedure, procedure.day + timedelta(days=31)) == 0
    assert conditions(procedure, loan)[INSURANCE].look_on == procedure.day + YEAR - timedelta(days=30)


def test_before_a_cover_ends_the_agent_gets_a_task_and_the_borrower_a_message_once(procedure: Procedure) -> None:
    loan, until = insured(procedure)
    assert watched(procedure, until - timedelta(days=31)) == 0
    assert watched(procedure, until - timedelta(days=30)) == 1
    assert watched(procedure, until - timedelta(days=29)) == 0
    task = procedure.task(loan, TaskKind.INSURANCE)
    assert (task.role, task.due_on, task.about) == (AGENT.role, until, f"the vehicle's insurance ends on {until}")
    assert procedure.messages(loan).count("insurance_ending") == 1


def test_a_cover_that_lapses_is_marked_once(procedure: Procedure) -> None:
    loan, until = insured(procedure)
    watched(procedure, until - timedelta(days=30))
    assert watched(procedure, until) == 0
    assert watched(procedure, until + timedelta(days=1)) == 1
    assert procedure.acts(loan)[-1] == "insurance_lapsed"
    assert procedure.messages(loan)[-1] == "insurance_lapsed"
    assert watched(procedure, until + timedelta(days=2)) == 0


def test_days_that_were_missed_are_made_up_for_with_one_message(procedure: Procedure) -> None:
    loan, until = insured(procedure)
    assert watched(procedure, until + timedelta(days=90)) == 1
    told = procedure.messages(loan)
    assert (told.count("insurance_ending"), told.count("insurance_lapsed")) == (0, 1)
    assert procedure.open_tasks(loan) == [TaskKind.INSURANCE]


def test_the_next_cover_ends_the_task_and_is_watched_in_its_turn(procedure: Procedure) -> None:
    loan, until = insured(procedure)
    procedure.day = until - timedelta(days=30)
    watched(procedure)
    evidence = entered(procedure, loan, INSURANCE, dated=until + timedelta(days=1), until=until + YEAR, number="2")
    say(procedure, loan, evidence.id)
    assert procedure.open_tasks(loan) == []
    assert thing(procedure, loan).insured_until == until + YEAR
    assert watched(procedure, until + timedelta(days=1)) == 0
    assert watched(procedure, until + YEAR - timedelta(days=30)) == 1
    assert procedure.messages(loan).count("insurance_ending") == 2


def test_nobody_watches_over_a_loan_that_is_settled(procedure: Procedure) -> None:
    loan, until = insured(procedure)
    key = procedure.prepayment(loan).payment_key
    assert key is not None
    procedure.settle(key)
    procedure.advance(loan)
    assert procedure.loan(loan).stage is Stage.SETTLED
    assert watched(procedure, until + timedelta(days=1)) == 0


def test_what_is_due_comes_in_pages(procedure: Procedure, monkeypatch: pytest.MonkeyPatch) -> None:
    procedure.running("auto")
    procedure.running("auto")
    monkeypatch.setattr(collateral_watch, "PAGE", 3)
    day = procedure.day + timedelta(days=23)
    assert [watched(procedure, day) for _ in range(3)] == [3, 1, 0]


def test_a_loan_that_is_written_off_keeps_its_mortgage_and_its_watch(procedure: Procedure) -> None:
    loan, until = insured(procedure)
    with procedure.at() as work:
        row = work.loans.get(loan)
        row.written_off_on = procedure.day
        work.session.add(row)
    assert watched(procedure, until - timedelta(days=30)) == 1
    assert thing(procedure, loan).released_on is None
    assert TaskKind.RELEASE not in procedure.open_tasks(loan)


def test_what_cannot_be_opened_of_one_loan_holds_up_no_other_and_is_looked_at_again(procedure: Procedure) -> None:
    (bad, until), (good, _) = insured(procedure), insured(procedure)
    damage_one(procedure.books, "collateral", "identifier", bad, "loan")
    day = until - timedelta(days=7)
    looked_at = watched(procedure, day)
    assert looked_at >= 2
    assert TaskKind.INSURANCE in procedure.open_tasks(good)
    assert procedure.open_tasks(bad) == [TaskKind.TROUBLE]
    assert watched(procedure, day) == 0
    assert watched(procedure, day + timedelta(days=1)) == 1
    assert procedure.open_tasks(bad) == [TaskKind.TROUBLE]
