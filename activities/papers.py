"""Makes the papers that were asked for, one after the other, off the way of the loans."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import structlog

from activities.desk import one_after_the_other
from books.session import Books
from lending.errors import LendingError
from models.papers import PaperOrder
from services.paper_contents import Lender, contents
from services.paper_signs import FONTS
from services.paper_typesetting import PaperFontMissing, typesetter
from services.papers import LEASE, keep, put_off

log = structlog.get_logger()

POLL_SECONDS = 0.5


class PaperPress:
    """Takes one waiting paper after the other.

    Papers wait in a table of their own and not in the outbox: the dispatcher waits for a whole batch of messages, and a
    batch of papers would keep the starts of loans waiting. No workflow knows of them, so no history grows by them. Any
    number of presses may run: a paper is claimed under a lease, and kept once.
    """

    def __init__(
        self,
        books: Books,
        lender: Lender | None = None,
        *,
        fonts: Path = FONTS,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.books = books
        self.lender = lender or Lender()
        self.fonts = fonts
        self.clock = clock

    async def run(self) -> None:
        """Works until cancelled, or not at all without the font."""
        try:
            await asyncio.to_thread(typesetter, self.fonts)
        except PaperFontMissing as error:
            log.error("papers_stopped", error=str(error))
            return
        await one_after_the_other(self.make_one, POLL_SECONDS, "papers_paused")

    def make_one(self) -> bool:
        """Makes the paper that has waited longest; False if none waits. One that fails comes back later."""
        setting = typesetter(self.fonts)
        now = self.clock()
        with self.books.read() as work:
            if not work.papers.is_due(now):
                return False
        with self.books.begin() as work:
            order = work.papers.claim(now, LEASE)
        if order is None:
            return False
        try:
            pdf = setting.pdf(self._contents(order))
            with self.books.begin(self.clock()) as work:
                keep(work, order.id, pdf)
        except Exception as error:  # noqa: BLE001 whatever went wrong, the paper must come back
            code = error.code if isinstance(error, LendingError) else type(error).__name__
            log.warning("paper_failed", loan=order.loan, paper=order.number, attempts=order.attempts, error=code)
            with self.books.begin(self.clock()) as work:
                put_off(work, order.id, code)
        return True

    def make_all(self) -> int:
        """Makes papers until none is due; returns how many were tried."""
        tried = 0
        while self.make_one():
            tried += 1
        return tried

    def _contents(self, order: PaperOrder) -> dict[str, Any]:
        with self.books.read() as work:
            return contents(work, order, self.lender)
