"""Quotes for prepayments on pages: what paying early comes to, and sums that hold until a day."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Annotated, ClassVar

from fastapi import APIRouter, Query, Request, Response

from books.session import UnitOfWork
from lending.errors import LendingError
from lending.events import PrepaymentEffect
from lending.money import to_fen, yuan
from lending.prepayment import PrepaymentQuote as Figures
from models.keys import new_id
from models.loans import Loan, Stage
from services.errors import InvalidPrepayment
from services.loans import account_day
from services.prepayments import offer, quote
from services.repayments import prepayment_fee
from web import pages, refusals
from web.addresses import Number, on_day
from web.context import WebContext
from web.explanations import clearing_sentences
from web.forms import EnteredForm, Entry, FormField
from web.language import marked
from web.refusals import showing
from web.session import posted
from web.visit import BorrowerVisit, StaffVisit, Visit

router = APIRouter()

SETTLE = "settle"
USUAL_VALIDITY = timedelta(days=7)
AMOUNT_PROBLEM = marked("An amount above zero that does not clear the loan; leave it empty to pay everything back.")


@dataclass(frozen=True)
class Asked:
    """What a form asks a quote for: a sum in fen, or None to pay everything back."""

    amount_fen: int | None
    effect: PrepaymentEffect
    valid_until: date


@dataclass(frozen=True)
class QuoteForm(EnteredForm):
    """What a quote is asked for."""

    sentences: ClassVar[Mapping[str, str]] = {
        "kind": marked("Choose one of these."),
        "amount": AMOUNT_PROBLEM,
        "valid_until": marked("Today or one of the next 31 days."),
    }

    def read(self) -> Asked:
        """What is asked for; InvalidPrepayment names every field that cannot be read."""
        asked, wrong = self.entered()
        kind, amount, until = asked.get("kind", ""), asked.get("amount"), on_day(asked.get("valid_until", ""))
        if kind not in (SETTLE, *PrepaymentEffect):
            wrong.append("kind")
        elif (kind == SETTLE) != (amount is None):
            wrong.append("amount")
        if until is None:
            wrong.append("valid_until")
        if wrong or until is None:
            raise InvalidPrepayment("the form is not complete", fields=dict.fromkeys(wrong, ""))
        effect = PrepaymentEffect.REDUCE_INSTALLMENT if kind == SETTLE else PrepaymentEffect(kind)
        return Asked(None if amount is None else to_fen(amount), effect, until)


@dataclass(frozen=True)
class Offer:
    """What a quote would name, as it is shown before it is kept: the form's values, the figures if it is paid today,
    the contract's fee within the sum, what would be drawn today, and how the sum came to be."""

    values: Mapping[str, str]
    until: date
    figures: Figures
    fee_fen: int
    draw_fen: int
    draw_amount: str
    effect: str
    sentences: list[str]


def _form(day: date) -> QuoteForm:
    """The form as it is found: everything, for a week."""
    until = FormField(
        "valid_until", Entry.DAY, marked("Holds until"), marked("The last day on which the money may come in.")
    )
    fields = (
        FormField(
            "kind", Entry.CHOICE, marked("What is paid?"), choices=(SETTLE, *PrepaymentEffect), group="prepayment"
        ),
        FormField("amount", Entry.MONEY, marked("Amount"), marked("Only for a part of the loan."), optional=True),
        until,
    )
    return QuoteForm(fields, {"kind": SETTLE, "valid_until": (day + USUAL_VALIDITY).isoformat()})


@router.get("/loans/{number}/quotes", name="quotes")
def quotes_page(
    request: Request, visit: StaffVisit, number: Number, kept: Annotated[str, Query(max_length=32)] = ""
) -> Response:
    """The quotes of a loan that hold, and a form for another one."""
    return _answer(request, visit, number, kept)


@router.get("/my/{number}/quotes", name="my_quotes")
def my_quotes(
    request: Request, visit: BorrowerVisit, number: Number, kept: Annotated[str, Query(max_length=32)] = ""
) -> Response:
    """The same for the borrower."""
    return _answer(request, visit, number, kept)


@router.post("/loans/{number}/quotes", name="ask_quote")
async def ask_quote(request: Request, visit: StaffVisit, number: Number) -> Response:
    """Shows what a prepayment comes to or, with the button `keep`, keeps a quote."""
    fields = await posted(request, visit.session)
    return await asyncio.to_thread(_asked, request, visit, number, fields)


@router.post("/my/{number}/quotes", name="ask_my_quote")
async def ask_my_quote(request: Request, visit: BorrowerVisit, number: Number) -> Response:
    """The same for the borrower."""
    fields = await posted(request, visit.session)
    return await asyncio.to_thread(_asked, request, visit, number, fields)


def _answer(request: Request, visit: Visit, number: str, kept: str) -> Response:
    with showing(request, visit) as work:
        loan = work.loans.seen_by(visit.person, number)
        return _page(work, request, visit, loan, _form(account_day(work, loan)), kept=kept)


def _asked(request: Request, visit: Visit, number: str, fields: dict[str, str]) -> Response:
    context: WebContext = request.app.state.context
    with context.books.read() as work:
        loan = work.loans.seen_by(visit.person, number)
        form = _form(account_day(work, loan)).filled(fields)
        try:
            asked = form.read()
            if fields.get("act") != "keep":
                return _page(work, request, visit, loan, form, shown=_offer(work, visit, loan, fields, asked))
            kept = _keep(context, visit, number, asked)
        except LendingError as error:
            if not _is_asked_for(visit, loan):
                raise
            refusals.note(request, visit, error)
            refused = form.with_problems(error, visit.language)
            return _page(work, request, visit, loan, refused, status=error.http_status)
    return pages.go(request, f"{visit.home_of(number)}/quotes?kept={kept}")


def _offer(work: UnitOfWork, visit: Visit, loan: Loan, fields: Mapping[str, str], asked: Asked) -> Offer:
    shown = offer(work, visit.person, loan, asked.amount_fen, asked.effect, asked.valid_until)
    draw_fen = asked.amount_fen or shown.settlement_fen
    return Offer(
        values={name: fields.get(name, "") for name in ("kind", "amount", "valid_until")},
        until=asked.valid_until,
        figures=shown,
        fee_fen=prepayment_fee(work, loan, shown.on, shown.amount_fen),
        draw_fen=draw_fen,
        draw_amount="" if asked.amount_fen is None else yuan(asked.amount_fen),
        effect=asked.effect,
        sentences=clearing_sentences(work, visit, loan.number) if asked.amount_fen is None else [],
    )


def _keep(context: WebContext, visit: Visit, number: str, asked: Asked) -> str:
    with context.books.begin() as work:
        loan = work.loans.seen_by(visit.person, number)
        return quote(work, visit.person, loan, asked.amount_fen, asked.effect, asked.valid_until)[0].id


def _page(
    work: UnitOfWork,
    request: Request,
    visit: Visit,
    loan: Loan,
    form: QuoteForm,
    *,
    shown: Offer | None = None,
    kept: str = "",
    status: int = 200,
) -> Response:
    context: WebContext = request.app.state.context
    found = work.prepayments.open_on(loan.number, account_day(work, loan))
    return pages.show(
        request,
        visit,
        "quotes.html",
        status,
        number=loan.number,
        home=visit.home_of(loan.number),
        form=form,
        shown=shown,
        quotes=found,
        kept=next((one for one in found if one.id == kept), None),
        names=work.staff.names(),
        is_running=_is_running(loan),
        is_asked_for=_is_asked_for(visit, loan),
        receiving=context.receiving,
        command_id=new_id(),
    )


def _is_running(loan: Loan) -> bool:
    return loan.stage is Stage.REPAYMENT and loan.written_off_on is None


def _is_asked_for(visit: Visit, loan: Loan) -> bool:
    """Whether the page has the form: for a running loan, and for who speaks for its borrower."""
    return visit.speaks_for(loan) and _is_running(loan)
