"""A debit that the payer's bank takes back after it settled: its repayment is undone, the loan goes on from there."""

from books.session import UnitOfWork
from lending.errors import LendingError
from lending.events import EventType
from lending.money import yuan
from models.loans import Loan, Stage
from models.payments import BankEntry, Payment, PaymentKind, PaymentStatus
from services import audit, mandates
from services.loans import account_day, account_of
from services.reopening import start_again, take_up
from services.repayments import event_body, settle_books
from services.suspense import counts_from

DEBITS = frozenset({PaymentKind.INSTALLMENT, PaymentKind.PREPAYMENT})


class NotTakenBack(LendingError):
    """A person has to look at a booking that was taken back; the sentence says why."""

    code = "not_taken_back"
    http_status = 409


def take_back(work: UnitOfWork, entry: BankEntry, reason: str | None) -> Payment:
    """Keeps that a debit of ours was taken back, once; its loan undoes the repayment as it books any other money.

    A running loan has to hear of it (the payment is not booked yet). A settled one is taken up again here and now, and
    its workflow started from the outbox. A reason that would stop further debits ends the mandate.

    Refused (NotTakenBack): what is no settled debit of a loan, a part of one, one whose posting was reversed before,
    and one that what came after does not let be undone.
    """
    debit = work.payments.held(entry.end_to_end_id) if entry.end_to_end_id and entry.direction == "out" else None
    if debit is None or debit.kind not in DEBITS or debit.loan is None:
        raise NotTakenBack("the bank took a booking back without a recall of ours")
    if debit.status is not PaymentStatus.SETTLED:
        raise NotTakenBack(f"debit {debit.key} was taken back and is {debit.status}")
    if entry.amount_fen != debit.settled_fen:
        raise NotTakenBack(f"of debit {debit.key} over {yuan(debit.settled_fen)} a part was taken back")
    loan = work.loans.get(debit.loan)
    payment = Payment(
        key=f"{debit.key}:recall",
        loan=loan.number,
        kind=PaymentKind.CHARGEBACK,
        party_id=debit.party_id,
        amount_fen=entry.amount_fen,
        settled_fen=entry.amount_fen,
        installment=debit.installment,
        status=PaymentStatus.SETTLED,
        reason_code=reason,
        bank_reference=entry.reference,
        value_date=max(counts_from(work, entry), debit.value_date),
        moved_on=entry.booked_on,
        ordered_at=work.now,
    )
    _check_possible(work, loan, debit, payment)
    entry.loan = loan.number
    entry.matched = True
    debit.status = PaymentStatus.RETURNED
    debit.reason_code = reason
    work.session.add_all([entry, debit, payment])
    # The guard of the account's events looks for all three.
    work.session.flush()
    audit.record(
        work,
        audit.SYSTEM,
        "payment_returned",
        loan=loan.number,
        subject=debit.key,
        after={"amount_fen": payment.amount_fen, "bank_reference": entry.reference, "reason_code": reason},
    )
    mandates.follow_decline(work, debit)
    if loan.stage is Stage.SETTLED:
        take_up(work, loan, payment.key)
        settle_books(work, loan, max(work.today, payment.value_date), f"{payment.key}:books")
        start_again(work, loan, payment.key)
    return payment


def _check_possible(work: UnitOfWork, loan: Loan, debit: Payment, payment: Payment) -> None:
    if loan.stage not in (Stage.REPAYMENT, Stage.SETTLED):
        raise NotTakenBack(f"debit {debit.key} was taken back and loan {loan.number} is {loan.stage}")
    if not debit.booked:
        return
    events = work.loans.events(loan.number)
    if any(event.type == EventType.REVERSAL and event.body["of"] == debit.key for event in events):
        raise NotTakenBack(f"debit {debit.key} was taken back, after its posting had been reversed")
    try:
        account_of(
            work,
            loan.number,
            max(account_day(work, loan), payment.value_date),
            also=[event_body(loan, payment)],
        )
    except LendingError as error:
        raise NotTakenBack(f"debit {debit.key} was taken back and cannot be undone: {error}"[:120]) from error
