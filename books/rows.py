"""Rows written once: a plain INSERT, at a fraction of what it costs to have the ORM watch and flush an object."""

from collections.abc import Callable, Mapping, Sequence
from functools import cache, partial
from typing import Any

from sqlalchemy import Insert, insert, inspect
from sqlmodel import Session, SQLModel

WRITTEN_AT_ONCE = {"autoflush": False}
"""For queries on tables whose rows are all written by `write`: no pending change of the session bears on them."""


@cache
def insert_into(table: type[SQLModel]) -> Insert:
    """The INSERT of a table, built once a process."""
    return insert(inspect(table).local_table)


def write(session: Session, row: SQLModel) -> None:
    """Inserts a row at once. For rows that the unit of work does not change again: the session does not know it."""
    values = row.__dict__
    session.connection().execute(insert_into(type(row)), {name: values[name] for name in type(row).model_fields})


def write_many(session: Session, table: type[SQLModel], rows: Sequence[Mapping[str, Any]]) -> None:
    """Inserts many rows of a table in one statement, each with all of its columns."""
    if rows:
        session.connection().execute(insert_into(table), list(rows))


def write_values(session: Session, table: type[SQLModel], values: Mapping[str, Any]) -> None:
    """The same from values, the others being the table's defaults: to make the object costs as much as to insert it.

    For the few tables that every act writes to.
    """
    defaults = {name: make() for name, make in _defaults(table).items() if name not in values}
    session.connection().execute(insert_into(table), defaults | dict(values))


@cache
def _defaults(table: type[SQLModel]) -> dict[str, Callable[[], Any]]:
    return {
        name: partial(field.get_default, call_default_factory=True)
        for name, field in table.model_fields.items()
        if not field.is_required()
    }
