"""Proposing and deciding changes in the tests of services and database."""

from typing import Any

from books.changes import Change
from console.audits import audit_books
from models.changes import ChangeKind
from models.messages import ChangeOrder, ChangeProgress, ChangeWithdrawal, Progress, ProposeOnBooks, TakeBackOnBooks
from models.staff import Actor, Role
from models.tasks import Outcome, TaskKind
from services import changes
from services.reports import funds
from tests.services.procedure import FINANCE, MANAGER, RISK, Procedure, sender

OTHER_RISK = Actor("risk-shen", Role.RISK)
OTHER_FINANCE = Actor("finance-zhou", Role.FINANCE)


def propose(
    procedure: Procedure, loan: str, kind: ChangeKind, asked: dict[str, Any] | None = None, *, by: Actor | None = None
) -> ChangeProgress:
    """A proposal by the manager, or of a correction by finance."""
    actor = by or (FINANCE if kind is ChangeKind.CORRECTION else MANAGER)
    order = procedure.order(loan)
    change = ChangeOrder(
        sender=sender(actor), command_id=order["key"], kind=kind, asked=asked or {}, reason="agreed with the borrower"
    )
    return procedure.act(changes.propose, ProposeOnBooks(**order, change=change))


def decide(procedure: Procedure, loan: str, outcome: Outcome = Outcome.APPROVE, *, by: Actor | None = None) -> Progress:
    """A decision on what is proposed, by risk, or on a correction by another of finance."""
    role = procedure.task(loan, TaskKind.CHANGE).role
    actor = by or (OTHER_FINANCE if role is Role.FINANCE else RISK)
    return procedure.decide(loan, outcome, actor=actor, kind=TaskKind.CHANGE)


def change(
    procedure: Procedure, loan: str, kind: ChangeKind, asked: dict[str, Any] | None = None, *, by: Actor | None = None
) -> Progress:
    """A change that is proposed and approved at once."""
    propose(procedure, loan, kind, asked, by=by)
    return decide(procedure, loan)


def take_back(procedure: Procedure, loan: str, proposal: str, by: Actor = MANAGER) -> ChangeProgress:
    """A proposal is taken back."""
    order = procedure.order(loan)
    withdrawal = ChangeWithdrawal(sender=sender(by), command_id=order["key"], proposal=proposal)
    return procedure.act(changes.take_back, TakeBackOnBooks(**order, withdrawal=withdrawal))


def latest(procedure: Procedure, loan: str) -> Change:
    """The newest proposal of a loan with what became of it."""
    with procedure.books.read() as work:
        return work.changes.of_loan(loan)[0]


def check_the_books(procedure: Procedure) -> None:
    """The ledger says what the mathematics says, and the flow of funds balances."""
    assert list(audit_books(procedure.books)) == []
    with procedure.books.read() as work:
        assert funds(work).balances
