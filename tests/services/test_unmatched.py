"""Money in suspense: who it may belong to, what one person proposes and another confirms, and what moves then."""

from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from books.errors import UnknownLoan
from lending.errors import LendingError
from models.ledger import BANK, SUSPENSE, UNALLOCATED
from models.loans import Stage
from models.outbox import OutboxRow, Topic
from models.payments import Payment, PaymentKind, PaymentStatus, ProposalKind, SuspenseVerdict
from models.staff import Actor, Role
from models.tasks import Task, TaskKind, TaskStatus
from services import payments, tasks, unmatched
from services.bank import BankMovement, LateDecline, record_late_decline, record_movement, unclaimed
from services.errors import (
    InvalidDecision,
    NotAllowed,
    NothingProposed,
    OwnProposal,
    ProposalPending,
    RefundImpossible,
    TaskClosed,
    WrongStage,
)
from services.reports import funds
from services.suspense import payee_of_refund
from services.unmatched import UnmatchedMoney
from tests.services.procedure import FINANCE, RISK, Procedure

COLLEAGUE = Actor("finance-zhou", Role.FINANCE)
ACCOUNT = "6230000000000000077"
WHY = "the payer called"


def came_in(
    procedure: Procedure,
    fen: int = 5_000,
    *,
    reference: str = "b1",
    direction: str = "in",
    account: str | None = ACCOUNT,
) -> Task:
    """Money that nobody claims, reported on the day, and its task."""
    told = BankMovement(reference, direction, fen, procedure.day, None, "王先生", "还款", counterparty_account=account)
    with procedure.at() as work:
        entry = record_movement(work, told)
        return work.tasks.get(entry.task_id or "")


def propose(
    procedure: Procedure, task: Task, loan: str | None = None, *, actor: Actor = FINANCE, reason: str = WHY
) -> str:
    kind = ProposalKind.REFUND if loan is None else ProposalKind.TO_LOAN
    with procedure.at() as work:
        return unmatched.propose(work, actor, work.tasks.get(task.id), kind, loan, reason).id


def verdict(procedure: Procedure, task: Task, *, confirmed: bool = True, actor: Actor = COLLEAGUE) -> None:
    with procedure.at() as work:
        unmatched.give_verdict(work, actor, work.tasks.get(task.id), confirmed=confirmed, reason="looked at it")


def beside(procedure: Procedure, task: Task) -> UnmatchedMoney:
    with procedure.books.read() as work:
        found = unmatched.unmatched_money(work, work.tasks.get(task.id))
    assert found is not None
    return found


def status_of(procedure: Procedure, task: Task) -> TaskStatus:
    with procedure.books.read() as work:
        return work.tasks.get(task.id).status


def suspense(procedure: Procedure) -> int:
    with procedure.books.read() as work:
        assert funds(work).balances
        return -work.ledger.balance(SUSPENSE)


def messages(procedure: Procedure, topic: Topic) -> list[OutboxRow]:
    with procedure.at() as work:
        return [row for row in work.outbox.claim(work.now, 50, timedelta(0)) if row.topic is topic]


def refund_of(procedure: Procedure, proposal: str) -> Payment:
    with procedure.books.read() as work:
        refund = work.payments.get(f"R:{proposal}")
    assert refund is not None
    return refund


def test_confirmed_money_goes_to_the_loan_as_of_the_day_it_came_in(procedure: Procedure) -> None:
    loan = procedure.running()
    task = came_in(procedure, 50_000)
    arrived = procedure.day
    procedure.day += timedelta(days=9)
    propose(procedure, task, loan)
    assert suspense(procedure) == 50_000
    assert messages(procedure, Topic.SIGNAL_LOAN) == []
    verdict(procedure, task)
    (signal,) = messages(procedure, Topic.SIGNAL_LOAN)
    assert (signal.loan, signal.payload) == (loan, {"reference": "b1"})
    procedure.advance(loan)
    assert suspense(procedure) == 0
    assert procedure.account(loan).credit_fen == 50_000
    assert status_of(procedure, task) is TaskStatus.DONE
    payment = procedure.payments(loan)[-1]
    assert (payment.kind, payment.value_date, payment.booked) == (PaymentKind.REALLOCATION, arrived, True)
    with procedure.books.read() as work:
        (posting,) = [one for one in work.ledger.of_loan(loan) if one.debit == SUSPENSE]
        event = work.loans.events(loan)[-1]
        entry = work.payments.entry("b1")
        assert (posting.credit, posting.amount_fen, posting.value_date) == (UNALLOCATED, 50_000, arrived)
        assert event.date == arrived
        assert entry is not None
        assert (entry.loan, entry.matched) == (loan, True)


def test_nobody_confirms_his_own_proposal_and_the_database_holds_to_it(procedure: Procedure) -> None:
    task = came_in(procedure)
    proposal = propose(procedure, task, procedure.running())
    with pytest.raises(OwnProposal):
        verdict(procedure, task, actor=FINANCE)
    with pytest.raises(DBAPIError, match="another person"), procedure.at() as work:
        work.write(
            SuspenseVerdict(proposal_id=proposal, confirmed=True, reason="me", given_by=FINANCE.id, given_at=work.now)
        )
    assert suspense(procedure) == 5_000
    assert status_of(procedure, task) is TaskStatus.OPEN


def test_a_refused_proposal_moves_nothing_and_makes_way_for_another(procedure: Procedure) -> None:
    first, second = procedure.running(), procedure.running()
    task = came_in(procedure)
    propose(procedure, task, first)
    with pytest.raises(ProposalPending):
        propose(procedure, task, second)
    verdict(procedure, task, confirmed=False)
    assert beside(procedure, task).proposal is None
    propose(procedure, task, second)
    verdict(procedure, task)
    procedure.advance(second)
    assert procedure.account(second).credit_fen == 5_000
    assert procedure.account(first).credit_fen == 0


def test_a_proposer_may_take_his_own_proposal_back(procedure: Procedure) -> None:
    task = came_in(procedure)
    propose(procedure, task, procedure.running())
    verdict(procedure, task, confirmed=False, actor=FINANCE)
    assert beside(procedure, task).proposal is None


def test_the_same_proposal_and_the_same_verdict_again_change_nothing(procedure: Procedure) -> None:
    loan = procedure.running()
    task = came_in(procedure)
    assert propose(procedure, task, loan) == propose(procedure, task, loan)
    for _ in range(2):
        verdict(procedure, task)
    assert [one.kind for one in procedure.payments(loan)].count(PaymentKind.REALLOCATION) == 1
    with pytest.raises(TaskClosed):
        verdict(procedure, task, actor=Actor("finance-wu", Role.FINANCE))


@pytest.mark.parametrize("actor", [RISK, Actor("auditor-wei", Role.AUDITOR)], ids=lambda actor: actor.id)
def test_only_finance_proposes_and_confirms(procedure: Procedure, actor: Actor) -> None:
    loan = procedure.running()
    task = came_in(procedure)
    with pytest.raises(NotAllowed):
        propose(procedure, task, loan, actor=actor)
    propose(procedure, task, loan)
    with pytest.raises(NotAllowed):
        verdict(procedure, task, actor=actor)


def test_money_goes_to_no_loan_that_is_not_running(procedure: Procedure) -> None:
    offered, running = procedure.offered(), procedure.running()
    task = came_in(procedure)
    refusals: list[tuple[str | None, type[LendingError]]] = [(offered, WrongStage), ("L99999999", UnknownLoan)]
    for loan, refusal in refusals:
        with pytest.raises(refusal):
            propose(procedure, task, loan)
    propose(procedure, task, running)
    with procedure.at() as work:
        found = work.loans.get(running)
        found.stage = Stage.SETTLED
        work.session.add(found)
    with pytest.raises(WrongStage):
        verdict(procedure, task)
    assert suspense(procedure) == 5_000


def test_a_verdict_without_a_proposal_and_a_proposal_without_money_are_refused(procedure: Procedure) -> None:
    loan = procedure.running()
    with pytest.raises(NothingProposed):
        verdict(procedure, came_in(procedure))
    left = came_in(procedure, reference="b2", direction="out")
    with pytest.raises(InvalidDecision):
        propose(procedure, left, loan)
    with procedure.at() as work:
        other = tasks.open_task(work, None, TaskKind.UNMATCHED_MONEY, Role.FINANCE, procedure.day, "something else")
    with pytest.raises(InvalidDecision):
        propose(procedure, other, loan)


def test_a_task_is_not_closed_while_a_proposal_waits(procedure: Procedure) -> None:
    task = came_in(procedure)
    propose(procedure, task, procedure.running())
    with pytest.raises(ProposalPending), procedure.at() as work:
        tasks.finish(work, FINANCE, work.tasks.get(task.id), "done")


def test_money_is_sent_back_to_its_payer_once(procedure: Procedure) -> None:
    task = came_in(procedure)
    proposal = propose(procedure, task)
    verdict(procedure, task)
    refund = refund_of(procedure, proposal)
    (row,) = messages(procedure, Topic.REFUND)
    assert row.payload == {"key": refund.key}
    assert len(refund.key) <= 35
    with procedure.books.read() as work:
        assert payee_of_refund(work, refund) == (ACCOUNT, "王先生")
    assert suspense(procedure) == 5_000
    for _ in range(2):
        with procedure.at() as work:
            payments.begin_sending(work, refund.key)
            payments.record_outcome(work, refund.key, PaymentStatus.SETTLED, 5_000, "b9", None, procedure.day)
    out = BankMovement("b9", "out", 5_000, procedure.day, refund.key, "王先生", None)
    with procedure.at() as work:
        assert record_movement(work, out).matched
    assert suspense(procedure) == 0
    with procedure.books.read() as work:
        assert (funds(work).money_in, funds(work).money_out) == (5_000, 5_000)


def test_a_notice_alone_concludes_a_refund(procedure: Procedure) -> None:
    task = came_in(procedure)
    proposal = propose(procedure, task)
    verdict(procedure, task)
    with procedure.at() as work:
        payments.begin_sending(work, f"R:{proposal}")
    with procedure.at() as work:
        record_movement(work, BankMovement("b9", "out", 5_000, procedure.day, f"R:{proposal}", "王先生", None))
    assert suspense(procedure) == 0
    assert refund_of(procedure, proposal).booked


def test_a_declined_refund_is_finances_again_and_can_be_tried_anew(procedure: Procedure) -> None:
    task = came_in(procedure)
    proposal = propose(procedure, task)
    verdict(procedure, task)
    with procedure.at() as work:
        payments.begin_sending(work, f"R:{proposal}")
        record_late_decline(work, LateDecline(f"R:{proposal}", "account_closed"))
    assert suspense(procedure) == 5_000
    with procedure.books.read() as work:
        (again,) = work.tasks.page(FINANCE, kind=TaskKind.UNMATCHED_MONEY)
    assert again.id != task.id
    assert again.about == "bank reference b1: the refund was declined: account_closed"
    assert propose(procedure, again, reason="once more") != proposal
    verdict(procedure, again)
    assert len(messages(procedure, Topic.REFUND)) == 2


def test_money_from_an_account_that_nobody_knows_is_not_sent_back(procedure: Procedure) -> None:
    with pytest.raises(RefundImpossible):
        propose(procedure, came_in(procedure, account=None))


def test_money_for_a_loan_that_closes_before_it_hears_of_it_stays_in_suspense(procedure: Procedure) -> None:
    loan = procedure.running()
    task = came_in(procedure)
    propose(procedure, task, loan)
    verdict(procedure, task)
    with procedure.at() as work:
        found = work.loans.get(loan)
        found.stage = Stage.SETTLED
        work.session.add(found)
    for _ in range(2):
        with procedure.at() as work:
            unclaimed(work, loan, "b1")
    assert suspense(procedure) == 5_000
    with procedure.books.read() as work:
        (again,) = work.tasks.page(FINANCE, kind=TaskKind.UNMATCHED_MONEY)
    other = procedure.running()
    propose(procedure, again, other)
    verdict(procedure, again)
    procedure.advance(other)
    assert suspense(procedure) == 0


def test_money_that_left_without_an_order_stands_in_suspense_too(procedure: Procedure) -> None:
    came_in(procedure, direction="out")
    assert suspense(procedure) == -5_000
    with procedure.books.read() as work:
        assert work.ledger.balance(BANK, on=date(2026, 1, 5)) == work.ledger.balance(BANK)


def test_proposals_and_verdicts_can_be_neither_changed_nor_removed(procedure: Procedure) -> None:
    task = came_in(procedure)
    propose(procedure, task, procedure.running())
    verdict(procedure, task)
    for table, change in (("suspense_proposal", "loan = NULL"), ("suspense_verdict", "given_by = 'nobody'")):
        for attempt in (f"UPDATE {table} SET {change}", f"DELETE FROM {table}"):
            with pytest.raises(DBAPIError, match="insert-only"), procedure.books.engine.begin() as connection:
                connection.execute(text(attempt))


def test_money_is_posted_twice_by_no_race_of_two_colleagues(procedure: Procedure) -> None:
    """Both saw the proposal open; the second finds it answered."""
    loan = procedure.running()
    task = came_in(procedure)
    propose(procedure, task, loan)
    colleagues = [Actor(f"finance-{name}", Role.FINANCE) for name in ("wu", "zheng", "wang")]

    def confirm(colleague: Actor) -> bool:
        try:
            verdict(procedure, task, actor=colleague)
        except TaskClosed:
            return False
        return True

    with ThreadPoolExecutor(3) as pool:
        assert sorted(pool.map(confirm, colleagues)) == [False, False, True]
    assert [one.kind for one in procedure.payments(loan)].count(PaymentKind.REALLOCATION) == 1
