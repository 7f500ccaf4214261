"""Signing with a code on a page: the borrower on his own, or his agent with all who sign at the desk.

How a code is asked for, entered and refused is the same for every paper; the contract's own acts stand at the end.
"""

import asyncio
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TypeVar

from fastapi import APIRouter, Request, Response

from books.session import UnitOfWork
from lending.errors import LendingError
from models.documents import Document
from models.keys import new_id
from models.loans import Loan, Stage
from models.messages import CommandOrder
from models.signatures import Signature
from services import acceptance
from services.collateral import missing_before_payout
from services.errors import NotAllowed
from services.signing import (
    Signer,
    WrongCode,
    all_signed,
    check_may_sign_for,
    request_code,
    sign,
    signing_of,
)
from services.text_codes import CODE_DIGITS
from web import labels, pages, refusals
from web.addresses import Number
from web.context import WebContext
from web.language import marked
from web.orders import carry_out, heading
from web.refusals import showing
from web.session import posted
from web.visit import AnyVisit, Visit

router = APIRouter(prefix="/signing")

ACCEPTED = marked("Thank you. The contract is accepted and the money is on its way.")
SIGNED = marked("The signature is kept.")
AWAITED = marked(
    "Thank you, the contract is signed. The money goes out as soon as everything that it waits for is there."
)
SENT = marked("The code is on its way. It is good for five minutes.")

Result = TypeVar("Result")


class IllFormedCode(LendingError):
    """What was entered cannot be a code; it does not count as a try."""

    code = "ill_formed_code"
    http_status = 422

    def __init__(self) -> None:
        super().__init__(f"a code has {CODE_DIGITS} digits")


@dataclass(frozen=True)
class SigningPart:
    """The part of a page on which a paper is signed, for who may sign and who only looks on.

    `document` is None while it is made, `problem` the code of what stops that; forms go to addresses below `action`.
    `said` and `refused` answer the act that was about `party`; `is_page` says that the part is a page of its own.
    `awaited` is what has to be there before the payout and is not.
    """

    loan: str
    paper: str
    action: str
    document: Document | None
    signers: tuple[Signer, ...]
    may_sign: bool
    at_desk: bool
    problem: str | None = None
    command_id: str = ""
    party: str = ""
    said: str | None = None
    refused: str | None = None
    is_page: bool = False
    awaited: tuple[str, ...] = ()

    @property
    def is_complete(self) -> bool:
        """Whether all have signed."""
        return all(one.signed_at is not None for one in self.signers)


PartOf = Callable[[UnitOfWork, Visit, Loan], SigningPart | None]
"""Builds the part of a paper as this visitor sees it; None when there is nothing to sign."""


def may_sign_for(work: UnitOfWork, visit: Visit, loan: Loan) -> bool:
    """Whether the visitor may sign in the borrower's name."""
    try:
        check_may_sign_for(work, visit.person, loan)
    except NotAllowed:
        return False
    return True


def asked_for_code(request: Request, visit: Visit, number: str, ask: Callable[[UnitOfWork, Loan], object]) -> None:
    """Has a code sent to one who signs."""
    context: WebContext = request.app.state.context
    with context.books.begin() as work:
        ask(work, work.loans.seen_by(visit.person, number))


def signed_with_code(
    request: Request,
    visit: Visit,
    number: str,
    fields: dict[str, str],
    sign_it: Callable[[UnitOfWork, Loan, str], Result | WrongCode],
) -> Result:
    """What comes of signing with the code that was entered; a wrong one is raised once its try is committed."""
    context: WebContext = request.app.state.context
    digits = read_digits(fields)
    with context.books.begin() as work:
        signed = sign_it(work, work.loans.seen_by(visit.person, number), digits)
    if isinstance(signed, WrongCode):
        raise signed
    return signed


def read_digits(fields: dict[str, str]) -> str:
    """The code that was entered; IllFormedCode for what cannot be one."""
    # Some keyboards enter digits of full width, and people type spaces.
    digits = unicodedata.normalize("NFKC", fields.get("code", "")).replace(" ", "")
    if len(digits) != CODE_DIGITS or not (digits.isascii() and digits.isdecimal()):
        raise IllFormedCode
    return digits


async def refuse(
    request: Request, visit: Visit, number: str, error: LendingError, part_of: PartOf, party: str
) -> Response:
    """The refusal beside where the code is entered; as any other where nothing of the loan is there to be shown."""
    response = None
    if error.http_status != 404:
        refused = labels.refusal(error, visit.language)
        status = error.http_status
        response = await asyncio.to_thread(show, request, visit, number, part_of, status, refused=refused, party=party)
    if response is None:
        return await refusals.answer(request, visit, error)
    await asyncio.to_thread(refusals.note, request, visit, error)
    return response


async def answer(
    request: Request, visit: Visit, number: str, said: str, part_of: PartOf, party: str, home: str
) -> Response:
    """What became of an act: the part with a sentence for htmx, else the page on which it stands."""
    response = None
    if pages.wants_fragment(request):
        said = visit.language.say(said)
        response = await asyncio.to_thread(show, request, visit, number, part_of, said=said, party=party)
    return response or pages.go(request, home)


def show(
    request: Request,
    visit: Visit,
    number: str,
    part_of: PartOf,
    status: int = 200,
    *,
    party: str = "",
    said: str | None = None,
    refused: str | None = None,
) -> Response | None:
    """The part for htmx, else a page of its own around it; None when there is nothing to sign."""
    with showing(request, visit) as work:
        found = part_of(work, visit, work.loans.seen_by(visit.person, number))
        if found is None:
            return None
        part = replace(found, party=party, said=said, refused=refused)
        if not pages.wants_fragment(request):
            return pages.show(request, visit, "signing.html", status, part=replace(part, is_page=True))
        response = pages.show(request, visit, "parts/signing.html", status, part=part)
    # The stage bar looks at once whether the loan has moved on, and then brings the rest of the page.
    response.headers["HX-Trigger-After-Settle"] = "loan-stale"
    return response


# -- the contract -----------------------------------------------------------------------------------------------------


def signing_part(work: UnitOfWork, visit: Visit, loan: Loan) -> SigningPart | None:
    """The part on which the contract is signed; None but while the offer is open."""
    return _contract_part(work, visit, loan) if loan.stage is Stage.ACCEPTANCE else None


def _contract_part(work: UnitOfWork, visit: Visit, loan: Loan) -> SigningPart:
    """The same at any stage: what became of an act may have to be said when the loan has moved on."""
    signing = signing_of(work, loan)
    return SigningPart(
        loan.number,
        "contract",
        f"/signing/{loan.number}",
        signing.contract,
        signing.signers,
        loan.stage is Stage.ACCEPTANCE and may_sign_for(work, visit, loan),
        visit.is_staff,
        signing.problem,
        new_id(),
        awaited=missing_before_payout(work, loan, work.today),
    )


@router.get("/{number}", name="signing")
def show_signing(request: Request, visit: AnyVisit, number: Number) -> Response:
    """The part alone, for the live refresh while the contract is being made."""
    part = show(request, visit, number, signing_part) if pages.wants_fragment(request) else None
    return part or pages.go(request, visit.home_of(number))


@router.post("/{number}/codes", name="signing_code")
async def send_code(request: Request, visit: AnyVisit, number: Number) -> Response:
    """Sends one who signs a code, to his own mobile."""
    fields = await posted(request, visit.session)
    party = fields.get("party", "")

    def ask(work: UnitOfWork, loan: Loan) -> None:
        request_code(work, visit.person, loan, party)

    try:
        await asyncio.to_thread(asked_for_code, request, visit, number, ask)
    except LendingError as error:
        return await refuse(request, visit, number, error, _contract_part, party)
    return await answer(request, visit, number, SENT, _contract_part, party, visit.home_of(number))


@router.post("/{number}/signatures", name="signature")
async def enter_code(request: Request, visit: AnyVisit, number: Number) -> Response:
    """Signs with the code; with the last signature the offer is accepted, unless something is awaited first."""
    fields = await posted(request, visit.session)
    party = fields.get("party", "")

    def sign_it(work: UnitOfWork, loan: Loan, digits: str) -> tuple[Signature, str] | WrongCode:
        signed = sign(
            work,
            visit.person,
            loan,
            party,
            digits,
            document_sha256=fields.get("document_sha256", ""),
            user_agent=request.headers.get("user-agent"),
        )
        if isinstance(signed, WrongCode):
            return signed
        if not all_signed(work, loan):
            return signed, SIGNED
        return signed, AWAITED if missing_before_payout(work, loan, work.today) else ACCEPTED

    try:
        signature, said = await asyncio.to_thread(signed_with_code, request, visit, number, fields, sign_it)
        if said == ACCEPTED:
            await accept_offer(request, visit, number, signature.id)
    except LendingError as error:
        return await refuse(request, visit, number, error, _contract_part, party)
    return await answer(request, visit, number, said, _contract_part, "", visit.home_of(number))


@router.post("/{number}/acceptance", name="acceptance_at_desk")
async def accept(request: Request, visit: AnyVisit, number: Number) -> Response:
    """Accepts an offer that all have signed, where that did not happen with the last signature."""
    fields = await posted(request, visit.session)
    try:
        await accept_offer(request, visit, number, fields.get("command_id") or new_id())
    except LendingError as error:
        return await refuse(request, visit, number, error, _contract_part, "")
    return await answer(request, visit, number, ACCEPTED, _contract_part, "", visit.home_of(number))


async def accept_offer(request: Request, visit: Visit, number: str, given: str) -> None:
    """Accepts the offer once under the id that a form gave; refused unless all have signed."""
    context: WebContext = request.app.state.context
    order = CommandOrder(**heading(visit.person, number, "acceptance", given))
    await carry_out(context, visit, number, order, context.commands.accept, acceptance.check)
