"""Money of a settled loan that was posted by mistake: two people of finance undo it, and the loan is repaid again."""

from datetime import timedelta

import pytest

from lending.errors import LendingError
from models.changes import ChangeKind, ChangeStatus
from models.loans import Stage
from models.messages import ChangeOrder, ChangeWithdrawal, DecisionOrder
from models.outbox import Topic
from models.staff import Actor
from models.tasks import Outcome, TaskKind
from services import settled_loans
from services.errors import ChangePending, IdempotencyConflict, NotAllowed, OwnChange, TaskClosed, WrongStage
from tests.services.procedure import FINANCE, MANAGER, Procedure, sender
from tests.services.proposals import OTHER_FINANCE, check_the_books, latest
from tests.services.test_chargebacks import outbox, settled_by_prepayment


def proposal(
    of: str, *, command: str = "c1", by: Actor = FINANCE, kind: ChangeKind = ChangeKind.CORRECTION
) -> ChangeOrder:
    asked = {"of": of} if kind is ChangeKind.CORRECTION else {}
    return ChangeOrder(sender=sender(by), command_id=command, kind=kind, asked=asked, reason="another payer's money")


def propose(procedure: Procedure, loan: str, order: ChangeOrder) -> str:
    with procedure.at() as work:
        return settled_loans.propose(work, loan, order).proposal


def decide(procedure: Procedure, loan: str, outcome: Outcome, *, by: Actor = OTHER_FINANCE, task: str = "") -> Stage:
    order = DecisionOrder(
        sender=sender(by),
        command_id=f"{outcome}-{by.id}-{procedure.day}",
        task_id=task or procedure.task(loan, TaskKind.CHANGE).id,
        outcome=outcome,
        reason="the payer called",
    )
    with procedure.at() as work:
        return settled_loans.decide(work, loan, order).stage


def test_two_people_of_finance_take_a_settled_loan_up_again(procedure: Procedure) -> None:
    loan, debit = settled_by_prepayment(procedure)
    asked = propose(procedure, loan, proposal(debit.key))
    task = procedure.task(loan, TaskKind.CHANGE).id
    assert procedure.loan(loan).stage is Stage.SETTLED
    with pytest.raises(OwnChange):
        decide(procedure, loan, Outcome.APPROVE, by=FINANCE)

    assert decide(procedure, loan, Outcome.APPROVE) is Stage.REPAYMENT

    found = procedure.loan(loan)
    assert (found.stage, found.closed_on) == (Stage.REPAYMENT, None)
    assert found.outstanding_fen > 0
    assert outbox(procedure, Topic.REOPEN_LOAN) == [f"reopen:{loan}:change:{asked}"]
    assert latest(procedure, loan).status is ChangeStatus.APPLIED
    assert procedure.messages(loan)[-1] == "reopened"
    with procedure.books.read() as work:
        (money,) = work.tasks.page(FINANCE, kind=TaskKind.UNMATCHED_MONEY)
    assert "was reversed" in money.about
    check_the_books(procedure)
    # The same decision again has the same answer; another one comes too late.
    assert decide(procedure, loan, Outcome.APPROVE, task=task) is Stage.REPAYMENT
    with pytest.raises((TaskClosed, WrongStage)):
        decide(procedure, loan, Outcome.REFUSE, task=task)


def test_a_refused_correction_leaves_the_loan_settled(procedure: Procedure) -> None:
    loan, debit = settled_by_prepayment(procedure)
    propose(procedure, loan, proposal(debit.key))

    assert decide(procedure, loan, Outcome.REFUSE) is Stage.SETTLED

    assert (procedure.loan(loan).stage, procedure.open_tasks(loan)) == (Stage.SETTLED, [])
    assert latest(procedure, loan).status is ChangeStatus.REFUSED
    assert outbox(procedure, Topic.REOPEN_LOAN) == []


def test_the_same_proposal_again_is_the_same_and_a_second_one_waits(procedure: Procedure) -> None:
    loan, debit = settled_by_prepayment(procedure)
    first = propose(procedure, loan, proposal(debit.key))

    assert propose(procedure, loan, proposal(debit.key)) == first
    with pytest.raises(IdempotencyConflict):
        propose(procedure, loan, proposal("something-else"))
    with pytest.raises(ChangePending):
        propose(procedure, loan, proposal(debit.key, command="c2"))


def test_a_proposal_that_nobody_decided_gives_way_to_the_next(procedure: Procedure) -> None:
    loan, debit = settled_by_prepayment(procedure)
    propose(procedure, loan, proposal(debit.key))
    procedure.day += timedelta(days=30)
    with pytest.raises(LendingError, match="proposal"):
        decide(procedure, loan, Outcome.APPROVE)

    second = propose(procedure, loan, proposal(debit.key, command="c2"))

    with procedure.books.read() as work:
        newest, oldest = work.changes.of_loan(loan)
    assert (newest.proposal.id, newest.status, oldest.status) == (second, ChangeStatus.OPEN, ChangeStatus.EXPIRED)
    assert decide(procedure, loan, Outcome.APPROVE) is Stage.REPAYMENT


def test_its_proposer_takes_a_proposal_back(procedure: Procedure) -> None:
    loan, debit = settled_by_prepayment(procedure)
    asked = propose(procedure, loan, proposal(debit.key))
    withdrawal = ChangeWithdrawal(sender=sender(FINANCE), command_id="w1", proposal=asked)
    for _ in range(2):
        with procedure.at() as work:
            settled_loans.take_back(work, loan, withdrawal)
    assert latest(procedure, loan).status is ChangeStatus.WITHDRAWN


def test_nothing_but_its_money_is_corrected_and_by_nobody_but_finance(procedure: Procedure) -> None:
    loan, debit = settled_by_prepayment(procedure)
    for kind in (ChangeKind.DEFERRAL, ChangeKind.WRITE_OFF):
        with pytest.raises(WrongStage):
            propose(procedure, loan, proposal(debit.key, kind=kind, by=MANAGER))
    with pytest.raises(NotAllowed):
        propose(procedure, loan, proposal(debit.key, by=MANAGER))
    running = procedure.running()
    with pytest.raises(WrongStage):
        propose(procedure, running, proposal(debit.key))
