"""The mandate for a changed account, signed with a code: on a page of the borrower, or at the agent's desk."""

import asyncio

from fastapi import APIRouter, Request, Response

from books.session import UnitOfWork
from lending.errors import LendingError
from models.customers import PartyRole
from models.loans import Loan
from models.signatures import Signature
from services import mandate_papers
from services.paper_contents import signers
from services.paper_words import masked_mobile
from services.signing import Signer, WrongCode
from web import pages
from web.addresses import Number
from web.session import posted
from web.signing import (
    SENT,
    SigningPart,
    answer,
    asked_for_code,
    may_sign_for,
    refuse,
    show,
    signed_with_code,
)
from web.visit import AnyVisit, BorrowerVisit, Visit

router = APIRouter()


def mandate_part(work: UnitOfWork, visit: Visit, loan: Loan) -> SigningPart | None:
    """The part on which the mandate that waits is signed; None when none waits."""
    document = mandate_papers.waiting_paper(work, loan)
    if document is None:
        return None
    borrower = next(one for one in signers(work, loan) if one.party.role is PartyRole.BORROWER)
    codes = work.signatures.good_codes(document.id, work.now)
    signer = Signer(borrower.party, masked_mobile(borrower.mobile), None, codes[-1].expires_at if codes else None)
    return SigningPart(
        loan.number,
        "mandate",
        f"/mandates/{loan.number}",
        document,
        (signer,),
        may_sign_for(work, visit, loan),
        visit.is_staff,
    )


@router.get("/my/{number}/mandate", name="my_mandate")
def my_mandate(request: Request, visit: BorrowerVisit, number: Number) -> Response:
    """The text of the mandate, and where its code is asked for and entered; his loan's page when none waits."""
    return show(request, visit, number, mandate_part) or pages.go(request, f"/my/{number}")


@router.post("/mandates/{number}/codes", name="mandate_code")
async def send_code(request: Request, visit: AnyVisit, number: Number) -> Response:
    """Sends the borrower a code to sign his mandate with, wherever he sits."""
    fields = await posted(request, visit.session)
    party = fields.get("party", "")

    def ask(work: UnitOfWork, loan: Loan) -> None:
        mandate_papers.request_code(work, visit.person, loan)

    try:
        await asyncio.to_thread(asked_for_code, request, visit, number, ask)
    except LendingError as error:
        return await refuse(request, visit, number, error, mandate_part, party)
    home = f"/loans/{number}/accounts#signing" if visit.is_staff else f"/my/{number}/mandate"
    return await answer(request, visit, number, SENT, mandate_part, party, home)


@router.post("/mandates/{number}/signatures", name="mandate_signature")
async def enter_code(request: Request, visit: AnyVisit, number: Number) -> Response:
    """The borrower's signature, with which the bank is told of the mandate."""
    fields = await posted(request, visit.session)

    def sign_it(work: UnitOfWork, loan: Loan, digits: str) -> Signature | WrongCode:
        return mandate_papers.sign(
            work,
            visit.person,
            loan,
            digits,
            document_sha256=fields.get("document_sha256", ""),
            user_agent=request.headers.get("user-agent"),
        )

    try:
        await asyncio.to_thread(signed_with_code, request, visit, number, fields, sign_it)
    except LendingError as error:
        return await refuse(request, visit, number, error, mandate_part, fields.get("party", ""))
    return pages.go(request, f"/loans/{number}/accounts" if visit.is_staff else f"/my/{number}?said=mandate")
