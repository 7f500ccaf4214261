"""Every refusal becomes a page or a fragment, and those of who may do what go into the audit log."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from sqlalchemy.exc import IntegrityError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from books.session import UnitOfWork, was_written_before
from lending.errors import LendingError
from services import audit
from services.errors import DoneMeanwhile
from services.refusals import Refusal, is_kept, refusal_log, refusal_of
from web import labels, pages
from web.context import WebContext
from web.errors import FormTooLarge, NotSignedIn, PageNotFound
from web.permitted import PERMITTED
from web.session import Sessions
from web.visit import Visit, seen_visit


def add_handlers(app: FastAPI) -> None:
    """Makes the application answer its refusals in its own style."""
    app.add_exception_handler(NotSignedIn, _to_the_sign_in)
    app.add_exception_handler(LendingError, _refused)
    app.add_exception_handler(HTTPException, _without_page)
    app.add_exception_handler(RequestValidationError, _without_page)
    app.add_exception_handler(ClientDisconnect, _gone)
    app.add_exception_handler(IntegrityError, _overtaken)


def note(request: Request, visit: Visit, error: LendingError) -> None:
    """Keeps a refusal that is worth it in the audit log: who was refused which act on what, and why."""
    if is_kept(error, request.method):
        act = request.scope["route"].name
        keep(request, visit, refusal_of(act, PERMITTED.get(act), error, request.path_params, number="number"))


def keep(request: Request, visit: Visit, refusal: Refusal) -> None:
    """Keeps what a visitor was refused, whoever he is."""
    context: WebContext = request.app.state.context
    refusal_log(context.books).keep(visit.actor or audit.STRANGER, refusal)


@contextmanager
def showing(
    request: Request, visit: Visit, *, recorded: bool = False, of_one_moment: bool = False
) -> Iterator[UnitOfWork]:
    """A unit of work for what a page shows: a value that cannot be opened stands as such in its place, and is noted.
    One that is `recorded` writes down who looked, and nothing else; one `of_one_moment` looks as `Books.read` says.
    """
    context: WebContext = request.app.state.context
    books = context.books
    with books.begin() if recorded else books.read(of_one_moment=of_one_moment) as work, work.showing():
        yield work
    for error in work.unopened:
        act = request.scope["route"].name
        refusal = refusal_of(act, PERMITTED.get(act), error, request.path_params, number="number")
        refusal_log(books).keep_unopened(visit.actor or audit.STRANGER, refusal)


async def told(request: Request, visit: Visit, error: LendingError) -> str:
    """The refusal in words, for the page that shows it; noted where it is worth it."""
    await asyncio.to_thread(note, request, visit, error)
    return labels.refusal(error, visit.language)


async def answer(request: Request, visit: Visit, error: LendingError) -> Response:
    """The refusal as a page, or as a message above the page that htmx shows; noted where it is worth it."""
    sentence = await told(request, visit, error)
    template = "parts/alert.html" if pages.wants_fragment(request) else "refusal.html"
    values = {"sentence": sentence, "status": error.http_status, "reference": None}
    response = pages.show(request, visit, template, error.http_status, **values)
    if pages.wants_fragment(request):
        response.headers["HX-Retarget"] = "#alerts"
        response.headers["HX-Reswap"] = "innerHTML"
    if isinstance(error, FormTooLarge):
        # Otherwise the server would read on what the front has not dropped of it by then, only to throw it away.
        response.headers["Connection"] = "close"
    return response


async def _to_the_sign_in(request: Request, error: Exception) -> Response:
    sessions: Sessions = request.app.state.sessions
    shown = sessions.read(request)
    if shown is not None and seen_visit(request).signed_in is None and not sessions.is_new(shown):
        # Made up, or of somebody who is not signed in with it any more.
        refusal = Refusal("session_refused", f"not_signed_in: {error}")
        await asyncio.to_thread(keep, request, seen_visit(request), refusal)
    back = request.url.path if request.method == "GET" and not pages.wants_fragment(request) else "/"
    return pages.go(request, pages.leading_on("/sign-in", back))


async def _refused(request: Request, error: Exception) -> Response:
    if not isinstance(error, LendingError):
        raise error
    return await answer(request, seen_visit(request), error)


async def _without_page(request: Request, _error: Exception) -> Response:
    return await answer(request, seen_visit(request), PageNotFound())


async def _overtaken(request: Request, error: Exception) -> Response:
    """Somebody wrote the same row at the same moment, which is no mistake of the program."""
    if not isinstance(error, IntegrityError) or not was_written_before(error):
        raise error
    return await answer(request, seen_visit(request), DoneMeanwhile())


async def _gone(_request: Request, _error: Exception) -> Response:
    """Nobody is there to read it."""
    return Response(status_code=400)
