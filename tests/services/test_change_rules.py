"""Who may propose and decide a change, how many have to agree, and what is refused at which field."""

from datetime import date
from typing import Any

import pytest

from lending.events import InvalidEvent
from models.changes import ChangeKind, ChangeStatus
from models.messages import StepKind
from models.staff import Actor, Role
from models.tasks import Outcome, TaskKind
from services.authority import change_band
from services.errors import (
    InvalidChange,
    InvalidDecision,
    NotAllowed,
    OwnCase,
    OwnChange,
    WrongStage,
)
from services.staff_changes import change_person
from tests.services.procedure import ADMIN, AGENT, AUDITOR, FINANCE, INTEGRATOR, MANAGER, RISK, Procedure
from tests.services.proposals import (
    OTHER_FINANCE,
    OTHER_RISK,
    change,
    check_the_books,
    decide,
    latest,
    propose,
    take_back,
)

FIRST_DUE = date(2026, 2, 5)
DEFERRAL: dict[str, Any] = {"periods": 2, "component": "principal"}
POSSIBLE: dict[ChangeKind, dict[str, Any]] = {
    ChangeKind.DEFERRAL: DEFERRAL,
    ChangeKind.RESTRUCTURING: {"extra_periods": 6},
    ChangeKind.RATE_CHANGE: {"annual_rate_percent": "3.00"},
    ChangeKind.WAIVER: {"amount": "10.00", "component": "principal"},
    ChangeKind.FEE: {"amount": "10.00"},
    ChangeKind.WRITE_OFF: {},
    ChangeKind.CORRECTION: {"amount": "10.00", "channel": "cash"},
}


def paid(procedure: Procedure, loan: str) -> str:
    """The first installment is paid; returns the key of its event."""
    procedure.day = FIRST_DUE
    procedure.collect(loan)
    procedure.advance(loan, StepKind.DUE)
    with procedure.books.read() as work:
        return work.loans.events(loan)[-1].key


# -- who ---------------------------------------------------------------------------------------------------------------


def test_each_role_proposes_what_is_its_own_and_nothing_else(procedure: Procedure, loan: str) -> None:
    borrower = procedure.borrower_of(loan)
    may = {
        ChangeKind.DEFERRAL: [MANAGER, RISK, AGENT, INTEGRATOR, borrower],
        ChangeKind.RESTRUCTURING: [MANAGER, RISK],
        ChangeKind.RATE_CHANGE: [MANAGER, RISK],
        ChangeKind.WAIVER: [MANAGER, RISK],
        ChangeKind.FEE: [MANAGER, RISK],
        ChangeKind.WRITE_OFF: [MANAGER, RISK],
        ChangeKind.CORRECTION: [FINANCE],
    }
    for kind, actors in may.items():
        for by in (MANAGER, RISK, AGENT, INTEGRATOR, borrower, FINANCE, AUDITOR, ADMIN):
            if by in actors:
                take_back(procedure, loan, propose(procedure, loan, kind, POSSIBLE[kind], by=by).proposal, by=by)
            else:
                with pytest.raises(NotAllowed):
                    propose(procedure, loan, kind, POSSIBLE[kind], by=by)


def test_a_borrower_asks_for_his_own_loan_only(procedure: Procedure, loan: str) -> None:
    other = procedure.borrower_of(procedure.running())
    with pytest.raises(NotAllowed):
        propose(procedure, loan, ChangeKind.DEFERRAL, DEFERRAL, by=other)


def test_nobody_but_risk_decides_a_change_and_nobody_but_finance_a_correction(procedure: Procedure, loan: str) -> None:
    for kind in ChangeKind:
        proposal = propose(procedure, loan, kind, POSSIBLE[kind]).proposal
        corrects = kind is ChangeKind.CORRECTION
        for by in (MANAGER, AGENT, AUDITOR, ADMIN, INTEGRATOR, RISK if corrects else OTHER_FINANCE):
            with pytest.raises(NotAllowed):
                decide(procedure, loan, by=by)
        take_back(procedure, loan, proposal, by=FINANCE if corrects else MANAGER)


def test_the_proposer_decides_nothing_not_even_against_himself(procedure: Procedure, loan: str) -> None:
    propose(procedure, loan, ChangeKind.DEFERRAL, DEFERRAL, by=RISK)
    for outcome in (Outcome.APPROVE, Outcome.REFUSE):
        with pytest.raises(OwnChange):
            decide(procedure, loan, outcome, by=RISK)
    decide(procedure, loan, by=OTHER_RISK)


def test_finance_confirms_no_correction_of_its_own(procedure: Procedure, loan: str) -> None:
    propose(procedure, loan, ChangeKind.CORRECTION, {"amount": "1.00", "channel": "cash"})
    with pytest.raises(OwnChange):
        decide(procedure, loan, by=FINANCE)
    decide(procedure, loan, by=OTHER_FINANCE)


def test_who_entered_the_case_decides_no_change_of_it(procedure: Procedure) -> None:
    loan = procedure.running(actor=AGENT)
    propose(procedure, loan, ChangeKind.DEFERRAL, DEFERRAL)
    with procedure.at() as work:
        change_person(work, ADMIN, AGENT.id, "moves to risk", role=Role.RISK)
    with pytest.raises(OwnCase):
        decide(procedure, loan, by=Actor(AGENT.id, Role.RISK))


def test_a_large_change_needs_two_people(procedure: Procedure) -> None:
    loan = procedure.running("auto")
    before = procedure.account(loan)
    with procedure.books.read() as work:
        principal = work.loans.get(loan).outstanding_fen
        band = change_band(work, ChangeKind.WRITE_OFF, principal, procedure.day)
    assert band.people == 2
    propose(procedure, loan, ChangeKind.WRITE_OFF)
    progress = decide(procedure, loan)
    assert progress.changes is not None
    assert [one.task_id for one in progress.changes] == [procedure.task(loan, TaskKind.CHANGE).id]
    assert procedure.account(loan) == before
    with pytest.raises(OwnChange):
        decide(procedure, loan, by=RISK)
    decide(procedure, loan, by=OTHER_RISK)
    assert latest(procedure, loan).status is ChangeStatus.APPLIED
    assert procedure.loan(loan).written_off_on == procedure.day
    check_the_books(procedure)


def test_every_step_is_in_the_audit_log(procedure: Procedure, loan: str) -> None:
    change(procedure, loan, ChangeKind.DEFERRAL, DEFERRAL)
    assert [act for act in procedure.acts(loan) if act.startswith("change")] == [
        "change_proposed",
        "change_applied",
        "change_decided",
    ]


# -- what cannot be ----------------------------------------------------------------------------------------------------


WRONG: list[tuple[ChangeKind, dict[str, Any], str]] = [
    (ChangeKind.DEFERRAL, {}, "periods"),
    (ChangeKind.DEFERRAL, {"periods": 0}, "periods"),
    (ChangeKind.DEFERRAL, {"periods": 1, "component": "interest"}, "component"),
    (ChangeKind.DEFERRAL, {"periods": 1, "amount": "5"}, "amount"),
    (ChangeKind.RESTRUCTURING, {}, "due"),
    (ChangeKind.RESTRUCTURING, {"reage": False}, "due"),
    (ChangeKind.RESTRUCTURING, {"due": "2026-01-19"}, "due"),
    (ChangeKind.RESTRUCTURING, {"from": "2030-01-01", "extra_periods": 1}, "from"),
    (ChangeKind.RATE_CHANGE, {"annual_rate_percent": "-1"}, "annual_rate_percent"),
    (ChangeKind.RATE_CHANGE, {}, "annual_rate_percent"),
    (ChangeKind.WAIVER, {"amount": "0.01", "component": "penalty"}, "amount"),
    (ChangeKind.WAIVER, {"amount": "12000.01", "component": "principal"}, "amount"),
    (ChangeKind.WAIVER, {"amount": "-1", "component": "principal"}, "amount"),
    (ChangeKind.WAIVER, {"amount": "1", "component": "subsidy"}, "component"),
    (ChangeKind.FEE, {"amount": "0"}, "amount"),
    (ChangeKind.FEE, {"amount": "1", "due": "2026-01-19"}, "due"),
    (ChangeKind.CORRECTION, {"amount": "1"}, "channel"),
    (ChangeKind.CORRECTION, {"amount": "NaN", "channel": "cash"}, "amount"),
    (ChangeKind.CORRECTION, {"amount": "1", "channel": "cash", "received_on": "2026-01-04"}, "received_on"),
    (ChangeKind.CORRECTION, {"amount": "1", "channel": "cash", "received_on": "2026-01-21"}, "received_on"),
    (ChangeKind.CORRECTION, {"of": "nothing"}, "of"),
]


def test_what_cannot_be_is_refused_at_its_field(procedure: Procedure, loan: str) -> None:
    for kind, asked, field in WRONG:
        with pytest.raises((InvalidChange, InvalidEvent)) as refusal:
            propose(procedure, loan, kind, asked)
        assert field in refusal.value.fields, (kind, asked)
    assert procedure.open_tasks(loan) == []


def test_only_money_is_reversed_and_only_once(procedure: Procedure, loan: str) -> None:
    with procedure.books.read() as work:
        payout = work.loans.events(loan)[0].key
    change(procedure, loan, ChangeKind.FEE, {"amount": "1.00"})
    fee = latest(procedure, loan).proposal.event_key
    for key in (payout, fee):
        with pytest.raises(InvalidChange, match="no such money"):
            propose(procedure, loan, ChangeKind.CORRECTION, {"of": key})
    money = paid(procedure, loan)
    change(procedure, loan, ChangeKind.CORRECTION, {"of": money})
    with pytest.raises(InvalidChange, match="reversed already"):
        propose(procedure, loan, ChangeKind.CORRECTION, {"of": money})


def test_a_loan_that_is_not_running_is_not_changed(procedure: Procedure) -> None:
    loan = procedure.offered()
    with pytest.raises(WrongStage):
        propose(procedure, loan, ChangeKind.DEFERRAL, DEFERRAL)


def test_a_change_is_not_sent_back(procedure: Procedure, loan: str) -> None:
    propose(procedure, loan, ChangeKind.DEFERRAL, DEFERRAL)
    with pytest.raises(InvalidDecision):
        decide(procedure, loan, Outcome.RETURN)
