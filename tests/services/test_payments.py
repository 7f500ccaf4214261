"""One order to the bank: asked about before it is sent again, and final once its outcome is known."""

from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from threading import Barrier

import pytest

from models.messages import PaymentResult
from models.payments import PaymentKind, PaymentStatus
from services import payments
from tests.services.procedure import Procedure


@pytest.fixture
def key(procedure: Procedure) -> str:
    """A payout that is ordered and not yet sent."""
    return procedure.accept(procedure.offered()).payouts[0]


def begin(procedure: Procedure, key: str) -> tuple[PaymentStatus, bool]:
    with procedure.at() as work:
        payment, sent_before = payments.begin_sending(work, key)
        return payment.status, sent_before


def record(
    procedure: Procedure, key: str, status: PaymentStatus, fen: int = 0, reason: str | None = None
) -> PaymentResult:
    with procedure.at() as work:
        return payments.record_outcome(work, key, status, fen, "bank-1", reason)


def recall(procedure: Procedure, key: str, status: PaymentStatus) -> PaymentResult:
    with procedure.at() as work:
        payments.order_recall(work, key, procedure.day)
    with procedure.at() as work:
        return payments.record_recall(
            work, key, status, "bank-2", None if status is PaymentStatus.SETTLED else "account_empty"
        )


def test_only_an_order_that_was_never_sent_goes_out_without_a_question(procedure: Procedure, key: str) -> None:
    assert begin(procedure, key) == (PaymentStatus.SENT, False)
    assert begin(procedure, key) == (PaymentStatus.SENT, True)
    record(procedure, key, PaymentStatus.PENDING)
    assert begin(procedure, key) == (PaymentStatus.PENDING, True)
    record(procedure, key, PaymentStatus.SETTLED, 1_200_000)
    assert begin(procedure, key) == (PaymentStatus.SETTLED, False)


@pytest.mark.parametrize("final", [PaymentStatus.SETTLED, PaymentStatus.DECLINED])
def test_a_final_outcome_is_never_overwritten(procedure: Procedure, key: str, final: PaymentStatus) -> None:
    begin(procedure, key)
    record(procedure, key, final, 1_200_000, "first")
    for later in (PaymentStatus.PENDING, PaymentStatus.DECLINED, PaymentStatus.SETTLED):
        assert record(procedure, key, later, 5, "later") == PaymentResult(key=key, status=final, reason_code="first")
    loan = key.split(":")[0]
    (payment,) = procedure.payments(loan)
    assert payment.settled_fen == (1_200_000 if final is PaymentStatus.SETTLED else 0)
    assert procedure.acts(loan)[-1] == f"payment_{final}"
    assert procedure.acts(loan).count(f"payment_{final}") == 1


def test_two_words_of_the_bank_at_the_same_moment_leave_one_outcome(procedure: Procedure, key: str) -> None:
    begin(procedure, key)
    start = Barrier(2)

    def hear(status: PaymentStatus) -> str:
        start.wait(timeout=10)
        return record(procedure, key, status, 1_200_000).status

    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(hear, (PaymentStatus.SETTLED, PaymentStatus.DECLINED)))
    assert answers[0] == answers[1]
    loan = key.split(":")[0]
    assert [act for act in procedure.acts(loan) if act.startswith("payment_")] == [f"payment_{answers[0]}"]


@pytest.mark.parametrize("booked_on", [date.min, date(2026, 1, 4), date(2026, 1, 8), date.max])
def test_a_payout_counts_from_no_day_before_its_order_nor_after_the_banks_answer(
    procedure: Procedure, key: str, booked_on: date
) -> None:
    ordered = procedure.day
    procedure.day += timedelta(days=2)
    with procedure.at() as work:
        payments.record_outcome(work, key, PaymentStatus.SETTLED, 1_200_000, "bank-1", None, booked_on)
    loan = key.split(":")[0]
    (payment,) = procedure.payments(loan)
    assert payment.value_date == (ordered if booked_on < ordered else procedure.day)


def test_pending_is_no_outcome_yet(procedure: Procedure, key: str) -> None:
    begin(procedure, key)
    record(procedure, key, PaymentStatus.PENDING, 1_200_000)
    loan = key.split(":")[0]
    (payment,) = procedure.payments(loan)
    assert payment.settled_fen == 0
    assert record(procedure, key, PaymentStatus.DECLINED, reason="limit").reason_code == "limit"


def test_an_order_that_was_never_written_is_a_mistake_of_ours(procedure: Procedure) -> None:
    with pytest.raises(LookupError):
        begin(procedure, "L26000001:disbursement:9")


def test_a_settled_recall_makes_the_payout_count_as_returned(procedure: Procedure, key: str) -> None:
    procedure.settle(key)
    assert recall(procedure, key, PaymentStatus.SETTLED).status == PaymentStatus.SETTLED
    paid, back = procedure.payments(key.split(":")[0])
    assert (paid.status, back.kind, back.key) == (PaymentStatus.RETURNED, PaymentKind.RECALL, f"{key}:recall")
    assert (back.amount_fen, back.settled_fen) == (1_200_000, 1_200_000)


def test_a_declined_recall_leaves_the_money_out(procedure: Procedure, key: str) -> None:
    procedure.settle(key)
    assert recall(procedure, key, PaymentStatus.DECLINED).reason_code == "account_empty"
    paid, back = procedure.payments(key.split(":")[0])
    assert (paid.status, back.status, back.settled_fen) == (PaymentStatus.SETTLED, PaymentStatus.DECLINED, 0)


def test_a_declined_recall_can_be_tried_again(procedure: Procedure, key: str) -> None:
    procedure.settle(key)
    recall(procedure, key, PaymentStatus.DECLINED)
    recall(procedure, key, PaymentStatus.SETTLED)
    paid, back = procedure.payments(key.split(":")[0])
    assert (paid.status, back.status, back.reason_code) == (PaymentStatus.RETURNED, PaymentStatus.SETTLED, None)


def test_a_recall_is_ordered_once_and_never_dated_before_its_payout(procedure: Procedure, key: str) -> None:
    procedure.settle(key)
    for day in (procedure.day - timedelta(days=3), procedure.day + timedelta(days=3)):
        with procedure.at() as work:
            assert payments.order_recall(work, key, day).value_date == procedure.day
    assert len(procedure.payments(key.split(":")[0])) == 2
