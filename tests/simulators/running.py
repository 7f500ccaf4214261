"""Real simulator processes, and a real receiver of the bank's notices, for tests."""

import json
import os
import re
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx

from gateways.link_signatures import sign_question
from simulators.bank.signatures import NONCE_HEADER, SIGNATURE_HEADER, SignatureDesk
from simulators.people import population
from simulators.settings import DEFAULT_LENDER_ACCOUNT

ROOT = Path(__file__).parents[2]
SEED = 7
PEOPLE = population(SEED, 200)
LENDER = DEFAULT_LENDER_ACCOUNT
NOTICE_SECRET = "demo-notices"
SIGNING_SECRET = "demo-orders"


def _one_connection_a_call() -> httpx.Client:
    # A connection kept alive would break with the server that a test kills.
    return httpx.Client(limits=httpx.Limits(max_keepalive_connections=0))


@dataclass
class Outside:
    """A simulator process that can be killed and started again over the same data."""

    data_dir: Path
    port: int
    notice_url: str | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    _client: httpx.Client = field(default_factory=_one_connection_a_call, repr=False)
    _process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    @property
    def url(self) -> str:
        """Its base address."""
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Starts it and waits until it answers."""
        log = self.data_dir.with_suffix(".log")
        command = [sys.executable, "-m", "simulators", "--port", str(self.port), "--data-dir", str(self.data_dir)]
        command += ["--seed", str(SEED), "--people", str(len(PEOPLE.people))]
        if self.notice_url is not None:
            command += ["--notice-url", self.notice_url]
        with log.open("ab") as output:
            environment = {**os.environ, **self.environment}
            self._process = subprocess.Popen(command, cwd=ROOT, stdout=output, stderr=output, env=environment)
        deadline = time.monotonic() + 30
        while True:
            try:
                self._client.get(f"{self.url}/healthz", timeout=1).raise_for_status()
            except httpx.HTTPError:
                if self._process.poll() is not None or time.monotonic() > deadline:
                    raise AssertionError(f"the simulator did not start: {log.read_text()}") from None
                time.sleep(0.05)
            else:
                return

    def kill(self) -> None:
        """Ends it with SIGKILL, in the middle of whatever it does."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def close(self) -> None:
        """Kills it for good."""
        self.kill()
        self._client.close()

    def stop(self) -> int:
        """Ends it in good order and gives its exit code."""
        assert self._process is not None
        self._process.terminate()
        return self._process.wait(timeout=20)

    def call(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        fault: str | None = None,
        credential: str | None = None,
        timeout_seconds: float = 10,
    ) -> httpx.Response:
        """One call with the service's credential, signed where it is an order to the bank."""
        service = path.split("/")[1]
        headers = {"Authorization": f"Bearer {credential or f'demo-{service}'}"}
        if fault is not None:
            headers["X-Fault"] = fault
        content = None if body is None else json.dumps(body, ensure_ascii=False).encode()
        if content is not None:
            headers["Content-Type"] = "application/json"
        if service == "bank" and method == "POST":
            sent_path = httpx.URL(self.url + path).raw_path.decode()
            headers.update(sign_question(SIGNING_SECRET, method, sent_path, content or b"").headers)
        return self._client.request(method, self.url + path, content=content, headers=headers, timeout=timeout_seconds)

    def answer(self, method: str, path: str, body: object = None, *, fault: str | None = None) -> Any:
        """The JSON answer of a call that must succeed."""
        response = self.call(method, path, body, fault=fault)
        assert response.is_success, response.text
        return response.json()

    def plan_fault(self, service: str, fault: str, **more: object) -> None:
        """Makes the next calls of a service go wrong."""
        self.answer("POST", "/control/faults", {"service": service, "fault": fault, **more})

    def balance(self, account: str) -> int:
        """The balance of an account as it stands."""
        balance_fen: int = self.answer("GET", f"/bank/accounts/{account}")["balance_fen"]
        return balance_fen


@contextmanager
def running_outside(
    data_dir: Path, notice_url: str | None = None, environment: Mapping[str, str] | None = None
) -> Iterator[Outside]:
    """A started simulator that ends with the block."""
    outside = Outside(data_dir, free_port(), notice_url, environment or {})
    try:
        outside.start()
        yield outside
    finally:
        outside.close()


@dataclass
class Received:
    """One request that a receiver got."""

    headers: Mapping[str, str]
    body: bytes

    @property
    def reference(self) -> str:
        """The notice's reference, in XML or in JSON."""
        found = re.search(rb'(?:<AcctSvcrRef>|"reference": ")([^"<]+)', self.body)
        assert found is not None, self.body
        return found[1].decode()


class Receiver:
    """An HTTP server that notes every request and answers as told: first `statuses` in turn, then `status`.

    With `signing_secret` it signs its answers as the bank does on the direct link.
    """

    def __init__(self, status: int = 200, body: bytes = b"{}", signing_secret: str | None = None) -> None:
        self.statuses: list[int] = []
        self.status = status
        self.body = body
        self.headers: dict[str, str] = {}
        self.delay_seconds = 0.0
        self.received: list[Received] = []
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                sent = self.rfile.read(int(self.headers.get("Content-Length", "0")))
                receiver.received.append(Received(dict(self.headers.items()), sent))
                time.sleep(receiver.delay_seconds)
                status = receiver.statuses.pop(0) if receiver.statuses else receiver.status
                self.send_response(status)
                if signing_secret is not None:
                    desk = SignatureDesk(signing_secret)
                    nonce = self.headers.get(NONCE_HEADER, "")
                    self.send_header(SIGNATURE_HEADER, desk.sign_answer(nonce, status, receiver.body))
                self.send_header("Location", "/elsewhere")
                for name, value in receiver.headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(receiver.body)))
                self.end_headers()
                self.wfile.write(receiver.body)

            do_GET = do_POST

            def log_message(self, format: str, *args: object) -> None:
                """Says nothing on the tests' output."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/notices"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)

    def __enter__(self) -> "Receiver":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def wait_for(self, count: int) -> list[Received]:
        """The requests, once there are `count` of them; fails after ten seconds."""
        deadline = time.monotonic() + 10
        while len(self.received) < count:
            assert time.monotonic() < deadline, f"{len(self.received)} of {count} requests came"
            time.sleep(0.02)
        return list(self.received)


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
