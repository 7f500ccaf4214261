"""Rows as they are stored: whoever went around the program may have left nothing that its types can read."""

import json
from collections.abc import Sequence
from typing import Any

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
    type_coerce,
)
from sqlalchemy.exc import OperationalError
from sqlmodel import SQLModel

from models.columns import Instant, Spelled

SQLITE = "sqlite"


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


def _text(kept: bytes) -> str | bytes:
    try:
        return kept.decode()
    except UnicodeDecodeError:
        return kept
