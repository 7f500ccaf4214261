"""The pages as one application, mounted at the root beside the API."""

from typing import Any

from fastapi import Depends, FastAPI, Request, Response
from fastapi.staticfiles import StaticFiles
from starlette.middleware.gzip import GZipMiddleware
from starlette.types import Scope

from engine.histories import Histories
from engine.replaying import Replays
from services.permitted_routes import require_entries
from web import (
    absences,
    accounts,
    audit,
    authorisations,
    borrower,
    bulk_decisions,
    changes,
    codec,
    collateral,
    contacts,
    documents,
    early_warnings,
    explanations,
    funds,
    home,
    inbox,
    ledger,
    limits,
    loan_audit,
    loans,
    mandates,
    mobile_sign_in,
    my_loans,
    papers,
    permissions,
    policies,
    policy_replays,
    provider_sign_in,
    proving,
    quotes,
    refusals,
    scorecards,
    screening,
    search,
    second_factor,
    second_looks,
    sessions,
    sign_in,
    signing,
    tasks,
    unmatched,
)
from web.context import WebContext
from web.errors import PageNotFound
from web.faults import Faults
from web.headers import ProtectingHeaders
from web.language import NAMES
from web.pages import STATIC, asset, environment
from web.permitted import PERMITTED, check_permitted
from web.session import Sessions
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

    Refuses to start (AssetMissing) without the styles and scripts that `make setup` lays out, and (RouteWithoutAction)
    with a route that `web/permitted.py` does not name.
    """
    for name in ASSETS:
        asset(name)
    for code in NAMES:
        environment(code)
    app = FastAPI(
        title="Loanwright",
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        dependencies=[Depends(check_permitted)],
    )
    app.state.context = context
    app.state.sessions = Sessions(context.session_secret)
    app.state.replays = context.replays or Replays(context.books, Histories(context.commands.client))
    app.add_middleware(codec.CodecDoor, temporal_ui_url=context.temporal_ui_url, books=context.books)
    app.add_middleware(Faults)
    app.add_middleware(ProtectingHeaders)
    app.mount("/static", GZipMiddleware(_Assets(directory=STATIC), minimum_size=1024), name="static")
    for subject in (
        sign_in,
        second_factor,
        mobile_sign_in,
        provider_sign_in,
        sessions,
        my_loans,
        home,
        inbox,
        bulk_decisions,
        tasks,
        absences,
        second_looks,
        unmatched,
        search,
        loans,
        accounts,
        codec,
        collateral,
        contacts,
        documents,
        early_warnings,
        explanations,
        changes,
        funds,
        ledger,
        # Before `policies`, whose versions' addresses would take a loan for a number.
        policy_replays,
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
        permissions,
        # Before `audit`, whose entries' addresses would take it for an id.
        proving,
        audit,
        loan_audit,
    ):
        app.include_router(subject.router)
    app.add_api_route("/{path:path}", _no_page, methods=["GET"], dependencies=[Depends(visit_of)], name="page")
    require_entries(app.router.routes, PERMITTED)
    refusals.add_handlers(app)
    return app


def _no_page(request: Request, visit: AnyVisit, path: str) -> Response:  # noqa: ARG001 the catch-all's signature
    """Any other address, so that even the refusal is a page in the visitor's language."""
    raise PageNotFound
