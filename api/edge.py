"""What happens to every request before a route sees it: a request id, a sign-in, a limit on its size, a record."""

import asyncio
import re
import time
from collections.abc import Mapping
from dataclasses import replace

import structlog
from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as NoFreeConnection
from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.context import ApiContext
from api.headers import protect
from api.problems import problem, refused
from api.sign_in import NotSignedIn
from lending.errors import LendingError
from models.keys import LOAN_PATTERN, request_id_from
from models.origin import Whence, coming_from
from models.staff import Actor
from services.audit import STRANGER
from services.faults import kind_and_place
from services.refusals import Refusal, is_kept, refusal_log

log = structlog.get_logger()

LARGEST_BODY = 64 * 1024
CALLER_GONE = 499
"""How a request is counted whose caller did not wait for the answer."""


class BodyTooLarge(LendingError):
    """The body is larger than this address takes."""

    code = "body_too_large"
    http_status = 413

    def __init__(self, limit: int) -> None:
        super().__init__(f"a request to this address has at most {limit} bytes")


class _Gone(Exception):
    """The caller hung up before his request was complete."""


class Edge:
    """Refuses before anything is read: nobody without a key, no body above its limit.

    `limits` gives other limits by the last part of the path; a POST to `open_paths` checks its caller itself.
    """

    def __init__(
        self, app: ASGIApp, *, context: ApiContext, limits: Mapping[str, int], open_paths: frozenset[str]
    ) -> None:
        self.app = app
        self.context = context
        self.limits = limits
        self.open_paths = open_paths

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers, client = Headers(scope=scope), scope.get("client")
        where = Whence(str(client[0])[:64] if client else None, request_id_from(headers.get("x-request-id", "")))
        with coming_from(where):
            await self._answer(scope, headers, where, receive, send)

    async def _answer(self, scope: Scope, headers: Headers, where: Whence, receive: Receive, send: Send) -> None:
        began = time.perf_counter()
        request_id = where.request_id or ""
        scope.setdefault("state", {})["request_id"] = request_id
        status: list[int] = []

        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start":
                status.append(message["status"])
                protect(MutableHeaders(scope=message), request_id)
            await send(message)

        try:
            await self._pass(scope, headers, where, receive, answer)
        except LendingError as error:
            await self._keep(error, scope)
            await refused(error, request_id)(scope, receive, answer)
        except _Gone:
            status.append(CALLER_GONE)
        except Exception as error:
            kind, frames = kind_and_place(error)
            log.error("request_failed", request_id=request_id, error=kind, frames=frames)
            if status:
                raise
            await _trouble(error, request_id)(scope, receive, answer)
        finally:
            self._record(scope, status, time.perf_counter() - began)

    async def _pass(self, scope: Scope, headers: Headers, where: Whence, receive: Receive, answer: Send) -> None:
        path: str = scope["path"]
        if path not in self.open_paths or scope["method"] != "POST":
            actor = await self._who(headers)
            scope["state"]["actor"] = replace(actor, address=where.address, request_id=where.request_id)
        limit = self.limits.get(path.rpartition("/")[2], LARGEST_BODY)
        body = await _read(headers, receive, limit)
        replayed = False

        async def replay() -> Message:
            nonlocal replayed
            if replayed:
                return await receive()
            replayed = True
            return {"type": "http.request", "body": body, "more_body": False}

        await self.app(scope, replay, answer)

    async def _who(self, headers: Headers) -> Actor:
        """Who asks; a token that is none, or is none any more, is kept in the audit log."""
        try:
            return await self.context.sign_in.actor(headers.get("authorization", ""))
        except NotSignedIn as error:
            if error.key_given:
                refusal = Refusal("token_refused", f"{error.code}: {error}")
                await asyncio.to_thread(refusal_log(self.context.books).keep, STRANGER, refusal)
            raise

    async def _keep(self, error: LendingError, scope: Scope) -> None:
        """What is refused here has no route yet: the audit log names the address by its last part, if that is one of
        ours, and the loan that stands in it.
        """
        if is_kept(error, scope["method"]):
            *_, last = parts = scope["path"].split("/")
            loan = next((part for part in parts if re.fullmatch(LOAN_PATTERN, part)), None)
            refusal = Refusal(
                "request_refused", f"{error.code}: {error}", loan=loan, subject=last if last in self.limits else None
            )
            actor = scope["state"].get("actor", STRANGER)
            await asyncio.to_thread(refusal_log(self.context.books).keep, actor, refusal)

    def _record(self, scope: Scope, status: list[int], seconds: float) -> None:
        route = getattr(scope.get("route"), "path", "unknown")
        answered = status[0] if status else 500
        self.context.metrics.answered(scope["method"], route, answered, seconds)
        actor = scope["state"].get("actor")
        log.info(
            "request_answered",
            method=scope["method"],
            route=route,
            status=answered,
            milliseconds=round(seconds * 1000, 1),
            actor_id=actor.id if actor else None,
            request_id=scope["state"]["request_id"],
        )


def _trouble(error: Exception, request_id: str) -> Response:
    if isinstance(error, OperationalError | NoFreeConnection):
        return problem(503, "books_unavailable", "the books cannot be reached at the moment; try again", request_id)
    sentence = f"something went wrong on our side; ask with the request id {request_id}"
    return problem(500, "internal_error", sentence, request_id)


async def _read(headers: Headers, receive: Receive, limit: int) -> bytes:
    declared = headers.get("content-length", "0")
    if declared.isdecimal() and int(declared[:20]) > limit:
        raise BodyTooLarge(limit)
    parts: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise _Gone
        part: bytes = message.get("body", b"")
        size += len(part)
        if size > limit:
            raise BodyTooLarge(limit)
        parts.append(part)
        if not message.get("more_body", False):
            return b"".join(parts)
