"""The pages as they are served: a real server in a thread, with a worker beside it where a test needs one."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Self

import httpx
from fastapi import FastAPI
from temporalio.client import Client

from books.session import Books
from engine.commands import LoanCommands
from models.identity_provider import IdentityProvider
from settings import Settings
from tests.servers.serving import NOWHERE, served, with_known_routes
from web.app import create_web
from web.context import ReceivingAccount, WebContext

SECRET = "a secret of the tests"
OUTSIDE = "http://pages.example"
"""Where a provider sends visitors back to; a test that follows puts the address of its own server in its place."""
RECEIVING = ReceivingAccount("本行放款专户", "6200000000000000001", "999100000018")


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
def serving(
    books: Books,
    settings: Settings | None = None,
    *,
    with_worker: bool = False,
    demo: bool = True,
    provider: IdentityProvider | None = None,
) -> Iterator[str]:
    """The address of the pages on these books while the block lasts; without settings the engine is away."""

    def make(client: Client) -> list[FastAPI]:
        context = WebContext(
            books,
            LoanCommands(client),
            SECRET,
            RECEIVING,
            "http://temporal.example/",
            "lender",
            demo_sign_in=demo,
            provider=provider,
            pages_url=OUTSIDE,
        )
        return [with_known_routes("web", create_web(context))]

    configured = settings or Settings(temporal_address=NOWHERE)
    with served(make, 1, books, configured, with_worker=with_worker) as (url,):
        yield url
