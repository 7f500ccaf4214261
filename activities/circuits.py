"""Tells the books which services this worker has given up on for the moment, for the figures on the inner port."""

import asyncio
import os
import socket
from datetime import UTC, datetime, timedelta

from books.session import Books
from gateways.breaker import Breaker

REPEATED = timedelta(minutes=1)
"""How often an open circuit is noted again: what a worker that died once noted grows old."""


class CircuitNotes:
    """What this worker last said about each service. One that always answers costs nothing."""

    def __init__(self, books: Books) -> None:
        self.books = books
        self.worker = f"{socket.gethostname()[:40]}-{os.getpid()}"
        self._said: dict[str, tuple[bool, datetime]] = {}

    async def note(self, breaker: Breaker | None) -> None:
        """Keeps the state of a service if it changed, or if it is away for longer."""
        if breaker is None:
            return
        now = datetime.now(UTC)
        was_open, said_at = self._said.get(breaker.service, (False, now))
        if breaker.is_open == was_open and not (breaker.is_open and now - said_at >= REPEATED):
            return
        self._said[breaker.service] = (breaker.is_open, now)
        await asyncio.to_thread(self._write, breaker.service, breaker.is_open, now)

    def _write(self, service: str, is_open: bool, now: datetime) -> None:
        with self.books.begin() as work:
            work.authorisations.note_state(service, self.worker, is_open, now)
