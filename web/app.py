"""The pages as one application, mounted at the root beside the API."""

from typing import Any

from fastapi import Depends, FastAPI, Request, Response
from fastapi.staticfiles import StaticFiles
from starlette.middleware.gzip import GZipMiddleware
from starlette.types import Scope

from web import (
    absences,
    accounts,
    authorisations,
    borrower,
    bulk_decisions,
    changes,
    collateral,
    documents,
    early_warnings,
    explanations,
    funds,
    home,
    inbox,
    ledger,
    limits,
    loans,
    mandates,
    papers,
    policies,
    quotes,
    refusals,
    scorecards,
    screening,
    second_looks,
    sign_in,
    signing,
    tasks,
    unmatched,
)
from web.context import WebContext
from web.errors import PageNotFound
from web.headers import ProtectingHeaders
from web.language import NAMES
from web.pages import STATIC, asset, environment
from web.session import Sessions
from web.tries import Tries
from web.visit import AnyVisit, visit_of

ASSETS = ("vendor/tabler.min.css", "vendor/htmx.min.js", "app.css", "app.js", "icon.svg")


class _Assets(StaticFiles):
    """Static files. An address with the mark of its content may be kept for good."""

    def file_response(self, *args: Any, **kwargs: Any) -> Response:
        """The file with how long it may be kept."""
        response = super().file_response(*args, **kwargs)
        scope: Scope = kwargs["scope"] if "scope" in kwargs else args[2]
        kept = "public, max-age=31536000, immutable" if scope.get("query_string") else "no-cache"
        response.headers["Cache-Control"] = kept
        return response


def create_web(context: WebContext) -> FastAPI:
    """All pages, to be mounted at "/" after the API; their addresses begin there.

    Refuses to start (AssetMissing) without the styles and scripts that `make setup` lays out.
    """
    for name in ASSETS:
        asset(name)
    for code in NAMES:
        environment(code)
    app = FastAPI(title="Loanwright", openapi_url=None, docs_url=None, redoc_url=None)
    app.state.context = context
    app.state.sessions = Sessions(context.session_secret)
    app.state.tries = Tries()
    app.add_middleware(ProtectingHeaders)
    app.mount("/static", GZipMiddleware(_Assets(directory=STATIC), minimum_size=1024), name="static")
    for subject in (
        sign_in,
        home,
        inbox,
        bulk_decisions,
        tasks,
        absences,
        second_looks,
        unmatched,
        loans,
        accounts,
        collateral,
        documents,
        early_warnings,
        explanations,
        changes,
        funds,
        ledger,
        policies,
        scorecards,
        limits,
        screening,
        mandates,
        quotes,
        borrower,
        authorisations,
        signing,
        papers,
    ):
        app.include_router(subject.router)
    app.add_api_route("/{path:path}", _no_page, methods=["GET"], dependencies=[Depends(visit_of)], name="page")
    refusals.add_handlers(app)
    return app


def _no_page(request: Request, visit: AnyVisit, path: str) -> Response:  # noqa: ARG001 the catch-all's signature
    """Any other address, so that even the refusal is a page in the visitor's language."""
    raise PageNotFound
