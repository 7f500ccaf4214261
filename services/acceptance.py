"""What the borrower decides: to accept the offer, to complete the case, to walk away."""

from datetime import timedelta

from books.session import UnitOfWork
from models.loans import WITHDRAWABLE, Loan, Stage
from models.messages import BooksOrder, CommandOnBooks, Progress
from models.staff import Actor
from models.tasks import TaskKind
from services import audit
from services.collateral import after_end, holds_offer, require_conditions
from services.disbursement import money_is_out, order_payouts
from services.errors import WrongStage
from services.loans import move, position, require_stage
from services.notices import send_sms
from services.permissions import check_may_speak_for
from services.products import catalogue
from services.signing import check_may_sign_for, require_in_time, require_signed
from services.tasks import close_all, close_case


def accept(work: UnitOfWork, order: CommandOnBooks) -> Progress:
    """Records the borrower's acceptance of the contract and orders the payout.

    Refused (OfferOver) after the offer's last day, unless all had signed by then; (NotSigned) until every party has
    signed; (ConditionsNotMet) while something is missing that has to be there before the payout; and to whoever decided
    on the loan (NotAllowed).
    """
    loan = work.loans.get(order.loan)
    actor = audit.actor_of(order.command.sender)
    _check_who_and_when(work, actor, loan)
    require_in_time(work, loan, order.day)
    terms = work.loans.terms(loan.number)
    payouts = order_payouts(work, loan, order.day)
    move(work, loan, Stage.DISBURSEMENT)
    audit.record(
        work,
        actor,
        "contract_accepted",
        loan=loan.number,
        before={"stage": Stage.ACCEPTANCE},
        after={"stage": Stage.DISBURSEMENT, **(terms.mark if terms else {}), "amount_fen": loan.approved_fen},
    )
    return Progress(stage=Stage.DISBURSEMENT, payouts=payouts)


def check(work: UnitOfWork, actor: Actor, loan: Loan) -> None:
    """Refuses what `accept` would refuse, so that the loan's workflow need not be asked. Changes nothing."""
    _check_who_and_when(work, actor, loan)
    require_in_time(work, loan, work.today)
    require_signed(work, loan)
    require_conditions(work, loan, work.today)


def _check_who_and_when(work: UnitOfWork, actor: Actor, loan: Loan) -> None:
    check_may_sign_for(work, actor, loan)
    require_stage(loan, "acceptance", Stage.ACCEPTANCE)


def complete(work: UnitOfWork, order: CommandOnBooks) -> Progress:
    """Sends a returned case back into verification, once what was missing is there."""
    loan = work.loans.get(order.loan)
    actor = audit.actor_of(order.command.sender)
    check_may_speak_for(actor, loan)
    require_stage(loan, "completion", Stage.RETURNED)
    close_all(work, loan.number, TaskKind.COMPLETION)
    move(work, loan, Stage.VERIFICATION)
    audit.record(work, actor, "case_completed", loan=loan.number, reason=order.command.reason or None)
    return Progress(stage=Stage.VERIFICATION)


def withdraw(work: UnitOfWork, order: CommandOnBooks) -> Progress:
    """Ends a case at the borrower's wish, as long as no money is out or on its way."""
    loan = work.loans.get(order.loan)
    actor = audit.actor_of(order.command.sender)
    check_may_speak_for(actor, loan)
    require_stage(loan, "withdrawal", *WITHDRAWABLE)
    if money_is_out(work, loan.number):
        raise WrongStage(loan.number, "payout", "withdrawal")
    before = loan.stage
    close_all(work, loan.number)
    loan.closed_on = order.day
    move(work, loan, Stage.WITHDRAWN)
    after_end(work, loan, order.day)
    send_sms(work, loan, "withdrawn", f"{order.key}:sms")
    audit.record(
        work,
        actor,
        "loan_withdrawn",
        loan=loan.number,
        before={"stage": before},
        after={"stage": Stage.WITHDRAWN},
        reason=order.command.reason or None,
    )
    return Progress(stage=Stage.WITHDRAWN)


def expire_offer(work: UnitOfWork, order: BooksOrder) -> Progress:
    """Closes an offer that was not taken in time; one that all have signed waits longer."""
    loan = work.loans.get(order.loan)
    if loan.stage is not Stage.ACCEPTANCE:
        return position(work, loan)
    if holds_offer(work, loan, order.day):
        loan.offer_until = order.day + timedelta(days=catalogue().product(loan.product).acceptance_days)
        work.session.add(loan)
        audit.record(work, audit.SYSTEM, "offer_kept_open", loan=loan.number)
        return position(work, loan)
    send_sms(work, loan, "offer_expired", f"{order.key}:sms")
    ended = close_case(work, loan, order, Stage.EXPIRED, "offer_expired")
    after_end(work, loan, order.day)
    return ended
