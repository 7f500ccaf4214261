"""A receiver of webhooks: a real server that keeps what it was sent and answers as it is told."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import web
from standardwebhooks import Webhook as Verifier


@dataclass
class Receiver:
    """`url` is where it listens; `status` and `delay_seconds` are how it answers from now on."""

    url: str = ""
    status: int = 200
    delay_seconds: float = 0.0
    received: list[tuple[dict[str, str], str]] = field(default_factory=list)

    async def take(self, request: web.Request) -> web.Response:
        """One event."""
        self.received.append((dict(request.headers), await request.text()))
        await asyncio.sleep(self.delay_seconds)
        headers = {"Location": f"{self.url}/elsewhere"} if self.status == 307 else {}
        return web.Response(status=self.status, headers=headers)

    @property
    def ids(self) -> list[str]:
        """Under which ids events came."""
        return [headers["webhook-id"] for headers, _ in self.received]

    def verified(self, secret: str) -> list[dict[str, object]]:
        """Everything that came, each checked as a receiver does it; WebhookVerificationError for what is not signed."""
        return [Verifier(secret).verify(body, headers) for headers, body in self.received]


@asynccontextmanager
async def receiving() -> AsyncIterator[Receiver]:
    """A receiver while the block lasts."""
    receiver = Receiver()
    app = web.Application()
    app.router.add_route("POST", "/{path:.*}", receiver.take)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    receiver.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield receiver
    finally:
        await runner.cleanup()
