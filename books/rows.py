"""Rows written once: a plain INSERT, at a fraction of what it costs to have the ORM watch and flush an object."""

from functools import cache

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
    values = {name: getattr(row, name) for name in type(row).model_fields}
    session.connection().execute(insert_into(type(row)), values)
