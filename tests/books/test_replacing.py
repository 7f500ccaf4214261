"""INSERT OR REPLACE and UPDATE OR REPLACE of SQLite, from a connection that lets no trigger start another one.

The tables and their keys are read from the migrated books: a new table that keeps its rows is tried here by itself.
"""

import sqlite3
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from alembic import command

from books.guards import guards_aside
from books.schema import alembic_config, migrate
from books.session import Books
from tests.books.migrated import seeded_file
from tests.servers.shared import SharedServers
from tests.services.audit_log import outsider

Row = Mapping[str, object]
Key = tuple[str, ...]
TRIGGERS = "SELECT name, tbl_name, sql FROM sqlite_master WHERE type = 'trigger' ORDER BY rowid"
NUMBERS = ("INT", "BOOL", "NUM", "FLOAT")


@pytest.fixture
def books(servers: SharedServers, tmp_path: Path) -> Iterator[Books]:
    """Seeded books on SQLite."""
    with seeded_file(servers, tmp_path) as made:
        yield made


def kept(connection: sqlite3.Connection) -> list[str]:
    """The tables whose rows are never removed."""
    return sorted({table for _, table, sql in connection.execute(TRIGGERS) if "BEFORE DELETE" in sql})


def keys(connection: sqlite3.Connection, table: str) -> list[Key]:
    """By which a row is found again: its primary key and the columns of each unique index."""
    primary = "SELECT name FROM pragma_table_info(?) WHERE pk ORDER BY pk"
    unique = "SELECT name FROM pragma_index_list(?) WHERE \"unique\" AND origin <> 'pk'"
    found = [tuple(name for (name,) in connection.execute(primary, (table,)))]
    for (index,) in connection.execute(unique, (table,)).fetchall():
        found.append(tuple(name for (name,) in connection.execute("SELECT name FROM pragma_index_info(?)", (index,))))
    return found


def row_of(connection: sqlite3.Connection, table: str, n: int) -> Row:
    """A row that has nothing in common with that of another n; what can be empty is, unless it is of a key."""
    of_keys = {column for key in keys(connection, table) for column in key}
    described = connection.execute('SELECT name, type, "notnull" FROM pragma_table_info(?)', (table,)).fetchall()
    return {
        name: 900 + n if any(word in kind for word in NUMBERS) else f"row {n}"
        for name, kind, needed in described
        if needed or name in of_keys
    }


def write(connection: sqlite3.Connection, table: str, row: Row, how: str = "INSERT OR REPLACE") -> None:
    columns, marks = ", ".join(f'"{name}"' for name in row), ", ".join("?" for _ in row)
    connection.execute(f"{how} INTO {table} ({columns}) VALUES ({marks})", tuple(row.values()))


def leave_one_guard(connection: sqlite3.Connection, table: str) -> None:
    """Takes all other triggers of a table away, so that no other one can have refused."""
    for name, of, _ in connection.execute(TRIGGERS).fetchall():
        if of == table and not name.startswith(f"{table}_no_replace"):
            connection.execute(f"DROP TRIGGER {name}")


def test_no_row_that_is_kept_gives_way_to_one_with_the_same_key(books: Books) -> None:
    with outsider(books) as connection:
        connection.execute("PRAGMA ignore_check_constraints = ON")
        tables = kept(connection)
        assert len(tables) > 50
        for table in tables:
            leave_one_guard(connection, table)
            written = row_of(connection, table, 1)
            write(connection, table, written, "INSERT")
            before = connection.execute(f"SELECT rowid, * FROM {table}").fetchall()
            for key in keys(connection, table):
                second = {**row_of(connection, table, 2), **{column: written[column] for column in key}}
                with pytest.raises(sqlite3.IntegrityError, match=f"UNIQUE constraint failed: {table} is insert-only"):
                    write(connection, table, second)
            if not number_is_key(connection, table):
                with pytest.raises(sqlite3.IntegrityError, match=f"^{table} is insert-only"):
                    write(connection, table, {"rowid": before[-1][0], **row_of(connection, table, 2)})
            assert connection.execute(f"SELECT rowid, * FROM {table}").fetchall() == before
            write(connection, table, row_of(connection, table, 2))
            assert len(connection.execute(f"SELECT rowid FROM {table}").fetchall()) == len(before) + 1


def number_is_key(connection: sqlite3.Connection, table: str) -> bool:
    """Whether SQLite numbers the rows of a table by its key."""
    asked = "SELECT type FROM pragma_table_info(?) WHERE pk"
    return connection.execute(asked, (table,)).fetchall() == [("INTEGER",)]


def test_no_row_that_is_kept_gives_way_to_one_that_changes(books: Books) -> None:
    with outsider(books) as connection:
        connection.execute("PRAGMA ignore_check_constraints = ON")
        guards = {name for name, *_ in connection.execute(TRIGGERS)}
        tables = [table for table in kept(connection) if f"{table}_no_update" not in guards]
        assert {"loan", "payment"} < set(tables)
        for table in tables:
            leave_one_guard(connection, table)
            first, second = (row_of(connection, table, n) for n in (1, 2))
            for row in (first, second):
                write(connection, table, row, "INSERT")
            before = connection.execute(f"SELECT rowid, * FROM {table}").fetchall()
            (number, *_), (own, *_) = before[-2:]
            for key in [*keys(connection, table), ("rowid",)]:
                changes = ", ".join(f"{column} = ?" for column in key)
                values = [number if column == "rowid" else first[column] for column in key]
                with pytest.raises(sqlite3.IntegrityError, match="insert-only"):
                    connection.execute(f"UPDATE OR REPLACE {table} SET {changes} WHERE rowid = ?", (*values, own))
            assert connection.execute(f"SELECT rowid, * FROM {table}").fetchall() == before


def test_what_is_unique_under_a_condition_is_refused_under_it_only(books: Books) -> None:
    table = "collateral_condition"
    with outsider(books) as connection:
        waits = row_of(connection, table, 1)
        met = {**waits, "id": "met", "met_on": "2026-01-05"}
        for row in (met, waits, {**met, "id": "met too"}):
            write(connection, table, row)
        with pytest.raises(sqlite3.IntegrityError, match="insert-only"):
            write(connection, table, {**waits, "id": "waits too"})
        assert connection.execute(f"SELECT count(*) FROM {table}").fetchone() == (3,)


def test_these_guards_are_taken_down_and_put_up_again(books: Books) -> None:
    with outsider(books) as connection:
        before = connection.execute(TRIGGERS).fetchall()
    command.downgrade(alembic_config(books.url), "0029")
    with outsider(books) as connection:
        left = {table for name, table, _ in connection.execute(TRIGGERS) if "_no_replace" in name}
    assert left == {"audit_deposit", "audit_entry", "audit_seal", "audit_sealed"}
    migrate(books.url)
    with outsider(books) as connection:
        assert sorted(connection.execute(TRIGGERS)) == sorted(before)


def test_an_operator_who_sets_the_guards_aside_finds_them_again(books: Books) -> None:
    with outsider(books) as connection:
        before, tables = connection.execute(TRIGGERS).fetchall(), kept(connection)
    with books.engine.begin() as ours, guards_aside(ours, tables):
        ours.exec_driver_sql("INSERT OR REPLACE INTO posting SELECT * FROM posting")
    with outsider(books) as connection:
        assert sorted(connection.execute(TRIGGERS)) == sorted(before)
        with pytest.raises(sqlite3.IntegrityError, match="insert-only"):
            connection.execute("INSERT OR REPLACE INTO posting SELECT * FROM posting")
