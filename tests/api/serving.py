"""The API as it is served: a real server in a thread, with a worker beside it where a test needs one."""

import hashlib
import hmac
import json
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from functools import partial
from typing import Any

import httpx
from fastapi import FastAPI
from temporalio.client import Client

from api.app import create_app
from api.context import ApiContext
from api.health import create_inner_app
from books.session import Books
from console.serve import read_notice
from engine.commands import LoanCommands
from services.staff import demo_key
from settings import Settings
from tests.servers.serving import NOWHERE as NOWHERE
from tests.servers.serving import served, with_known_routes
from tests.servers.temporal import own_namespace as own_namespace

SECRET = "demo-notices"


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


@contextmanager
def serving(books: Books, settings: Settings | None = None, *, with_worker: bool = False) -> Iterator[Caller]:
    """The API on these books while the block lasts; without settings the engine is away."""
    configured = settings or Settings(temporal_address=NOWHERE)

    def make(client: Client) -> list[FastAPI]:
        context = ApiContext(
            books,
            LoanCommands(client),
            partial(read_notice, configured),
            demo_keys=configured.demo,
            staff_tokens=timedelta(minutes=configured.staff_token_minutes),
        )
        return [with_known_routes("api", create_app(context)), create_inner_app(context)]

    with served(make, 2, books, configured, with_worker=with_worker) as (outer, inner):
        caller = Caller(outer, inner)
        try:
            yield caller
        finally:
            caller.client.close()
