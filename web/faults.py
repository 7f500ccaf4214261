"""Mistakes of ours: a page with a reference, by which the log says of what kind and where, and nothing of anybody."""

import structlog
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.faults import kind_and_place
from web import pages
from web.visit import request_id_of, seen_visit

log = structlog.get_logger()


class Faults:
    """Answers what no handler foresaw. It goes no further: whoever serves the pages would log it with its sentence."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes the request on and its answer back."""
        has_begun = False

        async def note(message: Message) -> None:
            nonlocal has_begun
            has_begun = True
            await send(message)

        try:
            await self.app(scope, receive, note)
        except Exception as error:
            if scope["type"] != "http":
                raise
            request = Request(scope)
            kind, frames = kind_and_place(error)
            route = getattr(scope.get("route"), "name", "")
            log.error("page_failed", reference=request_id_of(request), route=route, error=kind, frames=frames)
            if has_begun:
                raise
            await _page(request)(scope, receive, send)


def _page(request: Request) -> ASGIApp:
    template = "parts/alert.html" if pages.wants_fragment(request) else "refusal.html"
    reference = request_id_of(request)
    return pages.show(request, seen_visit(request), template, 500, sentence=None, status=500, reference=reference)
