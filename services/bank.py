"""What the bank reports: every entry kept once, matched to a payment, a loan, or handed to a person."""

import re
import unicodedata
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, timedelta

from books.customers import blind_index
from books.errors import UnknownLoan
from books.session import UnitOfWork
from models.loans import CLOSED, Loan, Stage
from models.messages import BooksOrder, Progress
from models.outbox import Topic
from models.payments import MONEY_MOVED, UNDER_WAY, BankEntry, Payment, PaymentKind, PaymentStatus, ToldBy
from services import audit, chargebacks, suspense
from services.errors import NoticeConflict
from services.payments import date_by_bank, mark_returned, party_named, record_contradiction, record_outcome
from services.repayments import prepayment_fee
from services.suspense import FURTHEST_BACK, ask_finance, came_in_on, counts_from, to_suspense

LOAN_NUMBER = re.compile(r"(?<![A-Z0-9])L[0-9]{8,15}(?![0-9])")
"""A loan's number in a text. Chinese characters may touch it, which a word boundary would take for a part of it."""
FURTHEST_AHEAD = timedelta(days=10)
"""A bank may date an entry on its next working day, the longest holidays included; a later date is a mistake."""
PAID_OUT = frozenset({PaymentKind.DISBURSEMENT, PaymentKind.REFUND, PaymentKind.CHARGEBACK})
"""Orders by which money leaves the account."""
NOT_AWAITED = frozenset({PaymentKind.DISBURSEMENT, PaymentKind.RECALL, PaymentKind.CHARGEBACK})
"""Orders whose outcome whoever carries them out asks for himself."""
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
    counterparty_account: str | None = None
    return_reason: str | None = None
    by_payer: bool = False
    """A transfer that the payer himself ordered: it is none of our orders, whatever reference he wrote on it."""


@dataclass(frozen=True)
class LateDecline:
    """The bank's word that an order it had taken in is declined after all; a recall goes by the id of its payout."""

    end_to_end_id: str | None
    reason_code: str
    is_recall: bool = False


def record_movement(work: UnitOfWork, movement: BankMovement, told_by: ToldBy = ToldBy.NOTICE) -> BankEntry:
    """Keeps a movement once by the bank's reference, and sees to it that somebody takes care of it.

    A movement of one of our orders confirms that order, unless it was declined or confirmed by another one before, or
    the bank says that a payer ordered it.
    A debit that the payer's bank takes back, whole, undoes its repayment (`services.chargebacks`). Money that names one
    running loan goes to that loan. All other money, in or out, goes to suspense with a task for finance.

    The entry keeps the bank's date; the books count the money from the day on which we heard of it at the latest, for
    money that is here must not wait for a day to come. A deposit dated more than FURTHEST_AHEAD or FURTHEST_BACK goes
    to suspense.

    The same reference with another amount, direction, date or end-to-end id raises NoticeConflict. Its texts may
    differ: banks cut and space them anew from one channel to the next.
    """
    before = work.payments.entry(movement.reference)
    if before is not None:
        if _identity(before) != _identity(movement):
            raise NoticeConflict(movement.reference)
        return before
    entry = BankEntry(
        reference=movement.reference,
        direction=movement.direction,
        amount_fen=movement.amount_fen,
        booked_on=movement.booked_on,
        end_to_end_id=movement.end_to_end_id,
        counterparty=movement.counterparty,
        counterparty_account=movement.counterparty_account,
        account_index=blind_index(movement.counterparty_account) if movement.counterparty_account else None,
        remittance=movement.remittance,
        told_by=told_by,
        received_at=work.now,
    )
    work.session.add(entry)
    order = _our_order(work, movement)
    if order is not None and _is_of(entry, order):
        _confirm(work, entry, order)
    elif movement.is_recall:
        _take_back(work, entry, movement.return_reason)
    elif movement.direction == "in":
        _credit(work, entry)
    else:
        to_suspense(work, entry, "money left the account without an order of ours")
    work.session.flush()
    return entry


def record_late_decline(work: UnitOfWork, decline: LateDecline) -> None:
    """Keeps that nothing moved; a decline of an order that is not ours changes nothing.

    What settled before stays settled: a payment is final, and one of the bank's two words is wrong. Which one, finance
    has to find out.
    """
    order = _our_order(work, decline)
    if order is None:
        return
    if order.status in MONEY_MOVED:
        record_contradiction(work, order, decline.reason_code)
        return
    record_outcome(work, order.key, PaymentStatus.DECLINED, 0, order.bank_reference, decline.reason_code)
    reference = f"{order.key}:declined"
    if order.loan is not None and not work.outbox.has(f"money:{reference}"):
        _wake(work, order.loan, reference)


def _identity(told: BankEntry | BankMovement) -> tuple[int, str, date, str | None]:
    return told.amount_fen, told.direction, told.booked_on, told.end_to_end_id


def _our_order(work: UnitOfWork, told: BankMovement | LateDecline) -> Payment | None:
    if told.end_to_end_id is None or (isinstance(told, BankMovement) and told.by_payer):
        return None
    return work.payments.held(f"{told.end_to_end_id}:recall" if told.is_recall else told.end_to_end_id)


def _is_of(entry: BankEntry, order: Payment) -> bool:
    """Whether a movement can be that of an order: its direction and its amount; a debit may bring in a part."""
    goes_out = order.kind in PAID_OUT
    if (entry.direction == "out") is not goes_out:
        return False
    return entry.amount_fen == order.amount_fen or (
        order.kind is PaymentKind.INSTALLMENT and entry.amount_fen < order.amount_fen
    )


def _confirm(work: UnitOfWork, entry: BankEntry, order: Payment) -> None:
    entry.loan = order.loan
    waits = order.status in UNDER_WAY
    is_known = order.status in (PaymentStatus.SETTLED, PaymentStatus.RETURNED)
    entry.matched = waits or (is_known and order.bank_reference in (None, entry.reference))
    if not entry.matched:
        to_suspense(work, entry, f"order {order.key} was {order.status} before")
    if waits:
        order.status = PaymentStatus.SETTLED
        order.settled_fen = entry.amount_fen
        order.bank_reference = entry.reference
        date_by_bank(work, order, entry.booked_on)
        work.session.add(order)
        if order.kind is PaymentKind.RECALL:
            mark_returned(work, order)
        elif order.kind is PaymentKind.REFUND:
            suspense.conclude_refund(work, order)
        audit.record(
            work,
            audit.SYSTEM,
            "payment_settled",
            loan=order.loan,
            subject=order.key,
            after={
                "amount_fen": entry.amount_fen,
                "bank_reference": entry.reference,
                "by": entry.told_by,
                **party_named(order),
            },
        )
    if entry.matched and order.loan is not None and not order.booked and order.kind not in NOT_AWAITED:
        # Whoever carries out a payout asks the bank himself until it is final; only the account waits for notices, and
        # only if whoever drew the money has not booked it by then.
        _wake(work, order.loan, entry.reference, after=BOOKING_PATIENCE)


def _take_back(work: UnitOfWork, entry: BankEntry, reason: str | None) -> None:
    try:
        payment = chargebacks.take_back(work, entry, reason)
    except chargebacks.NotTakenBack as why:
        to_suspense(work, entry, str(why))
        return
    if payment.loan is not None and not payment.booked:
        _wake(work, payment.loan, entry.reference)


def _credit(work: UnitOfWork, entry: BankEntry) -> None:
    received_on = came_in_on(work, entry)
    if not received_on - FURTHEST_BACK <= entry.booked_on <= received_on + FURTHEST_AHEAD:
        to_suspense(work, entry, f"it came in on {received_on} and is dated {entry.booked_on}")
        return
    named = _named_loans(work, entry)
    if len(named) != 1:
        to_suspense(work, entry, "more than one running loan is named" if named else "no running loan is named")
        return
    (loan,) = named
    entry.loan = loan.number
    entry.matched = True
    _credit_loan(work, entry, loan.number, f"deposit:{entry.reference}", PaymentKind.DEPOSIT)
    audit.record(
        work,
        audit.SYSTEM,
        "deposit_matched",
        loan=loan.number,
        subject=entry.reference,
        after={"amount_fen": entry.amount_fen},
    )
    _wake(work, loan.number, entry.reference)


def _credit_loan(work: UnitOfWork, entry: BankEntry, loan: str, key: str, kind: PaymentKind) -> None:
    """Money for a running loan; a sum that the lender quoted for a prepayment, while the quote holds, is that."""
    day = counts_from(work, entry)
    quote = work.prepayments.fitting(loan, entry.amount_fen, day)
    work.session.add(
        Payment(
            key=key,
            loan=loan,
            kind=kind,
            amount_fen=entry.amount_fen,
            settled_fen=entry.amount_fen,
            status=PaymentStatus.SETTLED,
            bank_reference=entry.reference,
            effect=quote.effect if quote else None,
            fee_fen=prepayment_fee(work, work.loans.get(loan), day, entry.amount_fen) if quote else 0,
            quote_id=quote.id if quote else None,
            value_date=day,
            ordered_at=work.now,
        )
    )


def loan_numbers(text: str | None) -> list[str]:
    """The loan numbers in a text, sorted, so that two transfers that name the same loans never wait for each other."""
    return sorted(set(LOAN_NUMBER.findall(unicodedata.normalize("NFKC", text or "").upper())))


def _named_loans(work: UnitOfWork, entry: BankEntry) -> list[Loan]:
    """The running loans that a transfer names, however it is typed: full width, lower case, amid Chinese text."""
    running = []
    for number in loan_numbers(entry.remittance):
        with suppress(UnknownLoan):
            loan = work.loans.get(number)
            if loan.stage is Stage.REPAYMENT:
                running.append(loan)
    return running


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
            why = f"loan {loan} was closed when the money came"
            if payment.kind is PaymentKind.REALLOCATION:
                # It is in suspense still: its proposal was confirmed, and the loan closed before it heard of that.
                ask_finance(work, entry, why)
            else:
                to_suspense(work, entry, why)


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


def book_to_loan(work: UnitOfWork, entry: BankEntry, loan: str, proposal: str) -> None:
    """Gives money out of suspense to a running loan, which hears of it as of any deposit of the day it came in."""
    entry.loan = loan
    entry.matched = True
    work.session.add(entry)
    _credit_loan(work, entry, loan, f"reallocation:{proposal}", PaymentKind.REALLOCATION)
    _wake(work, loan, entry.reference, signal=f"money:{proposal}")


def _wake(
    work: UnitOfWork, loan: str, reference: str, *, after: timedelta = timedelta(0), signal: str | None = None
) -> None:
    key = signal or f"money:{reference}"
    work.outbox.put(Topic.SIGNAL_LOAN, key, {"reference": reference}, work.now + after, loan)
