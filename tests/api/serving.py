"""The API as it is served: a real server in a thread, with a worker beside it where a test needs one."""

import asyncio
import hashlib
import hmac
import json
import socket
import threading
import time
import uuid
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager, nullcontext
from functools import partial
from typing import Any

import httpx
import uvicorn
from google.protobuf.duration_pb2 import Duration
from temporalio.api.workflowservice.v1 import RegisterNamespaceRequest

import worker
from api.app import create_app
from api.context import ApiContext
from api.health import create_inner_app
from books.session import Books
from console.serve import read_notice
from engine.client import connect
from engine.commands import LoanCommands
from services.staff import demo_key
from settings import Settings

SECRET = "demo-notices"
NOWHERE = "127.0.0.1:9"
"""An engine that is away."""


class Caller:
    """Calls the API as one of the demo people, or as nobody."""

    def __init__(self, url: str, inner_url: str) -> None:
        self.url = url
        self.inner_url = inner_url
        self.client = httpx.Client(timeout=30, verify=False)

    def call(
        self,
        method: str,
        path: str,
        who: str | None = "manager-zhao",
        *,
        headers: Mapping[str, str] | None = None,
        **more: Any,
    ) -> httpx.Response:
        """The answer to one request under /api/v1."""
        sent = dict(headers or {})
        if who is not None:
            sent.setdefault("Authorization", f"Bearer {demo_key(who)}")
        return self.client.request(method, f"{self.url}/api/v1{path}", headers=sent, **more)

    def get(self, path: str, who: str | None = "manager-zhao", **more: Any) -> httpx.Response:
        """The answer to a GET."""
        return self.call("GET", path, who, **more)

    def post(self, path: str, body: object = None, who: str | None = "manager-zhao", **more: Any) -> httpx.Response:
        """The answer to a POST with a JSON body, or without one."""
        if body is None:
            return self.call("POST", path, who, **more)
        headers = {"Content-Type": "application/json"} | dict(more.pop("headers", {}))
        # Escaped, so that a test can send what UTF-8 cannot express.
        return self.call("POST", path, who, headers=headers, content=json.dumps(body), **more)

    def apply(self, body: object, key: str, who: str = "integrator-demo") -> httpx.Response:
        """The answer to an application."""
        return self.post("/applications", body, who, headers={"Idempotency-Key": key})

    def notify(self, notice: Mapping[str, object], *, secret: str = SECRET) -> httpx.Response:
        """The answer to a notice as the bank sends it."""
        body = json.dumps(notice, ensure_ascii=False).encode()
        timestamp = str(int(time.time()))
        digest = hmac.new(secret.encode(), timestamp.encode() + b"." + body, hashlib.sha256).hexdigest()
        headers = {"X-Bank-Timestamp": timestamp, "X-Bank-Signature": f"v1={digest}"}
        return self.call("POST", "/bank/notices", None, headers=headers, content=body)

    def eventually(self, path: str, who: str, is_so: Callable[[Any], bool]) -> Any:
        """The body of a GET once it is as hoped for; fails with what it is instead."""
        give_up_at = time.monotonic() + 30
        while not is_so(body := self.get(path, who).json()):
            assert time.monotonic() < give_up_at, body
            time.sleep(0.05)
        return body


def own_namespace(address: str) -> str:
    """A namespace of one test alone: task queues and loan numbers are the same in every test."""

    async def register() -> str:
        name = f"api-{uuid.uuid4().hex}"
        client = await connect(address, "default")
        request = RegisterNamespaceRequest(namespace=name, workflow_execution_retention_period=Duration(seconds=86_400))
        await client.workflow_service.register_namespace(request)
        return name

    return asyncio.run(register())


@contextmanager
def serving(books: Books, settings: Settings | None = None, *, with_worker: bool = False) -> Iterator[Caller]:
    """The API on these books while the block lasts; without settings the engine is away."""
    outer, inner = _listen(), _listen()
    stop = threading.Event()
    failed: list[BaseException] = []

    def run() -> None:
        try:
            asyncio.run(_serve(books, settings or Settings(temporal_address=NOWHERE), with_worker, outer, inner, stop))
        except (Exception, SystemExit) as error:  # noqa: BLE001 handed to the test, which would wait for nothing
            failed.append(error)

    thread = threading.Thread(target=run, name="serving")
    thread.start()
    caller = Caller(_url(outer), _url(inner))
    try:
        _wait_until_ready(caller, failed)
        yield caller
    finally:
        caller.client.close()
        stop.set()
        thread.join()
    if failed:
        raise failed[0]


async def _serve(
    books: Books,
    settings: Settings,
    with_worker: bool,
    outer: socket.socket,
    inner: socket.socket,
    stop: threading.Event,
) -> None:
    client = await connect(settings.temporal_address, settings.temporal_namespace, lazy=True)
    context = ApiContext(books, LoanCommands(client), partial(read_notice, settings))
    servers = [_server(create_app(context)), _server(create_inner_app(context))]

    async def serve_all() -> None:
        await asyncio.gather(*(server.serve([at]) for server, at in zip(servers, (outer, inner), strict=True)))

    async with _working(settings, books) if with_worker else nullcontext():
        serving_all = asyncio.create_task(serve_all())
        stopped = asyncio.create_task(asyncio.to_thread(stop.wait))
        await asyncio.wait((serving_all, stopped), return_when=asyncio.FIRST_COMPLETED)
        for server in servers:
            server.should_exit = True
        await serving_all


@asynccontextmanager
async def _working(settings: Settings, books: Books) -> AsyncIterator[None]:
    client = await connect(settings.temporal_address, settings.temporal_namespace)
    async with worker.running(settings, client, books) as dispatcher:
        dispatching = asyncio.create_task(dispatcher.run())
        try:
            yield
        finally:
            dispatching.cancel()
            await asyncio.gather(dispatching, return_exceptions=True)


def _server(app: Any) -> uvicorn.Server:
    return uvicorn.Server(uvicorn.Config(app, access_log=False, log_level="error", timeout_graceful_shutdown=5))


def _listen() -> socket.socket:
    opened = socket.socket()
    opened.bind(("127.0.0.1", 0))
    opened.listen(2048)
    return opened


def _url(listening: socket.socket) -> str:
    return f"http://127.0.0.1:{listening.getsockname()[1]}"


def _wait_until_ready(caller: Caller, failed: list[BaseException]) -> None:
    give_up_at = time.monotonic() + 30
    while True:
        if failed:
            raise failed[0]
        assert time.monotonic() < give_up_at, "the API did not get ready"
        try:
            if caller.client.get(f"{caller.inner_url}/readyz").status_code == 200:
                return
        except httpx.TransportError:
            time.sleep(0.02)
