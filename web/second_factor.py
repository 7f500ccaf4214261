"""The rest of a sign-in by password: the authenticator's code or its enrolment, and a password of one's own."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

import segno
from fastapi import APIRouter, Request, Response

from books.session import UnitOfWork
from lending.errors import LendingError
from models.sign_in import SessionState, WebSession
from services.passwords import PasswordRefused, check_strength, hashed_in_thread, is_right
from services.second_factor import enrolment_uri
from services.sign_in import (
    CodeRefused,
    Origin,
    SignInRefused,
    authenticator_secret,
    choose_password,
    enrol,
    kept_hash,
    show_code,
)
from services.sign_in_tries import Door, give_back
from web import labels, pages, refusals
from web.context import WebContext, in_books
from web.session import Sessions, posted
from web.sign_in import Back, go_on, taken
from web.visit import AnyVisit, Visit, origin_of

router = APIRouter(prefix="/sign-in")

Result = TypeVar("Result")

CODE_PAGE, PASSWORD_PAGE = "sign_in_code.html", "new_password.html"


class SamePassword(PasswordRefused):
    """The new password is the old one."""

    code = "same_password"

    def __init__(self) -> None:
        super().__init__("choose another password than the one that you have")


class NotRepeated(PasswordRefused):
    """The two entries of a new password differ."""

    code = "not_repeated"

    def __init__(self) -> None:
        super().__init__("the two entries are not the same")


@router.get("/code", name="sign_in_code")
def code_page(request: Request, visit: AnyVisit, back: Back = "/") -> Response:
    """Asks for the code that the authenticator shows."""
    if _held(visit, SessionState.SECOND_FACTOR) is None:
        return pages.go(request, "/sign-in")
    return _page(request, visit, CODE_PAGE, back)


def _page(request: Request, visit: Visit, template: str, back: str, error: LendingError | None = None) -> Response:
    """The page of a step, with what was wrong with what was entered there."""
    if error is not None:
        refusals.note(request, visit, error)
    problem, status = (labels.refusal(error, visit.language), error.http_status) if error else (None, 200)
    return pages.show(request, visit, template, status, next=pages.own_address(back), problem=problem)


@router.post("/code", name="enter_sign_in_code")
async def enter_code(request: Request, visit: AnyVisit) -> Response:
    """Takes the code, or a recovery code."""
    fields = await posted(request, visit.session)
    held, back = _held(visit, SessionState.SECOND_FACTOR), fields.get("next") or "/"
    if held is None:
        return pages.go(request, "/sign-in")
    try:
        shown = await _with_code(request, held, fields, show_code)
    except LendingError as error:
        return await asyncio.to_thread(_page, request, visit, CODE_PAGE, back, error)
    return go_on(request, *shown, back)


async def _with_code(
    request: Request,
    held: WebSession,
    fields: dict[str, str],
    does: Callable[[UnitOfWork, WebSession, str, Origin], Result | None],
) -> Result:
    """What comes of the code that was entered, one counted try. Raises CodeRefused where nothing comes of it."""
    counted = await taken(request, Door.SECOND_FACTOR, held.staff_id or "")
    code = fields.get("code", "")[:40]
    came = await in_books(request, lambda work: does(work, held, code, origin_of(request)))
    if came is None:
        raise CodeRefused
    await in_books(request, lambda work: give_back(work, counted))
    return came


@router.get("/new-password", name="new_password")
def new_password_page(request: Request, visit: AnyVisit, back: Back = "/") -> Response:
    """Asks for a password of his own, since the one he came with was given to him."""
    if _held(visit, SessionState.NEW_PASSWORD) is None:
        return pages.go(request, "/sign-in")
    return _page(request, visit, PASSWORD_PAGE, back)


@router.post("/new-password", name="choose_password")
async def choose(request: Request, visit: AnyVisit) -> Response:
    """Takes his own password."""
    fields = await posted(request, visit.session)
    held, back = _held(visit, SessionState.NEW_PASSWORD), fields.get("next") or "/"
    if held is None:
        return pages.go(request, "/sign-in")
    try:
        given, state = await new_password(request, held, fields)
    except LendingError as error:
        return await asyncio.to_thread(_page, request, visit, PASSWORD_PAGE, back, error)
    return go_on(request, given, state, back)


async def new_password(request: Request, held: WebSession, fields: dict[str, str]) -> tuple[str, SessionState]:
    """Gives the holder of a session the password that he entered twice. Raises PasswordRefused and TooBusy."""
    wanted = fields.get("password", "")
    if wanted != fields.get("again", ""):
        raise NotRepeated
    check_strength(wanted, held.staff_id or "")
    kept = await in_books(request, lambda work: kept_hash(work, held.staff_id or ""))
    if await is_right(wanted, kept):
        raise SamePassword
    hashed = await hashed_in_thread(wanted)
    return await in_books(request, lambda work: choose_password(work, held, hashed, origin_of(request)))


@router.get("/enrolment", name="enrolment")
async def enrolment_page(request: Request, visit: AnyVisit, back: Back = "/") -> Response:
    """Shows what an authenticator has to read, and asks for its first code."""
    held = _held(visit, SessionState.ENROLMENT)
    if held is None:
        return pages.go(request, "/sign-in")
    return await asyncio.to_thread(_enrolment_page, request, visit, held, back)


def _enrolment_page(
    request: Request, visit: Visit, held: WebSession, back: str, status: int = 200, problem: str | None = None
) -> Response:
    context: WebContext = request.app.state.context
    try:
        with context.books.read() as work:
            secret = authenticator_secret(work, held)
    except SignInRefused:
        # Enrolled or begun anew elsewhere since this request came.
        return pages.go(request, "/sign-in")
    uri = enrolment_uri(secret, held.staff_id or "")
    spelled = " ".join(secret[n : n + 4] for n in range(0, len(secret), 4))
    picture = segno.make(uri, error="m").svg_data_uri(scale=5, border=4, light="#fff")
    values = {"next": pages.own_address(back), "problem": problem, "picture": picture, "secret": spelled}
    return pages.show(request, visit, "enrolment.html", status, **values)


@router.post("/enrolment", name="enrol")
async def enrol_authenticator(request: Request, visit: AnyVisit) -> Response:
    """Takes the first code and shows the recovery codes, this once."""
    fields = await posted(request, visit.session)
    held, back = _held(visit, SessionState.ENROLMENT), fields.get("next") or "/"
    if held is None:
        return pages.go(request, "/sign-in")
    try:
        given, codes = await _with_code(request, held, fields, enrol)
    except LendingError as error:
        problem = await refusals.told(request, visit, error)
        return await asyncio.to_thread(_enrolment_page, request, visit, held, back, error.http_status, problem)
    return await asyncio.to_thread(show_recovery_codes, request, visit, codes, back, given)


def show_recovery_codes(request: Request, visit: Visit, codes: list[str], back: str, given: str | None) -> Response:
    """The page with recovery codes, which nobody sees again."""
    values = {"codes": codes, "next": pages.own_address(back)}
    if given is None:
        return pages.show(request, visit, "recovery_codes.html", **values)
    sessions: Sessions = request.app.state.sessions
    session = sessions.with_id(given)
    response = pages.show(request, replace(visit, session=session), "recovery_codes.html", **values)
    sessions.write(request, response, session)
    return response


def _held(visit: Visit, state: SessionState) -> WebSession | None:
    held = visit.signed_in
    return held if held is not None and held.state is state else None
