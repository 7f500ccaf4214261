"""Paying before the due date: what it would cost, and the payment itself."""

from datetime import date

from fastapi import APIRouter
from fastapi.concurrency import run_in_threadpool
from pydantic import Field

from api.commands import CommandAnswer, answer_to
from api.context import Acting, ApiContext, Context
from api.problems import refusals
from api.shapes import Asked, LoanNumber, MoneyText, OptionalKey, Shown, command_id, in_yuan, sender_of
from books.session import UnitOfWork
from engine.errors import CommandRefused
from lending.events import Event, PrepaymentEffect
from lending.money import to_fen
from lending.prepayment import quote_prepayment
from lending.terms import Terms
from models.loans import Loan, Stage
from models.messages import PrepaymentOrder
from models.payments import PaymentStatus
from models.staff import Actor
from services.commands import prepaid_before
from services.loans import require_stage
from services.permissions import check_may_speak_for
from services.repayments import prepayable

router = APIRouter(tags=["prepayments"], responses=refusals(403, 404, 409, 429))


class PrepaymentBody(Asked):
    """A sum, or none to clear the loan; `effect` says what a partial prepayment shortens."""

    amount: MoneyText | None = None
    effect: PrepaymentEffect = PrepaymentEffect.REDUCE_INSTALLMENT


class QuoteView(Shown):
    """What a prepayment on `on` costs and changes; the amount goes to the five parts after `settlement`."""

    loan: str
    on: date
    amount: str
    settlement: str = Field(description="what clears the loan on that day")
    penalty: str
    fee: str
    interest: str
    principal: str
    credit: str
    principal_after: str
    interest_saved: str
    next_due: date | None
    next_installment: str
    last_due: date | None
    settles: bool


@router.post("/loans/{loan}/prepayment-quote")
def quote(loan: LoanNumber, actor: Acting, context: Context, body: PrepaymentBody | None = None) -> QuoteView:
    """What a prepayment today would cost and change; nothing is paid."""
    asked = body or PrepaymentBody()
    with context.books.read() as work:
        row = work.loans.seen_by(actor, loan)
        amount_fen = _amount(work, row, asked)
        terms = work.loans.terms(loan)
        if terms is None:
            raise LookupError(f"loan {loan} has a balance and no terms")
        quoted = quote_prepayment(
            Terms.parse(terms.body),
            [Event.parse(event.body) for event in work.loans.events(loan)],
            _day(work, row),
            amount_fen,
            effect=asked.effect,
        )
    figures = {name: getattr(quoted, name) for name in quoted.__dataclass_fields__}
    return QuoteView.model_validate(in_yuan(figures) | {"loan": loan})


@router.post("/loans/{loan}/prepayment")
async def prepay(
    loan: LoanNumber, actor: Acting, context: Context, key: OptionalKey = None, body: PrepaymentBody | None = None
) -> CommandAnswer:
    """Draws a prepayment from the borrower's account today and books it; answers when the bank has."""
    asked = body or PrepaymentBody()
    order = PrepaymentOrder(
        sender=sender_of(actor),
        command_id=command_id(actor, f"{loan}:prepayment", key),
        amount_fen=None if asked.amount is None else to_fen(asked.amount),
        effect=asked.effect,
    )
    before = await run_in_threadpool(_check, context, actor, loan, asked, order)
    return before or answer_to(loan, await context.commands.prepay(loan, order))


def _check(
    context: ApiContext, actor: Actor, number: str, asked: PrepaymentBody, order: PrepaymentOrder
) -> CommandAnswer | None:
    """The answer that the same prepayment had before, or None when it may be sent, perhaps to be finished."""
    with context.books.read() as work:
        loan = work.loans.seen_by(actor, number)
        check_may_speak_for(actor, loan)
        payment = prepaid_before(work, number, order)
        if payment is None:
            _amount(work, loan, asked)
            return None
    if payment.status is PaymentStatus.DECLINED:
        raise CommandRefused("prepayment_declined", f"the bank declined the prepayment: {payment.reason_code}")
    if payment.status is not PaymentStatus.SETTLED or not payment.booked:
        return None
    sentence = "the loan is settled" if loan.stage is Stage.SETTLED else "the prepayment is booked"
    return CommandAnswer(loan=number, stage=loan.stage, sentence=sentence, payment=payment.key)


def _amount(work: UnitOfWork, loan: Loan, asked: PrepaymentBody) -> int:
    require_stage(loan, "prepayment", Stage.REPAYMENT)
    amount_fen = None if asked.amount is None else to_fen(asked.amount)
    return prepayable(work, loan, _day(work, loan), amount_fen)[0]


def _day(work: UnitOfWork, loan: Loan) -> date:
    today: date = work.today
    return max(today, loan.booked_to or today)
