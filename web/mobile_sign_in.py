"""Borrowers sign in with their mobile number and the code that goes there."""

import asyncio
import re

from fastapi import APIRouter, Request, Response

from books.session import UnitOfWork
from lending.errors import LendingError
from models.sign_in import SessionState
from services.sign_in_codes import SeveralCustomers, SignInCodeRefused, ask_for_code, asked_with, mobile_digest
from services.sign_in_codes import enter_code as enter
from services.sign_in_tries import Door, Try, give_back, give_back_asked
from web import pages, refusals
from web.context import in_books
from web.session import Sessions, posted
from web.sign_in import Back, go_on, sign_in_again, taken
from web.visit import AnyVisit, Visit, origin_of

router = APIRouter(prefix="/sign-in")

_MOBILE = re.compile(r"(?:\+?86)?(1[0-9]{10})")


class IllFormedMobile(LendingError):
    """What was entered can be nobody's mobile number."""

    code = "ill_formed_mobile"
    http_status = 422

    def __init__(self) -> None:
        super().__init__("a mobile number has eleven digits and begins with 1")


@router.post("/mobile", name="ask_mobile_code")
async def ask(request: Request, visit: AnyVisit) -> Response:
    """Sends a code if somebody has this number, and says the same if nobody has."""
    fields = await posted(request, visit.session)
    back = pages.own_address(fields.get("next"))
    origin = origin_of(request)
    sessions: Sessions = request.app.state.sessions
    try:
        mobile = _mobile(fields.get("mobile", ""))
        await taken(request, Door.MOBILE, "")
        known = sessions.known(request, mobile_digest(mobile))
        await in_books(request, lambda work: ask_for_code(work, visit.session.digest, mobile, origin, known))
    except LendingError as error:
        problem = await refusals.told(request, visit, error)
        return await asyncio.to_thread(sign_in_again, request, visit, back, error.http_status, mobile_problem=problem)
    return pages.go(request, pages.leading_on("/sign-in/mobile", back))


@router.get("/mobile", name="mobile_code")
def code_page(request: Request, visit: AnyVisit, back: Back = "/") -> Response:
    """Asks for the code."""
    return _page(request, visit, back)


def _page(
    request: Request, visit: Visit, back: str, status: int = 200, problem: str | None = None, *, several: bool = False
) -> Response:
    values = {"next": pages.own_address(back), "problem": problem, "several": several}
    return pages.show(request, visit, "mobile_code.html", status, **values)


@router.post("/mobile-code", name="enter_mobile_code")
async def enter_code(request: Request, visit: AnyVisit) -> Response:
    """Signs in whoever read the code."""
    fields = await posted(request, visit.session)
    back, origin = fields.get("next") or "/", origin_of(request)
    digits, last_of_id = fields.get("code", "").strip()[:12], fields.get("id_end", "").strip()[:8]
    several = "id_end" in fields
    try:
        counted = await taken(request, Door.MOBILE_CODE, "")
        entered = await in_books(request, lambda work: enter(work, visit.session.digest, digits, last_of_id, origin))
        if isinstance(entered, SignInCodeRefused):
            raise entered
        mobile = await in_books(request, lambda work: _right(work, counted, visit, origin.address))
    except LendingError as error:
        problem = await refusals.told(request, visit, error)
        return await asyncio.to_thread(_page, request, visit, back, error.http_status, problem, several=several)
    if isinstance(entered, SeveralCustomers):
        return await asyncio.to_thread(_page, request, visit, back, several=True)
    response = go_on(request, entered, SessionState.OPEN, "/my" if back == "/" else back)
    if mobile is not None:
        sessions: Sessions = request.app.state.sessions
        sessions.know(request, response, mobile)
    return response


def _right(work: UnitOfWork, counted: Try, visit: Visit, address: str | None) -> str | None:
    """Gives both tries of somebody back who entered his code rightly; the mobile that it went to, by its digest."""
    give_back(work, counted)
    give_back_asked(work, visit.session.digest, address)
    return asked_with(work, visit.session.digest)


def _mobile(entered: str) -> str:
    found = _MOBILE.fullmatch(re.sub(r"[\s-]", "", entered))
    if found is None:
        raise IllFormedMobile
    return found[1]
