"""Rows that no act of the product writes and the database refuses, for tests of what would then go on being right."""

from collections.abc import Iterator
from contextlib import contextmanager

from books.guards import guards_aside
from books.session import UnitOfWork


@contextmanager
def unguarded(work: UnitOfWork, table: str) -> Iterator[None]:
    """In the block the table takes what its guards refuse. What the block adds is written before they are back."""
    with guards_aside(work.session.connection(), [table]):
        yield
        work.session.flush()
