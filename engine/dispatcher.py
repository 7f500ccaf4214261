"""Empties the outbox after commits: starts workflows, signals them and hands messages to whoever sends them."""

import asyncio
from collections import defaultdict
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import structlog

from books.outbox import growing_pause
from books.session import Books, UnitOfWork
from engine.commands import LoanCommands
from engine.deliveries import AcceptOffer, ConfirmCommand, Delivery, ReopenLoan, SignalLoan, StartLoan, VerifyAgain
from models.outbox import OutboxRow, Topic

log = structlog.get_logger()

LEASE = timedelta(seconds=30)
POLL_SECONDS = 0.2
BATCH = 50
LONGEST_WAIT = timedelta(minutes=5)


class Dispatcher:
    """Delivers outbox rows at least once; a row that fails comes back later, with growing pauses.

    Workflows are started at a stated rate, since each start makes work for the engine; all else goes as it comes.
    Any number of dispatchers may run: a row is claimed under a lease. `senders` brings the topics that are not
    Temporal's, such as SMS.
    """

    def __init__(
        self, books: Books, commands: LoanCommands, senders: Mapping[Topic, Delivery], per_second: int
    ) -> None:
        self.books = books
        self.per_second = per_second
        self.deliveries: dict[Topic, Delivery] = {
            Topic.START_LOAN: StartLoan(books, commands),
            Topic.REOPEN_LOAN: ReopenLoan(books, commands),
            Topic.SIGNAL_LOAN: SignalLoan(books, commands),
            Topic.CONFIRM_COMMAND: ConfirmCommand(books, commands),
            Topic.VERIFY_AGAIN: VerifyAgain(books, commands),
            Topic.ACCEPTANCE: AcceptOffer(books, commands),
            **senders,
        }

    async def run(self) -> None:
        """Works until cancelled; what was written meanwhile goes out together."""
        while True:
            try:
                delivered = await self.drain_once()
            except Exception as error:  # noqa: BLE001 the books may be away for a while; the rows wait in them
                log.error("dispatcher_paused", error=type(error).__name__)
                delivered = 0
            if delivered < BATCH:
                await asyncio.sleep(POLL_SECONDS)

    async def drain(self) -> int:
        """Delivers until nothing is due; returns how many rows were tried."""
        total = 0
        while tried := await self.drain_once():
            total += tried
        return total

    async def drain_once(self) -> int:
        """Claims one batch and delivers it; returns how many rows were tried."""
        began = asyncio.get_running_loop().time()
        claimed = await asyncio.to_thread(self._claim)
        if not claimed:
            return 0
        outcomes = await asyncio.gather(*(self._try(row, found) for row, found in claimed))
        rows = [row for row, _ in claimed]
        await asyncio.to_thread(self._settle, list(zip(rows, outcomes, strict=True)))
        spent = asyncio.get_running_loop().time() - began
        starts = sum(row.topic is Topic.START_LOAN for row in rows)
        await asyncio.sleep(max(0.0, starts / self.per_second - spent))
        return len(rows)

    def _claim(self) -> list[tuple[OutboxRow, Any]]:
        """Rows that are due, each with what its delivery wants to know from the books."""
        now = datetime.now(UTC)
        with self.books.read() as work:
            if not work.outbox.is_due(now):
                return []
        try:
            with self.books.begin() as work:
                return self._looked_up(work, work.outbox.claim(now, BATCH, LEASE))
        except Exception as error:  # noqa: BLE001 it may be about a single row, and the others must not wait for that
            log.warning("claim_failed", error=type(error).__name__)
        return self._claim_one_by_one(now)

    def _claim_one_by_one(self, now: datetime) -> list[tuple[OutboxRow, Any]]:
        """As `_claim`; a row that cannot be read, or about which the books hold what nobody can read, comes back later
        by itself.
        """
        with self.books.begin() as work:
            claimed = work.outbox.claim_unread(now, BATCH, LEASE)
        found: list[tuple[OutboxRow, Any]] = []
        for row_id, attempts in claimed:
            try:
                with self.books.read() as work:
                    found += self._looked_up(work, [work.outbox.read(row_id)])
            except Exception as error:  # noqa: BLE001 whatever is wrong with it, the row must come back
                code = getattr(error, "code", None) or type(error).__name__
                log.error("delivery_unreadable", message=row_id, attempts=attempts + 1, error=code)
                with self.books.begin() as work:
                    work.outbox.later(row_id, now + growing_pause(attempts + 1, LONGEST_WAIT), str(code))
        return found

    def _looked_up(self, work: UnitOfWork, rows: list[OutboxRow]) -> list[tuple[OutboxRow, Any]]:
        by_topic: dict[Topic, list[OutboxRow]] = defaultdict(list)
        for row in rows:
            by_topic[row.topic].append(row)
        found: dict[str, Any] = {}
        for topic, of_topic in by_topic.items():
            found |= self.deliveries[topic].look_up(work, of_topic)
        return [(row, found.get(row.id)) for row in rows]

    def _settle(self, outcomes: list[tuple[OutboxRow, str | None]]) -> None:
        now = datetime.now(UTC)
        with self.books.begin() as work:
            work.outbox.done([row.id for row, error in outcomes if error is None], now)
            for row, error in outcomes:
                if error is not None:
                    work.outbox.later(row.id, now + growing_pause(row.attempts, LONGEST_WAIT), error)

    async def _try(self, row: OutboxRow, found: Any) -> str | None:
        try:
            await self.deliveries[row.topic].deliver(row, found)
        except Exception as error:  # noqa: BLE001 whatever went wrong, the row must come back
            code = getattr(error, "code", type(error).__name__)
            log.warning("delivery_failed", topic=row.topic, loan=row.loan, attempts=row.attempts, error=code)
            return str(code)
        return None
