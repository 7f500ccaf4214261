"""Setting the guards of insert-only tables aside, for the few acts of an operator that must reach into them."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, text

_TRIGGERS = text("SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND tbl_name = :table ORDER BY rowid")


@contextmanager
def guards_aside(connection: Connection, tables: Iterable[str]) -> Iterator[None]:
    """While the block runs these tables can be changed; afterwards their triggers are as they were before.

    Part of the caller's transaction: if it is rolled back, nothing has happened. Other writers wait for its end.
    """
    if connection.dialect.name != "sqlite":
        for table in tables:
            connection.execute(text(f'ALTER TABLE "{table}" DISABLE TRIGGER USER'))
        yield
        for table in tables:
            connection.execute(text(f'ALTER TABLE "{table}" ENABLE TRIGGER USER'))
        return
    aside = [row for table in tables for row in connection.execute(_TRIGGERS, {"table": table}).all()]
    for name, _ in aside:
        connection.execute(text(f'DROP TRIGGER "{name}"'))
    yield
    for _, statement in aside:
        # Not as a SQLAlchemy text, which would take a colon in it for a parameter.
        connection.exec_driver_sql(statement)
