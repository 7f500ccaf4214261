"""Where somebody is signed in, and how he ends it; his password and recovery codes."""

import asyncio
import re
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from lending.errors import LendingError
from models.keys import ID_PATTERN
from models.sign_in import SignInMethod, WebSession
from services.sign_in import (
    SignInRefused,
    end_others,
    end_session,
    fresh_recovery_codes,
    kept_hash,
    own_sessions,
    refuse,
)
from services.sign_in_tokens import PersonToken, give_token_to_visitor
from services.sign_in_tries import Door, give_back
from web import pages, refusals
from web.context import WebContext, in_books
from web.errors import NotSignedIn
from web.language import marked
from web.refusals import showing
from web.second_factor import new_password, show_recovery_codes
from web.session import Sessions, posted
from web.sign_in import compared, taken
from web.visit import AnyVisit, Visit, origin_of

router = APIRouter(prefix="/sessions")

SAID = {
    "ended": marked("That session has ended."),
    "others": marked("You are signed in here and nowhere else."),
    "password": marked("Your password is changed. All your other sessions have ended."),
}
"""What the page says after an act."""


class WrongPassword(LendingError):
    """Not the password of the one who is signed in."""

    code = "wrong_password"
    http_status = 422

    def __init__(self) -> None:
        super().__init__("this is not your password")


@router.get("", name="sessions")
def sessions_page(request: Request, visit: AnyVisit, said: Annotated[str, Query(max_length=20)] = "") -> Response:
    """Everywhere that the visitor is signed in."""
    return _page(request, visit, said=said)


def _page(
    request: Request,
    visit: Visit,
    status: int = 200,
    *,
    said: str = "",
    problem: str | None = None,
    at: str = "",
    token: PersonToken | None = None,
) -> Response:
    context: WebContext = request.app.state.context
    with showing(request, visit) as work:
        listed = own_sessions(work, visit.person)
    return pages.show(
        request,
        visit,
        "sessions.html",
        status,
        sessions=listed,
        here=_here(visit).id,
        has_password=_here(visit).method is SignInMethod.PASSWORD,
        may_have_token=visit.is_staff and _here(visit).method is SignInMethod.PROVIDER,
        minutes=int(context.staff_tokens.total_seconds()) // 60,
        made=token.text if token is not None else None,
        said=visit.language.say(SAID[said]) if said in SAID else "",
        problem=problem,
        at=at,
    )


@router.post("/end", name="end_session")
async def end_one(request: Request, visit: AnyVisit) -> Response:
    """Ends one of his sessions."""
    fields = await posted(request, visit.session)
    wanted = fields.get("session", "")
    if re.fullmatch(ID_PATTERN, wanted) is not None:
        await in_books(request, lambda work: end_session(work, visit.person, wanted))
    return pages.go(request, "/sessions?said=ended")


@router.post("/others", name="end_other_sessions")
async def end_all_others(request: Request, visit: AnyVisit) -> Response:
    """Ends all of his sessions but this one."""
    await posted(request, visit.session)
    await in_books(request, lambda work: end_others(work, visit.person, _here(visit)))
    return pages.go(request, "/sessions?said=others")


@router.post("/password", name="change_password")
async def change_password(request: Request, visit: AnyVisit) -> Response:
    """Changes his password; the old one is asked for."""
    fields = await posted(request, visit.session)
    try:
        await _confirm(request, visit, fields)
        given, _ = await new_password(request, _here(visit), fields)
    except LendingError as error:
        return await _refused(request, visit, error, "old" if isinstance(error, WrongPassword) else "password")
    response = pages.go(request, "/sessions?said=password")
    sessions: Sessions = request.app.state.sessions
    sessions.write(request, response, sessions.with_id(given))
    return response


@router.post("/recovery-codes", name="new_recovery_codes")
async def recovery_codes(request: Request, visit: AnyVisit) -> Response:
    """Makes ten new recovery codes; those from before are worth nothing any more."""
    fields = await posted(request, visit.session)
    try:
        await _confirm(request, visit, fields)
        codes = await in_books(request, lambda work: fresh_recovery_codes(work, visit.person))
    except LendingError as error:
        return await _refused(request, visit, error, "codes")
    return await asyncio.to_thread(show_recovery_codes, request, visit, codes, "/sessions", None)


@router.post("/token", name="give_token")
async def give_token(request: Request, visit: AnyVisit) -> Response:
    """Gives whom the identity provider let in with a second factor a token for the API, shown this once."""
    await posted(request, visit.session)
    context: WebContext = request.app.state.context
    lasts, here, origin = context.staff_tokens, _here(visit), origin_of(request)
    try:
        given = await in_books(request, lambda work: give_token_to_visitor(work, visit.person, here, origin, lasts))
    except LendingError as error:
        return await _refused(request, visit, error, "token")
    return await asyncio.to_thread(_page, request, visit, token=given)


async def _confirm(request: Request, visit: Visit, fields: dict[str, str]) -> None:
    """Refuses (WrongPassword) who does not know the password: an unlocked screen does not give an account away."""
    if _here(visit).method is not SignInMethod.PASSWORD:
        raise SignInRefused
    staff_id, origin = visit.person.id, origin_of(request)
    counted = await taken(request, Door.STAFF, staff_id)
    kept = await in_books(request, lambda work: kept_hash(work, staff_id))
    if not await compared(request, counted, fields.get("old", ""), kept):
        await in_books(request, lambda work: refuse(work, staff_id, origin, "password"))
        raise WrongPassword
    await in_books(request, lambda work: give_back(work, counted))


async def _refused(request: Request, visit: Visit, error: LendingError, at: str) -> Response:
    problem = await refusals.told(request, visit, error)
    return await asyncio.to_thread(_page, request, visit, error.http_status, problem=problem, at=at)


def _here(visit: Visit) -> WebSession:
    if visit.signed_in is None:
        raise NotSignedIn
    return visit.signed_in
