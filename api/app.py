"""The API as an ASGI application."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import structlog
from fastapi import Depends, FastAPI, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.openapi.utils import get_openapi
from fastapi.responses import JSONResponse
from fastapi.routing import APIRoute

from api import (
    absences,
    accounts,
    applications,
    audit,
    auth,
    bank,
    bulk_decisions,
    changes,
    codec,
    collateral,
    commands,
    documents,
    early_warnings,
    histories,
    ledger,
    limits,
    loans,
    permissions,
    policies,
    policy_replays,
    prepayments,
    proving,
    reconciliation,
    schedules,
    screening,
    search,
    second_looks,
    signing,
    tasks,
    verification,
    webhooks,
)
from api.context import ApiContext
from api.documents import LARGEST_UPLOAD
from api.edge import Edge
from api.parameters import refuse_unknown_parameters
from api.permitted import PERMITTED, check_permitted
from api.problems import Problem, install_handlers, refusals
from books.session import Books
from engine.decoding import LARGEST_REQUEST
from services.permitted_routes import require_entries
from services.refusals import CATCH_UP_SECONDS, refusal_log
from services.search_words import pinyin_of

log = structlog.get_logger()

PREFIX = "/api/v1"
NOTICES = f"{PREFIX}/bank/notices"
TOKENS = f"{PREFIX}/auth/token"
LARGEST_CALCULATION = 256 * 1024
LIMITS = {
    "documents": LARGEST_UPLOAD,
    "schedules": LARGEST_CALCULATION,
    "apr": LARGEST_CALCULATION,
    "decode": LARGEST_REQUEST,
}
"""Bodies above 64 KiB are taken at these addresses only."""


def create_app(context: ApiContext) -> FastAPI:
    """The JSON API. Every address below it asks for a key, but for the bank's call-back, which is signed.

    Refuses to start (RouteWithoutAction) with a route that `api/permitted.py` does not name.
    The engine may be away when it starts: applications are taken in, only commands answer 503. The lifespan runs the
    intake, so whoever serves this must run it.
    """

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        # Once more: a module may have brought routes since.
        require_entries(app.router.routes, PERMITTED)
        await run_in_threadpool(_warm_up, context)
        context.intake.start()
        counting = asyncio.create_task(_write_counts(context.books))
        try:
            yield
        finally:
            counting.cancel()
            await run_in_threadpool(context.intake.stop)
            await run_in_threadpool(refusal_log(context.books).flush)

    app = FastAPI(
        title="Loanwright",
        version="1",
        lifespan=lifespan,
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        generate_unique_id_function=_operation_id,
        redirect_slashes=False,
        responses=refusals(400, 401, 403, 413, 422, 500, 503),
        dependencies=[Depends(check_permitted), Depends(refuse_unknown_parameters)],
    )
    app.state.context = context
    # Addresses are compared one after the other, so those that every loan calls come first.
    rooms = (
        applications,
        tasks,
        commands,
        bank,
        loans,
        prepayments,
        changes,
        documents,
        collateral,
        signing,
        accounts,
        schedules,
        reconciliation,
        ledger,
        policies,
        policy_replays,
        early_warnings,
        limits,
        screening,
        verification,
        bulk_decisions,
        second_looks,
        absences,
        permissions,
        auth,
        codec,
        audit,
        proving,
        histories,
        webhooks,
        search,
    )
    for room in rooms:
        app.include_router(room.router, prefix=PREFIX)
    app.add_api_route(f"{PREFIX}/openapi.json", _describe, include_in_schema=False, name="openapi")
    require_entries(app.router.routes, PERMITTED)
    install_handlers(app, context.books)
    app.add_middleware(Edge, context=context, limits=LIMITS, open_paths=frozenset({NOTICES, TOKENS}))
    app.openapi = lambda: _description(app)  # type: ignore[method-assign]  # FastAPI's own way to replace it
    return app


def _warm_up(context: ApiContext) -> None:
    """Reads the business clock and loads what reads names aloud now, so that no request waits for them."""
    _ = context.books.clock
    pinyin_of()


async def _write_counts(books: Books) -> None:
    """Has refusals that are only counted written down in good time, of API and pages, until it is cancelled."""
    while True:
        await asyncio.sleep(CATCH_UP_SECONDS)
        try:
            await run_in_threadpool(refusal_log(books).catch_up)
        except Exception as error:  # noqa: BLE001 the books may be away for a while; the counts wait
            log.error("refusals_not_counted", error=type(error).__name__)


async def _describe(request: Request) -> JSONResponse:
    """The OpenAPI description, for everybody who has a key."""
    return JSONResponse(request.app.openapi())


def _operation_id(route: APIRoute) -> str:
    return route.name


def _description(app: FastAPI) -> dict[str, Any]:
    """The OpenAPI description, with the one shape of problems and the key that every address asks for."""
    if app.openapi_schema is None:
        schema = get_openapi(title=app.title, version=app.version, routes=app.routes)
        schema["components"]["schemas"]["Problem"] = Problem.model_json_schema()
        schema["components"]["securitySchemes"] = {"key": {"type": "http", "scheme": "bearer"}}
        schema["security"] = [{"key": []}]
        for path in (NOTICES, TOKENS):
            schema["paths"][path]["post"]["security"] = []
        app.openapi_schema = schema
    return app.openapi_schema
