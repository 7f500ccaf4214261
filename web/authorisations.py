"""Who agreed to be looked up: at the desk, on the borrower's page, and on the page that a co-signer's message names."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Annotated

from fastapi import APIRouter, Path, Query, Request, Response

from books.session import UnitOfWork
from lending.errors import LendingError
from models.documents import Document
from models.loans import CLOSED, Loan
from models.verification import AuthorisationKind
from services import authorisation_links, authorisations
from services.authorisation_links import LinkOwner, NotTicked, owner_of
from services.authorisation_texts import CURRENT
from services.authorisations import words_of
from services.signing import AUTHORISATION, WrongCode
from web import pages, refusals
from web.addresses import Number
from web.context import in_books
from web.language import marked
from web.refusals import showing
from web.session import posted
from web.signing import read_digits
from web.visit import AnyVisit, BorrowerVisit, StaffVisit, Visit, address_of

router = APIRouter()

Token = Annotated[str, Path(pattern=r"^[A-Za-z0-9_-]{32}$")]
Paper = Annotated[str, Query(pattern=r"^([0-9a-f]{64})?$")]

TICK_FIRST = marked("Tick this first: without it nothing can be asked, and nothing is recorded.")
ANSWERS = {
    "given": marked("The authorisation is recorded."),
    "taken_back": marked("It is recorded that this person agrees no more. Nothing is asked from now on."),
    "link": marked("The message with the link is on its way."),
}


@dataclass(frozen=True)
class Entered:
    """What came in with a form that was refused: about whom, his ticks, and what is wrong at which field."""

    party: str = ""
    ticks: frozenset[str] = frozenset()
    problems: Mapping[str, str] = field(default_factory=dict)
    refused: str | None = None


# -- at the desk, and on the borrower's own page -----------------------------------------------------------------------


@router.get("/loans/{number}/authorisations", name="authorisations")
def show_at_desk(request: Request, visit: StaffVisit, number: Number, said: str = "") -> Response:
    """Everybody of a loan who is looked up, with what he agreed to."""
    return _show(request, visit, number, said=said)


@router.get("/my/{number}/authorisations", name="my_authorisations")
def show_mine(request: Request, visit: BorrowerVisit, number: Number, said: str = "") -> Response:
    """What the borrower agreed to, where he agrees to it, and where he takes it back."""
    return _show(request, visit, number, said=said)


def _show(
    request: Request, visit: Visit, number: str, status: int = 200, *, said: str = "", entered: Entered | None = None
) -> Response:
    with showing(request, visit) as work:
        loan = work.loans.seen_by(visit.person, number)
        people = [one for one in words_of(work, number) if visit.is_staff or one.name == "borrower"]
        return pages.show(
            request,
            visit,
            "authorisations.html",
            status,
            loan=loan,
            people=people,
            kinds=tuple(AuthorisationKind),
            text=CURRENT,
            names=work.staff.names() if visit.is_staff else {},
            may_speak=loan.stage not in CLOSED and visit.speaks_for(loan),
            said=visit.language.say(ANSWERS[said]) if said in ANSWERS else None,
            entered=entered or Entered(),
        )


@router.post("/authorisations/{number}", name="authorise")
async def authorise(request: Request, visit: AnyVisit, number: Number) -> Response:
    """Records that a person agrees: the first tick is what it is about, the second one is separate."""
    fields = await posted(request, visit.session)
    party, ticks = fields.get("party", ""), _ticks(fields)
    if "registers" not in ticks:
        entered = Entered(party, ticks, {"registers": visit.language.say(TICK_FIRST)})
        return await asyncio.to_thread(_show, request, visit, number, 422, entered=entered)

    def give(work: UnitOfWork, loan: Loan) -> None:
        authorisations.give(work, visit.person, loan, party, sensitive="sensitive" in ticks)

    return await _act(request, visit, number, give, "given", Entered(party, ticks))


@router.post("/authorisations/{number}/withdrawal", name="take_authorisation_back")
async def take_back(request: Request, visit: AnyVisit, number: Number) -> Response:
    """Records that a person agrees no more to one of the declarations."""
    fields = await posted(request, visit.session)
    party = fields.get("party", "")
    kind = next((one for one in AuthorisationKind if one == fields.get("kind")), AuthorisationKind.REGISTERS)

    def withdraw(work: UnitOfWork, loan: Loan) -> None:
        authorisations.take_back(work, visit.person, loan, party, kind)

    return await _act(request, visit, number, withdraw, "taken_back", Entered(party))


@router.post("/authorisations/{number}/link", name="send_authorisation_link")
async def send_link(request: Request, visit: StaffVisit, number: Number) -> Response:
    """Sends a co-signer another message with the link to his page."""
    fields = await posted(request, visit.session)
    party = fields.get("party", "")

    def ask(work: UnitOfWork, loan: Loan) -> None:
        authorisation_links.ask(work, visit.person, loan, party)

    return await _act(request, visit, number, ask, "link", Entered(party))


async def _act(
    request: Request,
    visit: Visit,
    number: str,
    act: Callable[[UnitOfWork, Loan], None],
    said: str,
    entered: Entered,
) -> Response:
    try:
        await in_books(request, lambda work: act(work, work.loans.seen_by(visit.person, number)))
    except LendingError as error:
        if error.http_status in (403, 404):
            raise
        refused = replace(entered, refused=await refusals.told(request, visit, error))
        return await asyncio.to_thread(_show, request, visit, number, error.http_status, entered=refused)
    return pages.go(request, f"{visit.home_of(number)}/authorisations?said={said}")


def _ticks(fields: Mapping[str, str]) -> frozenset[str]:
    return frozenset(kind.value for kind in AuthorisationKind if fields.get(kind.value) == "yes")


# -- the page that a co-signer's message names -------------------------------------------------------------------------


@router.get("/authorise/{token}", name="authorise_by_link")
def show_link(request: Request, visit: AnyVisit, token: Token, paper: Paper = "") -> Response:
    """The text, its two ticks, and where the code is entered; open to whoever has the link, which signs nothing."""
    return _show_link(request, visit, token, paper=paper)


def _show_link(
    request: Request,
    visit: Visit,
    token: str,
    status: int = 200,
    *,
    paper: str = "",
    entered: Entered | None = None,
) -> Response:
    with showing(request, visit) as work:
        owner = owner_of(work, token)
        document = _paper(work, owner, paper)
        return pages.show(
            request,
            visit,
            "authorise.html",
            status,
            owner=owner,
            token_of_link=token,
            kinds=tuple(AuthorisationKind),
            text=CURRENT,
            paper=document,
            content=document.content.decode() if document else "",
            entered=entered or Entered(),
        )


def _paper(work: UnitOfWork, owner: LinkOwner, sha256: str) -> Document | None:
    """The paper that a code was sent for, if one can still be entered."""
    document = work.documents.same(owner.loan.number, AUTHORISATION, sha256) if sha256 else None
    if document is None:
        return None
    codes = work.signatures.good_codes(document.id, work.now)
    return document if any(one.party_id == owner.party.id for one in codes) else None


@router.post("/authorise/{token}/codes", name="authorisation_code")
async def send_code(request: Request, visit: AnyVisit, token: Token) -> Response:
    """Writes what was ticked on paper and sends its owner's mobile a code."""
    fields = await posted(request, visit.session)
    ticks = _ticks(fields)

    def asked(work: UnitOfWork) -> str:
        owner = owner_of(work, token)
        actor = authorisation_links.actor_of(owner, address_of(request))
        document, _ = authorisation_links.request_code(
            work, actor, owner, registers="registers" in ticks, sensitive="sensitive" in ticks
        )
        return document.sha256

    try:
        sha256 = await in_books(request, asked)
    except NotTicked:
        entered = Entered(ticks=ticks, problems={"registers": visit.language.say(TICK_FIRST)})
        return await asyncio.to_thread(_show_link, request, visit, token, 422, entered=entered)
    except LendingError as error:
        return await _refuse_link(request, visit, token, error, "", Entered(ticks=ticks))
    return pages.go(request, f"/authorise/{token}?paper={sha256}")


@router.post("/authorise/{token}/signature", name="authorisation_signature")
async def enter_code(request: Request, visit: AnyVisit, token: Token) -> Response:
    """His authorisation, with the code that came to his mobile."""
    fields = await posted(request, visit.session)
    sha256 = fields.get("document_sha256", "")

    def signed(work: UnitOfWork) -> object:
        owner = owner_of(work, token)
        return authorisation_links.sign(
            work,
            authorisation_links.actor_of(owner, address_of(request)),
            owner,
            read_digits(fields),
            document_sha256=sha256,
            user_agent=request.headers.get("user-agent"),
        )

    try:
        word = await in_books(request, signed)
        # Raised once its try is committed.
        if isinstance(word, WrongCode):
            raise word
    except LendingError as error:
        return await _refuse_link(request, visit, token, error, sha256, Entered())
    return pages.go(request, f"/authorise/{token}")


async def _refuse_link(
    request: Request, visit: Visit, token: str, error: LendingError, paper: str, entered: Entered
) -> Response:
    if error.http_status == 404:
        raise error
    refused = await refusals.told(request, visit, error)
    entered = replace(entered, problems={"code": refused}) if paper else replace(entered, refused=refused)
    shown = paper if len(paper) == 64 and paper.isalnum() else ""
    return await asyncio.to_thread(_show_link, request, visit, token, error.http_status, paper=shown, entered=entered)
