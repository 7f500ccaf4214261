"""API and pages as they are served: under which names, with which headers, and how long anybody may take."""

import asyncio
import re
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
from pydantic import ValidationError
from starlette.types import Receive, Scope, Send

from books.schema import migrate
from books.session import Books
from console import front
from console.seed import seed
from console.serve import build, listen
from services.staff import demo_key
from settings import Settings

KEY = {"Authorization": f"Bearer {demo_key('manager-zhao')}"}
PATIENCE = 1.0
OURS = ("/sign-in", "/nothing", "/static/app.css", "/static/nothing", "/api/v1/loans", "/api/v1/nothing")


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of API and pages, which wait a second for a head and for a body."""
    folder = tmp_path_factory.mktemp("front")
    settings = Settings(
        database_url=f"sqlite:///{folder / 'books.db'}",
        temporal_address="127.0.0.1:9",
        pages_url="https://loans.example",
        allowed_hosts=("other.example",),
    )
    migrate(settings.database_url)
    books = Books(settings.database_url)
    seed(books, settings)
    books.close()
    kept = front.HEAD_SECONDS, front.BODY_SECONDS, front.UNREAD_SECONDS
    front.HEAD_SECONDS = front.BODY_SECONDS = front.UNREAD_SECONDS = PATIENCE
    opened = listen("127.0.0.1", 0)
    ready = threading.Event()
    stop = threading.Event()

    async def serve() -> None:
        app, _, books = await build(settings)
        server = front.server(app, settings.proxies)
        serving = asyncio.create_task(server.serve([opened]))
        ready.set()
        await asyncio.to_thread(stop.wait)
        server.should_exit = True
        await serving
        books.close()

    thread = threading.Thread(target=lambda: asyncio.run(serve()), name="front")
    thread.start()
    assert ready.wait(60)
    yield f"http://127.0.0.1:{opened.getsockname()[1]}"
    stop.set()
    thread.join()
    front.HEAD_SECONDS, front.BODY_SECONDS, front.UNREAD_SECONDS = kept


def said(house: str, *parts: bytes, pause: float = 0.0) -> bytes:
    """All that comes back, until the other side hangs up, to what is sent as it is."""
    address = urlsplit(house)
    answer = b""
    with socket.create_connection((address.hostname, address.port), timeout=20) as line:
        # Who is cut off in the middle of sending may read nothing but that.
        with suppress(ConnectionResetError, BrokenPipeError):
            for part in parts:
                line.sendall(part)
                time.sleep(pause)
        with suppress(ConnectionResetError):
            while got := line.recv(65536):
                answer += got
    return answer


def head(path: str, *lines: str, method: str = "GET", host: str = "127.0.0.1") -> bytes:
    """A head that asks for the connection's end afterwards."""
    return "\r\n".join([f"{method} {path} HTTP/1.1", f"Host: {host}", "Connection: close", *lines, "", ""]).encode()


@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]:8080", "localhost:8080", "loans.example", "other.example:443"])
def test_our_own_names_are_answered(house: str, host: str) -> None:
    assert said(house, head("/sign-in", host=host)).startswith(b"HTTP/1.1 200")


@pytest.mark.parametrize("path", ["/sign-in", "/api/v1/loans", "/static/app.css"])
@pytest.mark.parametrize("host", ["evil.example", "loans.example.evil.example", "127.0.0.1.evil.example", "", "a b"])
def test_nothing_is_served_under_another_name(house: str, host: str, path: str) -> None:
    answer = said(house, head(path, host=host))

    assert answer.startswith(b"HTTP/1.1 421")
    assert b"LOANWRIGHT_ALLOWED_HOSTS" in answer
    assert b"evil" not in answer


def test_two_names_are_none(house: str) -> None:
    assert said(house, head("/sign-in", "Host: evil.example")).startswith(b"HTTP/1.1 421")


@pytest.mark.parametrize("path", OURS)
def test_every_answer_is_protected_and_says_nothing_of_the_server(house: str, path: str) -> None:
    headers = httpx.get(f"{house}{path}", headers=KEY, verify=False).headers

    assert headers["x-content-type-options"] == "nosniff"
    assert "default-src 'none'" in headers["content-security-policy"]
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert "unsafe" not in headers["content-security-policy"]
    assert headers["referrer-policy"] in ("no-referrer", "same-origin")
    assert headers["cross-origin-resource-policy"] == "same-origin"
    assert re.fullmatch("[0-9a-f]{32}", headers["x-request-id"])
    assert not headers.keys() & {"server", "x-powered-by", "strict-transport-security", "access-control-allow-origin"}


@pytest.mark.parametrize("path", ["/sign-in", "/api/v1/loans", "/nothing"])
def test_answers_over_https_ask_for_https_for_ever(house: str, path: str) -> None:
    behind_a_proxy = {"X-Forwarded-Proto": "https", **KEY}

    answer = httpx.get(f"{house}{path}", headers=behind_a_proxy, verify=False)

    assert answer.headers["strict-transport-security"] == "max-age=31536000"
    for cookie in answer.headers.get_list("set-cookie"):
        assert {"secure", "httponly"} <= {part.strip().lower() for part in cookie.split(";")}


@pytest.mark.parametrize("path", ["/sign-in", "/api/v1/loans"])
def test_only_what_is_static_is_kept_by_anybody(house: str, path: str) -> None:
    assert httpx.get(f"{house}{path}", headers=KEY, verify=False).headers["cache-control"] == "no-store"


@pytest.mark.parametrize("path", ["/sign-in", "/api/v1/loans"])
def test_a_request_id_is_taken_over_if_it_is_one(house: str, path: str) -> None:
    answer = httpx.get(f"{house}{path}", headers={**KEY, "X-Request-Id": "from-the.proxy_1"}, verify=False)
    other = httpx.get(f"{house}{path}", headers={**KEY, "X-Request-Id": "<script>"}, verify=False)

    assert answer.headers["x-request-id"] == "from-the.proxy_1"
    assert re.fullmatch("[0-9a-f]{32}", other.headers["x-request-id"])


@pytest.mark.parametrize("first", [b"", b"GET /sign-in HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: "])
def test_a_head_that_does_not_end_is_not_waited_for(house: str, first: bytes) -> None:
    began = time.monotonic()

    said(house, first)

    assert PATIENCE * 0.9 < time.monotonic() - began < 10


def test_a_second_head_on_the_same_line_is_not_waited_for_either(house: str) -> None:
    answer = said(house, b"GET /sign-in HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\nGET / HTTP/1.1\r\nX: ")

    assert answer.count(b"HTTP/1.1 200") == 1


def test_a_head_that_grows_and_grows_is_cut_off(house: str) -> None:
    line = b"X-More: " + b"x" * 1000 + b"\r\n"

    answer = said(house, b"GET /sign-in HTTP/1.1\r\nHost: 127.0.0.1\r\n" + line * 20, line * 20)

    assert answer.startswith(b"HTTP/1.1 400")


@pytest.mark.parametrize("path", ["/sign-in", "/api/v1/loans/search"])
def test_a_body_that_does_not_come_is_not_waited_for(house: str, path: str) -> None:
    began = time.monotonic()
    form = "Content-Type: application/x-www-form-urlencoded"

    answer = said(
        house, head(path, form, f"Authorization: {KEY['Authorization']}", "Content-Length: 100", method="POST")
    )

    assert answer.startswith(b"HTTP/1.1 408")
    assert b"Traceback" not in answer
    assert PATIENCE * 0.9 < time.monotonic() - began < 10


@pytest.mark.parametrize("path", ["/sign-in", "/api/v1/loans/search", "/api/v1/nothing"])
def test_a_body_without_a_length_ends_at_the_limit(house: str, path: str) -> None:
    part = b"10000\r\n" + b"x" * 65536 + b"\r\n"
    form = "Content-Type: application/x-www-form-urlencoded"
    asked = head(path, form, f"Authorization: {KEY['Authorization']}", "Transfer-Encoding: chunked", method="POST")

    answer = said(house, asked, part * 2 + b"0\r\n\r\n")

    assert answer.startswith(b"HTTP/1.1 413")


@pytest.mark.parametrize("path", ["/sign-in", "/api/v1/loans/search"])
def test_who_still_sends_sees_why_it_is_refused(house: str, path: str) -> None:
    form = "Content-Type: application/x-www-form-urlencoded"
    asked = head(path, form, f"Authorization: {KEY['Authorization']}", "Content-Length: 8388608", method="POST")

    answer = said(house, asked, *([b"x" * 1_048_576] * 8), pause=0.02)

    assert answer.startswith(b"HTTP/1.1 413")
    assert "内容过大" in answer.decode() or b"body_too_large" in answer


@pytest.mark.parametrize("path", ["/sign-in", "/api/v1/loans/search"])
def test_who_was_refused_and_sends_for_ever_is_cut_off(house: str, path: str) -> None:
    form = "Content-Type: application/x-www-form-urlencoded"
    asked = head(path, form, f"Authorization: {KEY['Authorization']}", "Content-Length: 8388608", method="POST")
    began = time.monotonic()

    answer = said(house, asked)

    assert answer.startswith(b"HTTP/1.1 413")
    assert PATIENCE * 0.9 < time.monotonic() - began < 10


def test_fields_after_a_body_that_do_not_end_are_cut_off(house: str) -> None:
    asked = head("/api/v1/auth/token", "Transfer-Encoding: chunked", method="POST")
    line = b"X-More: " + b"x" * 1000 + b"\r\n"

    answer = said(house, asked + b"2\r\n{}\r\n0\r\n", *([line * 20] * 5), pause=0.02)
    began = time.monotonic()
    said(house, asked + b"2\r\n{}\r\n0\r\nX-Slow: ")

    assert b"Headers too large" in answer or answer == b""
    assert time.monotonic() - began < 10


def test_who_does_not_read_what_he_asked_for_is_cut_off(house: str) -> None:
    address = urlsplit(house)
    asked = b"GET /static/vendor/tabler.min.css HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
    with socket.socket() as line:
        line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        line.settimeout(20)
        line.connect((address.hostname, address.port))
        line.sendall(asked * 20)
        time.sleep(PATIENCE * 4)
        got = 0
        with suppress(ConnectionResetError):
            while part := line.recv(65536):
                got += len(part)
    whole = 20 * len(httpx.get(f"{house}/static/vendor/tabler.min.css").content)
    assert 0 < got < whole


@pytest.mark.parametrize(
    "lines",
    [
        ("Content-Length: 5", "Transfer-Encoding: chunked"),
        ("Content-Length: 5", "Content-Length: 6"),
        ("Content-Length: -1",),
        ("Transfer-Encoding: chunked, identity",),
        ("X-Bad\x00: 1",),
        ("X-Bad : 1",),
    ],
)
def test_a_request_that_two_servers_could_read_differently_is_refused(house: str, lines: tuple[str, ...]) -> None:
    assert said(house, head("/sign-in", *lines, method="POST"), b"csrf=").startswith(b"HTTP/1.1 400")


@pytest.mark.parametrize(
    "path",
    [
        "/static/../settings.py",
        "/static/%2e%2e/%2e%2e/settings.py",
        "/static/..%2f..%2fsettings.py",
        "/static//etc/passwd",
        "/static/%00",
        "/static/vendor/..%5c..%5capp.py",
    ],
)
def test_no_file_beside_the_static_ones_is_served(house: str, path: str) -> None:
    answer = said(house, head(path))

    assert answer.split(b" ", 2)[1] in (b"404", b"303")
    assert b"BaseSettings" not in answer
    assert b"root:" not in answer


@pytest.mark.parametrize("path", ["/inbox%0d%0aSet-Cookie:%20a=b", "/sign-in?next=/%0d%0aSet-Cookie:%20a=b"])
def test_nobody_adds_a_header_through_an_address(house: str, path: str) -> None:
    answer = said(house, head(path))

    assert b"\r\nset-cookie: a=b" not in answer.lower().partition(b"\r\n\r\n")[0]


def test_the_description_of_the_api_is_not_for_strangers(house: str) -> None:
    assert httpx.get(f"{house}/api/v1/openapi.json", verify=False).status_code == 401
    assert httpx.get(f"{house}/docs", verify=False).status_code in (303, 404)
    assert httpx.get(f"{house}/metrics", verify=False).status_code in (303, 404)


@pytest.mark.parametrize("method", ["TRACE", "CONNECT", "PUT", "PATCH", "DELETE", "PROPFIND"])
@pytest.mark.parametrize("path", ["/sign-in", "/api/v1/loans"])
def test_methods_that_nobody_needs_are_refused(house: str, path: str, method: str) -> None:
    answer = said(house, head(path, f"Authorization: {KEY['Authorization']}", method=method))

    assert answer.split(b" ", 2)[1] in (b"400", b"404", b"405")
    assert demo_key("manager-zhao").encode() not in answer


def test_a_line_of_tls_at_the_plain_port_is_refused(house: str) -> None:
    address = urlsplit(house)
    with (
        socket.create_connection((address.hostname, address.port), timeout=10) as line,
        pytest.raises(ssl.SSLError),
    ):
        ssl.create_default_context().wrap_socket(line, server_hostname="localhost")


def test_nothing_speaks_websocket(house: str) -> None:
    upgrade = ("Upgrade: websocket", "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==", "Sec-WebSocket-Version: 13")
    asked = "\r\n".join(["GET /inbox HTTP/1.1", "Host: 127.0.0.1", "Connection: Upgrade", *upgrade, "", ""])

    assert b" 101 " not in said(house, asked.encode()).partition(b"\r\n")[0]


@pytest.mark.parametrize(
    ("proxies", "seen"),
    [
        (("127.0.0.1",), "https 203.0.113.9"),
        (("10.0.0.7", "127.0.0.0/8"), "https 203.0.113.9"),
        (("10.0.0.7",), "http 127.0.0.1"),
        ((), "http 127.0.0.1"),
    ],
)
async def test_where_a_visitor_comes_from_is_believed_of_our_own_proxies_only(
    proxies: tuple[str, ...], seen: str
) -> None:
    async def say_it_back(scope: Scope, _receive: Receive, send: Send) -> None:
        body = f"{scope['scheme']} {scope['client'][0]}".encode()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": body})

    opened = listen("127.0.0.1", 0)
    server = front.server(say_it_back, proxies)
    serving = asyncio.create_task(server.serve([opened]))
    forwarded = {"X-Forwarded-Proto": "https", "X-Forwarded-For": "203.0.113.9"}
    async with httpx.AsyncClient(headers=forwarded) as visitor:
        answer = await visitor.get(f"http://127.0.0.1:{opened.getsockname()[1]}/")
    server.should_exit = True
    await serving
    assert answer.text == seen


@pytest.mark.parametrize("proxies", ["*", "0.0.0.0/0", "::/0", "proxy.example", "10.0.0.7,10.0.0.1/8"])
def test_proxies_are_addresses_and_never_everybody(monkeypatch: pytest.MonkeyPatch, proxies: str) -> None:
    monkeypatch.setenv("LOANWRIGHT_PROXIES", proxies)
    with pytest.raises(ValidationError, match=r"must be addresses or networks|must not name every address"):
        Settings()


def test_the_checked_front_is_what_the_command_serves() -> None:
    source = (Path(front.__file__).with_name("serve.py")).read_text(encoding="utf-8")

    assert "server(app, settings.proxies)" in source
    assert "Front(BothEdges(" in source
