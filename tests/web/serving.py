"""The pages as they are served: a real server in a thread, with a worker beside it where a test needs one."""

import asyncio
import re
import socket
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, nullcontext
from typing import Any, Self

import httpx
import uvicorn

import worker
from books.session import Books
from engine.client import connect
from engine.commands import LoanCommands
from settings import Settings
from web.app import create_web
from web.context import WebContext

NOWHERE = "127.0.0.1:9"
"""An engine that is away."""
SECRET = "a secret of the tests"


class Visitor:
    """Somebody with a browser that runs no scripts. He reads English, unless a test says otherwise.

    `address` is the one he comes from: one of this machine's own, all of which begin with 127.
    """

    def __init__(self, url: str, language: str = "en", address: str | None = None) -> None:
        self.url = url
        self.client = httpx.Client(
            base_url=url,
            headers={"Accept-Language": language},
            timeout=60,
            follow_redirects=True,
            transport=httpx.HTTPTransport(verify=False, local_address=address),
        )

    def get(self, path: str, **more: Any) -> httpx.Response:
        """The page at an address."""
        return self.client.get(path, **more)

    def token(self, path: str = "/sign-in") -> str:
        """The token that the forms of this visitor carry."""
        return hidden(self.get(path).text, "csrf")

    def post(self, path: str, *, seen_at: str = "/sign-in", **fields: str) -> httpx.Response:
        """What comes of sending a form that stands on the page `seen_at`."""
        return self.client.post(path, data={"csrf": self.token(seen_at), **fields})

    def sign_in(self, staff_id: str) -> Self:
        """Comes in as a demo person."""
        self.client.cookies.delete("loanwright_session")
        answer = self.post("/sign-in", staff_id=staff_id)
        assert answer.status_code == 200, answer.text
        return self

    def sign_in_as_borrower(self, loan: str, digits: str) -> httpx.Response:
        """Tries to come in as the borrower of a loan."""
        self.client.cookies.delete("loanwright_session")
        return self.post("/sign-in/borrower", loan=loan, digits=digits)

    def close(self) -> None:
        """Closes the browser."""
        self.client.close()


def hidden(html: str, name: str) -> str:
    """The value of a hidden field on a page."""
    found = re.search(rf'name="{name}" value="([^"]*)"', html)
    assert found is not None, f"the page has no field {name}"
    return found.group(1)


def words(html: str) -> str:
    """What a page says, without its markup and its layout."""
    text = re.sub(r"<[^>]+>", " ", html)
    return re.sub(r"\s+", " ", text.replace("&#39;", "'"))


@contextmanager
def serving(books: Books, settings: Settings | None = None, *, with_worker: bool = False) -> Iterator[str]:
    """The address of the pages on these books while the block lasts; without settings the engine is away."""
    listening = socket.socket()
    listening.bind(("127.0.0.1", 0))
    listening.listen(128)
    stop = threading.Event()
    ready = threading.Event()
    failed: list[BaseException] = []

    def run() -> None:
        try:
            configured = settings or Settings(temporal_address=NOWHERE)
            asyncio.run(_serve(books, configured, with_worker, listening, ready, stop))
        except (Exception, SystemExit) as error:  # noqa: BLE001 handed to the test, which would wait for nothing
            failed.append(error)
            ready.set()

    thread = threading.Thread(target=run, name="pages")
    thread.start()
    try:
        ready.wait(60)
        if not failed:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    finally:
        stop.set()
        thread.join()
    if failed:
        raise failed[0]


async def _serve(
    books: Books,
    settings: Settings,
    with_worker: bool,
    listening: socket.socket,
    ready: threading.Event,
    stop: threading.Event,
) -> None:
    client = await connect(settings.temporal_address, settings.temporal_namespace, lazy=True)
    context = WebContext(books, LoanCommands(client), SECRET, "http://temporal.example/", "lender")
    server = uvicorn.Server(
        uvicorn.Config(create_web(context), access_log=False, log_level="critical", timeout_graceful_shutdown=2)
    )
    async with _working(settings, books) if with_worker else nullcontext():
        serving = asyncio.create_task(server.serve([listening]))
        ready.set()
        await asyncio.to_thread(stop.wait)
        server.should_exit = True
        await serving


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
