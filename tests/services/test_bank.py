"""What the bank reports: each entry kept once, and nothing left that nobody looks after."""

from dataclasses import replace
from datetime import date, timedelta

import pytest

from models.ledger import BANK, SUSPENSE
from models.loans import Stage
from models.outbox import Topic
from models.payments import PaymentKind, PaymentStatus
from models.staff import Role
from models.tasks import Task, TaskKind
from services import payments, tasks
from services.bank import BankMovement, LateDecline, record_late_decline, record_movement, unclaimed
from services.errors import NoticeConflict
from services.reports import funds
from tests.services.procedure import FINANCE, Procedure, movement

FIRST_DUE = date(2026, 2, 5)


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


def suspense_of_day(procedure: Procedure, day: date) -> int:
    with procedure.books.read() as work:
        return work.ledger.balance(SUSPENSE, day - timedelta(days=1)) - work.ledger.balance(SUSPENSE, day)


def wake_ups(procedure: Procedure) -> list[str]:
    with procedure.at() as work:
        rows = work.outbox.claim(work.now, 50, timedelta(seconds=1))
    return [row.payload["reference"] for row in rows if row.topic is Topic.SIGNAL_LOAN]


def money_tasks(procedure: Procedure) -> list[str]:
    with procedure.books.read() as work:
        return [task.about for task in work.tasks.page(FINANCE, kind=TaskKind.UNMATCHED_MONEY)]


def contradictions(procedure: Procedure) -> list[Task]:
    with procedure.books.read() as work:
        return work.tasks.page(FINANCE, kind=TaskKind.TROUBLE)


def decline_late(procedure: Procedure, key: str, *, is_recall: bool = False) -> None:
    with procedure.at() as work:
        record_late_decline(work, LateDecline(key, "account_closed", is_recall))


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


@pytest.mark.parametrize(
    ("fen", "direction", "days", "end_to_end_id"),
    [
        (5_001, "in", 0, "e1"),
        (5_000, "out", 0, "e1"),
        (5_000, "in", 1, "e1"),
        (5_000, "in", 0, "e2"),
        (5_000, "in", 0, None),
    ],
)
def test_the_same_reference_with_other_content_is_refused(
    procedure: Procedure, fen: int, direction: str, days: int, end_to_end_id: str | None
) -> None:
    loan = procedure.running()
    report(procedure, movement("b1", 5_000, procedure.day, end_to_end_id="e1", remittance=loan))
    other_day = procedure.day + timedelta(days=days)
    with pytest.raises(NoticeConflict):
        report(
            procedure,
            movement("b1", fen, other_day, direction=direction, end_to_end_id=end_to_end_id, remittance=loan),
        )
    assert len(procedure.payments(loan)) == 2


def test_the_same_reference_with_a_text_that_the_bank_spaced_anew_is_a_repetition(procedure: Procedure) -> None:
    loan = procedure.running()
    for text in (f"还款 {loan}", f"还款{loan} "):
        report(procedure, movement("b1", 5_000, procedure.day, end_to_end_id="e1", remittance=text))
    assert len(procedure.payments(loan)) == 2
    assert suspense(procedure) == 0


def test_a_transfer_that_names_a_running_loan_goes_to_it(procedure: Procedure) -> None:
    loan = procedure.running()
    procedure.deposit(loan, 50_000)
    deposit = procedure.payments(loan)[-1]
    assert (deposit.status, deposit.booked) == (PaymentStatus.SETTLED, False)
    procedure.advance(loan)
    assert procedure.payments(loan)[-1].booked
    assert procedure.account(loan).credit_fen == 50_000


@pytest.mark.parametrize("typed", ["还款{}", "{}张三还款", "还款：{}。", "repay-{}-thanks", "{} and {}"])
@pytest.mark.parametrize("width", ["as printed", "lower case", "full width"])
def test_a_loans_number_is_found_however_it_is_typed(procedure: Procedure, typed: str, width: str) -> None:
    loan = procedure.running()
    number = {
        "as printed": loan,
        "lower case": loan.lower(),
        "full width": "".join(chr(ord(letter) + 0xFEE0) for letter in loan),
    }[width]
    report(procedure, movement("b1", 5_000, procedure.day, remittance=typed.format(number, number)))
    assert [payment.key for payment in procedure.payments(loan)][1:] == ["deposit:b1"]


def test_money_that_names_two_running_loans_is_nobodys(procedure: Procedure) -> None:
    first, second, offered = procedure.running(), procedure.running(), procedure.offered()
    report(procedure, movement("b1", 5_000, procedure.day, remittance=f"{first}和{second}"))
    assert suspense(procedure) == 5_000
    assert money_tasks(procedure) == ["bank reference b1: more than one running loan is named"]
    report(procedure, movement("b2", 5_000, procedure.day, remittance=f"{offered}和{second}"))
    assert [payment.key for payment in procedure.payments(second)][1:] == ["deposit:b2"]


@pytest.mark.parametrize(
    "remittance", [None, "还款", "L26999999", "XL26000001", "L260000011", "7L26000001", "L٢٦٠٠٠٠٠١"]
)
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


@pytest.mark.parametrize("days", [1, 10])
def test_money_that_the_bank_dates_ahead_counts_from_the_day_it_came_in(procedure: Procedure, days: int) -> None:
    """Money that waited for its date would stop debits before it and be missing in the ledger until then."""
    loan = procedure.running()
    dated = procedure.day + timedelta(days=days)
    report(procedure, movement("b1", 50_000, dated, remittance=loan))
    procedure.advance(loan)
    deposit = procedure.payments(loan)[-1]
    assert (deposit.value_date, deposit.booked) == (procedure.day, True)
    assert procedure.account(loan).credit_fen == 50_000
    with procedure.books.read() as work:
        (posting,) = [posting for posting in work.ledger.of_loan(loan) if posting.debit == BANK]
        entry = work.payments.entry("b1")
        assert posting.value_date == procedure.day
        assert entry is not None
        assert entry.booked_on == dated


@pytest.mark.parametrize("dated", [date(2026, 1, 16), date(2099, 1, 1), date.max])
def test_money_with_an_absurd_date_goes_to_suspense_and_stops_no_debit(procedure: Procedure, dated: date) -> None:
    loan = procedure.running()
    came_in = procedure.day
    report(procedure, movement("b1", 300_000, dated, remittance=f"loan {loan}"))
    assert suspense(procedure) == 300_000
    assert wake_ups(procedure) == []
    with procedure.books.read() as work:
        (task,) = work.tasks.page(FINANCE, kind=TaskKind.UNMATCHED_MONEY)
        assert (task.due_on, task.about) == (
            came_in,
            f"bank reference b1: it came in on 2026-01-05 and is dated {dated}",
        )
    assert suspense_of_day(procedure, came_in) == 300_000
    procedure.day = FIRST_DUE
    draw = procedure.collection(loan)
    assert draw is not None
    assert draw.amount_fen == procedure.account(loan).due_fen


def test_an_entry_is_dated_by_the_business_day_on_which_it_came_in(procedure: Procedure) -> None:
    """Suspense is posted later here than the entry came in, when the loan had closed: its date stays that of then."""
    loan = closed(procedure, dated=procedure.day + timedelta(days=3))
    came_in = procedure.day
    procedure.day += timedelta(days=2)
    with procedure.at() as work:
        unclaimed(work, loan, "late")
    assert suspense_of_day(procedure, came_in) == 300


@pytest.mark.parametrize("dated", [date.min, date(2026, 1, 4), date(2099, 1, 1), date.max])
def test_a_payout_that_the_bank_dates_absurdly_counts_from_its_own_day(procedure: Procedure, dated: date) -> None:
    loan, key = sent(procedure)
    report(procedure, movement("b1", 1_200_000, dated, direction="out", end_to_end_id=key))
    procedure.book_payout(loan)
    assert procedure.payments(loan)[0].value_date == procedure.day
    assert procedure.loan(loan).disbursed_on == procedure.day


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


def test_a_late_decline_of_what_is_not_ours_changes_nothing(procedure: Procedure) -> None:
    loan, key = sent(procedure)
    procedure.settle(key)
    decline_late(procedure, "not-ours")
    assert procedure.payments(loan)[0].status is PaymentStatus.SETTLED
    assert contradictions(procedure) == []


def test_a_decline_after_the_settlement_gives_finance_one_task_and_an_entry_in_the_audit_log(
    procedure: Procedure,
) -> None:
    loan, key = sent(procedure)
    procedure.settle(key)
    for _ in range(3):
        decline_late(procedure, key)
    (payment,) = procedure.payments(loan)
    assert (payment.status, payment.settled_fen) == (PaymentStatus.SETTLED, 1_200_000)
    (task,) = contradictions(procedure)
    assert (task.role, task.due_on) == (Role.FINANCE, procedure.day + timedelta(days=1))
    assert key in task.about
    assert "contradicts itself" in task.about
    (entry,) = [one for one in procedure.entries(loan) if one.refused]
    assert (entry.act, entry.subject, entry.reason) == ("payment_declined", key, task.about)
    assert entry.after == {"status": "settled", "reason_code": "account_closed", "task": task.id}
    assert wake_ups(procedure) == []


def test_nothing_is_drawn_while_finance_looks_for_a_contradicted_payout(procedure: Procedure) -> None:
    """Whoever perhaps never got the money pays nothing back; once finance is done, what is due is drawn."""
    loan = procedure.running()
    decline_late(procedure, procedure.payments(loan)[0].key)
    procedure.day = FIRST_DUE
    assert procedure.collection(loan) is None
    assert procedure.advance(loan).next_day is not None
    (task,) = contradictions(procedure)
    with procedure.at() as work:
        tasks.finish(work, FINANCE, work.tasks.get(task.id), "the payee has the money; the notice was wrong")
    decline_late(procedure, procedure.payments(loan)[0].key)
    assert contradictions(procedure) == []
    procedure.day += timedelta(days=1)
    draw = procedure.collection(loan)
    assert draw is not None
    assert draw.amount_fen == procedure.account(loan).due_fen


def test_no_other_trouble_hides_a_contradiction_and_no_settlement_cancels_it(procedure: Procedure) -> None:
    loan = procedure.running()
    with procedure.at() as work:
        found = work.loans.get(loan)
        tasks.open_task(work, found, TaskKind.TROUBLE, Role.RISK, procedure.day, "something else")
    decline_late(procedure, procedure.payments(loan)[0].key)
    assert len(contradictions(procedure)) == 1
    procedure.prepayment(loan)
    procedure.settle(procedure.payments(loan)[-1].key)
    assert procedure.advance(loan).stage is Stage.SETTLED
    assert len(contradictions(procedure)) == 1


def test_a_contradicted_draw_is_a_task_and_stops_no_other_draw(procedure: Procedure) -> None:
    loan = procedure.running()
    procedure.day = FIRST_DUE
    procedure.collect(loan, fen=50_000)
    procedure.advance(loan)
    decline_late(procedure, procedure.payments(loan)[-1].key)
    assert len(contradictions(procedure)) == 1
    assert procedure.collection(loan) is not None


def test_the_decline_of_a_recall_is_not_one_of_the_payout(procedure: Procedure) -> None:
    loan, key = sent(procedure)
    procedure.settle(key)
    with procedure.at() as work:
        payments.order_recall(work, key, procedure.day)
    for _ in range(2):
        decline_late(procedure, key, is_recall=True)
    paid, back = procedure.payments(loan)
    assert (paid.status, back.status) == (PaymentStatus.SETTLED, PaymentStatus.DECLINED)
    assert contradictions(procedure) == []


def test_a_decline_of_a_payout_or_recall_that_came_back_is_a_contradiction(procedure: Procedure) -> None:
    loan, key = sent(procedure)
    procedure.settle(key)
    with procedure.at() as work:
        payments.order_recall(work, key, procedure.day)
        payments.record_recall(work, key, PaymentStatus.SETTLED, "b2", None)
    for is_recall in (False, True):
        decline_late(procedure, key, is_recall=is_recall)
    assert [payment.status for payment in procedure.payments(loan)] == [PaymentStatus.RETURNED, PaymentStatus.SETTLED]
    assert len(contradictions(procedure)) == 2


def closed(procedure: Procedure, *, dated: date | None = None) -> str:
    loan = procedure.running()
    procedure.prepayment(loan)
    procedure.settle(procedure.payments(loan)[-1].key)
    report(procedure, movement("late", 300, dated or procedure.day, remittance=loan))
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


def test_a_payer_who_writes_our_reference_on_a_transfer_confirms_no_order(procedure: Procedure) -> None:
    """One fen under the reference of a debit would settle it for that, and the debit itself be nobody's money."""
    loan = procedure.running()
    procedure.day = FIRST_DUE
    drawn = procedure.collection(loan)
    assert drawn is not None
    with procedure.at() as work:
        payments.begin_sending(work, drawn.key)
    own = movement("b1", 1, procedure.day, end_to_end_id=drawn.key, remittance=f"还款 {loan}")
    report(procedure, replace(own, by_payer=True))
    report(procedure, movement("b2", drawn.amount_fen, procedure.day, end_to_end_id=drawn.key))
    procedure.advance(loan)
    assert [(one.kind, one.settled_fen) for one in procedure.payments(loan)[1:]] == [
        (PaymentKind.INSTALLMENT, drawn.amount_fen),
        (PaymentKind.DEPOSIT, 1),
    ]
    assert suspense(procedure) == 0


@pytest.mark.parametrize("dated", [date(2025, 7, 8), date(1926, 1, 5), date.min])
def test_money_dated_long_ago_opens_no_month_of_then(procedure: Procedure, dated: date) -> None:
    """It would make a loan's past anew, and the oldest month to close one of long before the books."""
    loan = procedure.running()
    report(procedure, movement("b1", 300_000, dated, remittance=f"loan {loan}"))
    report(procedure, movement("b2", 700, dated, direction="out"))
    assert suspense(procedure) == 300_000 - 700
    assert money_tasks(procedure)[0] == f"bank reference b1: it came in on 2026-01-05 and is dated {dated}"
    with procedure.books.read() as work:
        assert work.periods.first_booking() == procedure.day
    recent = procedure.day - timedelta(days=180)
    report(procedure, movement("b3", 500, recent, remittance=f"loan {loan}"))
    assert procedure.payments(loan)[-1].settled_fen == 500
