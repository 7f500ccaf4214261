"""Members of staff sign in at the lender's identity provider and come back."""

import asyncio
import secrets
from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import RedirectResponse

from books.session import UnitOfWork
from books.sign_in import secret_digest
from lending.errors import LendingError
from models.identity_provider import IdentityProvider
from models.sign_in import ProviderRequest, SessionState
from services.sign_in import ForeignIdentity, SignInRefused, enter_from_provider, refuse
from services.sign_in_tries import Door
from web import pages, refusals
from web.context import WebContext, in_books
from web.errors import PageNotFound
from web.sign_in import Back, go_on, sign_in_again, taken
from web.visit import AnyVisit, Visit, origin_of

router = APIRouter(prefix="/sign-in/provider")

ANSWER = "/sign-in/provider/answer"
ANSWERS_WITHIN = timedelta(minutes=10)
Given = Annotated[str, Query(max_length=2000)]


class ForeignAnswer(LendingError):
    """An answer of the provider to nothing that this browser asked, or asked too long ago, or a second answer."""

    code = "foreign_answer"
    http_status = 422

    def __init__(self) -> None:
        super().__init__("this answer of the identity provider is not to a question of this browser; sign in again")


@router.get("", name="sign_in_provider")
async def send_there(request: Request, visit: AnyVisit, back: Back = "/") -> Response:
    """Sends the visitor to the provider, with a question that only this browser can bring an answer to."""
    context: WebContext = request.app.state.context
    provider = _provider(context)
    state, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(3))
    try:
        await taken(request, Door.PROVIDER, "")
        address = await provider.address(
            redirect_uri=context.pages_url + ANSWER, state=state, nonce=nonce, verifier=verifier
        )
    except LendingError as error:
        return await _refused(request, visit, error)

    def keep(work: UnitOfWork) -> None:
        work.write(
            ProviderRequest(
                state_digest=secret_digest(state),
                visitor_digest=visit.session.digest,
                nonce=nonce,
                verifier=verifier,
                back=pages.own_address(back),
                ends_at=work.now + ANSWERS_WITHIN,
            )
        )

    await in_books(request, keep)
    response = RedirectResponse(address, status_code=303)
    request.app.state.sessions.write(request, response, visit.session)
    return response


@router.get("/answer", name="provider_answer")
async def take_answer(
    request: Request, visit: AnyVisit, state: Given = "", code: Given = "", error: Given = ""
) -> Response:
    """Signs in whom the provider names, if he is one of ours."""
    context: WebContext = request.app.state.context
    provider, origin = _provider(context), origin_of(request)
    asked = await in_books(request, lambda work: _asked(work, state, visit.session.digest))
    try:
        if asked is None or error or not code:
            raise ForeignAnswer
        identity = await provider.identity(
            code=code, redirect_uri=context.pages_url + ANSWER, nonce=asked.nonce, verifier=asked.verifier
        )
        staff_id = identity.staff_id
        try:
            given = await in_books(
                request,
                lambda work: enter_from_provider(work, identity, origin),
            )
        except SignInRefused as refusal:
            why = _why(refusal)
            await in_books(request, lambda work: refuse(work, staff_id, origin, why))
            raise
    except LendingError as refusal:
        if not isinstance(refusal, SignInRefused):
            why = getattr(refusal, "why", refusal.code)
            await in_books(request, lambda work: refuse(work, "", origin, f"provider: {why}"))
        return await _refused(request, visit, refusal)
    return go_on(request, given, SessionState.OPEN, asked.back)


def _asked(work: UnitOfWork, state: str, visitor: str) -> ProviderRequest | None:
    asked = work.sign_in.take_request(secret_digest(state))
    is_ours = asked is not None and asked.visitor_digest == visitor and asked.ends_at > work.now
    return asked if is_ours else None


def _why(refusal: SignInRefused) -> str:
    """What an auditor reads: also whose the identity is that came under this id."""
    if not isinstance(refusal, ForeignIdentity):
        return "not one of the staff"
    return "another identity at the provider" + (f": that of {refusal.holder}" if refusal.holder else "")


async def _refused(request: Request, visit: Visit, error: LendingError) -> Response:
    problem = await refusals.told(request, visit, error)
    return await asyncio.to_thread(sign_in_again, request, visit, "/", error.http_status, staff_problem=problem)


def _provider(context: WebContext) -> IdentityProvider:
    if context.provider is None:
        raise PageNotFound
    return context.provider
