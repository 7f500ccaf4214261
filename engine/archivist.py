"""Takes every run of a loan over into the archive once it has closed, before the engine forgets it."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import structlog
from sqlalchemy.exc import IntegrityError

from books.histories import RUN_ARCHIVED
from books.session import Books, UnitOfWork, was_written_before
from engine.histories import NOT_OPENED, ClosedRun, Histories
from models.histories import ArchiveLook, RunContent, RunHistory
from models.keys import loan_of, workflow_id
from models.run_events import HistoryDamaged, RunEvents, read_events
from services.audit import SYSTEM, record

log = structlog.get_logger()

EVERY_SECONDS = 5.0
OVERLAP = timedelta(minutes=2)
"""A closed run is listed a moment later, and two of them may be listed in another order than they closed in."""
FULL_LOOK_EVERY = timedelta(hours=6)
LONGEST_RETENTION = timedelta(days=3650)
BATCH = 20
"""So many runs are stored together: the books are held for a moment only."""
NOTED_FOR = timedelta(minutes=1)
"""How long a note about the last look stands for later ones that found the same."""


class Archivist:
    """Looks for closed runs that are not in the archive. Any number may work: a run is archived once.

    Nothing is added to any history, and no loan waits for it.
    """

    def __init__(self, books: Books, histories: Histories) -> None:
        self.books = books
        self.histories = histories
        self._left: list[ClosedRun] = []
        self._seen_to: datetime | None = None
        self._full_look_at: datetime | None = None

    async def run(self) -> None:
        """Works until cancelled. Trouble with books or engine holds up nothing else; what was missed is found later."""
        while True:
            try:
                await self.look()
            except Exception as error:  # noqa: BLE001 books or engine may be away for a while
                log.error("archivist_paused", error=type(error).__name__)
            await asyncio.sleep(EVERY_SECONDS)

    async def look(self, now: datetime | None = None) -> int:
        """Archives what has closed since the last look, and everything that the engine still has a few times a day.

        Returns how many runs came into the archive.
        """
        now = now or datetime.now(UTC)
        retention = await self.histories.retention()
        is_full = self._full_look_at is None or now - self._full_look_at >= FULL_LOOK_EVERY
        since = now - (retention or LONGEST_RETENTION) if is_full or self._seen_to is None else self._seen_to - OVERLAP
        closed = {run.run_id: run for run in self._left}
        closed |= {run.run_id: run async for run in self.histories.closed_since(since)}
        missing = await asyncio.to_thread(self._missing, list(closed.values()))
        for start in range(0, len(missing), BATCH):
            await self._archive(missing[start : start + BATCH])
        self._left = await asyncio.to_thread(self._missing, missing)
        await asyncio.to_thread(self._note, retention, now)
        self._seen_to = now
        if is_full:
            self._full_look_at = now
        return len(missing) - len(self._left)

    async def archive_loan(self, loan: str) -> None:
        """Archives the closed runs of one loan that the engine has, without waiting until they are listed."""
        workflow = workflow_id(loan)
        waiting, seen = [*await asyncio.to_thread(self._named, loan), *await self.histories.runs_of(loan)], set[str]()
        while waiting:
            run_id = waiting.pop()
            if run_id in seen:
                continue
            seen.add(run_id)
            run = ClosedRun(workflow, run_id, datetime.now(UTC))
            if await asyncio.to_thread(self._missing, [run]):
                waiting += [found.previous for found in await self._archive([run]) if found.previous is not None]

    async def _archive(self, runs: Sequence[ClosedRun]) -> list[RunEvents]:
        fetched = []
        for run in runs:
            try:
                found = await self.histories.fetch(run.workflow_id, run.run_id)
                if found is None:
                    log.error("history_lost", run=run.run_id)
                else:
                    fetched.append((run.workflow_id, read_events(run.run_id, found), found))
            except (*NOT_OPENED, HistoryDamaged) as refusal:
                # It waits until a key is put back; the note about the last look counts it.
                log.error("history_not_archived", run=run.run_id, error=refusal.code)
        if fetched:
            await asyncio.to_thread(self._store, fetched)
        return [events for _, events, _ in fetched]

    def _named(self, loan: str) -> list[str]:
        with self.books.read() as work:
            return work.histories.runs_named(loan)

    def _missing(self, runs: Sequence[ClosedRun]) -> list[ClosedRun]:
        with self.books.read() as work:
            archived = work.histories.archived(run.run_id for run in runs)
        return [run for run in runs if run.run_id not in archived]

    def _store(self, fetched: Sequence[tuple[str, RunEvents, bytes]]) -> None:
        try:
            with self.books.begin() as work:
                known = work.histories.archived(run.run for _, run, _ in fetched)
                for workflow, run, content in fetched:
                    if run.run not in known:
                        archive(work, workflow, run, content)
        except IntegrityError as error:
            # Another archivist stored one of them at this moment; the next look finds what is left.
            if not was_written_before(error):
                raise

    def _note(self, retention: timedelta | None, now: datetime) -> None:
        oldest = min((run.closed_at for run in self._left), default=None)
        if oldest is not None and retention is not None and now - oldest > retention / 2:
            seconds_left = int((oldest + retention - now).total_seconds())
            log.error("archive_is_late", runs=len(self._left), seconds_left=seconds_left)
        found = ArchiveLook(
            looked_at=now,
            waiting=len(self._left),
            oldest_closed_at=oldest,
            retention_seconds=int(retention.total_seconds()) if retention else None,
        )
        with self.books.read() as work:
            before = work.histories.look()
        if before is None or now - before.looked_at >= NOTED_FOR or before.says != found.says:
            with self.books.begin() as work:
                work.histories.note_look(found)


def archive(work: UnitOfWork, workflow: str, run: RunEvents, content: bytes) -> bool:
    """Puts a run into the archive, with an entry in the audit log that names its digest; False if it is still open."""
    if run.closed_as is None:
        return False
    loan = loan_of(workflow)
    # At the instant of the entry: so the entry proves when, and the history all the rest of the row.
    row = RunHistory.of(loan, run, content, work.now)
    work.histories.add(row, RunContent.of(run.run, content))
    figures = {"sha256": row.sha256, "events": row.events, "status": row.status}
    record(work, SYSTEM, RUN_ARCHIVED, loan=loan, subject=run.run, after=figures)
    return True
