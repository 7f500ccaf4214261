"""`python -m bench.rush_client`: sends many requests in the same instant, each on a connection that is ready.

A process of its own, so that what it measures is the server and not the one who started it. Reads one JSON object from
stdin (`port`, `path`, `headers`, `bodies`) and writes one to stdout: status, body and seconds of each answer. Seconds
count from the one instant at which all were to be sent, however long the sending took.
"""

import asyncio
import json
import sys
import time
from typing import Any

PATIENCE_SECONDS = 60
AT_ONCE = 100


class _Caller(asyncio.Protocol):
    """One connection and one request on it."""

    def __init__(self) -> None:
        self.answered: asyncio.Future[tuple[float, bytes]] = asyncio.get_running_loop().create_future()
        self._received = b""
        self._wanted: int | None = None

    def data_received(self, data: bytes) -> None:
        self._received += data
        if self._wanted is None and b"\r\n\r\n" in self._received:
            head, _, _ = self._received.partition(b"\r\n\r\n")
            length = next(line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
            self._wanted = len(head) + 4 + int(length.partition(b":")[2])
        if self._wanted is not None and len(self._received) >= self._wanted and not self.answered.done():
            self.answered.set_result((time.perf_counter(), self._received))

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.answered.done():
            self.answered.set_exception(exc or ConnectionResetError("closed before the answer"))


async def send_all(plan: dict[str, Any]) -> list[dict[str, Any]]:
    """The answers in the order of the bodies; a request without an answer has status 0 and its error."""
    loop = asyncio.get_running_loop()
    requests = [_request(plan, headers, body) for headers, body in zip(plan["headers"], plan["bodies"], strict=True)]
    callers: list[tuple[asyncio.WriteTransport, _Caller]] = []
    while len(callers) < len(requests):
        opening = min(AT_ONCE, len(requests) - len(callers))
        opened = (loop.create_connection(_Caller, "127.0.0.1", plan["port"]) for _ in range(opening))
        callers += await asyncio.gather(*opened)
    began = time.perf_counter()
    for (transport, _), request in zip(callers, requests, strict=True):
        transport.write(request)
    await asyncio.wait([caller.answered for _, caller in callers], timeout=PATIENCE_SECONDS)
    return [_answer(caller.answered, began) for _, caller in callers]


def _request(plan: dict[str, Any], headers: dict[str, str], body: dict[str, Any]) -> bytes:
    content = json.dumps(body, ensure_ascii=False).encode()
    lines = [f"POST {plan['path']} HTTP/1.1", f"Host: 127.0.0.1:{plan['port']}", "Content-Type: application/json"]
    lines += [f"Content-Length: {len(content)}", *(f"{name}: {value}" for name, value in headers.items())]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + content


def _answer(answered: "asyncio.Future[tuple[float, bytes]]", began: float) -> dict[str, Any]:
    if not answered.done():
        return {"status": 0, "seconds": PATIENCE_SECONDS, "body": "no answer"}
    error = answered.exception()
    if error is not None:
        return {"status": 0, "seconds": time.perf_counter() - began, "body": str(error)}
    at, received = answered.result()
    head, _, body = received.partition(b"\r\n\r\n")
    return {"status": int(head.split(b" ", 2)[1]), "seconds": at - began, "body": body.decode()}


if __name__ == "__main__":
    json.dump(asyncio.run(send_all(json.load(sys.stdin))), sys.stdout)
