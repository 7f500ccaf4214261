"""The borrower's page: everything about his loan in one place, and what he can decide."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response

from books.session import UnitOfWork
from lending.errors import LendingError
from lending.events import PrepaymentEffect
from models.changes import ChangeKind
from models.keys import new_id
from models.messages import CommandOrder, CommandResult, PrepaymentOrder
from models.status import LoanStatus
from services.authorisation_links import LINK_TEMPLATE
from services.changes import all_changes, changes_of
from services.contacts import read_contacts
from services.document_lists import asked_again
from services.mandate_papers import waiting_paper
from services.mandates import is_standing
from services.notices import OTHERS
from services.reminders import open_windows
from services.repayments import prepayable
from services.status import schedule_of, status_of
from web import labels, pages, refusals
from web.addresses import Number
from web.changes import may_propose
from web.collateral import vehicle_part
from web.context import WebContext
from web.decision import read_amount
from web.language import marked
from web.loans import stage_fragment
from web.offers import offer_of
from web.orders import carry_out, heading
from web.papers import papers_of
from web.refusals import showing
from web.session import posted
from web.signing import ACCEPTED, accept_offer, signing_part
from web.stages import mark_of, stage_bar
from web.visit import BorrowerVisit, Visit

router = APIRouter(prefix="/my")

SAID = {
    "acceptance": ACCEPTED,
    "withdrawal": marked("Your application is withdrawn."),
    "prepayment": marked("Thank you. Your prepayment is booked."),
    "second-look": marked("Thank you. People will look at your application and tell you by text message."),
    "completion": marked("Thank you. Your application is being checked again."),
    "deferral": marked("Thank you. We look at your wish and answer by text message."),
    "mandate": marked("Thank you. The mandate is signed, and we tell the bank of it."),
}
"""What the page says after an act."""
TO_OTHERS = frozenset({*OTHERS, LINK_TEMPLATE})
"""Messages that went to who signs beside the borrower."""


@router.get("/{number}", name="my_loan")
def my_loan(
    request: Request, visit: BorrowerVisit, number: Number, said: Annotated[str, Query(max_length=20)] = ""
) -> Response:
    """The loan on one page."""
    return _page(request, visit, number, said=said)


@router.get("/{number}/stage", name="my_loan_stage")
def my_loan_stage(
    request: Request, visit: BorrowerVisit, number: Number, seen: Annotated[str, Query(max_length=40)] = ""
) -> Response:
    """The stage bar alone, for the live refresh; nothing if it is as the page has it."""
    with showing(request, visit) as work:
        return stage_fragment(work, request, visit, number, seen, f"/my/{number}/stage")


@router.post("/{number}/acceptance", name="acceptance")
async def accept(request: Request, visit: BorrowerVisit, number: Number) -> Response:
    """Accepts the offer, where that did not happen with the last signature."""

    async def do(given: str, _fields: dict[str, str]) -> None:
        await accept_offer(request, visit, number, given)

    return await _act(request, visit, number, "acceptance", do)


@router.post("/{number}/completion", name="my_completion")
async def complete(request: Request, visit: BorrowerVisit, number: Number) -> Response:
    """Says that what was missing is there."""
    context: WebContext = request.app.state.context
    return await _command(request, visit, number, "completion", context.commands.complete)


@router.get("/{number}/withdrawal", name="withdrawal_page")
def withdrawal_page(request: Request, visit: BorrowerVisit, number: Number) -> Response:
    """Asks whether he really wants to walk away."""
    return _confirmation(request, visit, number, "withdrawal")


@router.post("/{number}/withdrawal", name="withdrawal")
async def withdraw(request: Request, visit: BorrowerVisit, number: Number) -> Response:
    """Withdraws the application."""
    context: WebContext = request.app.state.context
    return await _command(request, visit, number, "withdrawal", context.commands.withdraw)


@router.get("/{number}/prepayment", name="prepayment_page")
def prepayment_page(request: Request, visit: BorrowerVisit, number: Number) -> Response:
    """Shows what clears the loan today and asks whether to draw it."""
    return _confirmation(request, visit, number, "prepayment")


@router.post("/{number}/prepayment", name="prepayment")
async def prepay(request: Request, visit: BorrowerVisit, number: Number) -> Response:
    """Draws what clears the loan on the day on which it is drawn, or the part that the form names."""
    context: WebContext = request.app.state.context

    async def do(given: str, fields: dict[str, str]) -> None:
        amount_fen = read_amount(fields.get("amount", ""))
        effect = fields.get("effect") or PrepaymentEffect.REDUCE_INSTALLMENT
        named = heading(visit.person, number, "prepayment", given)
        order = PrepaymentOrder(**named, amount_fen=amount_fen, effect=effect)
        await carry_out(context, visit, number, order, context.commands.prepay)

    return await _act(request, visit, number, "prepayment", do)


async def _command(
    request: Request, visit: Visit, number: str, act: str, send: Callable[[str, CommandOrder], Awaitable[CommandResult]]
) -> Response:
    """Sends a command without figures."""
    context: WebContext = request.app.state.context

    async def do(given: str, _fields: dict[str, str]) -> None:
        await carry_out(context, visit, number, CommandOrder(**heading(visit.person, number, act, given)), send)

    return await _act(request, visit, number, act, do)


async def _act(
    request: Request, visit: Visit, number: str, act: str, do: Callable[[str, dict[str, str]], Awaitable[None]]
) -> Response:
    """A borrower's act on his loan, under the id and with the fields of its form; a refusal is shown on his page,
    beside how the loan stands now.

    The same form sent again gets the same answer, even when the loan has moved on since.
    """
    fields = await posted(request, visit.session)
    context: WebContext = request.app.state.context
    await asyncio.to_thread(_require_own, context, visit, number)
    try:
        await do(fields.get("command_id") or new_id(), fields)
    except LendingError as error:
        await asyncio.to_thread(refusals.note, request, visit, error)
        refused = labels.refusal(error, visit.language)
        if pages.wants_fragment(request):
            return _notice(request, visit, error.http_status, refused=refused)
        return await asyncio.to_thread(_page, request, visit, number, error.http_status, refused=refused)
    if pages.wants_fragment(request):
        return _notice(request, visit, said=visit.language.say(SAID[act]))
    return pages.go(request, f"/my/{number}?said={act}")


def _notice(
    request: Request, visit: Visit, status: int = 200, *, said: str | None = None, refused: str | None = None
) -> Response:
    """What became of a command, for a page that htmx brings up to date by itself."""
    response = pages.show(request, visit, "parts/notice.html", status, said=said, refused=refused)
    response.headers["HX-Trigger-After-Settle"] = "loan-stale"
    return response


def _require_own(context: WebContext, visit: Visit, number: str) -> None:
    with context.books.read() as work:
        work.loans.seen_by(visit.person, number)


def _page(
    request: Request, visit: Visit, number: str, status_code: int = 200, *, said: str = "", refused: str | None = None
) -> Response:
    context: WebContext = request.app.state.context
    with showing(request, visit) as work:
        values = _values(work, visit, number)
        status: LoanStatus = values["status"]
        loan = work.loans.get(number)
        values |= {
            "decisions": work.tasks.decisions(number),
            "contacts": [one for one in read_contacts(work, visit.person, loan) if one.template not in TO_OTHERS],
            "schedule": schedule_of(work, visit.person, number),
            "others": [one for one in work.loans.of_customer(status.customer_id) if one.number != number],
            "said": visit.language.say(SAID[said]) if said in SAID else None,
            "refused": refused,
            "asked": next((one for one in changes_of(work, visit.person, loan) if one.open_task is not None), None),
            "part": signing_part(work, visit, loan),
            "mandate_waits": waiting_paper(work, loan) is not None,
            "is_drawn": is_standing(work, number, work.customers.borrower(number)),
            "receiving": context.receiving,
            "wanted_again": [one.kind for one in asked_again(work, loan)],
            "papers": papers_of(work, visit, loan),
            "vehicle": vehicle_part(work, visit, loan),
            "windows": [one.says(visit.language.code) for one in open_windows(work, loan, status.as_of)],
            "may_defer": ChangeKind.DEFERRAL in may_propose(visit.person, loan, all_changes(work, loan)),
        }
    template = "parts/my_body.html" if pages.wants_fragment(request) else "my_loan.html"
    return pages.show(request, visit, template, status_code, **values)


def _confirmation(request: Request, visit: Visit, number: str, act: str) -> Response:
    with showing(request, visit) as work:
        values = _values(work, visit, number)
        amount_fen = None
        if act == "prepayment":
            loan = work.loans.seen_by(visit.person, number)
            amount_fen, _account = prepayable(work, loan, values["status"].as_of, None)
    return pages.show(request, visit, "my_confirmation.html", act=act, amount_fen=amount_fen, **values)


def _values(work: UnitOfWork, visit: Visit, number: str) -> dict[str, Any]:
    status = status_of(work, visit.person, number)
    mark = mark_of(work, work.loans.get(number))
    return {
        "status": status,
        "bar": stage_bar(status, mark, to_borrower=True),
        "live": f"/my/{number}/stage",
        "offer": offer_of(status.terms) if status.terms else None,
        "account": work.customers.borrower(number).account or "",
        "command_id": new_id(),
    }
