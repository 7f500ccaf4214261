"""The desk that tells integrators of their loans: looks through the audit log, sends, writes down what became of it."""

import asyncio
import time
from functools import partial

import structlog

from books.session import Books
from gateways.errors import OutsideError
from gateways.webhooks import WebhookGateway
from models.sealing import NOT_OPENED
from services import webhooks
from services.webhooks import Letter, Sent

log = structlog.get_logger()

POLL_SECONDS = 1.0
LOOK_BACK_SECONDS = 30.0
"""How often the last minutes are looked through again, for entries that were committed late, and what fails is."""


class NewsDesk:
    """Sends events, each address for itself: one that is slow or dead holds up no other. Any number may run."""

    def __init__(self, books: Books, gateway: WebhookGateway) -> None:
        self.books = books
        self.gateway = gateway
        self._at_work: dict[str, asyncio.Task[None]] = {}
        self._read_to: dict[str, str | None] = {}
        self._looked_back = 0.0
        self._is_stopping = False

    async def run(self) -> None:
        """Works until cancelled."""
        try:
            while True:
                try:
                    await self.look()
                except Exception as error:  # noqa: BLE001 the books may be away for a while; the events wait in them
                    log.error("news_desk_paused", error=type(error).__name__)
                await asyncio.sleep(POLL_SECONDS)
        finally:
            # What waits is sent by whoever works next: of a long list nobody would see the end.
            self._is_stopping = True
            await self.finish()

    async def look(self) -> None:
        """Takes up each address that nobody works for at this moment."""
        active = await asyncio.to_thread(self._active)
        if time.monotonic() - self._looked_back > LOOK_BACK_SECONDS:
            self._looked_back = time.monotonic()
            self._read_to.clear()
            await asyncio.to_thread(self._give_up)
        for webhook_id in active:
            if webhook_id not in self._at_work:
                task = self._at_work[webhook_id] = asyncio.create_task(self._serve(webhook_id))
                task.add_done_callback(partial(self._done, webhook_id))

    def _done(self, webhook_id: str, _task: asyncio.Task[None]) -> None:
        del self._at_work[webhook_id]

    async def finish(self) -> None:
        """Waits for what is under way."""
        await asyncio.gather(*self._at_work.values(), return_exceptions=True)

    async def _serve(self, webhook_id: str) -> None:
        try:
            await asyncio.to_thread(self._collect, webhook_id)
            while not self._is_stopping and (letters := await asyncio.to_thread(self._claim, webhook_id)):
                results = await asyncio.gather(*map(self._send, letters))
                await asyncio.to_thread(self._settle, webhook_id, results)
        except Exception as error:  # noqa: BLE001 as above; the lease ends and the events come back
            log.error("webhook_paused", webhook=webhook_id, error=type(error).__name__)

    async def _send(self, letter: Letter) -> Sent:
        try:
            status = await self.gateway.send(letter.url, letter.delivery_id, letter.body, letter.secrets)
        except OutsideError as error:
            return Sent(letter.delivery_id, error=error.code)
        return Sent(letter.delivery_id, status, None if 200 <= status < 300 else "refused")

    def _active(self) -> list[str]:
        with self.books.read() as work:
            return work.webhooks.active()

    def _give_up(self) -> None:
        with self.books.read() as work:
            failing = webhooks.fails_for_long(work)
        for webhook_id in failing:
            with self.books.begin() as work:
                webhooks.give_up(work, webhook_id)

    def _collect(self, webhook_id: str) -> None:
        while not self._is_stopping:
            with self.books.read() as work:
                if not webhooks.has_news(work, webhook_id, self._read_to.get(webhook_id)):
                    return
            with self.books.begin() as work:
                last = webhooks.collect(work, webhook_id, self._read_to.get(webhook_id))
            if last is None:
                return
            self._read_to[webhook_id] = last

    def _claim(self, webhook_id: str) -> list[Letter]:
        with self.books.read() as work:
            if not webhooks.has_letters(work, webhook_id):
                return []
        try:
            with self.books.begin() as work:
                return webhooks.claim(work, webhook_id)
        except NOT_OPENED as error:
            log.error("webhook_not_opened", webhook=webhook_id, error=error.code)
            with self.books.begin() as work:
                webhooks.not_opened(work, webhook_id, error.code)
            return []

    def _settle(self, webhook_id: str, results: list[Sent]) -> None:
        with self.books.begin() as work:
            webhooks.settle(work, webhook_id, results)
