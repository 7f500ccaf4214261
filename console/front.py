"""Before API and pages: whom we serve under which name, and how long and how much of a request is waited for."""

import asyncio
import json
from collections.abc import Iterable, Sequence
from contextlib import suppress
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

import uvicorn
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEAD_SECONDS = 15.0
"""So long somebody may take for his first line and headers."""
LARGEST_HEAD = 32 * 1024
BODY_SECONDS = 120.0
"""And so long for what he sends: five megabytes take two minutes on a bad line."""
LARGEST_DROPPED = 32 * 1024 * 1024
"""So much of what nobody wants is still read, in the same time, so that its sender sees why."""
UNREAD_SECONDS = 60.0
"""And so long for reading the part of an answer that fills our side of the line."""
ONE_YEAR = "max-age=31536000"


class Front:
    """Answers for our own names only, and does not wait for ever for what somebody sends.

    A name that is none of ours may be another site's that points here (DNS rebinding); numbers cannot be, and are ours.
    """

    def __init__(self, app: ASGIApp, names: Iterable[str]) -> None:
        self.app = app
        self.names = frozenset(names)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        if not self._is_ours(headers.getlist("host")):
            detail = "nothing is served under this name; if it is one of yours, add it to LOANWRIGHT_ALLOWED_HOSTS"
            await _refusal(421, "foreign_host", detail)(scope, receive, send)
            return
        patience = _Patience(receive, send, scope["scheme"] == "https", _has_body(headers))
        # Whoever reads the body is told that the sender hung up.
        with suppress(ClientDisconnect):
            await self.app(scope, patience.receive, patience.send)
        if patience.is_over and not patience.has_answered:
            detail = f"the request did not arrive within {BODY_SECONDS:g} seconds"
            await _refusal(408, "too_slow", detail)(scope, receive, send)
        await patience.linger()

    def _is_ours(self, given: list[str]) -> bool:
        if len(given) != 1:
            return False
        try:
            name = urlsplit(f"//{given[0]}").hostname or ""
        except ValueError:
            return False
        if name in self.names:
            return True
        try:
            ip_address(name)
        except ValueError:
            return False
        return True


class _Patience:
    """The two ways of one request: its body comes in time or not at all."""

    def __init__(self, receive: Receive, send: Send, is_safe: bool, has_body: bool) -> None:
        self._receive = receive
        self._send = send
        self._is_safe = is_safe
        self._until = asyncio.get_running_loop().time() + BODY_SECONDS
        self._has_all = not has_body
        self._lacks_end = False
        self.is_over = False
        self.has_answered = False

    async def receive(self) -> Message:
        """The next part of the body, or that its sender is gone."""
        if self._has_all:
            return await self._receive()
        try:
            async with asyncio.timeout_at(self._until):
                message = await self._receive()
        except TimeoutError:
            self.is_over = True
            return {"type": "http.disconnect"}
        self._has_all = not message.get("more_body", False)
        return message

    async def send(self, message: Message) -> None:
        """Passes the answer on; nothing of one that nobody waits for any more."""
        if self.is_over and not self.has_answered:
            return
        if message["type"] == "http.response.start":
            self.has_answered = True
            if self._is_safe:
                MutableHeaders(scope=message)["Strict-Transport-Security"] = ONE_YEAR
        elif not message.get("more_body", False) and not self._has_all:
            self._lacks_end = True
            message = {**message, "more_body": True}
        await self._send(message)

    async def linger(self) -> None:
        """Ends an answer that was given before the whole body had come: its sender still sends, and would lose the
        answer with the line if that were closed on him (RFC 9112, section 9.6).
        """
        if not self._lacks_end:
            return
        dropped = 0
        with suppress(TimeoutError):
            async with asyncio.timeout_at(self._until):
                while not self._has_all and dropped < LARGEST_DROPPED:
                    message = await self._receive()
                    dropped += len(message.get("body", b""))
                    self._has_all = not message.get("more_body", False)
        await self._send({"type": "http.response.body", "body": b"", "more_body": False})


def _has_body(headers: Headers) -> bool:
    return "transfer-encoding" in headers or headers.get("content-length", "0") != "0"


def _refusal(status: int, code: str, detail: str) -> Response:
    body = {"type": f"urn:loanwright:problem:{code}", "status": status, "detail": detail, "code": code}
    headers = {"Connection": "close", "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
    return Response(json.dumps(body), status, headers, media_type="application/problem+json")


class PatientProtocol(HttpToolsProtocol):
    """HTTP as uvicorn speaks it, but nobody holds a connection with a head that never ends, with fields after a body
    that never end, or by not reading what he asked for.
    """

    _beside_bytes = 0
    """How much came since the last part of a body, or since the last request."""
    _waiting: asyncio.TimerHandle | None = None
    _unread: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as in the class above
        """Begins to wait for the first head."""
        super().connection_made(transport)
        self._wait(HEAD_SECONDS)

    def connection_lost(self, exc: Exception | None) -> None:
        """Waits no longer."""
        self._stop_waiting()
        self.resume_writing()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Reads on, unless what stands before or after the body is longer than any of ours."""
        self._beside_bytes += len(data)
        super().data_received(data)
        if self._beside_bytes > LARGEST_HEAD and not self.transport.is_closing():
            self.send_400_response("Headers too large.")

    def on_message_begin(self) -> None:
        """A head begins."""
        super().on_message_begin()
        self._wait(HEAD_SECONDS)

    def on_headers_complete(self) -> None:
        """The head is there."""
        # Who reads the body says first that it is late.
        self._wait(BODY_SECONDS + HEAD_SECONDS)
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """A part of the body is there."""
        self._beside_bytes = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        """What comes now is the next head."""
        self._stop_waiting()
        self._beside_bytes = 0
        super().on_message_complete()

    def pause_writing(self) -> None:
        """Somebody does not read."""
        super().pause_writing()
        self._unread = self.loop.call_later(UNREAD_SECONDS, self.transport.abort)

    def resume_writing(self) -> None:
        """He reads again."""
        if self._unread is not None:
            self._unread.cancel()
            self._unread = None
        super().resume_writing()

    def _wait(self, seconds: float) -> None:
        self._stop_waiting()
        self._waiting = self.loop.call_later(seconds, self.transport.close)

    def _stop_waiting(self) -> None:
        if self._waiting is not None:
            self._waiting.cancel()
            self._waiting = None


def server(app: ASGIApp, proxies: Sequence[str] = ()) -> uvicorn.Server:
    """A server that says nothing of itself, speaks no websockets, and ends what is under way within ten seconds.

    Of `proxies` (addresses and networks) it believes where a visitor comes from and that he came over TLS. It logs as
    this process does: its own form would have sentences of exceptions in it.
    """
    options: dict[str, Any] = {"access_log": False, "log_level": "warning", "server_header": False, "ws": "none"}
    return uvicorn.Server(
        uvicorn.Config(
            app,
            http=PatientProtocol,
            timeout_graceful_shutdown=10,
            backlog=2048,
            log_config=None,
            forwarded_allow_ips=list(proxies),
            **options,
        )
    )
