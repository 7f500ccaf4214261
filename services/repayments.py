"""Money in: what to draw on which day, and the account brought up to a business date."""

from dataclasses import replace
from datetime import date, timedelta

from books.session import UnitOfWork
from lending.account import LoanAccount
from lending.debits import is_debit_day, next_retry
from lending.delinquency import Milestones, next_day_that_matters
from lending.errors import LendingError
from lending.events import Event, EventType, PrepaymentEffect
from lending.money import yuan
from lending.prepayment import fee_of
from lending.terms import Terms
from models.loans import Loan, LoanEvent, Stage
from models.messages import AdvanceOrder, CollectOrder, CommandResult, NextDay, PrepayOnBooks, Progress, StepKind
from models.payments import Payment, PaymentKind
from models.staff import Role
from models.tasks import TaskKind
from services import audit, mandates
from services.claims import events_named
from services.collateral import after_end
from services.errors import InvalidPrepayment
from services.ledger import bring_up_to, post_payment
from services.loans import account_of, require_stage
from services.notices import send_sms, tell_others
from services.papers import issue_certificate
from services.payments import payout_is_contradicted
from services.permissions import check_may_speak_for
from services.products import catalogue
from services.recoveries import post_recoveries, recovered_all
from services.reminders import Reminders, reminders_of, tell_of_windows, with_window
from services.resets import book_resets, with_reset
from services.tasks import close_all, open_task


class DebitUnderWay(LendingError):
    """Money of the loan may be on its way already."""

    code = "debit_under_way"
    http_status = 409

    def __init__(self, loan: str) -> None:
        super().__init__(f"a debit of loan {loan} is under way; ask again when the bank has answered")


EVENT_OF = {
    PaymentKind.INSTALLMENT: EventType.REPAYMENT,
    PaymentKind.DEPOSIT: EventType.REPAYMENT,
    PaymentKind.REALLOCATION: EventType.REPAYMENT,
    PaymentKind.PREPAYMENT: EventType.PREPAYMENT,
    PaymentKind.SUBSIDY: EventType.SUBSIDY,
    PaymentKind.CHARGEBACK: EventType.REVERSAL,
}
"""How money that came in, or that was taken back, counts on the loan's account."""

FOLLOW_UP_FROM_DPD = 4
HIGH_RISK_FROM_DPD = 31
CLAIM_AGAIN_DAYS = 7
"""How often the state is asked again for a subsidy that it still owes when the borrower has paid everything."""


def order_collection(work: UnitOfWork, order: CollectOrder) -> Payment | None:
    """The order to draw what is due, fixed at the first asking; None when nothing is due.

    Ask it only when no earlier order of the loan is without an outcome: drawing again could take the money twice.

    Drawn is on the days of the product's plan of debits, and only under a mandate: without one that is noted, and
    somebody is to get one. The loan lives on meanwhile, its days past due too.

    None too while finance looks into a payout that the bank settled and then declined: nobody pays for money that may
    never have reached the borrower. The loan lives through its days meanwhile, for if the money did arrive, the
    contract counted all along, and what is due is drawn on the next planned day. To stop the loan instead would need
    a command to start it again, and to take the payout back on a word that may be wrong would rewrite the ledger.
    """
    before = work.payments.get(order.key)
    if before is not None:
        return before
    if payout_is_contradicted(work, order.loan):
        return None
    loan = work.loans.get(order.loan)
    kind = PaymentKind.SUBSIDY if order.subsidy else PaymentKind.INSTALLMENT
    account, ahead = _with_unbooked(work, loan, order.day)
    amount = 0 if account is None else account.subsidy_outstanding_fen if order.subsidy else account.due_fen
    amount -= sum(one.settled_fen for one in ahead if order.subsidy is (one.kind is PaymentKind.SUBSIDY))
    if account is None or amount <= 0:
        return None
    if not order.subsidy:
        plan = catalogue().product(loan.product).debit_plan
        if not is_debit_day(plan, account, order.day, _debits(work, order.loan)):
            return None
        if not mandates.is_in_force(work, order.loan):
            mandates.note_missing(work, order.loan, order.key)
            return None
    payment = Payment(
        key=order.key,
        loan=order.loan,
        kind=kind,
        party_id=None if order.subsidy else work.customers.borrower(order.loan).id,
        amount_fen=amount,
        installment=order.n or None,
        value_date=order.day,
        ordered_at=work.now,
    )
    work.session.add(payment)
    return payment


def _debits(work: UnitOfWork, loan: str) -> list[date]:
    """The days on which installments were drawn or tried."""
    return [payment.value_date for payment in work.payments.of_loan(loan, PaymentKind.INSTALLMENT)]


def _with_unbooked(work: UnitOfWork, loan: Loan, day: date) -> tuple[LoanAccount | None, list[Payment]]:
    """The account with money that settled but is not booked yet, and such money that is dated after the day.

    It counts from its own day: nothing is drawn that came in already, nor penalty for days on which it was there.
    """
    unbooked = [payment for payment in work.payments.to_book(loan.number) if payment.kind in EVENT_OF]
    known = [event_body(loan, payment) for payment in unbooked if payment.value_date <= day]
    account = account_of(work, loan.number, day, also=known)
    ahead = [one for one in unbooked if one.value_date > day and one.kind is not PaymentKind.CHARGEBACK]
    return account, ahead


def order_prepayment(work: UnitOfWork, order: PrepayOnBooks) -> CommandResult:
    """Writes the order that draws a prepayment from the borrower's account; the bank carries it out next."""
    loan = work.loans.get(order.loan)
    actor = audit.actor_of(order.prepayment.sender)
    check_may_speak_for(actor, loan)
    require_stage(loan, "prepayment", Stage.REPAYMENT)
    if work.payments.under_way(loan.number, PaymentKind.INSTALLMENT):
        # What clears the loan would be drawn on top of it, and the borrower would have paid twice.
        raise DebitUnderWay(loan.number)
    if order.prepayment.effect not in list(PrepaymentEffect):
        effects = ", ".join(PrepaymentEffect)
        raise InvalidPrepayment("what the prepayment shortens is not known", fields={"effect": f"one of: {effects}"})
    amount, account = prepayable(work, loan, order.day, order.prepayment.amount_fen)
    mandates.require_mandate(work, loan.number)
    payment = Payment(
        key=f"{loan.number}:prepayment:{order.n}",
        loan=loan.number,
        kind=PaymentKind.PREPAYMENT,
        party_id=work.customers.borrower(loan.number).id,
        amount_fen=amount,
        effect=order.prepayment.effect,
        fee_fen=prepayment_fee(work, loan, order.day, amount),
        value_date=order.day,
        ordered_at=work.now,
    )
    work.session.add(payment)
    audit.record(
        work,
        actor,
        "prepayment_ordered",
        loan=loan.number,
        subject=payment.key,
        after={"amount_fen": amount, "fee_fen": payment.fee_fen, "clears_the_loan": amount >= account.settlement_fen},
    )
    return CommandResult(stage=loan.stage, sentence=f"{yuan(amount)} will be drawn today", payment_key=payment.key)


def prepayable(work: UnitOfWork, loan: Loan, day: date, amount_fen: int | None) -> tuple[int, LoanAccount]:
    """The sum that a prepayment on a day draws: all that clears the loan, or the sum asked for.

    Raises InvalidPrepayment for a sum that is not positive, above the settlement figure, or while another one runs,
    and for a loan that is written off.
    """
    if work.payments.under_way(loan.number, PaymentKind.PREPAYMENT):
        raise InvalidPrepayment("another prepayment of this loan is still under way")
    account, ahead = _with_unbooked(work, loan, day)
    if account is None:
        raise InvalidPrepayment(f"loan {loan.number} has no balance to prepay")
    if account.written_off_on is not None:
        raise InvalidPrepayment(
            f"loan {loan.number} is written off: there is nothing to prepay, and what is transferred is a recovery"
        )
    clears = account.settlement_fen - sum(one.settled_fen for one in ahead if one.kind is not PaymentKind.SUBSIDY)
    clears += prepayment_fee(work, loan, day, None)
    amount = clears if amount_fen is None else amount_fen
    if not 0 < amount <= clears:
        most = yuan(max(clears, 0))
        raise InvalidPrepayment(
            f"a prepayment is above zero and at most {most}, which clears the loan",
            fields={"amount": f"at most {most}"},
        )
    return amount, account


def prepayment_fee(work: UnitOfWork, loan: Loan, day: date, amount_fen: int | None) -> int:
    """The contract's fee, in fen, within a prepayment of a sum on a day; without a sum, of what clears the loan."""
    row = work.loans.terms(loan.number)
    terms = Terms.parse(row.body) if row else None
    if terms is None or terms.prepayment_fee is None:
        return 0
    return fee_of(terms, [Event.parse(event.body) for event in work.loans.events(loan.number)], day, amount_fen)


def advance(work: UnitOfWork, order: AdvanceOrder) -> Progress:
    """Books what came in and brings the account up to a business date; returns the next day that matters."""
    loan = work.loans.get(order.loan)
    if loan.stage is not Stage.REPAYMENT:
        return Progress(stage=loan.stage)
    return settle_books(work, loan, order.day, order.key, order.why)


def settle_books(work: UnitOfWork, loan: Loan, day: date, key: str, why: StepKind | None = None) -> Progress:
    """Brings a running loan to `day`: money booked, charges and allocations posted, borrower told, next day set."""
    # The books never go back, however late a planned day comes.
    day = max(day, loan.booked_to or day)
    is_reset = book_resets(work, loan, day)
    _book_money(work, loan, day)
    progress = follow_account(work, loan, day, key, why)
    if is_reset and loan.next_due is not None:
        send_sms(work, loan, "terms_changed", f"{key}:reset", due=loan.next_due, amount=loan.next_due_fen)
        tell_others(work, loan, "others_terms_changed", f"{key}:reset")
    return progress


def follow_account(work: UnitOfWork, loan: Loan, day: date, key: str, why: StepKind | None = None) -> Progress:
    """The part of `settle_books` that comes after the money of the day is booked."""
    account = _account_on(work, loan, day)
    later = work.payments.to_book(loan.number) if account.settled_on is not None else []
    if later:
        # Nobody comes back to a settled loan: the money of later days is booked with it.
        day = max(payment.value_date for payment in later)
        _book_money(work, loan, day)
        account = _account_on(work, loan, day)
    bring_up_to(work, loan.number, account, key, day)
    if account.written_off_on is not None or loan.written_off_on is not None:
        post_recoveries(work, loan.number, account, key, day)
    before = {"outstanding_fen": loan.outstanding_fen, "dpd": loan.dpd}
    _project(loan, account, day)
    if account.subsidy_outstanding_fen > 0 and work.payments.declined(loan.number, PaymentKind.SUBSIDY):
        open_task(
            work, loan, TaskKind.TROUBLE, Role.FINANCE, day + timedelta(days=7), "the state declined a subsidy claim"
        )
    runs_on = account.settled_on is None and account.written_off_on is None
    reminders = reminders_of(work, loan, account, day) if runs_on else Reminders()
    next_day = _next_day(loan, account, day, reminders.milestones)
    if next_day is not None and account.settled_on is None:
        next_day = with_reset(work, loan, account, day, next_day)
        next_day = with_window(work, loan, reminders, day, next_day)
    loan.next_date = next_day.date if next_day else None
    if (account.settled_on is not None and next_day is None) or recovered_all(account):
        _close(work, loan, account, day, key)
    else:
        _tell(work, loan, account, day, key, why, reminders.milestones, was_late=before["dpd"] > 0)
        tell_of_windows(work, loan, reminders, day)
    loan.updated_at = work.now
    work.session.add(loan)
    audit.record(
        work,
        audit.SYSTEM,
        "account_advanced",
        loan=loan.number,
        before=before,
        after={
            "day": day.isoformat(),
            "outstanding_fen": loan.outstanding_fen,
            "dpd": loan.dpd,
            "stage": loan.stage,
            **events_named(one.model_dump() for one in work.loans.added_events(loan.number)),
        },
    )
    return Progress(stage=loan.stage, next_day=next_day)


def _account_on(work: UnitOfWork, loan: Loan, day: date) -> LoanAccount:
    account = account_of(work, loan.number, day)
    if account is None:
        raise LookupError(f"loan {loan.number} has no account")
    return account


def _book_money(work: UnitOfWork, loan: Loan, day: date) -> None:
    """Books payments that settled with a value date up to `day`.

    Money of a later day waits, so that a late engine still lives through the planned days before it; meanwhile
    `order_collection` does not draw it again.
    """
    for payment in work.payments.to_book(loan.number):
        if payment.value_date > day:
            continue
        kind = EVENT_OF.get(payment.kind)
        post_payment(work, payment)
        if kind is None:
            continue
        body = event_body(loan, payment)
        work.loans.add_event(
            LoanEvent(
                key=payment.key,
                loan=loan.number,
                position=work.loans.next_position(loan.number),
                type=EventType(body["type"]),
                date=_counts_from(loan, payment),
                body=body,
                recorded_at=work.now,
            )
        )
        if payment.kind is PaymentKind.CHARGEBACK:
            _tell_of_chargeback(work, loan, payment, day)


def _tell_of_chargeback(work: UnitOfWork, loan: Loan, payment: Payment, day: date) -> None:
    """The borrower hears that his payment does not count, and somebody asks him why his bank took it back."""
    debit = work.payments.get(debited_by(payment))
    drawn_on = debit.value_date if debit else payment.value_date
    send_sms(work, loan, "debit_returned", f"{payment.key}:sms", due=drawn_on, amount=payment.settled_fen)
    reason = f", {payment.reason_code}" if payment.reason_code else ""
    about = f"debit of {yuan(payment.settled_fen)} taken back by the bank{reason}"
    open_task(work, loan, TaskKind.OVERDUE, Role.AGENT, day + timedelta(days=2), about)


def _counts_from(loan: Loan, payment: Payment) -> date:
    """The bank may date a transfer before the payout; the account begins with the payout."""
    return max(payment.value_date, loan.disbursed_on or payment.value_date)


def debited_by(chargeback: Payment) -> str:
    """The key of the debit that a chargeback takes back."""
    return chargeback.key.removesuffix(":recall")


def event_body(loan: Loan, payment: Payment) -> dict[str, str]:
    """Money that came in, or a debit that was taken back, as the mathematics reads it."""
    body = {
        "id": payment.key,
        "type": EVENT_OF[payment.kind].value,
        "date": _counts_from(loan, payment).isoformat(),
    }
    if payment.kind is PaymentKind.CHARGEBACK:
        return body | {"of": debited_by(payment)}
    body["amount"] = yuan(payment.settled_fen)
    if payment.effect is not None:
        # A transfer that took a quote is a prepayment as much as one that was drawn.
        body |= {"type": EventType.PREPAYMENT.value, "effect": payment.effect}
    if payment.fee_fen:
        body["fee"] = yuan(payment.fee_fen)
    return body


def _project(loan: Loan, account: LoanAccount, day: date) -> None:
    """Writes the figures that lists and pages show."""
    waiting = [row for row in account.rows if row.outstanding > 0 and row.due > day]
    loan.booked_to = day
    loan.written_off_on = account.written_off_on
    loan.outstanding_fen = (
        account.principal_outstanding_fen
        + account.interest_outstanding_fen
        + account.fee_outstanding_fen
        + account.penalty_outstanding_fen
    )
    loan.overdue_fen = account.overdue_fen
    loan.dpd = account.dpd
    loan.high_risk = account.dpd >= HIGH_RISK_FROM_DPD
    loan.next_due = waiting[0].due if waiting else None
    # Kept credit is used first on the due date: no more than the rest is drawn, so no more is announced.
    loan.next_due_fen = max(waiting[0].outstanding - account.credit_fen, 0) if waiting else 0


def _next_day(loan: Loan, account: LoanAccount, day: date, milestones: Milestones) -> NextDay | None:
    if account.settled_on is not None:
        if account.subsidy_outstanding_fen == 0:
            return None
        # The borrower owes nothing any more, but the state still does.
        return NextDay(date=day + timedelta(days=CLAIM_AGAIN_DAYS), why=StepKind.DUE, claim=True)
    late = {*milestones.overdue_days, *catalogue().product(loan.product).debit_plan.retry_days}
    step = next_day_that_matters(account, day, replace(milestones, overdue_days=tuple(sorted(late))))
    if step is None:
        return None
    return NextDay(
        date=step.date,
        why=StepKind(step.why.value),
        n=step.n or 0,
        collect=step.why.value != StepKind.REMINDER
        and any(row.due <= step.date and row.outstanding > 0 for row in account.rows),
        claim=account.subsidy_outstanding_fen > 0
        or any(day < row.due <= step.date and row.subsidy > 0 for row in account.rows),
    )


def _close(work: UnitOfWork, loan: Loan, account: LoanAccount, day: date, key: str) -> None:
    loan.stage = Stage.SETTLED
    loan.closed_on = account.settled_on or day
    loan.next_due = None
    loan.next_due_fen = 0
    close_all(work, loan.number)
    too_much = account.credit_fen + max(account.recovered_fen - account.written_off.borrower_total, 0)
    if too_much > 0:
        about = f"the settled loan has {yuan(too_much)} too much: refund it"
        open_task(work, loan, TaskKind.UNMATCHED_MONEY, Role.FINANCE, day + timedelta(days=3), about)
    after_end(work, loan, day)
    send_sms(work, loan, "settled", f"{key}:settled")
    if account.settled_on is not None:
        issue_certificate(work, loan, max(work.today, loan.closed_on))


def _tell(
    work: UnitOfWork,
    loan: Loan,
    account: LoanAccount,
    day: date,
    key: str,
    why: StepKind | None,
    milestones: Milestones,
    *,
    was_late: bool,
) -> None:
    """Reminds before the due date, tells about arrears and the next try, and gives late cases to a named role.

    A try is announced when the one before it fails, so that the borrower has until then to see to his account. A day
    that the plan of debits names and the rules for reminders do not is one of a try: nobody is dunned on it.
    """
    if why is StepKind.REMINDER and loan.next_due is not None:
        template = "reminder" if loan.next_due_fen else "reminder_covered"
        send_sms(work, loan, template, f"{key}:sms", due=loan.next_due, amount=loan.next_due_fen)
    if account.dpd == 0 and was_late:
        close_all(work, loan.number, TaskKind.OVERDUE)
    retry = _next_retry(work, loan, account, day) if why in (StepKind.DUE, StepKind.OVERDUE) else None
    is_late = account.dpd > 0 and why is StepKind.OVERDUE
    tries = catalogue().product(loan.product).debit_plan.retry_days
    if is_late and (account.dpd in milestones.overdue_days or account.dpd not in tries):
        again = f"，{retry}将再次扣款" if retry else ""
        send_sms(work, loan, "overdue", f"{key}:sms", dpd=account.dpd, amount=account.due_fen, retry=again)
        if account.dpd >= FOLLOW_UP_FROM_DPD:
            tell_others(work, loan, "others_overdue", f"{key}:sms", dpd=account.dpd)
    elif retry is not None:
        send_sms(work, loan, "debit_failed", f"{key}:sms", amount=account.due_fen, retry=retry)
    if is_late and account.dpd >= FOLLOW_UP_FROM_DPD:
        # Read days later, the number of days and the sum would be those of today no more.
        since = min(row.due for row in account.rows if row.dpd > 0)
        open_task(work, loan, TaskKind.OVERDUE, Role.AGENT, day + timedelta(days=2), f"past due since {since}")


def _next_retry(work: UnitOfWork, loan: Loan, account: LoanAccount, day: date) -> date | None:
    """The day of the next try, if what is due was to be drawn today and is drawn again."""
    if account.due_fen == 0 or not mandates.is_in_force(work, loan.number):
        return None
    return next_retry(catalogue().product(loan.product).debit_plan, account, day, _debits(work, loan.number))
