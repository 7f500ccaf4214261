"""Reads the documents that were handed in, one after the other, off the way of the loans."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime

import structlog

from activities.desk import one_after_the_other
from books.session import Books
from gateways.document_reader import NOTHING, DocumentReader, ReaderMissing
from gateways.errors import OutsideUnavailable
from lending.errors import LendingError
from models.documents import DocumentReading
from services.document_people import may_read
from services.documents_reading import LEASE, MOST_TRIES, conclude, put_off
from services.fast_lane import look_again

log = structlog.get_logger()

POLL_SECONDS = 1.0


class ReadingDesk:
    """Takes one waiting document after the other.

    Documents wait in a table of their own, for the same reasons as papers: reading takes seconds, and neither a batch
    of messages nor a loan's workflow has to wait for it. Any number of desks may work: a document is claimed under a
    lease, and its reading kept once.
    """

    def __init__(
        self,
        books: Books,
        reader: DocumentReader | None = None,
        *,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.books = books
        self.reader = reader or DocumentReader()
        self.clock = clock

    async def run(self) -> None:
        """Works until cancelled, or not at all without the reader."""
        try:
            await asyncio.to_thread(self.reader.require)
        except ReaderMissing as error:
            log.error("documents_not_read", error=str(error))
            return
        try:
            await one_after_the_other(self.read_one, POLL_SECONDS, "documents_paused")
        finally:
            # The thread that reads would otherwise keep the process alive until it is done.
            self.reader.stop()

    def read_one(self) -> bool:
        """Reads the document that has waited longest; False if none waits. One that fails comes back later."""
        now = self.clock()
        with self.books.read() as work:
            if not work.documents.is_reading_due(now):
                return False
        with self.books.begin() as work:
            row = work.documents.claim_reading(now, LEASE)
        if row is None:
            return False
        try:
            self._read(row)
        except Exception as error:  # noqa: BLE001 whatever went wrong, the document must come back
            code = error.code if isinstance(error, LendingError) else type(error).__name__
            log.warning("document_not_read", document=row.document_id, attempts=row.attempts, error=code)
            with self.books.begin(self.clock()) as work:
                put_off(work, row.document_id, code)
        return True

    def read_all(self) -> int:
        """Reads documents until none is due; returns how many were tried."""
        tried = 0
        while self.read_one():
            tried += 1
        return tried

    def _read(self, row: DocumentReading) -> None:
        with self.books.read() as work:
            document = work.documents.get(row.document_id)
            if document is None:
                raise LookupError(f"there is no document {row.document_id}")
            content = document.content
            agreed = may_read(work, document)
        try:
            # Without the separate consent to sensitive data no machine looks at it: a person settles it.
            reading = self.reader.read(content, document.media_type) if agreed else NOTHING
        except OutsideUnavailable:
            if row.attempts < MOST_TRIES:
                raise
            reading = NOTHING
        with self.books.begin(self.clock()) as work:
            conclude(work, row.document_id, reading)
        # The last document that was missing may leave nothing for a person to look at. On its own: what was read is
        # kept whatever becomes of this.
        with self.books.begin(self.clock()) as work:
            look_again(work, work.loans.get(row.loan), row.document_id)
