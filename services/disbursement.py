"""Money out: one order for each payee, each under its own key, booked when the bank says it is done."""

from datetime import date, timedelta

from books.session import UnitOfWork
from lending.anchoring import anchored
from lending.errors import LendingError
from lending.events import EventType
from lending.money import yuan
from lending.terms import Terms
from models.customers import Party
from models.loans import Loan, LoanEvent, LoanTerms, Stage
from models.messages import BooksOrder, Progress
from models.payments import MONEY_MOVED, UNDER_WAY, Payment, PaymentKind, PaymentStatus
from models.staff import Role
from models.tasks import TaskKind
from services import audit
from services.accounts import require_verified
from services.collateral import after_payout, require_conditions
from services.ledger import post_payment
from services.limits import limits_of
from services.loans import case_of, move
from services.mandates import order_by_contract
from services.notices import send_sms
from services.payout_screening import HELD
from services.products import catalogue
from services.repayments import follow_account
from services.signing import require_signed
from services.tasks import open_task

STILL_GOOD = UNDER_WAY | {PaymentStatus.SETTLED}


class PayeesChanged(LendingError):
    """The payees would not receive what was signed."""

    code = "payees_changed"
    http_status = 409

    def __init__(self, loan: str, signed_fen: int, paid_fen: int) -> None:
        super().__init__(
            f"the contract of loan {loan} is over {yuan(signed_fen)} and its payees would receive {yuan(paid_fen)}; "
            "nothing is paid out until somebody knows why"
        )


class OtherTerms(LendingError):
    """The newest terms of a loan are not those of the contract that was signed."""

    code = "other_terms"
    http_status = 409

    def __init__(self, loan: str, signed: int | None, newest: int) -> None:
        super().__init__(
            f"the contract of loan {loan} was signed on version {signed} of its terms and there is a version {newest}; "
            "nothing is paid out or booked under it until somebody knows why"
        )


def money_is_out(work: UnitOfWork, loan: str) -> bool:
    """Whether a payout of the loan has left or may have left the house and has not come back."""
    out = STILL_GOOD - {PaymentStatus.ORDERED}
    return any(payment.status in out for payment in work.payments.of_loan(loan, PaymentKind.DISBURSEMENT))


def order_payouts(work: UnitOfWork, loan: Loan, day: date) -> tuple[str, ...]:
    """Writes an order for each payee who has none that may still succeed; returns the keys of all orders to carry out.

    An order whose outcome is unknown keeps its key, so that trying again asks the bank about it and never pays twice.
    Raises NotSigned unless every party has signed the contract, the first time as when a payout is tried again,
    ConditionsNotMet while something is missing that has to be there before the payout,
    OtherTerms unless the newest terms are those of that contract, PayeesChanged unless the payees receive its principal
    to the fen, and AccountNotVerified or AccountRefused unless the borrower's account is known to be his. With the
    contract he signed the mandate to debit that account, of which the bank is told.
    """
    require_signed(work, loan)
    require_conditions(work, loan, day)
    _check_sum(work, loan, _signed_terms(work, loan))
    require_verified(work, loan.number)
    order_by_contract(work, loan)
    before = work.payments.of_loan(loan.number, PaymentKind.DISBURSEMENT)
    keys = []
    count = len(before)
    for payee in work.customers.payees(loan.number):
        good = [payment for payment in before if payment.party_id == payee.id and payment.status in STILL_GOOD]
        if good:
            keys.append(good[-1].key)
            continue
        count += 1
        payment = _order(work, loan, payee, count, day)
        keys.append(payment.key)
    return tuple(keys)


def _signed_terms(work: UnitOfWork, loan: Loan) -> LoanTerms:
    """The terms of the contract, which are the newest until they are dated anew at the payout."""
    terms = work.loans.terms(loan.number)
    if terms is None:
        raise LookupError(f"loan {loan.number} has no terms")
    signed = work.papers.contract_version(loan.number)
    if terms.version != signed:
        raise OtherTerms(loan.number, signed, terms.version)
    return terms


def _check_sum(work: UnitOfWork, loan: Loan, terms: LoanTerms) -> None:
    """The approval saw to it; this is where the money leaves."""
    principal_fen = Terms.parse(terms.body).principal_fen
    paid_fen = sum(payee.amount_fen or 0 for payee in work.customers.payees(loan.number))
    if paid_fen != principal_fen:
        raise PayeesChanged(loan.number, principal_fen, paid_fen)


def _order(work: UnitOfWork, loan: Loan, payee: Party, n: int, day: date) -> Payment:
    payment = Payment(
        key=f"{loan.number}:disbursement:{n}",
        loan=loan.number,
        kind=PaymentKind.DISBURSEMENT,
        party_id=payee.id,
        amount_fen=payee.amount_fen or 0,
        value_date=day,
        ordered_at=work.now,
    )
    work.write(payment)
    return payment


def book_payout(work: UnitOfWork, order: BooksOrder) -> Progress:
    """Posts what was paid out, opens the loan's account and returns the first day that matters.

    Raises OtherTerms where somebody wrote terms beside those of the contract: it does not run under them.
    """
    loan = work.loans.get(order.loan)
    payments = work.payments.of_loan(loan.number)
    for payment in payments:
        if payment.status in MONEY_MOVED:
            post_payment(work, payment)
    paid = [
        payment
        for payment in payments
        if payment.kind is PaymentKind.DISBURSEMENT and payment.status is PaymentStatus.SETTLED
    ]
    total = sum(payment.settled_fen for payment in paid)
    day = max(payment.value_date for payment in paid)
    terms = _anchor_terms(work, loan, day)
    work.loans.add_event(
        LoanEvent(
            key=f"{loan.number}:paid_out",
            loan=loan.number,
            position=work.loans.next_position(loan.number),
            type=EventType.DISBURSEMENT,
            date=day,
            body={
                "id": f"{loan.number}:paid_out",
                "type": EventType.DISBURSEMENT.value,
                "date": day.isoformat(),
                "amount": f"{total // 100}.{total % 100:02d}",
            },
            recorded_at=work.now,
        )
    )
    loan.disbursed_on = day
    move(work, loan, Stage.REPAYMENT)
    after_payout(work, loan, day)
    send_sms(work, loan, "paid_out", f"{order.key}:sms", amount=total)
    audit.record(
        work,
        audit.SYSTEM,
        "loan_paid_out",
        loan=loan.number,
        after={
            "amount_fen": total,
            "on": day.isoformat(),
            "payments": [payment.key for payment in paid],
            **terms.mark,
        },
    )
    return follow_account(work, loan, max(order.day, day), order.key)


def _anchor_terms(work: UnitOfWork, loan: Loan, day: date) -> LoanTerms:
    """Interest runs from the day the money is out: if not the day of the offer, the decision dates anew.

    The product says which days those are. All else is as it was signed, also where the product would make another
    contract by now; InvalidTerms where its days do not go with what was signed.
    """
    terms = _signed_terms(work, loan)
    if Terms.parse(terms.body).disbursement_date == day:
        return terms
    case = case_of(work, loan, day, rates=limits_of(work).rates)
    body = anchored(terms.body, catalogue().product(loan.product).terms(case).to_json())
    Terms.parse(body)
    dated = LoanTerms(
        loan=loan.number,
        version=terms.version + 1,
        decision_id=terms.decision_id,
        effective_from=day,
        body=body,
        created_at=work.now,
    )
    work.loans.add_terms(dated)
    return dated


def record_payout_failure(work: UnitOfWork, order: BooksOrder) -> Progress:
    """After a payee's bank declined, or an order was held, and what had gone out was called back: finance, or risk,
    decides what happens next.
    """
    loan = work.loans.get(order.loan)
    reasons = []
    # Of a payout that was tried again, the last try counts.
    newest = {payment.party_id: payment for payment in work.payments.of_loan(loan.number, PaymentKind.DISBURSEMENT)}
    for key in sorted(payment.key for payment in newest.values()):
        payment = work.payments.held(key)
        if payment is None:
            continue
        if payment.status is PaymentStatus.ORDERED:
            # Never sent, because another payee's order failed first; held, for a last try may be sending it.
            payment.status = PaymentStatus.DECLINED
            payment.reason_code = "not_sent"
            work.session.add(payment)
        elif payment.status is PaymentStatus.DECLINED and payment.reason_code:
            reasons.append(payment.reason_code)
        elif payment.status in (PaymentStatus.SENT, PaymentStatus.PENDING):
            reasons.append("outcome_unknown")
    for payment in work.payments.to_book(loan.number):
        post_payment(work, payment)
    move(work, loan, Stage.PAYOUT_FAILED)
    about = f"payout failed: {', '.join(sorted(set(reasons))) or 'unknown'}"
    # What was found on a list is for risk to judge; all else is money's way, which finance knows.
    role = Role.RISK if HELD in reasons else Role.FINANCE
    task = open_task(work, loan, TaskKind.PAYOUT_PROBLEM, role, order.day + timedelta(days=1), about)
    audit.record(
        work, audit.SYSTEM, "payout_failed", loan=loan.number, subject=task.id, after={"reasons": sorted(set(reasons))}
    )
    return Progress(stage=Stage.PAYOUT_FAILED, task_id=task.id)
