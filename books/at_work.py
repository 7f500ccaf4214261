"""Who works with the digests of the books now: held by locks that end with their process, however it ends."""

import fcntl
import os
import time
import weakref
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from psycopg import OperationalError
from sqlalchemy import event, text

from books.session import Books

LOCK = 0x6C6F616E
"""The advisory lock of PostgreSQL; it is one of the database that the books lie in."""
ENDING = ".at-work"
"""What the file of the lock is called after the name of a SQLite file."""
PATIENCE_SECONDS = 2.0
"""So long PostgreSQL may take to notice that a process has ended."""
PAUSE_SECONDS = 0.05


class SomebodyAtWork(RuntimeError):
    """The lock cannot be had, for somebody holds it."""


def stay_at_work(books: Books, marks: Sequence[str]) -> None:
    """Holds books for a process that makes digests with the keys of these marks, until it ends or closes them.

    PostgreSQL lets a lock go with its connection, so each connection takes it again, and none is opened any more to
    books whose digests are under other keys by then. SomebodyAtWork while all digests of a SQLite file are changed.
    """
    if books.is_sqlite:
        held = _locked(books, fcntl.LOCK_SH)
        # With the books or, where a command only drops them, with their memory.
        books.when_closed.append(weakref.finalize(books, os.close, held))
        return

    @event.listens_for(books.engine, "connect")
    def take_part(connection: Any, _record: object) -> None:
        cursor = connection.cursor()
        cursor.execute("SELECT pg_advisory_lock_shared(%s)", (LOCK,))
        cursor.execute("SELECT mark FROM index_key ORDER BY n")
        found = [mark for (mark,) in cursor.fetchall()]
        connection.commit()
        if found and found != list(marks):
            raise OperationalError("the digests of these books were made with other keys since; start this anew")

    # Those that are open already have no part in the lock.
    books.engine.dispose()


@contextmanager
def alone(books: Books) -> Iterator[None]:
    """Keeps all others away from the digests for the length of the block; SomebodyAtWork if there are any."""
    if books.is_sqlite:
        held = _locked(books, fcntl.LOCK_EX)
        try:
            yield
        finally:
            os.close(held)
        return
    with books.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        give_up_at = time.monotonic() + PATIENCE_SECONDS
        while not connection.scalar(text("SELECT pg_try_advisory_lock(:lock)"), {"lock": LOCK}):
            if time.monotonic() > give_up_at:
                raise SomebodyAtWork
            time.sleep(PAUSE_SECONDS)
        try:
            yield
        finally:
            connection.execute(text("SELECT pg_advisory_unlock(:lock)"), {"lock": LOCK})


def _locked(books: Books, how: int) -> int:
    """The open file beside the books, locked."""
    held = os.open(books.url.removeprefix("sqlite:///") + ENDING, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(held, how | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(held)
        raise SomebodyAtWork from error
    return held
