"""What every call passes first: the check of its credential, and its fault if it gets one."""

import asyncio
import hmac
from collections.abc import Mapping
from typing import Annotated, Any, cast

from fastapi import Depends, Request
from starlette.datastructures import Headers
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from simulators.faults import Fault, FaultDesk, PlannedFault
from simulators.refusals import CredentialMissing, DeclinedOnDemand, Refusal


class SeverableProtocol(HttpToolsProtocol):
    """HTTP that lets the application cut the connection: no answer at all is a thing ASGI cannot say."""

    def on_message_begin(self) -> None:
        """Begins a request and hands its connection to the application."""
        super().on_message_begin()
        self.scope["state"]["connection"] = self.transport


class Reception:
    """Middleware over all services; `/healthz` alone needs no credential."""

    def __init__(self, app: ASGIApp, credentials: Mapping[str, str], desk: FaultDesk) -> None:
        self._app = app
        self._credentials = credentials
        self._desk = desk

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one call."""
        service, operation = service_and_operation(scope["path"]) if scope["type"] == "http" else ("", "")
        if service not in self._credentials:
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        try:
            self._check_credential(service, headers.get("authorization", ""))
            # Control is how faults are asked for; it shows none itself.
            fault = None if service == "control" else self._desk.take(service, operation, headers.get("x-fault"))
        except Refusal as refusal:
            await refusal_response(refusal)(scope, receive, send)
            return
        if fault is None:
            await self._app(scope, receive, send)
        else:
            await self._serve_with_fault(fault, scope, receive, send)

    def _check_credential(self, service: str, authorization: str) -> None:
        expected = f"Bearer {self._credentials[service]}"
        if not hmac.compare_digest(expected.encode(), authorization.encode()):
            raise CredentialMissing(f"{service} needs the header Authorization: Bearer with its credential")

    async def _serve_with_fault(self, plan: PlannedFault, scope: Scope, receive: Receive, send: Send) -> None:
        delay_seconds = plan.delay_ms / 1000
        match plan.fault:
            case Fault.ERROR_500 | Fault.ERROR_503:
                status = 500 if plan.fault is Fault.ERROR_500 else 503
                body = {"code": "fault", "detail": "the service is out of order, as was asked for"}
                await JSONResponse(body, status)(scope, receive, send)
            case Fault.NONSENSE:
                await JSONResponse({"found": "perhaps", "result": 7, "reference": ""})(scope, receive, send)
            case Fault.TIMEOUT:
                await _wait_for_disconnect(receive, delay_seconds)
                await _cut(scope, receive)
            case Fault.LOST_ANSWER:
                await self._app(scope, receive, _swallow)
                await asyncio.sleep(delay_seconds)
                await _cut(scope, receive)
            case Fault.SLOW:
                await self._serve_late(delay_seconds, scope, receive, send)
            case Fault.DECLINE if plan.service != "bank":
                await refusal_response(DeclinedOnDemand("declined, as was asked for"))(scope, receive, send)
            case Fault.DUPLICATE | Fault.DECLINE | Fault.PENDING:
                scope["state"]["fault"] = plan.fault
                await self._serve_late(delay_seconds, scope, receive, send)

    async def _serve_late(self, delay_seconds: float, scope: Scope, receive: Receive, send: Send) -> None:
        """Takes the whole call first, so that it is carried out even if the caller is gone by then."""
        taken = [await receive()]
        while taken[-1].get("more_body", False):
            taken.append(await receive())
        await asyncio.sleep(delay_seconds)

        async def receive_taken() -> Message:
            return taken.pop(0) if taken else await receive()

        await self._app(scope, receive_taken, send)


def refusal_response(refusal: Refusal) -> JSONResponse:
    """The answer to a refused call."""
    return JSONResponse({"code": refusal.code, "detail": str(refusal)}, refusal.http_status)


def _fault_of_call(request: Request) -> Fault | None:
    return cast(Fault | None, getattr(request.state, "fault", None))


FaultOfCall = Annotated[Fault | None, Depends(_fault_of_call)]
"""The fault that an operation shows by itself: duplicate, decline or pending."""


def service_and_operation(path: str) -> tuple[str, str]:
    """`/bank/orders/x/recall` is the operation recall of bank, any other path is named by its second part."""
    parts = path.strip("/").split("/")
    if len(parts) > 3 and parts[-1] == "recall":
        return parts[0], "recall"
    return parts[0], parts[1] if len(parts) > 1 else ""


async def _swallow(message: Message) -> None:
    """Takes an answer that nobody gets."""


async def _cut(scope: Scope, receive: Receive) -> None:
    connection: Any = scope["state"]["connection"]
    connection.abort()
    await _wait_for_disconnect(receive, 5)


async def _wait_for_disconnect(receive: Receive, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            while (await receive())["type"] != "http.disconnect":
                pass
    except TimeoutError:
        return
