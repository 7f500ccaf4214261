"""What the bank reports: each entry kept once, and nothing left that nobody looks after."""

from datetime import timedelta

import pytest

from models.ledger import BANK, SUSPENSE
from models.loans import Stage
from models.outbox import Topic
from models.payments import PaymentStatus
from models.tasks import TaskKind
from services import payments
from services.bank import BankMovement, LateDecline, record_late_decline, record_movement, unclaimed
from services.errors import NoticeConflict
from services.reports import funds
from tests.services.procedure import FINANCE, Procedure, movement


def report(procedure: Procedure, reported: BankMovement) -> None:
    with procedure.at() as work:
        record_movement(work, reported)


def sent(procedure: Procedure) -> tuple[str, str]:
    """A loan whose payout was sent, and the key of the order."""
    loan = procedure.offered()
    (key,) = procedure.accept(loan).payouts
    with procedure.at() as work:
        payments.begin_sending(work, key)
    return loan, key


def wake_ups(procedure: Procedure) -> list[str]:
    with procedure.at() as work:
        rows = work.outbox.claim(work.now, 50, timedelta(seconds=1))
    return [row.payload["reference"] for row in rows if row.topic is Topic.SIGNAL_LOAN]


def money_tasks(procedure: Procedure) -> list[str]:
    with procedure.books.read() as work:
        return [task.about for task in work.tasks.page(FINANCE, kind=TaskKind.UNMATCHED_MONEY)]


def suspense(procedure: Procedure) -> int:
    with procedure.books.read() as work:
        return -work.ledger.balance(SUSPENSE)


def test_a_notice_confirms_the_order_that_it_is_about(procedure: Procedure) -> None:
    loan, key = sent(procedure)
    report(procedure, movement("b1", 1_200_000, procedure.day, direction="out", end_to_end_id=key))
    (order,) = procedure.payments(loan)
    assert (order.status, order.settled_fen, order.bank_reference) == (PaymentStatus.SETTLED, 1_200_000, "b1")
    assert procedure.acts(loan)[-1] == "payment_settled"
    assert wake_ups(procedure) == []
    assert money_tasks(procedure) == []


def test_a_notice_of_an_order_already_settled_changes_nothing_and_wakes_nobody(procedure: Procedure) -> None:
    loan, key = sent(procedure)
    procedure.settle(key)
    acts = procedure.acts(loan)
    report(procedure, movement(f"bank-{key}", 1_200_000, procedure.day, direction="out", end_to_end_id=key))
    assert procedure.acts(loan) == acts
    assert wake_ups(procedure) == []
    with procedure.books.read() as work:
        entry = work.payments.entry(f"bank-{key}")
        assert entry is not None
        assert (entry.matched, entry.loan) == (True, loan)


def test_the_same_entry_twice_is_kept_once(procedure: Procedure) -> None:
    loan = procedure.running()
    for _ in range(2):
        procedure.deposit(loan, 5_000, reference="b1")
    assert [payment.key for payment in procedure.payments(loan)][1:] == ["deposit:b1"]
    assert wake_ups(procedure) == ["b1"]
    assert procedure.acts(loan).count("deposit_matched") == 1


@pytest.mark.parametrize(("fen", "direction"), [(5_001, "in"), (5_000, "out")])
def test_the_same_reference_with_other_content_is_refused(procedure: Procedure, fen: int, direction: str) -> None:
    loan = procedure.running()
    procedure.deposit(loan, 5_000, reference="b1")
    with pytest.raises(NoticeConflict):
        report(procedure, movement("b1", fen, procedure.day, direction=direction, remittance=loan))
    assert len(procedure.payments(loan)) == 2


def test_a_transfer_that_names_a_running_loan_goes_to_it(procedure: Procedure) -> None:
    loan = procedure.running()
    procedure.deposit(loan, 50_000)
    deposit = procedure.payments(loan)[-1]
    assert (deposit.status, deposit.booked) == (PaymentStatus.SETTLED, False)
    procedure.advance(loan)
    assert procedure.payments(loan)[-1].booked
    assert procedure.account(loan).credit_fen == 50_000


@pytest.mark.parametrize("remittance", [None, "还款", "L26999999", "XL26000001", "L260000011"])
def test_money_that_names_no_running_loan_goes_to_suspense_and_to_finance(
    procedure: Procedure, remittance: str | None
) -> None:
    procedure.running()
    report(procedure, movement("b1", 5_000, procedure.day, remittance=remittance))
    assert suspense(procedure) == 5_000
    assert money_tasks(procedure) == ["bank reference b1: no running loan is named"]
    assert wake_ups(procedure) == []
    with procedure.books.read() as work:
        summary = funds(work)
        assert (summary.suspense, summary.money_in, summary.balances) == (5_000, 5_000, True)
        entry = work.payments.entry("b1")
        assert entry is not None
        assert not entry.matched


def test_money_for_a_loan_that_is_not_running_goes_to_suspense(procedure: Procedure) -> None:
    loan = procedure.offered()
    report(procedure, movement("b1", 5_000, procedure.day, remittance=loan))
    assert suspense(procedure) == 5_000


def test_money_that_left_without_an_order_of_ours_is_asked_about(procedure: Procedure) -> None:
    report(procedure, movement("b1", 5_000, procedure.day, direction="out"))
    report(procedure, movement("b2", 5_000, procedure.day, direction="out", end_to_end_id="not-ours"))
    assert len(money_tasks(procedure)) == 2
    assert all("without an order of ours" in about for about in money_tasks(procedure))


def test_money_of_an_order_that_was_declined_is_asked_about(procedure: Procedure) -> None:
    """First declined, then carried out after all: nobody has it in the books, so a person must look."""
    loan, key = sent(procedure)
    procedure.decline(key)
    report(procedure, movement("b1", 1_200_000, procedure.day, direction="out", end_to_end_id=key))
    assert len(money_tasks(procedure)) == 1
    assert procedure.payments(loan)[0].status is PaymentStatus.DECLINED


def test_an_order_that_the_bank_carried_out_twice_is_asked_about(procedure: Procedure) -> None:
    _, key = sent(procedure)
    for reference in ("b1", "b2"):
        report(procedure, movement(reference, 1_200_000, procedure.day, direction="out", end_to_end_id=key))
    assert len(money_tasks(procedure)) == 1


def test_a_draw_that_came_in_twice_leaves_the_second_in_suspense(procedure: Procedure) -> None:
    loan = procedure.running()
    procedure.day += timedelta(days=31)
    payment = procedure.collection(loan)
    assert payment is not None
    for reference in ("b1", "b2"):
        report(procedure, movement(reference, payment.amount_fen, procedure.day, end_to_end_id=payment.key))
    procedure.advance(loan)
    assert suspense(procedure) == payment.amount_fen
    assert len(money_tasks(procedure)) == 1


def test_a_recall_notice_confirms_the_recall_and_not_the_payout(procedure: Procedure) -> None:
    loan, key = sent(procedure)
    procedure.settle(key)
    with procedure.at() as work:
        payments.order_recall(work, key, procedure.day)
    report(procedure, movement("b2", 1_200_000, procedure.day, end_to_end_id=key, is_recall=True))
    paid, back = procedure.payments(loan)
    assert (back.status, back.bank_reference) == (PaymentStatus.SETTLED, "b2")
    assert paid.status is PaymentStatus.RETURNED


def test_a_late_decline_is_kept_and_wakes_the_loan_once(procedure: Procedure) -> None:
    loan, key = sent(procedure)
    for _ in range(2):
        with procedure.at() as work:
            record_late_decline(work, LateDecline(key, "account_closed"))
    (order,) = procedure.payments(loan)
    assert (order.status, order.reason_code) == (PaymentStatus.DECLINED, "account_closed")
    assert wake_ups(procedure) == [f"{key}:declined"]
    assert procedure.acts(loan).count("payment_declined") == 1


def test_a_late_decline_of_what_is_not_ours_or_already_settled_moves_nothing(procedure: Procedure) -> None:
    loan, key = sent(procedure)
    procedure.settle(key)
    for reported in (key, "not-ours"):
        with procedure.at() as work:
            record_late_decline(work, LateDecline(reported, "account_closed"))
    assert procedure.payments(loan)[0].status is PaymentStatus.SETTLED


def closed(procedure: Procedure) -> str:
    loan = procedure.running()
    procedure.prepayment(loan)
    procedure.settle(procedure.payments(loan)[-1].key)
    procedure.deposit(loan, 300, reference="late")
    with procedure.at() as work:
        found = work.loans.get(loan)
        found.stage = Stage.SETTLED
        work.session.add(found)
    return loan


def test_money_for_a_loan_that_closed_meanwhile_goes_to_suspense_once(procedure: Procedure) -> None:
    loan = closed(procedure)
    for _ in range(2):
        with procedure.at() as work:
            unclaimed(work, loan, "late")
    assert suspense(procedure) == 300
    assert money_tasks(procedure) == [f"bank reference late: loan {loan} was closed when the money came"]


def test_a_running_loan_keeps_its_money_though_its_workflow_is_missing(procedure: Procedure) -> None:
    loan = procedure.running()
    reference = procedure.deposit(loan, 300)
    with procedure.at() as work:
        unclaimed(work, loan, reference)
        unclaimed(work, loan, "never heard of")
    assert suspense(procedure) == 0
    procedure.advance(loan)
    with procedure.books.read() as work:
        assert work.ledger.moved(loan)[(BANK, "2001")] == 300
