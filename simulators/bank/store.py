"""The bank's file: accounts and double entries. One process, one connection, every act one transaction."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import date, timedelta
from pathlib import Path

from simulators.bank.habits import movements
from simulators.numbers import account_number
from simulators.records import AccountHabit, Population
from simulators.refusals import OtherBank

TREASURY_ACCOUNT = account_number(900_000_002)
OTHER_BANKS = account_number(900_000_003)
"""Where salaries and deposits come from; its balance may be negative, so that all balances add up to zero."""

LENDER_NAME = "本行放款专户"
TREASURY_NAME = "国家助学贷款贴息专户"
LENDER_OPENING_FEN = 500_000_000_00
TREASURY_OPENING_FEN = 10_000_000_000_00

_SCHEMA = """
CREATE TABLE IF NOT EXISTS facts (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS accounts (
    account TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    closed INTEGER NOT NULL,
    balance_fen INTEGER NOT NULL,
    lived_until TEXT NOT NULL,
    pay_day INTEGER, inflow_fen INTEGER, paid_from TEXT, paid_until TEXT, keeps_days INTEGER, kept_fen INTEGER
);
CREATE TABLE IF NOT EXISTS orders (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    end_to_end_id TEXT NOT NULL,
    kind TEXT NOT NULL,
    account TEXT NOT NULL,
    name TEXT NOT NULL,
    amount_fen INTEGER NOT NULL CHECK (amount_fen > 0),
    value_date TEXT NOT NULL,
    purpose TEXT NOT NULL,
    partial INTEGER NOT NULL,
    status TEXT NOT NULL,
    moved_fen INTEGER NOT NULL DEFAULT 0,
    booked_on TEXT,
    reason_code TEXT
);
CREATE UNIQUE INDEX IF NOT EXISTS order_once ON orders (end_to_end_id, kind = 'recall');
CREATE INDEX IF NOT EXISTS pending_orders ON orders (id) WHERE status = 'pending';
CREATE TABLE IF NOT EXISTS entries (
    id INTEGER PRIMARY KEY,
    account TEXT NOT NULL,
    amount_fen INTEGER NOT NULL,
    booked_on TEXT NOT NULL,
    kind TEXT NOT NULL,
    reference TEXT NOT NULL,
    end_to_end_id TEXT,
    counterparty_account TEXT NOT NULL,
    counterparty_name TEXT NOT NULL,
    text TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS entries_of_day ON entries (account, booked_on);
CREATE TABLE IF NOT EXISTS notices (
    id INTEGER PRIMARY KEY,
    reference TEXT NOT NULL UNIQUE,
    body TEXT NOT NULL,
    copies INTEGER NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0,
    due_at REAL NOT NULL DEFAULT 0
);
CREATE INDEX IF NOT EXISTS due_notices ON notices (due_at);
CREATE TABLE IF NOT EXISTS messages (message_id TEXT PRIMARY KEY, end_to_end_id TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS mandates (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    key TEXT NOT NULL UNIQUE,
    account TEXT NOT NULL,
    name TEXT NOT NULL,
    signed_on TEXT NOT NULL,
    document_sha256 TEXT NOT NULL,
    most_fen INTEGER
);
"""


@dataclass(frozen=True, slots=True)
class Account:
    """An account as of the day it was asked for."""

    account: str
    name: str = field(repr=False)
    closed: bool
    balance_fen: int


@dataclass(frozen=True, slots=True)
class Entry:
    """One side of a booking; positive came in, negative went out."""

    reference: str
    end_to_end_id: str | None
    kind: str
    amount_fen: int
    booked_on: date
    counterparty_account: str
    counterparty_name: str
    text: str


class BankStore:
    """Accounts and entries. Survives a killed process: SQLite in WAL mode, committed before an answer is given."""

    def __init__(self, data_dir: Path, population: Population, lender_account: str) -> None:
        """Opens the bank of a population, or sets it up with everybody's opening balance.

        Refused: a directory that holds the bank of another population or lender.
        """
        self.lender_account = lender_account
        data_dir.mkdir(parents=True, exist_ok=True)
        self.connection = sqlite3.connect(data_dir / "bank.sqlite3", isolation_level=None)
        self.connection.row_factory = sqlite3.Row
        # NORMAL outlives a killed process, which is what tests do; it would not outlive a power cut.
        self.connection.execute("PRAGMA journal_mode = WAL")
        self.connection.execute("PRAGMA synchronous = NORMAL")
        self.connection.executescript(_SCHEMA)
        with self.transaction():
            self._open_accounts(population)

    def close(self) -> None:
        """Closes the file."""
        self.connection.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """One act: all of it is stored, or nothing."""
        self.connection.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self.connection.execute("ROLLBACK")
            raise
        self.connection.execute("COMMIT")

    def account(self, account: str, on: date) -> Account | None:
        """The account with all salary and spending up to that day booked. Call it inside a transaction."""
        row = self.connection.execute("SELECT * FROM accounts WHERE account = ?", (account,)).fetchone()
        if row is None:
            return None
        balance_fen = row["balance_fen"]
        lived_until = date.fromisoformat(row["lived_until"])
        if row["pay_day"] is not None and not row["closed"] and on > lived_until:
            habit = AccountHabit(
                pay_day=row["pay_day"],
                inflow_fen=row["inflow_fen"],
                paid_from=date.fromisoformat(row["paid_from"]),
                paid_until=date.fromisoformat(row["paid_until"]),
                keeps_days=row["keeps_days"],
                kept_fen=row["kept_fen"],
            )
            for movement in movements(habit, balance_fen, lived_until, on):
                balance_fen += movement.amount_fen
                self.book(
                    from_account=OTHER_BANKS,
                    to_account=account,
                    entry=Entry(
                        reference=f"{movement.kind}-{movement.on}",
                        end_to_end_id=None,
                        kind=movement.kind,
                        amount_fen=movement.amount_fen,
                        booked_on=movement.on,
                        counterparty_account=OTHER_BANKS,
                        counterparty_name="",
                        text="",
                    ),
                )
            self.connection.execute("UPDATE accounts SET lived_until = ? WHERE account = ?", (on.isoformat(), account))
        return Account(account, row["name"], bool(row["closed"]), balance_fen)

    def book(self, *, from_account: str, to_account: str, entry: Entry) -> None:
        """Moves `entry.amount_fen` between two accounts; `entry` is what the receiving side's statement shows."""
        receiver_name = "" if from_account == OTHER_BANKS else self._name(to_account)
        sides = (
            (to_account, entry.amount_fen, entry.counterparty_account, entry.counterparty_name),
            (from_account, -entry.amount_fen, to_account, receiver_name),
        )
        for account, amount_fen, counterparty_account, counterparty_name in sides:
            self.connection.execute(
                "UPDATE accounts SET balance_fen = balance_fen + ? WHERE account = ?", (amount_fen, account)
            )
            self.connection.execute(
                "INSERT INTO entries (account, amount_fen, booked_on, kind, reference, end_to_end_id,"
                " counterparty_account, counterparty_name, text) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    *(account, amount_fen, entry.booked_on.isoformat(), entry.kind, entry.reference),
                    *(entry.end_to_end_id, counterparty_account, counterparty_name, entry.text),
                ),
            )

    def balance_before(self, account: str, on: date) -> int:
        """What stood on the account at the beginning of that day."""
        total: int = self.connection.execute(
            "SELECT coalesce(sum(amount_fen), 0) FROM entries WHERE account = ? AND booked_on < ?",
            (account, on.isoformat()),
        ).fetchone()[0]
        return total

    def entries(self, account: str, on: date) -> list[Entry]:
        """What was booked on the account that day, in order."""
        rows = self.connection.execute(
            "SELECT reference, end_to_end_id, kind, amount_fen, booked_on, counterparty_account, counterparty_name,"
            " text FROM entries WHERE account = ? AND booked_on = ? ORDER BY id",
            (account, on.isoformat()),
        )
        return [Entry(**{**dict(row), "booked_on": date.fromisoformat(row["booked_on"])}) for row in rows]

    def _name(self, account: str) -> str:
        row = self.connection.execute("SELECT name FROM accounts WHERE account = ?", (account,)).fetchone()
        return str(row["name"]) if row is not None else ""

    def _open_accounts(self, population: Population) -> None:
        people = f"seed {population.seed}, {len(population.people)} people, {population.base_date}"
        identity = f"{people}, lender {self.lender_account}"
        known = self.connection.execute("SELECT value FROM facts WHERE name = 'population'").fetchone()
        if known is not None:
            if known["value"] != identity:
                raise OtherBank(f"the data directory holds the bank of {known['value']}, not of {identity}")
            return
        self.connection.execute("INSERT INTO facts VALUES ('population', ?)", (identity,))
        opened_on = population.base_date - timedelta(days=1)
        self._open(OTHER_BANKS, "其他银行", 0, opened_on)
        self._open(self.lender_account, LENDER_NAME, LENDER_OPENING_FEN, opened_on)
        self._open(TREASURY_ACCOUNT, TREASURY_NAME, TREASURY_OPENING_FEN, opened_on)
        for dealer in population.dealers:
            self._open(dealer.account, dealer.name, 0, opened_on)
        for school in population.schools:
            self._open(school.account, school.name, 0, opened_on)
        for person in population.people:
            self._open(
                person.account,
                person.name,
                person.opening_balance_fen,
                opened_on,
                closed=person.account_closed,
                habit=person.account_habit,
            )

    def _open(
        self,
        account: str,
        name: str,
        opening_fen: int,
        opened_on: date,
        *,
        closed: bool = False,
        habit: AccountHabit | None = None,
    ) -> None:
        columns = {"account": account, "name": name, "closed": closed, "balance_fen": 0, "lived_until": opened_on}
        if habit is not None:
            columns |= asdict(habit)
        values = [value.isoformat() if isinstance(value, date) else value for value in columns.values()]
        self.connection.execute(
            f"INSERT INTO accounts ({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))})", values
        )
        if opening_fen:
            opening = Entry("opening", None, "opening", opening_fen, opened_on, OTHER_BANKS, "", "")
            self.book(from_account=OTHER_BANKS, to_account=account, entry=opening)
