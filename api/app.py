"""The API as an ASGI application."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import Depends, FastAPI
from fastapi.concurrency import run_in_threadpool
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute

from api import (
    absences,
    accounts,
    applications,
    bank,
    bulk_decisions,
    changes,
    collateral,
    commands,
    documents,
    early_warnings,
    ledger,
    limits,
    loans,
    policies,
    prepayments,
    reconciliation,
    schedules,
    screening,
    second_looks,
    signing,
    tasks,
    verification,
)
from api.context import ApiContext
from api.documents import LARGEST_UPLOAD
from api.edge import Edge
from api.parameters import refuse_unknown_parameters
from api.problems import Problem, install_handlers, refusals

PREFIX = "/api/v1"
NOTICES = f"{PREFIX}/bank/notices"
LARGEST_CALCULATION = 256 * 1024
LIMITS = {"documents": LARGEST_UPLOAD, "schedules": LARGEST_CALCULATION, "apr": LARGEST_CALCULATION}
"""Bodies above 64 KiB are taken at these addresses only."""


def create_app(context: ApiContext) -> FastAPI:
    """The JSON API. Every address below it asks for a key, but for the bank's call-back, which is signed.

    The engine may be away when it starts: applications are taken in, only commands answer 503. The lifespan runs the
    intake, so whoever serves this must run it.
    """

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        await run_in_threadpool(_warm_up, context)
        context.intake.start()
        try:
            yield
        finally:
            await run_in_threadpool(context.intake.stop)

    app = FastAPI(
        title="Loanwright",
        version="1",
        lifespan=lifespan,
        openapi_url=f"{PREFIX}/openapi.json",
        docs_url=None,
        redoc_url=None,
        generate_unique_id_function=_operation_id,
        redirect_slashes=False,
        responses=refusals(400, 401, 413, 422, 500, 503),
        dependencies=[Depends(refuse_unknown_parameters)],
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
        early_warnings,
        limits,
        screening,
        verification,
        bulk_decisions,
        second_looks,
        absences,
    )
    for room in rooms:
        app.include_router(room.router, prefix=PREFIX)
    install_handlers(app, context.books)
    app.add_middleware(Edge, context=context, limits=LIMITS, open_paths=frozenset({NOTICES}))
    app.openapi = lambda: _description(app)  # type: ignore[method-assign]  # FastAPI's own way to replace it
    return app


def _warm_up(context: ApiContext) -> None:
    """Reads the business clock now, so that no request waits for it on the event loop."""
    _ = context.books.clock


def _operation_id(route: APIRoute) -> str:
    return route.name


def _description(app: FastAPI) -> dict[str, Any]:
    """The OpenAPI description, with the one shape of problems and the key that every address asks for."""
    if app.openapi_schema is None:
        schema = get_openapi(title=app.title, version=app.version, routes=app.routes)
        schema["components"]["schemas"]["Problem"] = Problem.model_json_schema()
        schema["components"]["securitySchemes"] = {"key": {"type": "http", "scheme": "bearer"}}
        schema["security"] = [{"key": []}]
        schema["paths"][NOTICES]["post"]["security"] = []
        app.openapi_schema = schema
    return app.openapi_schema
