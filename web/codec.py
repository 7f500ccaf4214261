"""Payloads of the engine in clear, for Temporal's own pages: they send them here, and the browser adds our cookie."""

import asyncio
import json
from typing import Any
from urllib.parse import urlsplit

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from books.session import Books
from engine.decoding import ACT, LARGEST_REQUEST, PayloadsNotOpened, PayloadsNotRead, decode
from lending.errors import LendingError
from services.audit import STRANGER
from services.refusals import Refusal, refusal_log
from web.context import WebContext
from web.errors import FormTooLarge, PageNotFound
from web.session import body_of
from web.visit import AnyVisit

router = APIRouter()

PATH = "/codec/decode"
ASKED_HEADERS = "authorization, content-type, x-namespace"
PREFLIGHT_SECONDS = "600"
NOT_SIGNED_IN = Refusal(ACT, "not_signed_in: sign in first")
FOREIGN = {"code": "foreign_origin", "detail": "only Temporal's own pages ask here, at LOANWRIGHT_TEMPORAL_UI_URL"}


@router.post(PATH, name="decode_payloads")
async def decode_payloads(request: Request, visit: AnyVisit) -> Response:
    """The payloads in clear, as Temporal's pages expect them; nothing is ever sealed here."""
    context: WebContext = request.app.state.context
    if not context.temporal_ui_url:
        raise PageNotFound
    namespace = request.headers.get("x-namespace", "")
    try:
        asked = await _asked(request)
    except (FormTooLarge, PayloadsNotRead) as refusal:
        kept = Refusal(ACT, f"{refusal.code}: {refusal}")
        await asyncio.to_thread(refusal_log(context.books).keep, visit.person, kept)
        return _refused(refusal)
    try:
        clear = await asyncio.to_thread(decode, context.books, visit.person, namespace, asked)
    except (PayloadsNotOpened, PayloadsNotRead) as refusal:
        return _refused(refusal)
    return Response(clear, media_type="application/json")


def _refused(refusal: LendingError) -> Response:
    """No person reads this but one who looks why Temporal's page shows nothing."""
    return JSONResponse({"code": refusal.code, "detail": str(refusal)}, refusal.http_status)


async def _asked(request: Request) -> Any:
    body = await body_of(request, LARGEST_REQUEST)
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        raise PayloadsNotRead from None


class CodecDoor:
    """Lets the pages of one other origin ask for payloads, and nobody else's: the browser is told so, and so are we.

    Without an origin nobody may ask. What is not sent by a page names no origin and is refused as well.
    """

    def __init__(self, app: ASGIApp, *, temporal_ui_url: str | None, books: Books) -> None:
        self.app = app
        self.books = books
        spoken = urlsplit(temporal_ui_url or "")
        self.origin = f"{spoken.scheme}://{spoken.netloc}" if spoken.netloc else None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes on whatever else is asked for."""
        if scope["type"] != "http" or scope["path"] != PATH or self.origin is None:
            await self.app(scope, receive, send)
            return

        if Headers(scope=scope).get("origin") != self.origin:
            # The door does not ask who it is: a page of another site comes with the cookie of whoever looks at it.
            refusal = Refusal(ACT, f"{FOREIGN['code']}: {FOREIGN['detail']}")
            await asyncio.to_thread(refusal_log(self.books).keep, STRANGER, refusal)
            await JSONResponse(FOREIGN, 403, {"Vary": "Origin"})(scope, receive, send)
            return

        async def send_for_origin(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                self._allow(headers)
                if message["status"] == 303:
                    await asyncio.to_thread(refusal_log(self.books).keep, STRANGER, NOT_SIGNED_IN)
                    # To the sign-in, where no script of another page can follow.
                    message["status"] = 401
                    del headers["Location"]
            await send(message)

        if scope["method"] == "OPTIONS":
            await Response(status_code=204)(scope, receive, send_for_origin)
        else:
            await self.app(scope, receive, send_for_origin)

    def _allow(self, headers: MutableHeaders) -> None:
        headers["Access-Control-Allow-Origin"] = self.origin or ""
        headers["Access-Control-Allow-Credentials"] = "true"
        headers["Access-Control-Allow-Methods"] = "POST"
        headers["Access-Control-Allow-Headers"] = ASKED_HEADERS
        headers["Access-Control-Max-Age"] = PREFLIGHT_SECONDS
        headers.add_vary_header("Origin")
