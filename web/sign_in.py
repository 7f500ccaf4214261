"""Signing in and out, and choosing the language."""

import asyncio
import re
import secrets
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from books.session import UnitOfWork
from lending.errors import LendingError
from models.keys import LOAN_PATTERN
from models.staff import Actor, Role, Staff
from services import audit
from services.staff import DEMO_PERSONS
from web import labels, pages
from web.context import WebContext
from web.errors import PageNotFound, UnknownBorrower
from web.language import COOKIE as LANGUAGE_COOKIE
from web.language import COOKIE_LASTS_SECONDS, NAMES
from web.session import COOKIE, Session, posted
from web.tries import Tries
from web.visit import STAFF_ROLES, AnyVisit, address_of

router = APIRouter()


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
    tries: Tries = request.app.state.tries
    loan, digits = fields.get("loan", "").strip().upper()[:16], fields.get("digits", "").strip()
    address = address_of(request)
    try:
        taken = tries.take(loan, address)
        await asyncio.sleep(taken.wait_seconds)
        customer_id = await asyncio.to_thread(_borrower, context, loan, digits, address)
    except LendingError as error:
        problem = labels.refusal(error.code, str(error), visit.language)
        return await asyncio.to_thread(_page, request, visit, "/", error.http_status, problem=problem, loan=loan)
    tries.give_back(taken)
    return _enter(request, Session(customer_id=customer_id, loan=loan), f"/my/{loan}")


def _borrower(context: WebContext, loan: str, digits: str, address: str | None) -> str:
    is_number = re.fullmatch(LOAN_PATTERN, loan) is not None
    with context.books.begin() as work:
        customer_id = _customer_with(work, loan, digits) if is_number else None
        if customer_id is not None:
            return customer_id
        nobody = Actor("borrower", Role.BORROWER, None, address)
        # What is no number may be anything, even a mobile number, and is not kept.
        subject = loan if is_number else None
        audit.record(work, nobody, "sign_in_refused", subject=subject, reason="unknown_borrower", refused=True)
    raise UnknownBorrower


def _customer_with(work: UnitOfWork, loan: str, digits: str) -> str | None:
    """The borrower of the loan if these are his digits. A loan that is not there costs the same queries and time."""
    found = work.loans.by_number([loan])
    customer = work.customers.get(found[loan].customer_id if loan in found else "")
    mobile = customer.mobile if customer else ""
    is_right = secrets.compare_digest(mobile[-4:].encode(), digits.encode())
    return customer.id if customer and len(digits) == 4 and is_right else None


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
