"""Signing in and out, and choosing the language. What comes after the password stands in `second_factor.py`."""

import asyncio
import re
import secrets
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from books.session import UnitOfWork
from lending.errors import LendingError
from models.keys import LOAN_PATTERN
from models.sign_in import SessionState, SignInMethod
from models.staff import Actor, Role, Staff
from services import audit
from services.passwords import TooBusy, is_right
from services.sign_in import (
    STAFF_ROLES,
    Origin,
    SignInRefused,
    enter_borrower,
    enter_demo,
    enter_with_password,
    kept_hash,
    refuse,
)
from services.sign_in import sign_out as end_here
from services.sign_in_tries import Door, Try, give_back, take
from services.staff import DEMO_PERSONS
from web import pages, refusals
from web.context import WebContext, in_books
from web.errors import PageNotFound, UnknownBorrower
from web.language import COOKIE as LANGUAGE_COOKIE
from web.language import COOKIE_LASTS_SECONDS, NAMES
from web.session import Sessions, posted
from web.visit import AnyVisit, Visit, address_of, origin_of

router = APIRouter()

Back = Annotated[str, Query(alias="next", max_length=200)]
"""Where somebody wanted to go who has to sign in first."""
STEPS = {
    SessionState.SECOND_FACTOR: "/sign-in/code",
    SessionState.NEW_PASSWORD: "/sign-in/new-password",
    SessionState.ENROLMENT: "/sign-in/enrolment",
}
"""Where a sign-in goes on that is not done with the password."""


@router.get("/sign-in", name="sign_in")
def sign_in_page(request: Request, visit: AnyVisit, back: Back = "/") -> Response:
    """The doors: for the staff, for borrowers and, in a demonstration, for everybody whom a visitor may be."""
    if visit.actor is not None:
        return pages.go(request, pages.own_address(back))
    return sign_in_again(request, visit, back)


def sign_in_again(request: Request, visit: Visit, back: str, status: int = 200, **values: object) -> Response:
    """The sign-in page, with what was entered and what is wrong with it."""
    context: WebContext = request.app.state.context
    filled = {"problem": None, "loan": "", "staff_problem": None, "staff_id": "", "mobile_problem": None, **values}
    return pages.show(
        request,
        visit,
        "sign_in.html",
        status,
        persons=_persons(context),
        next=pages.own_address(back),
        provider=context.provider is not None,
        **filled,
    )


def go_on(request: Request, given: str, state: SessionState, back: str | None) -> Response:
    """Gives the visitor his session and sends him to the next step, or to where he wanted to go."""
    address = pages.own_address(back)
    if state is not SessionState.OPEN:
        address = pages.leading_on(STEPS[state], address)
    response = pages.go(request, address)
    sessions: Sessions = request.app.state.sessions
    sessions.write(request, response, sessions.with_id(given))
    return response


async def taken(request: Request, door: Door, account: str) -> Try:
    """Counts a try at a door and waits as long as it says. Raises TooManyTries."""
    counted = await in_books(request, lambda work: take(work, door, account, address_of(request)))
    await asyncio.sleep(counted.wait_seconds)
    return counted


async def compared(request: Request, counted: Try, password: str, kept: str | None) -> bool:
    """Whether this is the password; a try that nothing was compared for is given back. Raises TooBusy."""
    try:
        return await is_right(password, kept)
    except TooBusy:
        await in_books(request, lambda work: give_back(work, counted))
        raise


@router.post("/sign-in/password", name="sign_in_password")
async def sign_in_password(request: Request, visit: AnyVisit) -> Response:
    """Signs in a member of staff by id and password, as far as that goes."""
    fields = await posted(request, visit.session)
    staff_id, password = fields.get("staff_id", "").strip().lower()[:64], fields.get("password", "")
    origin = origin_of(request)
    # What no id can be is asked for as any other: the answer must take as long.
    staff_id = staff_id if staff_id.isprintable() else "?"
    try:
        counted = await taken(request, Door.STAFF, staff_id)
        kept = await in_books(request, lambda work: kept_hash(work, staff_id))
        if not await compared(request, counted, password, kept):
            raise SignInRefused
        given, state = await in_books(request, lambda work: _enter(work, counted, staff_id, kept, origin))
    except LendingError as error:
        if isinstance(error, SignInRefused):
            await in_books(request, lambda work: refuse(work, staff_id, origin, "password"))
        problem = await refusals.told(request, visit, error)
        values = {"staff_problem": problem, "staff_id": staff_id}
        back = fields.get("next") or "/"
        return await asyncio.to_thread(sign_in_again, request, visit, back, error.http_status, **values)
    return go_on(request, given, state, fields.get("next"))


def _enter(
    work: UnitOfWork, counted: Try, staff_id: str, checked_hash: str | None, origin: Origin
) -> tuple[str, SessionState]:
    give_back(work, counted)
    return enter_with_password(work, staff_id, checked_hash, origin)


@router.post("/sign-in", name="sign_in_staff")
async def sign_in_staff(request: Request, visit: AnyVisit) -> Response:
    """Signs in a demo person."""
    fields = await posted(request, visit.session)
    context: WebContext = request.app.state.context
    wanted = fields.get("staff_id", "")
    if wanted not in [person.id for person in await asyncio.to_thread(_persons, context)]:
        raise PageNotFound
    given = await in_books(request, lambda work: enter_demo(work, wanted, origin_of(request)))
    return go_on(request, given, SessionState.OPEN, fields.get("next"))


def _persons(context: WebContext) -> list[Staff]:
    if not context.demo_sign_in:
        return []
    with context.books.read() as work, work.showing():
        known = {person.id: person for person in work.staff.all() if person.active and person.role in STAFF_ROLES}
    return [known[staff_id] for staff_id, *_ in DEMO_PERSONS if staff_id in known]


@router.post("/sign-in/borrower", name="sign_in_borrower")
async def sign_in_borrower(request: Request, visit: AnyVisit) -> Response:
    """Signs in the borrower of a loan who knows the last four digits of his mobile number: in a demonstration only."""
    fields = await posted(request, visit.session)
    context: WebContext = request.app.state.context
    if not context.demo_sign_in:
        raise PageNotFound
    loan, digits = fields.get("loan", "").strip().upper()[:16], fields.get("digits", "").strip()
    origin = origin_of(request)
    try:
        counted = await taken(request, Door.DEMO, loan)
        given = await asyncio.to_thread(_borrower, context, loan, digits, counted, origin)
    except LendingError as error:
        problem = await refusals.told(request, visit, error)
        return await asyncio.to_thread(
            sign_in_again, request, visit, "/", error.http_status, problem=problem, loan=loan
        )
    return go_on(request, given, SessionState.OPEN, f"/my/{loan}")


def _borrower(context: WebContext, loan: str, digits: str, counted: Try, origin: Origin) -> str:
    is_number = re.fullmatch(LOAN_PATTERN, loan) is not None
    with context.books.begin() as work:
        customer_id = _customer_with(work, loan, digits) if is_number else None
        if customer_id is not None:
            give_back(work, counted)
            return enter_borrower(work, customer_id, SignInMethod.DEMO, origin)
        nobody = Actor("borrower", Role.BORROWER, None, origin.address)
        # What is no number may be anything, even a mobile number, and is not kept.
        subject = loan if is_number else None
        audit.record(work, nobody, "sign_in_refused", subject=subject, reason="unknown_borrower", refused=True)
    raise UnknownBorrower


def _customer_with(work: UnitOfWork, loan: str, digits: str) -> str | None:
    """The borrower of the loan if these are his digits. A loan that is not there costs the same queries and time."""
    found = work.loans.by_number([loan])
    customer = work.customers.get(found[loan].customer_id if loan in found else "")
    mobile = customer.mobile if customer else ""
    is_his = secrets.compare_digest(mobile[-4:].encode(), digits.encode())
    return customer.id if customer and len(digits) == 4 and is_his else None


@router.post("/sign-out", name="sign_out")
async def sign_out(request: Request, visit: AnyVisit) -> Response:
    """Ends the visitor's session."""
    await posted(request, visit.session)
    held = visit.signed_in
    if held is not None:
        await in_books(request, lambda work: end_here(work, visit.actor, held, origin_of(request)))
    response = pages.go(request, "/sign-in")
    sessions: Sessions = request.app.state.sessions
    sessions.forget(request, response)
    return response


@router.post("/language", name="language")
async def choose_language(request: Request, visit: AnyVisit) -> Response:
    """Keeps the visitor's choice of a language and shows him the same page in it."""
    fields = await posted(request, visit.session)
    chosen = fields.get("language", "")
    response = pages.go(request, pages.own_address(fields.get("next")))
    if chosen in NAMES:
        response.set_cookie(
            LANGUAGE_COOKIE,
            chosen,
            max_age=COOKIE_LASTS_SECONDS,
            httponly=True,
            samesite="lax",
            secure=request.url.scheme == "https",
        )
    return response
