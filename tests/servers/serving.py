"""Applications of this project as they are served: in a thread, with a worker beside them where a test needs one."""

import asyncio
import socket
import threading
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, nullcontext

import uvicorn
from fastapi import FastAPI
from starlette.routing import BaseRoute
from temporalio.client import Client

import worker
from activities.papers import PaperPress
from books.session import Books
from console.front import Front, PatientProtocol
from engine.client import connect
from settings import Settings

NOWHERE = "127.0.0.1:9"
"""An engine that is away."""
SECONDS_TO_START = 60
SECONDS_TO_END_REQUESTS = 5
ROUTES: dict[str, list[BaseRoute]] = {}


def with_known_routes(name: str, app: FastAPI) -> FastAPI:
    """The application with the routes of the first one of this name.

    FastAPI studies each route anew for each application, at its first request, which takes longer than most tests.
    Routes hold nothing of their application: what is its own they find through the request.
    """
    known = ROUTES.setdefault(name, app.router.routes)
    assert len(known) == len(app.router.routes), f"this {name} has other routes than the first one"
    app.router.routes = known
    return app


@contextmanager
def served(
    make: Callable[[Client], Sequence[FastAPI]], count: int, books: Books, settings: Settings, *, with_worker: bool
) -> Iterator[list[str]]:
    """The addresses of the `count` applications that `make` makes, while the block lasts."""
    sockets = [_listen() for _ in range(count)]
    stop, ready = threading.Event(), threading.Semaphore(0)
    failed: list[BaseException] = []

    def run() -> None:
        try:
            asyncio.run(_serve(make, sockets, books, settings, with_worker, ready, stop))
        except (Exception, SystemExit) as error:  # noqa: BLE001 handed to the test, which would wait for nothing
            failed.append(error)
            ready.release(count)

    thread = threading.Thread(target=run, name="serving")
    thread.start()
    try:
        for _ in sockets:
            assert ready.acquire(timeout=SECONDS_TO_START), "an application did not get ready"
        if not failed:
            yield [f"http://127.0.0.1:{listening.getsockname()[1]}" for listening in sockets]
    finally:
        stop.set()
        thread.join()
        for listening in sockets:
            listening.close()
    if failed:
        raise failed[0]


async def _serve(
    make: Callable[[Client], Sequence[FastAPI]],
    sockets: Sequence[socket.socket],
    books: Books,
    settings: Settings,
    with_worker: bool,
    ready: threading.Semaphore,
    stop: threading.Event,
) -> None:
    client = await connect(settings.temporal_address, settings.temporal_namespace, lazy=True)
    servers = [_Server(app, ready) for app in make(client)]
    async with _working(settings, books) if with_worker else nullcontext():
        serving = asyncio.gather(*(server.serve([at]) for server, at in zip(servers, sockets, strict=True)))
        stopped = asyncio.create_task(asyncio.to_thread(stop.wait))
        await asyncio.wait((serving, stopped), return_when=asyncio.FIRST_COMPLETED)
        for server in servers:
            server.should_exit = True
        await serving


@asynccontextmanager
async def _working(settings: Settings, books: Books) -> AsyncIterator[None]:
    client = await connect(settings.temporal_address, settings.temporal_namespace)
    async with worker.running(settings, client, books) as dispatcher:
        beside = [asyncio.create_task(dispatcher.run()), asyncio.create_task(PaperPress(books).run())]
        try:
            yield
        finally:
            for task in beside:
                task.cancel()
            await asyncio.gather(*beside, return_exceptions=True)


class _Server(uvicorn.Server):
    """Speaks as the real one, and says when it takes requests."""

    def __init__(self, app: FastAPI, ready: threading.Semaphore) -> None:
        super().__init__(
            uvicorn.Config(
                Front(app, {"localhost"}),
                http=PatientProtocol,
                access_log=False,
                log_level="critical",
                timeout_graceful_shutdown=SECONDS_TO_END_REQUESTS,
            )
        )
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._ready.release()


def _listen() -> socket.socket:
    opened = socket.socket()
    opened.bind(("127.0.0.1", 0))
    opened.listen(2048)
    return opened
