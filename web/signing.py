"""Signing the contract on a page: the borrower on his own, or his agent with all who sign at the desk."""

import asyncio
import unicodedata
from dataclasses import dataclass

from fastapi import APIRouter, Request, Response

from books.session import UnitOfWork
from lending.errors import LendingError
from models.keys import command_id, new_id
from models.loans import Loan, Stage
from models.messages import CommandOrder, Sender
from models.signatures import Signature
from services import acceptance
from services.commands import done_before
from services.errors import NotAllowed
from services.signing import (
    CODE_DIGITS,
    Signing,
    WrongCode,
    all_signed,
    check_may_sign_for,
    request_code,
    sign,
    signing_of,
)
from web import labels, pages, refusals
from web.addresses import Number
from web.context import WebContext
from web.language import marked
from web.session import posted
from web.visit import AnyVisit, Visit

router = APIRouter(prefix="/signing")

ACCEPTED = marked("Thank you. The contract is accepted and the money is on its way.")
SIGNED = marked("The signature is kept.")
SENT = marked("The code is on its way. It is good for five minutes.")


class IllFormedCode(LendingError):
    """What was entered cannot be a code; it does not count as a try."""

    code = "ill_formed_code"
    http_status = 422

    def __init__(self) -> None:
        super().__init__(f"a code has {CODE_DIGITS} digits")


@dataclass(frozen=True)
class SigningPart:
    """The part of a page on which a contract is signed, for who may sign and who only looks on."""

    loan: str
    signing: Signing
    may_sign: bool
    at_desk: bool
    command_id: str
    said: str | None = None
    refused: str | None = None


def signing_part(
    work: UnitOfWork, visit: Visit, loan: Loan, *, said: str | None = None, refused: str | None = None
) -> SigningPart | None:
    """The part as this visitor sees it; None when there is nothing to sign or to say."""
    if loan.stage is not Stage.ACCEPTANCE and said is None and refused is None:
        return None
    try:
        check_may_sign_for(work, visit.person, loan)
    except NotAllowed:
        may_sign = False
    else:
        may_sign = loan.stage is Stage.ACCEPTANCE
    return SigningPart(loan.number, signing_of(work, loan), may_sign, visit.is_staff, new_id(), said, refused)


@router.get("/{number}", name="signing")
def show_signing(request: Request, visit: AnyVisit, number: Number) -> Response:
    """The part alone, for the live refresh while the contract is being made."""
    context: WebContext = request.app.state.context
    with context.books.read() as work:
        part = signing_part(work, visit, work.loans.seen_by(visit.person, number))
    if part is None or not pages.wants_fragment(request):
        return pages.go(request, _home(visit, number))
    return pages.show(request, visit, "parts/signing.html", part=part)


@router.post("/{number}/codes", name="signing_code")
async def send_code(request: Request, visit: AnyVisit, number: Number) -> Response:
    """Sends one who signs a code, to his own mobile."""
    fields = await posted(request, visit.session)
    context: WebContext = request.app.state.context

    def send() -> None:
        with context.books.begin() as work:
            request_code(work, visit.person, work.loans.seen_by(visit.person, number), fields.get("party", ""))

    try:
        await asyncio.to_thread(send)
    except LendingError as error:
        return await _refused(request, visit, number, error)
    return await asyncio.to_thread(_answer, request, visit, number, SENT)


@router.post("/{number}/signatures", name="signature")
async def enter_code(request: Request, visit: AnyVisit, number: Number) -> Response:
    """Signs with the code; with the last signature the offer is accepted."""
    fields = await posted(request, visit.session)
    try:
        signature, complete = await asyncio.to_thread(_sign, request, visit, number, fields)
        if complete:
            await _accept(request, visit, number, signature.id)
    except LendingError as error:
        return await _refused(request, visit, number, error)
    return await asyncio.to_thread(_answer, request, visit, number, ACCEPTED if complete else SIGNED)


@router.post("/{number}/acceptance", name="acceptance_at_desk")
async def accept(request: Request, visit: AnyVisit, number: Number) -> Response:
    """Accepts an offer that all have signed, where that did not happen with the last signature."""
    fields = await posted(request, visit.session)
    try:
        await _accept(request, visit, number, fields.get("command_id") or new_id())
    except LendingError as error:
        return await _refused(request, visit, number, error)
    return await asyncio.to_thread(_answer, request, visit, number, ACCEPTED)


def _sign(request: Request, visit: Visit, number: str, fields: dict[str, str]) -> tuple[Signature, bool]:
    context: WebContext = request.app.state.context
    # Some keyboards enter digits of full width, and people type spaces.
    digits = unicodedata.normalize("NFKC", fields.get("code", "")).replace(" ", "")
    if len(digits) != CODE_DIGITS or not (digits.isascii() and digits.isdecimal()):
        raise IllFormedCode
    with context.books.begin() as work:
        loan = work.loans.seen_by(visit.person, number)
        signed = sign(
            work,
            visit.person,
            loan,
            fields.get("party", ""),
            digits,
            document_sha256=fields.get("document_sha256", ""),
            user_agent=request.headers.get("user-agent"),
        )
        complete = all_signed(work, loan)
    # Raised only now: the try is committed.
    if isinstance(signed, WrongCode):
        raise signed
    return signed, complete


async def _accept(request: Request, visit: Visit, number: str, given: str) -> None:
    context: WebContext = request.app.state.context
    actor = visit.person
    sender = Sender(actor_id=actor.id, role=actor.role, address=actor.address, request_id=actor.request_id)
    order = CommandOrder(sender=sender, command_id=command_id(actor.id, f"{number}:acceptance", given))

    def is_done() -> bool:
        with context.books.read() as work:
            loan = work.loans.seen_by(actor, number)
            if done_before(work, number, order) is not None:
                return True
            acceptance.check(work, actor, loan)
            return False

    if not await asyncio.to_thread(is_done):
        await context.commands.accept(number, order)


async def _refused(request: Request, visit: Visit, number: str, error: LendingError) -> Response:
    """Beside where the code is entered; as a page of its own where nothing of the loan may be shown."""
    if error.http_status == 404 or not pages.wants_fragment(request):
        return await refusals.answer(request, visit, error)
    await asyncio.to_thread(refusals.note, request, visit, error)
    sentence = labels.refusal(error.code, str(error), visit.language)
    return await asyncio.to_thread(_part, request, visit, number, error.http_status, refused=sentence)


def _answer(request: Request, visit: Visit, number: str, said: str) -> Response:
    if not pages.wants_fragment(request):
        return pages.go(request, _home(visit, number))
    return _part(request, visit, number, said=visit.language.say(said))


def _part(
    request: Request,
    visit: Visit,
    number: str,
    status: int = 200,
    *,
    said: str | None = None,
    refused: str | None = None,
) -> Response:
    context: WebContext = request.app.state.context
    with context.books.read() as work:
        part = signing_part(work, visit, work.loans.seen_by(visit.person, number), said=said, refused=refused)
    response = pages.show(request, visit, "parts/signing.html", status, part=part)
    # The stage bar looks at once whether the loan has moved on, and then brings the rest of the page.
    response.headers["HX-Trigger-After-Settle"] = "loan-stale"
    return response


def _home(visit: Visit, number: str) -> str:
    return f"/loans/{number}" if visit.is_staff else f"/my/{number}"
