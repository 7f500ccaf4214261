"""Single bytes of stored rows, changed by somebody who owns the database."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, text
from sqlalchemy.exc import DBAPIError

from books.session import Books

MASKS = (0x01, 0x20, 0x80)
"""Another letter, the other case, and what is no text at all."""

FILES = frozenset({"sealed"})
"""Columns that hold bytes and no text."""
DOCUMENTS = frozenset({"before", "after", "code_versions"})
INSTANTS = frozenset({"at", "booked_at", "sealed_at", "started_at", "closed_at", "exported_at"})
DATES = frozenset({"value_date", "booking_date"})


@contextmanager
def without_guards(books: Books) -> Iterator[Connection]:
    """A connection of somebody for whom neither triggers nor checks nor foreign keys hold; each statement counts."""
    engine = create_engine(books.url, isolation_level="AUTOCOMMIT")
    with closing_engine(engine), engine.connect() as connection:
        if books.is_sqlite:
            connection.execute(text("PRAGMA ignore_check_constraints = ON"))
            connection.execute(text("PRAGMA synchronous = OFF"))
            found = connection.execute(text("SELECT name FROM sqlite_master WHERE type = 'trigger'")).scalars().all()
            for name in found:
                connection.execute(text(f"DROP TRIGGER {name}"))
        else:
            connection.execute(text("SET session_replication_role = replica"))
        yield connection


@contextmanager
def closing_engine(engine: Engine) -> Iterator[None]:
    """Closes the connections of an engine."""
    try:
        yield
    finally:
        engine.dispose()


def stored(connection: Connection, table: str, key: str, row: object, column: str) -> Any:
    """What lies in a column: on SQLite a text as its bytes."""
    what = column
    if connection.dialect.name == "sqlite":
        what = f"CASE typeof({column}) WHEN 'text' THEN CAST({column} AS BLOB) ELSE {column} END"
    elif column in DOCUMENTS | INSTANTS | DATES:
        what = f"CAST({column} AS text)"
    return connection.execute(text(f"SELECT {what} FROM {table} WHERE {key} = :row"), {"row": row}).scalar_one()


def one_byte_another(was: object, *, is_sqlite: bool, every: int = 1) -> Iterator[object]:
    """Every value that differs from a stored one in a byte: of a text each byte, of a number each of its bits."""
    if was is None:
        yield ""
        return
    if isinstance(was, int):
        yield from (was ^ (1 << bit) for bit in range(31) if not isinstance(was, bool))
        if isinstance(was, bool):
            yield not was
        return
    content = bytes(was) if isinstance(was, bytes | memoryview) else str(was).encode()
    for place in range(0, len(content), every):
        for mask in MASKS if is_sqlite else (0x01,):
            other = content[:place] + bytes([content[place] ^ mask]) + content[place + 1 :]
            yield other if is_sqlite or isinstance(was, bytes | memoryview) else other.decode(errors="replace")


def put(connection: Connection, table: str, key: str, row: object, column: str, value: object) -> bool:
    """Puts a value into a column, on SQLite bytes as the text that they are; False if the database takes none such."""
    is_sqlite = connection.dialect.name == "sqlite"
    what, which = ":value", ":row"
    if is_sqlite:
        what = "CAST(:value AS TEXT)" if isinstance(value, bytes) and column not in FILES else what
        which = "CAST(:row AS TEXT)" if isinstance(row, bytes) else which
    elif column in DOCUMENTS:
        what = "CAST(:value AS json)"
    elif column in INSTANTS:
        what = "CAST(:value AS timestamptz)"
    elif column in DATES:
        what = "CAST(:value AS date)"
    statement = text(f"UPDATE {table} SET {column} = {what} WHERE {key} = {which}")
    try:
        return connection.execute(statement, {"value": value, "row": row}).rowcount == 1
    except DBAPIError:
        return False


@contextmanager
def flipped(connection: Connection, table: str, key: str, row: object, column: str, other: object) -> Iterator[bool]:
    """A column with another value, and afterwards with the one that it had; False if the database refused it."""
    was = stored(connection, table, key, row, column)
    taken = put(connection, table, key, row, column, other)
    try:
        yield taken and stored(connection, table, key, row, column) != was
    finally:
        assert put(connection, table, key, row, column, was)
