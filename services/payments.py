"""One order to the bank: when it may be sent, and how it ended."""

from datetime import date, timedelta
from hashlib import sha256

from books.errors import UnknownTask
from books.session import UnitOfWork
from models.messages import PaymentResult
from models.payments import Payment, PaymentKind, PaymentStatus
from models.staff import Role
from models.tasks import Task, TaskKind, TaskStatus
from services import audit, mandates, suspense

FINAL = {PaymentStatus.SETTLED, PaymentStatus.DECLINED, PaymentStatus.RETURNED}


def begin_sending(work: UnitOfWork, key: str) -> tuple[Payment, bool]:
    """The order, and whether the bank must be asked about it first because it may have been sent before."""
    payment = _get(work, key)
    sent_before = payment.status in (PaymentStatus.SENT, PaymentStatus.PENDING)
    if payment.status is PaymentStatus.ORDERED:
        payment.status = PaymentStatus.SENT
        work.session.add(payment)
    return payment, sent_before


def record_outcome(
    work: UnitOfWork,
    key: str,
    status: PaymentStatus,
    settled_fen: int,
    bank_reference: str | None,
    reason_code: str | None,
    booked_on: date | None = None,
) -> PaymentResult:
    """Keeps what the bank said; a final outcome is never overwritten."""
    payment = _get(work, key)
    if payment.status not in FINAL:
        payment.status = status
        payment.settled_fen = settled_fen if status is PaymentStatus.SETTLED else 0
        payment.bank_reference = bank_reference
        payment.reason_code = reason_code[:64] if reason_code else None
        date_by_bank(work, payment, booked_on)
        work.session.add(payment)
        if status in FINAL:
            audit.record(
                work,
                audit.SYSTEM,
                f"payment_{status}",
                loan=payment.loan,
                subject=key,
                after={
                    "amount_fen": payment.settled_fen,
                    "bank_reference": bank_reference,
                    "reason_code": reason_code,
                    **party_named(payment),
                },
            )
            if payment.kind is PaymentKind.REFUND:
                suspense.conclude_refund(work, payment)
            elif status is PaymentStatus.DECLINED:
                mandates.follow_decline(work, payment)
    return result_of(payment)


def date_by_bank(work: UnitOfWork, payment: Payment, booked_on: date | None) -> None:
    """Keeps the bank's date. Money that went out counts from that day, so that no interest runs before.

    The day it counts from is neither before the order's own nor after today, whatever the bank writes: either would
    date the loan by a mistake. Money drawn keeps the day it was ordered for: a slow bank makes no borrower late.
    """
    payment.moved_on = booked_on
    if booked_on is not None and payment.kind in (PaymentKind.DISBURSEMENT, PaymentKind.RECALL, PaymentKind.REFUND):
        payment.value_date = max(payment.value_date, min(booked_on, work.today))


def record_contradiction(work: UnitOfWork, order: Payment, reason_code: str) -> None:
    """The bank declines an order that it had settled: the order stays as it is, and finance gets one task about it.

    However often the bank says so, it is the same task, also after finance has finished it. It belongs to the order
    and not to the loan, so that no other trouble of the loan stands in its place and a settlement does not cancel it.
    """
    if _contradiction(work, order.key) is not None:
        return
    task = Task(
        id=_contradiction_id(order.key),
        kind=TaskKind.TROUBLE,
        role=Role.FINANCE,
        due_on=work.today + timedelta(days=1),
        opened_at=work.now,
        about=f"the bank contradicts itself: it declined order {order.key}, which it had settled before",
    )
    work.write(task)
    audit.record(
        work,
        audit.SYSTEM,
        "payment_declined",
        loan=order.loan,
        subject=order.key,
        before={"status": order.status, "bank_reference": order.bank_reference},
        after={"status": order.status, "reason_code": reason_code, "task": task.id},
        reason=task.about,
        refused=True,
    )


def payout_is_contradicted(work: UnitOfWork, loan: str) -> bool:
    """Whether finance still has to find out if a payout, settled and then declined, reached the borrower."""
    for payout in work.payments.of_loan(loan, PaymentKind.DISBURSEMENT):
        task = _contradiction(work, payout.key) if payout.status is PaymentStatus.SETTLED else None
        if task is not None and task.status is TaskStatus.OPEN:
            return True
    return False


def _contradiction(work: UnitOfWork, key: str) -> Task | None:
    try:
        return work.tasks.get(_contradiction_id(key))
    except UnknownTask:
        return None


def _contradiction_id(key: str) -> str:
    """The id of the one task about an order: whoever knows the order finds it."""
    return sha256(f"contradiction {key}".encode()).hexdigest()[:32]


def result_of(payment: Payment) -> PaymentResult:
    """The payment as the workflow sees it."""
    return PaymentResult(key=payment.key, status=payment.status, reason_code=payment.reason_code)


def order_recall(work: UnitOfWork, key: str, day: date) -> Payment:
    """The order to take back a settled payout, the same one however often it is asked for."""
    paid = _get(work, key)
    recall_key = f"{key}:recall"
    recall = work.payments.get(recall_key)
    if recall is None:
        recall = Payment(
            key=recall_key,
            loan=paid.loan,
            kind=PaymentKind.RECALL,
            party_id=paid.party_id,
            amount_fen=paid.settled_fen,
            value_date=max(day, paid.value_date),
            ordered_at=work.now,
        )
        work.session.add(recall)
    elif recall.status is PaymentStatus.DECLINED:
        # The payee's account was empty then; it may not be now.
        recall.status = PaymentStatus.ORDERED
        recall.reason_code = None
        work.session.add(recall)
    return recall


def record_recall(
    work: UnitOfWork,
    key: str,
    status: PaymentStatus,
    bank_reference: str | None,
    reason_code: str | None,
    booked_on: date | None = None,
) -> PaymentResult:
    """How a recall ended: the payout counts as returned, or stays out for a person to see to."""
    recall = _get(work, f"{key}:recall")
    record_outcome(work, recall.key, status, recall.amount_fen, bank_reference, reason_code, booked_on)
    if recall.status is PaymentStatus.SETTLED:
        mark_returned(work, recall)
    return result_of(recall)


def mark_returned(work: UnitOfWork, recall: Payment) -> None:
    """The payout that a settled recall brought back counts as returned."""
    paid = _get(work, recall.key.removesuffix(":recall"))
    paid.status = PaymentStatus.RETURNED
    work.session.add(paid)


def party_named(payment: Payment) -> dict[str, str]:
    """How an audit entry names whose account an order moves money to or from; nothing if it names nobody."""
    return {"party": payment.party_id} if payment.party_id is not None else {}


def _get(work: UnitOfWork, key: str) -> Payment:
    payment = work.payments.held(key)
    if payment is None:
        raise LookupError(f"there is no payment order {key}")
    return payment
