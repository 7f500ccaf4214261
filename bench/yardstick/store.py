"""One SQLite file, with as many commits as the real books make and as little in them as will do."""

import json
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

Row = dict[str, Any]

_TABLES = """
CREATE TABLE IF NOT EXISTS loans (loan TEXT PRIMARY KEY, number INTEGER UNIQUE, stage TEXT, form TEXT);
CREATE INDEX IF NOT EXISTS by_stage ON loans (stage, number);
CREATE TABLE IF NOT EXISTS effects (key TEXT PRIMARY KEY, body TEXT);
CREATE TABLE IF NOT EXISTS outbox (id INTEGER PRIMARY KEY, topic TEXT, loan TEXT, key TEXT, state TEXT DEFAULT 'new');
CREATE TABLE IF NOT EXISTS contracts (loan TEXT PRIMARY KEY, state TEXT DEFAULT 'new', sha256 TEXT, content BLOB);
CREATE INDEX IF NOT EXISTS waiting ON contracts (state) WHERE state = 'new';
CREATE TABLE IF NOT EXISTS codes (loan TEXT PRIMARY KEY, hash TEXT, digits TEXT);
CREATE INDEX IF NOT EXISTS by_state ON outbox (state) WHERE state = 'new';
"""


class Store:
    """Opened by the edge and by the worker; durable as the books are (WAL, synchronous FULL)."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._local = threading.local()
        self._writer = threading.Lock()
        self._connection().executescript(_TABLES)

    def apply(self, form: Row) -> str:
        """Keeps an application with its message and its start; returns its number."""
        with self._transaction() as connection:
            number = connection.execute("SELECT coalesce(max(number), 0) + 1 FROM loans").fetchone()[0]
            loan = f"Y{number:08d}"
            connection.execute(
                "INSERT INTO loans VALUES (?, ?, 'application', ?)",
                (loan, number, json.dumps(form, ensure_ascii=False)),
            )
            connection.executemany(
                "INSERT INTO outbox (topic, loan, key) VALUES (?, ?, ?)",
                [(topic, loan, f"{loan}:{topic}") for topic in ("start", "sms", "card")],
            )
        return loan

    def form(self, loan: str) -> Row:
        """What the applicant gave."""
        row = self._connection().execute("SELECT form FROM loans WHERE loan = ?", (loan,)).fetchone()
        form: Row = json.loads(row[0])
        return form

    def keep(
        self, key: str, body: Row, loan: str | None = None, stage: str | None = None, topic: str | None = None
    ) -> None:
        """One commit: an effect, and where it matters the stage and a message to be delivered.

        An offer has a contract to be made.
        """
        with self._transaction() as connection:
            connection.execute(
                "INSERT OR IGNORE INTO effects VALUES (?, ?)", (key, json.dumps(body, ensure_ascii=False))
            )
            if stage is not None:
                connection.execute("UPDATE loans SET stage = ? WHERE loan = ?", (stage, loan))
            if stage == "acceptance":
                connection.execute("INSERT OR IGNORE INTO contracts (loan) VALUES (?)", (loan,))
            if topic is not None:
                connection.execute("INSERT INTO outbox (topic, loan, key) VALUES (?, ?, ?)", (topic, loan, key))

    def claim_contract(self) -> str | None:
        """A contract to make, taken with a commit."""
        query = "SELECT loan FROM contracts WHERE state = 'new' LIMIT 1"
        if self._connection().execute(query).fetchone() is None:
            return None
        with self._transaction() as connection:
            row = connection.execute(query).fetchone()
            if row is None:
                return None
            loan: str = row[0]
            connection.execute("UPDATE contracts SET state = 'taken' WHERE loan = ?", (loan,))
        return loan

    def keep_contract(self, loan: str, sha256: str, content: bytes) -> None:
        """One commit: the contract as it was set."""
        with self._transaction() as connection:
            connection.execute(
                "UPDATE contracts SET state = 'done', sha256 = ?, content = ? WHERE loan = ?", (sha256, content, loan)
            )

    def contract(self, loan: str) -> str | None:
        """The digest of a contract; None until it is made."""
        row = self._connection().execute("SELECT sha256 FROM contracts WHERE loan = ?", (loan,)).fetchone()
        return row[0] if row else None

    def keep_code(self, loan: str, hashed: str, digits: str) -> None:
        """One commit: a code and its message."""
        with self._transaction() as connection:
            connection.execute("INSERT OR REPLACE INTO codes VALUES (?, ?, ?)", (loan, hashed, digits))
            connection.execute("INSERT INTO outbox (topic, loan, key) VALUES ('code', ?, ?)", (loan, f"{loan}:code"))

    def code(self, loan: str) -> tuple[str, str]:
        """Hash and digits of a code."""
        found: tuple[str, str] = (
            self._connection().execute("SELECT hash, digits FROM codes WHERE loan = ?", (loan,)).fetchone()
        )
        return found

    def forget_code(self, loan: str) -> None:
        """One commit: the digits of a code that was sent go."""
        with self._transaction() as connection:
            connection.execute("UPDATE codes SET digits = NULL WHERE loan = ?", (loan,))

    def at_stage(self, stage: str, limit: int) -> list[str]:
        """The newest loans at a stage."""
        query = "SELECT loan FROM loans WHERE stage = ? ORDER BY number DESC LIMIT ?"
        return [row[0] for row in self._connection().execute(query, (stage, limit))]

    def with_contract(self, limit: int) -> list[str]:
        """The newest loans whose contract is made and waits to be signed."""
        query = (
            "SELECT loan FROM loans JOIN contracts USING (loan) "
            "WHERE stage = 'acceptance' AND state = 'done' ORDER BY number DESC LIMIT ?"
        )
        return [row[0] for row in self._connection().execute(query, (limit,))]

    def claim(self, limit: int) -> list[tuple[int, str, str, str]]:
        """Messages to deliver, taken with a commit."""
        query = "SELECT id, topic, loan, key FROM outbox WHERE state = 'new' ORDER BY id LIMIT ?"
        if self._connection().execute(query, (1,)).fetchone() is None:
            return []
        with self._transaction() as connection:
            rows = connection.execute(query, (limit,)).fetchall()
            connection.executemany("UPDATE outbox SET state = 'taken' WHERE id = ?", [(row[0],) for row in rows])
        return rows

    def settle(self, ids: list[int]) -> None:
        """Marks messages as delivered."""
        with self._transaction() as connection:
            connection.executemany("UPDATE outbox SET state = 'done' WHERE id = ?", [(one,) for one in ids])

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        connection = self._connection()
        with self._writer:
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
            except BaseException:
                connection.execute("ROLLBACK")
                raise
            connection.execute("COMMIT")

    def _connection(self) -> sqlite3.Connection:
        found: sqlite3.Connection | None = getattr(self._local, "connection", None)
        if found is None:
            found = self._local.connection = sqlite3.connect(self._file, timeout=30, isolation_level=None)
            for pragma in ("journal_mode=WAL", "synchronous=FULL"):
                found.execute(f"PRAGMA {pragma}")
        return found
