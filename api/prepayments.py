"""Paying before the due date: what it would cost, and the payment itself."""

from datetime import date
from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.concurrency import run_in_threadpool
from pydantic import Field

from api.commands import CommandAnswer, answer_to
from api.context import Acting, ApiContext, Context, Looking
from api.problems import refusals
from api.shapes import Asked, LoanNumber, MoneyText, OptionalKey, Shown, command_id, in_yuan
from engine.errors import CommandRefused
from lending.events import PrepaymentEffect
from lending.money import to_fen, yuan
from lending.prepayment import PrepaymentQuote
from models.loans import Stage
from models.messages import PrepaymentOrder
from models.payments import PaymentStatus
from models.staff import Actor
from services.audit import sender_of
from services.commands import prepaid_before
from services.loans import account_day, require_stage
from services.permissions import check_may_speak_for
from services.prepayments import clearing_figures, figures
from services.prepayments import quote as hold_quote
from services.repayments import prepayable

router = APIRouter(tags=["prepayments"], responses=refusals(403, 404, 409, 429))

Since = Annotated[date, Query(alias="from", description="the first day")]
Until = Annotated[date | None, Query(alias="to", description="the last day; without it, the first alone")]


class PrepaymentBody(Asked):
    """A sum, or none to clear the loan; `effect` says what a partial prepayment shortens."""

    amount: MoneyText | None = None
    effect: PrepaymentEffect = PrepaymentEffect.REDUCE_INSTALLMENT


class QuoteBody(PrepaymentBody):
    """The same, with the day until which the quote is to hold; without one it is for information, and not kept."""

    valid_until: date | None = None


class QuoteView(Shown):
    """What a prepayment on `on` costs and changes; the amount goes to the five parts after `settlement`.

    `quote` is the id of one that holds until `valid_until`: a transfer of exactly `amount`, that names the loan and
    comes in by then, is taken as this prepayment.
    """

    loan: str
    quote: str | None
    valid_until: date
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
def quote(loan: LoanNumber, actor: Acting, context: Context, body: QuoteBody | None = None) -> QuoteView:
    """What a prepayment today would cost and change; nothing is paid. With `valid_until`, a quote that is kept."""
    asked = body or QuoteBody()
    amount_fen = None if asked.amount is None else to_fen(asked.amount)
    if asked.valid_until is None:
        with context.books.read() as work:
            shown = figures(work, work.loans.seen_by(actor, loan), amount_fen, asked.effect)
        return _view(loan, shown, None, shown.on)
    with context.books.begin() as work:
        row = work.loans.seen_by(actor, loan)
        kept, shown = hold_quote(work, actor, row, amount_fen, asked.effect, asked.valid_until)
        return _view(loan, shown, kept.id, kept.valid_until)


def _view(loan: str, shown: PrepaymentQuote, quote_id: str | None, valid_until: date) -> QuoteView:
    parts = in_yuan({name: getattr(shown, name) for name in shown.__dataclass_fields__})
    return QuoteView.model_validate(parts | {"loan": loan, "quote": quote_id, "valid_until": valid_until})


class SettlementFigure(Shown):
    """What clears the loan on a day."""

    on: date
    amount: str


class SettlementFigures(Shown):
    """What clears the loan on each day asked for, as its account stands."""

    loan: str
    days: list[SettlementFigure]


@router.get("/loans/{loan}/settlement-figures")
def settlement_figures(
    loan: LoanNumber, actor: Acting, look: Looking, since: Since, until: Until = None
) -> SettlementFigures:
    """What clears the loan on any day since the payout or ahead, at most a year of them: prepayment fee included."""
    with look() as work:
        row = work.loans.seen_by(actor, loan)
        days = clearing_figures(work, row, since, until or since)
    return SettlementFigures(loan=loan, days=[SettlementFigure(on=day, amount=yuan(fen)) for day, fen in days])


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
    before = await run_in_threadpool(_check, context, actor, loan, order)
    return before or answer_to(loan, await context.commands.prepay(loan, order))


def _check(context: ApiContext, actor: Actor, number: str, order: PrepaymentOrder) -> CommandAnswer | None:
    """The answer that the same prepayment had before, or None when it may be sent, perhaps to be finished."""
    with context.books.read() as work:
        loan = work.loans.seen_by(actor, number)
        check_may_speak_for(actor, loan)
        payment = prepaid_before(work, number, order)
        if payment is None:
            require_stage(loan, "prepayment", Stage.REPAYMENT)
            prepayable(work, loan, account_day(work, loan), order.amount_fen)
            return None
    if payment.status is PaymentStatus.DECLINED:
        raise CommandRefused("prepayment_declined", f"the bank declined the prepayment: {payment.reason_code}")
    if payment.status is not PaymentStatus.SETTLED or not payment.booked:
        return None
    sentence = "the loan is settled" if loan.stage is Stage.SETTLED else "the prepayment is booked"
    return CommandAnswer(loan=number, stage=loan.stage, sentence=sentence, payment=payment.key)
