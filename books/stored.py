"""Rows as they are stored: whoever went around the program may have left nothing that its types can read."""

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

from pydantic_core import from_json
from sqlalchemy import (
    JSON,
    Boolean,
    ColumnElement,
    Connection,
    Date,
    Dialect,
    Integer,
    Select,
    String,
    Text,
    cast,
    inspect,
    select,
    type_coerce,
)
from sqlalchemy.exc import OperationalError
from sqlmodel import Session, SQLModel

from models.columns import Instant, Spelled

SQLITE = "sqlite"
_WRITTEN = json.JSONEncoder()
"""How documents are spelled where they are written: as the database's driver does by itself."""


def as_stored(column: ColumnElement[Any], dialect: str) -> ColumnElement[Any]:
    """A column as the database keeps it: JSON as its text, and on SQLite, which keeps any value in any column,
    instants, dates, words and flags as whatever is there.
    """
    if isinstance(column.type, Spelled):
        return type_coerce(column, String)
    if dialect != SQLITE:
        return cast(column, Text) if isinstance(column.type, JSON) else column
    if isinstance(column.type, (JSON, Instant, Date)):
        return type_coerce(column, String)
    return type_coerce(column, Integer) if isinstance(column.type, Boolean) else column


def spelled_as_stored(row: SQLModel, dialect: Dialect) -> dict[str, Any]:
    """The columns of a row as `as_stored` reads them where nobody has changed anything."""
    spelled = {}
    for column in inspect(type(row)).local_table.columns:
        value = getattr(row, column.key)
        if isinstance(column.type, JSON):
            value = json.dumps(value)
        elif dialect.name == SQLITE and (bind := column.type.dialect_impl(dialect).bind_processor(dialect)):
            value = bind(value)
        spelled[column.key] = value
    return spelled


def stored(
    session: Session,
    columns: Iterable[ColumnElement[Any]],
    *which: ColumnElement[bool],
    order: Sequence[ColumnElement[Any]] = (),
    limit: int | None = None,
) -> Sequence[Any]:
    """These columns of the rows for which all of `which` holds, each as it is stored, in this order."""
    dialect = session.get_bind().dialect.name
    query = select(*(as_stored(column, dialect) for column in columns)).where(*which).order_by(*order).limit(limit)
    return rows_of_any_text(session.connection(), query)


def rows_of_any_text(connection: Connection, query: Select[Any]) -> Sequence[Any]:
    """The rows of a query. On SQLite a text that is no UTF-8, which none of ours is, comes as its bytes."""
    try:
        return connection.execute(query).all()
    except OperationalError:
        if connection.dialect.name != SQLITE:
            raise
    driver: Any = connection.connection.driver_connection
    driver.text_factory = _text
    try:
        return connection.execute(query).all()
    finally:
        driver.text_factory = str


def rows_by_key(read: Callable[[str, int], Sequence[Any]], key: Callable[[Any], object], at_once: int) -> Iterator[Any]:
    """All rows in the order of a key, so many read at a time, each once: `read` gives those above a key up to a limit.

    A key that is no text, which none of ours is, comes along: nobody could say which rows lie above it.
    """
    after = ""
    while True:
        rows = read(after, at_once)
        if len(rows) < at_once:
            yield from rows
            return
        last = max((place for place, row in enumerate(rows) if isinstance(key(row), str)), default=None)
        if last is None:
            at_once *= 2
            continue
        yield from rows[: last + 1]
        after = str(key(rows[last]))


def document(kept: object) -> Any:
    """What stored JSON says. ValueError or TypeError for what is spelled otherwise than we write it, with other spaces
    or signs or a name twice: another reader might take it for something else.
    """
    if not isinstance(kept, str):
        raise TypeError("no text")
    told = from_json(kept)
    if _WRITTEN.encode(told) != kept:
        raise ValueError("not as we write it")
    return told


def mapping(kept: object) -> dict[str, Any]:
    """What stored JSON says by names. ValueError or TypeError for anything else, as `document`."""
    told = document(kept)
    if not isinstance(told, dict):
        raise TypeError("no names")
    return told


def flag(kept: object) -> bool:
    """What SQLite keeps as 0 or 1, and takes any other value for. ValueError for any other."""
    if kept not in (0, 1) or not isinstance(kept, int):
        raise ValueError("not as we write it")
    return bool(kept)


def instant(kept: object) -> datetime:
    """An instant, which SQLite keeps as text, in UTC and in one spelling. ValueError for any other."""
    if isinstance(kept, datetime):
        return kept
    if not isinstance(kept, str):
        raise ValueError("no instant")
    at = datetime.fromisoformat(kept)
    if at.tzinfo is not None or at.isoformat(" ", "microseconds") != kept:
        raise ValueError("not as we write it")
    return at.replace(tzinfo=UTC)


def _text(kept: bytes) -> str | bytes:
    try:
        return kept.decode()
    except UnicodeDecodeError:
        return kept
