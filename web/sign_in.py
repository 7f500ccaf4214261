"""Signing in and out, and choosing the language."""

import asyncio
import secrets
import time
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from books.session import UnitOfWork
from lending.errors import LendingError
from models.staff import Actor, Role, Staff
from services import audit
from services.staff import DEMO_PERSONS
from web import labels, pages
from web.context import WebContext
from web.errors import PageNotFound, TooManyTries, UnknownBorrower
from web.language import COOKIE as LANGUAGE_COOKIE
from web.language import COOKIE_LASTS_SECONDS, NAMES
from web.session import COOKIE, Session, posted
from web.visit import STAFF_ROLES, AnyVisit

router = APIRouter()

WRONG_TRIES = 5
WRONG_TRIES_WITHIN_SECONDS = 15 * 60


class Tries:
    """Wrong tries at the borrowers' door, by loan: four digits alone could be guessed in an afternoon."""

    def __init__(self) -> None:
        self._wrong: dict[str, list[float]] = {}

    def check(self, loan: str) -> None:
        """Refuses (TooManyTries) a loan that was tried too often of late."""
        earliest = time.monotonic() - WRONG_TRIES_WITHIN_SECONDS
        late = {number: [at for at in tries if at > earliest] for number, tries in self._wrong.items()}
        self._wrong = {number: tries for number, tries in late.items() if tries}
        if len(self._wrong.get(loan, ())) >= WRONG_TRIES:
            raise TooManyTries

    def wrong(self, loan: str) -> None:
        """Counts a wrong try."""
        self._wrong.setdefault(loan, []).append(time.monotonic())


@router.get("/sign-in", name="sign_in")
def sign_in_page(request: Request, visit: AnyVisit, next: Annotated[str, Query(max_length=200)] = "/") -> Response:
    """Everybody whom a visitor may sign in as; all made up."""
    if visit.actor is not None:
        return pages.go(request, pages.own_address(next))
    return _page(request, visit, next)


def _page(request: Request, visit: AnyVisit, back: str, status: int = 200, **values: object) -> Response:
    context: WebContext = request.app.state.context
    filled = {"problem": None, "loan": "", **values}
    return pages.show(
        request, visit, "sign_in.html", status, persons=_persons(context), next=pages.own_address(back), **filled
    )


def _persons(context: WebContext) -> list[Staff]:
    if not context.demo_sign_in:
        return []
    with context.books.read() as work:
        known = {person.id: person for person in work.staff.all() if person.active and person.role in STAFF_ROLES}
    return [known[staff_id] for staff_id, *_ in DEMO_PERSONS if staff_id in known]


@router.post("/sign-in", name="sign_in_staff")
async def sign_in_staff(request: Request, visit: AnyVisit) -> Response:
    """Signs in a demo person."""
    fields = await posted(request, visit.session)
    context: WebContext = request.app.state.context
    wanted = fields.get("staff_id", "")
    if wanted not in [person.id for person in await asyncio.to_thread(_persons, context)]:
        raise PageNotFound
    return _enter(request, Session(staff_id=wanted), pages.own_address(fields.get("next")))


@router.post("/sign-in/borrower", name="sign_in_borrower")
async def sign_in_borrower(request: Request, visit: AnyVisit) -> Response:
    """Signs in the borrower of a loan who knows the last four digits of his mobile number."""
    fields = await posted(request, visit.session)
    context: WebContext = request.app.state.context
    if not context.demo_sign_in:
        raise PageNotFound
    loan, digits = fields.get("loan", "").strip().upper()[:16], fields.get("digits", "").strip()
    try:
        customer_id = await asyncio.to_thread(_borrower, context, request.app.state.tries, loan, digits, request)
    except LendingError as error:
        problem = labels.refusal(error.code, str(error), visit.language)
        return await asyncio.to_thread(_page, request, visit, "/", error.http_status, problem=problem, loan=loan)
    return _enter(request, Session(customer_id=customer_id, loan=loan), f"/my/{loan}")


def _borrower(context: WebContext, tries: Tries, loan: str, digits: str, request: Request) -> str:
    tries.check(loan)
    with context.books.begin() as work:
        customer_id = _customer_with(work, loan, digits)
        if customer_id is not None:
            return customer_id
        address = request.client.host if request.client else None
        nobody = Actor("borrower", Role.BORROWER, None, address)
        audit.record(work, nobody, "sign_in_refused", subject=loan, reason="unknown_borrower", refused=True)
    tries.wrong(loan)
    raise UnknownBorrower


def _customer_with(work: UnitOfWork, loan: str, digits: str) -> str | None:
    if len(digits) != 4:
        return None
    try:
        customer = work.customers.get(work.loans.get(loan).customer_id)
    except LendingError:
        return None
    if customer is None or not secrets.compare_digest(customer.mobile[-4:].encode(), digits.encode()):
        return None
    return customer.id


def _enter(request: Request, session: Session, address: str) -> Response:
    response = pages.go(request, address)
    request.app.state.sessions.write(request, response, session)
    return response


@router.post("/sign-out", name="sign_out")
async def sign_out(request: Request, visit: AnyVisit) -> Response:
    """Forgets who the visitor is."""
    await posted(request, visit.session)
    response = pages.go(request, "/sign-in")
    response.delete_cookie(COOKIE)
    return response


@router.post("/language", name="language")
async def choose_language(request: Request, visit: AnyVisit) -> Response:
    """Keeps the visitor's choice of a language and shows him the same page in it."""
    fields = await posted(request, visit.session)
    chosen = fields.get("language", "")
    response = pages.go(request, pages.own_address(fields.get("next")))
    if chosen in NAMES:
        response.set_cookie(LANGUAGE_COOKIE, chosen, max_age=COOKIE_LASTS_SECONDS, httponly=True, samesite="lax")
    return response
