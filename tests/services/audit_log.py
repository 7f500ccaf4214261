"""An audit log and a ledger to be sealed, and ways around the application to tamper with it."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import datetime, timedelta

from sqlalchemy import text

from books.audit import EntryFilter
from books.seals import ENTRIES, Sealable
from books.session import Books, UnitOfWork
from models.audit import AuditEntry
from models.staff import Actor, Role
from services import audit
from services.audit_chain import keep, next_batch, open_since
from services.audit_findings import FindingKind, Verdict
from services.audit_proof import verify

SOMEBODY = Actor("risk-qian", Role.RISK, address="192.0.2.7", request_id="req-1")
AFTER = {"outcome": "refuse", "amount_fen": None, "weight": 0.1, "why": "还款能力不足"}


def write(books: Books, count: int = 1, reason: str = "looked at everything") -> list[str]:
    """Entries, in one unit of work; their ids."""
    with books.begin() as work:
        newest = work.audit.page(limit=1000)
        for _ in range(count):
            audit.record(work, SOMEBODY, "approval_decided", loan="L26000001", after=AFTER, reason=reason)
        return [entry.id for entry in work.audit.page(limit=1000)[len(newest) :]]


def of_act(work: UnitOfWork, act: str) -> list[AuditEntry]:
    """The entries of an act in their order; not those of refusals."""
    return work.audit.newest(EntryFilter(act=act, refused=False), None, 500)[::-1]


def seal(books: Books, most: int = 2_000, at: datetime | None = None, of: Sealable = ENTRIES) -> int:
    """Seals all that waits of a book, at most so many rows together; the number of the last seal."""
    with books.begin(at) as work:
        after = open_since(work, of)
        while (batch := next_batch(work, after, most=most, of=of)) is not None:
            keep(work, batch)
            after = batch.last_id
        last = work.seals.last()
        assert last is not None
        return last.no


def tamper(books: Books, *statements: str) -> None:
    """Statements of somebody who owns the database: guards and foreign keys are off."""
    if books.is_sqlite:
        with outsider(books) as connection:
            for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
                connection.execute(f"DROP TRIGGER {name}")
            for statement in statements:
                connection.execute(statement)
        return
    with books.engine.begin() as connection:
        connection.execute(text("SET LOCAL session_replication_role = replica"))
        for statement in statements:
            connection.execute(text(statement))


@contextmanager
def outsider(books: Books) -> Iterator[sqlite3.Connection]:
    """A connection that is not ours, as SQLite opens one: recursive triggers and foreign keys are off."""
    connection = sqlite3.connect(books.url.removeprefix("sqlite:///"))
    with closing(connection), connection:
        yield connection


def verdict(books: Books, since: int = 1, later: timedelta = timedelta(0)) -> Verdict:
    """What a proof comes to."""
    with books.read() as work:
        work.now += later
        return verify(work, since)


def found(books: Books, since: int = 1) -> list[tuple[FindingKind, int | None, str | None]]:
    """What a proof finds: kind, seal and entry of each."""
    return [(one.kind, one.seal, one.entry) for one in verdict(books, since).findings]
