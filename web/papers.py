"""Papers that the lender issues, on the pages: reading them, and asking for a statement or a receipt."""

import asyncio
from dataclasses import dataclass
from datetime import date
from urllib.parse import quote

from fastapi import APIRouter, Request, Response

from books.session import UnitOfWork
from lending.events import Event, EventType
from models.loans import Loan
from models.papers import PaperLanguage, PaperOrder
from services.documents import UnknownDocument, look_at
from services.paper_contents import MONEY_FROM_BORROWER
from services.papers import order_receipt, order_statement
from services.permissions import Action, allows
from web import pages
from web.addresses import Id, Number
from web.context import WebContext
from web.session import posted
from web.visit import AnyVisit, Visit

router = APIRouter(prefix="/papers")


@dataclass(frozen=True)
class Payment:
    """A payment by the borrower that has no receipt yet; the sum in fen."""

    key: str
    day: date
    fen: int


@dataclass(frozen=True)
class Papers:
    """A loan's papers, newest first; `payments` are those that a receipt can be asked for, `may_order` by whom."""

    orders: list[PaperOrder]
    payments: list[Payment]
    may_order: bool


def papers_of(work: UnitOfWork, visit: Visit, loan: Loan) -> Papers:
    """What the lender has put on paper for a loan that this visitor may see."""
    orders = list(reversed(work.papers.of_loan(loan.number)))
    events = work.loans.events(loan.number)
    told = {one.event_key for one in orders}
    taken_back = {str(one.body["of"]) for one in events if one.type == EventType.REVERSAL}
    payments = [
        Payment(one.key, one.date, Event.parse(one.body).amount_fen or 0)
        for one in reversed(events)
        if one.type in MONEY_FROM_BORROWER and one.key not in told and one.body["id"] not in taken_back
    ]
    return Papers(orders, payments, loan.disbursed_on is not None and allows(visit.person, Action.ORDER_PAPERS))


@router.get("/{number}/{document_id}", name="paper")
def read_paper(request: Request, visit: AnyVisit, number: Number, document_id: Id) -> Response:
    """A paper as it was issued, shown in the browser. That it was looked at goes into the audit log."""
    context: WebContext = request.app.state.context
    with context.books.begin() as work:
        loan = work.loans.seen_by(visit.person, number)
        if work.papers.get(document_id) is None:
            # What was handed in may be anything, and is shown by no page of ours.
            raise UnknownDocument(number)
        document = look_at(work, visit.person, loan, document_id)
    headers = {"Content-Disposition": f"inline; filename*=UTF-8''{quote(document.filename, safe='')}"}
    return Response(document.content, headers=headers, media_type=document.media_type)


@router.post("/{number}", name="order_paper")
async def order_paper(request: Request, visit: AnyVisit, number: Number) -> Response:
    """Asks for a receipt of the payment that the form names, or for a statement of the account so far."""
    fields = await posted(request, visit.session)
    await asyncio.to_thread(_order, request, visit, number, fields.get("payment"))
    return pages.go(request, f"{visit.home_of(number)}#papers")


def _order(request: Request, visit: Visit, number: str, payment: str | None) -> None:
    context: WebContext = request.app.state.context
    language = PaperLanguage(visit.language.code)
    with context.books.begin() as work:
        loan = work.loans.seen_by(visit.person, number)
        if payment is not None:
            order_receipt(work, visit.person, loan, payment, language)
        else:
            order_statement(work, visit.person, loan, loan.disbursed_on or loan.applied_on, work.today, language)
