"""What the bank reports: every entry kept once, matched to a payment, a loan, or handed to a person."""

import re
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, timedelta

from books.errors import UnknownLoan
from books.session import UnitOfWork
from models import ledger as chart
from models.loans import CLOSED, Loan, Stage
from models.messages import BooksOrder, Progress
from models.outbox import Topic
from models.payments import BankEntry, Payment, PaymentKind, PaymentStatus
from models.staff import Role
from models.tasks import TaskKind
from services import audit
from services.errors import NoticeConflict
from services.ledger import post
from services.payments import date_by_bank, mark_returned, record_outcome
from services.tasks import open_task

LOAN_NUMBER = re.compile(r"\bL\d{8,15}\b")
BOOKING_PATIENCE = timedelta(seconds=10)
"""How long whoever drew money has to book it himself before a notice wakes the loan."""


@dataclass(frozen=True)
class BankMovement:
    """A movement on the lender's account, by notice or statement line."""

    reference: str
    direction: str
    amount_fen: int
    booked_on: date
    end_to_end_id: str | None
    counterparty: str | None
    remittance: str | None
    is_recall: bool = False


@dataclass(frozen=True)
class LateDecline:
    """The bank's word that an order it had taken in is declined after all."""

    end_to_end_id: str
    reason_code: str


def record_movement(work: UnitOfWork, movement: BankMovement) -> BankEntry:
    """Keeps a movement once by the bank's reference, and sees to it that somebody takes care of it.

    A movement of one of our orders confirms that order, unless it was declined or confirmed by another one before.
    Money that names a running loan goes to that loan. All other money goes to suspense with a task for finance. The
    same reference with other content raises NoticeConflict.
    """
    before = work.payments.entry(movement.reference)
    if before is not None:
        if (before.amount_fen, before.direction) != (movement.amount_fen, movement.direction):
            raise NoticeConflict(movement.reference)
        return before
    entry = BankEntry(
        reference=movement.reference,
        direction=movement.direction,
        amount_fen=movement.amount_fen,
        booked_on=movement.booked_on,
        end_to_end_id=movement.end_to_end_id,
        counterparty=movement.counterparty,
        remittance=movement.remittance,
        received_at=work.now,
    )
    work.session.add(entry)
    order = _our_order(work, movement)
    if order is not None and _is_of(entry, order):
        _confirm(work, entry, order)
    elif movement.direction == "in":
        _credit(work, entry)
    else:
        _ask_finance(work, entry, "money left the account without an order of ours")
    work.session.flush()
    return entry


def record_late_decline(work: UnitOfWork, decline: LateDecline) -> None:
    """Keeps that nothing moved; a decline of an order that is not ours changes nothing."""
    order = work.payments.held(decline.end_to_end_id)
    if order is None:
        return
    record_outcome(work, order.key, PaymentStatus.DECLINED, 0, order.bank_reference, decline.reason_code)
    reference = f"{order.key}:declined"
    if not work.outbox.has(f"money:{reference}"):
        _wake(work, order.loan, reference)


def _our_order(work: UnitOfWork, movement: BankMovement) -> Payment | None:
    if movement.end_to_end_id is None:
        return None
    return work.payments.held(f"{movement.end_to_end_id}:recall" if movement.is_recall else movement.end_to_end_id)


def _is_of(entry: BankEntry, order: Payment) -> bool:
    """Whether a movement can be that of an order: its direction and its amount; a debit may bring in a part."""
    goes_out = order.kind is PaymentKind.DISBURSEMENT
    if (entry.direction == "out") is not goes_out:
        return False
    return entry.amount_fen == order.amount_fen or (
        order.kind is PaymentKind.INSTALLMENT and entry.amount_fen < order.amount_fen
    )


def _confirm(work: UnitOfWork, entry: BankEntry, order: Payment) -> None:
    entry.loan = order.loan
    waits = order.status in (PaymentStatus.SENT, PaymentStatus.PENDING, PaymentStatus.ORDERED)
    is_known = order.status in (PaymentStatus.SETTLED, PaymentStatus.RETURNED)
    entry.matched = waits or (is_known and order.bank_reference in (None, entry.reference))
    if not entry.matched:
        why = f"order {order.key} was {order.status} before"
        if entry.direction == "in":
            to_suspense(work, entry, why)
        else:
            _ask_finance(work, entry, why)
    if waits:
        order.status = PaymentStatus.SETTLED
        order.settled_fen = entry.amount_fen
        order.bank_reference = entry.reference
        date_by_bank(order, entry.booked_on)
        work.session.add(order)
        if order.kind is PaymentKind.RECALL:
            mark_returned(work, order)
        audit.record(
            work,
            audit.SYSTEM,
            "payment_settled",
            loan=order.loan,
            subject=order.key,
            after={"amount_fen": entry.amount_fen, "bank_reference": entry.reference, "by": "notice"},
        )
    if entry.matched and not order.booked and order.kind not in (PaymentKind.DISBURSEMENT, PaymentKind.RECALL):
        # Whoever carries out a payout asks the bank himself until it is final; only the account waits for notices, and
        # only if whoever drew the money has not booked it by then.
        _wake(work, order.loan, entry.reference, after=BOOKING_PATIENCE)


def _credit(work: UnitOfWork, entry: BankEntry) -> None:
    loan = _named_loan(work, entry)
    if loan is None:
        to_suspense(work, entry, "no running loan is named")
        return
    entry.loan = loan.number
    entry.matched = True
    work.session.add(
        Payment(
            key=f"deposit:{entry.reference}",
            loan=loan.number,
            kind=PaymentKind.DEPOSIT,
            amount_fen=entry.amount_fen,
            settled_fen=entry.amount_fen,
            status=PaymentStatus.SETTLED,
            bank_reference=entry.reference,
            value_date=entry.booked_on,
            ordered_at=work.now,
        )
    )
    audit.record(
        work,
        audit.SYSTEM,
        "deposit_matched",
        loan=loan.number,
        subject=entry.reference,
        after={"amount_fen": entry.amount_fen},
    )
    _wake(work, loan.number, entry.reference)


def _named_loan(work: UnitOfWork, entry: BankEntry) -> Loan | None:
    for number in LOAN_NUMBER.findall(entry.remittance or ""):
        with suppress(UnknownLoan):
            loan = work.loans.get(number)
            if loan.stage is Stage.REPAYMENT:
                return loan
    return None


def unclaimed(work: UnitOfWork, loan: str, reference: str) -> None:
    """Money reached a loan that no longer runs: what it did not book goes to suspense, with a task for finance.

    A running loan whose workflow is only missing keeps its money: `loanwright rebuild` takes it up.
    """
    entry = work.payments.entry(reference)
    if entry is None or work.loans.get(loan).stage not in CLOSED:
        return
    for payment in work.payments.to_book(loan):
        if payment.bank_reference == reference:
            payment.booked = True
            work.session.add(payment)
            to_suspense(work, entry, f"loan {loan} was closed when the money came")


def to_suspense(work: UnitOfWork, entry: BankEntry, why: str) -> None:
    """Posts money that nobody claims to the suspense account and asks finance about it."""
    post(
        work,
        entry=f"suspense:{entry.reference}",
        line="money",
        debit=chart.BANK,
        credit=chart.SUSPENSE,
        amount_fen=entry.amount_fen,
        about="unmatched",
        value_date=entry.booked_on,
        loan=None,
    )
    _ask_finance(work, entry, why)


def _ask_finance(work: UnitOfWork, entry: BankEntry, why: str) -> None:
    about = f"bank reference {entry.reference}: {why}"
    task = open_task(work, None, TaskKind.UNMATCHED_MONEY, Role.FINANCE, entry.booked_on, about)
    audit.record(
        work,
        audit.SYSTEM,
        "money_unmatched",
        subject=entry.reference,
        after={"amount_fen": entry.amount_fen, "direction": entry.direction, "task": task.id},
    )


def awaits_booking(work: UnitOfWork, loan: str, reference: str) -> bool:
    """Whether the loan still has to hear about a movement: its money is not booked, or it is no movement at all."""
    if work.payments.entry(reference) is None:
        return True
    return any(payment.bank_reference == reference for payment in work.payments.to_book(loan))


def sweep(work: UnitOfWork, order: BooksOrder) -> Progress:
    """Hands money that reached a loan in its last moment, and was not booked, to finance."""
    loan = work.loans.get(order.loan)
    for payment in work.payments.to_book(loan.number):
        if payment.bank_reference is not None:
            unclaimed(work, loan.number, payment.bank_reference)
    return Progress(stage=loan.stage)


def _wake(work: UnitOfWork, loan: str, reference: str, after: timedelta = timedelta(0)) -> None:
    work.outbox.put(Topic.SIGNAL_LOAN, f"money:{reference}", {"reference": reference}, work.now + after, loan)
