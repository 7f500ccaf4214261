"""Personal data under seal: one mechanism for all tables, on the way of every statement and every row.

Before an INSERT or UPDATE runs, its personal parameters are sealed with the data key of the customer whom the row is
about, or with the house's own; each value is bound to its table, column and row. When a mapped row is read its values
are opened. What selects single personal columns opens them with `opened`.

What cannot be opened refuses whatever reads it. Only where values are `showing` and nothing else, one of them refuses
nobody the others.
"""

import os
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from time import monotonic
from types import SimpleNamespace
from typing import Any, cast
from weakref import WeakKeyDictionary

from sqlalchemy import (
    ColumnElement,
    Connection,
    Engine,
    Insert,
    Row,
    Table,
    Update,
    bindparam,
    event,
    insert,
    inspect,
    select,
)
from sqlalchemy.orm import InstrumentedAttribute, Mapper, QueryContext
from sqlmodel import Session, SQLModel, col

from books.portions import in_portions
from lending.errors import LendingError
from models.columns import READ_OF_LATE, Sealed, UnderASeal, Unopened, UnopenedForm
from models.customers import Customer
from models.data_keys import HOUSE, DataKey
from models.loans import Loan
from models.sealing import (
    KEY_BYTES,
    NOT_OPENED,
    DataCipher,
    KeyMissing,
    LockedFile,
    PersonErased,
    SealBroken,
    key_of,
    keys,
)

VAULT = "vault"
"""The name under which an engine's connections and sessions find its vault."""
SHOWN = "shown"
"""Under which a session keeps what it could not open, while it reads what is only shown."""
MOST_NOTED = 20
UNSAID = "?"
"""Stands for the owner of a table that does not say whose its personal columns are."""
KEEP_SECONDS = 60
"""How long a process goes on with a data key: one that was destroyed is gone everywhere after that."""
MOST_KEYS = 10_000
MOST_LOANS = 20_000

_KEYS = select(col(DataKey.id), col(DataKey.ring_key), col(DataKey.wrapped)).where(
    col(DataKey.id).in_(bindparam("ids", expanding=True))
)
_NEW_KEYS = insert(DataKey)
_CUSTOMERS = select(col(Loan.number), col(Loan.customer_id)).where(
    col(Loan.number).in_(bindparam("numbers", expanding=True))
)


@dataclass(frozen=True)
class SealedTable:
    """A table with personal columns, and the column that says whose they are.

    `owner` is the row's `__sealed_for__`: a column with a customer's id, `loan` for the customer of that loan, or None
    for the house. Where that column is empty the row is the house's too.
    """

    table: Table
    columns: Mapping[str, UnderASeal]
    key: tuple[str, ...]
    owner: str | None

    def bound_to(self, column: str, row: str) -> str:
        """What a value is bound to: it opens in no other place."""
        return f"{self.table.name}|{column}|{row}"


class Vault:
    """The data keys of one database as this process knows them, unwrapped, few and not for long."""

    def __init__(self) -> None:
        self._ciphers: OrderedDict[str, tuple[float, DataCipher | None]] = OrderedDict()
        self._customers: OrderedDict[str, str] = OrderedDict()
        # Loans of a transaction that may yet be rolled back, and their numbers be given to others.
        self._fresh: WeakKeyDictionary[Connection, dict[str, str]] = WeakKeyDictionary()
        self._lock = threading.Lock()

    # -- keys --------------------------------------------------------------------------------------------------------

    def known(self, name: str) -> tuple[DataCipher | None] | None:
        """The cipher of a data key (None in it: destroyed), or None if it has to be asked for."""
        found = self._ciphers.get(name)
        return (found[1],) if found is not None and found[0] > monotonic() else None

    def fetch(self, connection: Connection, names: Iterable[str]) -> dict[str, LendingError]:
        """Asks for data keys that are not known, and for those of what this thread read of late with them.

        Gives, by name, why one does not open: whoever needs that one is refused, and nobody else.
        """
        broken: dict[str, LendingError] = {}
        wanted = {name for name in (*names, *READ_OF_LATE.names) if self.known(name) is None}
        READ_OF_LATE.names.clear()
        for portion in in_portions(wanted):
            for name, ring_key, wrapped in connection.execute(_KEYS, {"ids": portion}).all():
                try:
                    key = None if wrapped is None else keys().open(ring_key, wrapped, wrapping(name))
                except NOT_OPENED as error:
                    broken[name] = error
                else:
                    self._keep(name, None if key is None else DataCipher(name, key))
        return broken

    def cipher(self, connection: Callable[[], Connection], name: str) -> DataCipher | None:
        """The cipher of a data key, None if the key was destroyed. Raises SealBroken and KeyMissing."""
        known = self.known(name)
        if known is None:
            broken = self.fetch(connection(), [name])
            known = self.known(name)
            if known is None:
                raise broken.get(name) or KeyMissing(name)
        return known[0]

    def make(self, connection: Connection, names: Sequence[str]) -> None:
        """Writes new data keys, sealed with the newest key of the ring."""
        now, ring, rows = datetime.now(UTC), keys(), []
        for name in names:
            key = os.urandom(KEY_BYTES)
            ring_key, wrapped = ring.seal(key, wrapping(name))
            rows.append({"id": name, "ring_key": ring_key, "wrapped": wrapped, "created_at": now})
            self._keep(name, DataCipher(name, key))
        connection.execute(_NEW_KEYS, rows)

    def forget(self, name: str) -> None:
        """Makes this process ask for a key again."""
        with self._lock:
            self._ciphers.pop(name, None)

    def _keep(self, name: str, cipher: DataCipher | None) -> None:
        with self._lock:
            self._ciphers[name] = (monotonic() + KEEP_SECONDS, cipher)
            self._ciphers.move_to_end(name)
            if len(self._ciphers) > MOST_KEYS:
                self._ciphers.popitem(last=False)

    # -- whose rows they are -----------------------------------------------------------------------------------------

    def note_loans(self, connection: Connection, rows: Iterable[Mapping[str, Any]]) -> None:
        """Notes whose loans are being written in this transaction."""
        self._fresh.setdefault(connection, {}).update({row["number"]: row["customer_id"] for row in rows})

    def customers(self, connection: Connection, loans: Iterable[str]) -> dict[str, str]:
        """The customers of loans, kept once committed: a loan changes its customer once at most, when he turns out to
        be somebody known, and what is sealed for the one that was stated is erased with him.
        """
        fresh = self._fresh.get(connection, {})
        found = {loan: customer for loan in set(loans) if (customer := fresh.get(loan) or self._customers.get(loan))}
        for portion in in_portions(set(loans) - found.keys()):
            rows = connection.execute(_CUSTOMERS, {"numbers": portion})
            asked = {row.number: row.customer_id for row in rows}
            found |= asked
            with self._lock:
                self._customers |= asked
                while len(self._customers) > MOST_LOANS:
                    self._customers.popitem(last=False)
        return found

    def owners(
        self, connection: Connection, sealed: SealedTable, rows: Sequence[Mapping[str, Any]], *, new: bool
    ) -> list[str]:
        """The names of the data keys for rows that are written."""
        owner = sealed.owner
        if owner == UNSAID:
            raise TypeError(f"{sealed.table.name} has personal columns; say by __sealed_for__ whose they are")
        if owner is None:
            return [HOUSE] * len(rows)
        if new:
            values = [row.get(owner) for row in rows]
        elif owner in sealed.key:
            values = [row[_in_where(sealed, owner)] for row in rows]
        else:
            values = [row[owner] if owner in row else self._owner_of(connection, sealed, row) for row in rows]
        if owner == "loan":
            customers = self.customers(connection, {loan for loan in values if loan is not None})
            # A loan that is not there is refused by the database itself.
            values = [None if loan is None else customers.get(loan) for loan in values]
        return [value or HOUSE for value in values]

    def _owner_of(self, connection: Connection, sealed: SealedTable, row: Mapping[str, Any]) -> str | None:
        query = _owner_query(sealed.table, sealed.owner or "", sealed.key)
        found = connection.execute(query, {name: row[_in_where(sealed, name)] for name in sealed.key})
        owner: str | None = found.scalar_one()
        return owner

    # -- sealing and opening -----------------------------------------------------------------------------------------

    def seal(
        self, connection: Connection, sealed: SealedTable, rows: Sequence[Mapping[str, Any]], *, new: bool
    ) -> list[dict[str, Any]]:
        """The rows of an INSERT or UPDATE with their personal values sealed."""
        names = [name for name in sealed.columns if any(row.get(name) is not None for row in rows)]
        if not names:
            return [dict(row) for row in rows]
        if new and sealed.table is CUSTOMER:
            self.make(connection, [row["id"] for row in rows])
        owners = self.owners(connection, sealed, rows, new=new)
        if any(self.known(owner) is None for owner in owners):
            self.fetch(connection, owners)
        return [
            self._sealed(connection, sealed, row, names, owner, new=new)
            for row, owner in zip(rows, owners, strict=True)
        ]

    def _sealed(
        self,
        connection: Connection,
        sealed: SealedTable,
        row: Mapping[str, Any],
        names: Sequence[str],
        owner: str,
        *,
        new: bool,
    ) -> dict[str, Any]:
        cipher = self.cipher(lambda: connection, owner)
        if cipher is None:
            raise PersonErased(owner)
        key = row_id(row[name if new else _in_where(sealed, name)] for name in sealed.key)
        values = dict(row)
        for name in names:
            value = values.get(name)
            if isinstance(value, Unopened | UnopenedForm):
                raise TypeError(f"{sealed.table.name}.{name} was read to be shown; it is not written back")
            if value is not None and not isinstance(value, Sealed):
                kind, bound_to = sealed.columns[name], sealed.bound_to(name, key)
                seal = cipher.seal_file if kind.is_file else cipher.seal
                values[name] = Sealed(seal(kind.encode(value), bound_to))
        return values

    def open(
        self, connection: Callable[[], Connection], sealed: SealedTable, column: str, row: str, kept: Sealed
    ) -> Any:
        """The value of one personal column of one row; a file comes locked. Raises SealBroken and KeyMissing."""
        kind, bound_to = sealed.columns[column], sealed.bound_to(column, row)
        if isinstance(kept.kept, bytes):
            return self._locked(connection, kept.kept, bound_to)
        cipher = self.cipher(connection, key_of(kept.kept, bound_to))
        return kind.erased() if cipher is None else kind.decode(cipher.open(kept.kept, bound_to))

    def _locked(self, connection: Callable[[], Connection], kept: bytes, bound_to: str) -> LockedFile:
        try:
            name = key_of(kept, bound_to)
        except SealBroken:
            # Under a key of the ring, as its row says; or damaged, which shows when it is opened.
            return LockedFile(kept, None, "", bound_to)
        return LockedFile(kept, self.cipher(connection, name), name, bound_to)


def wrapping(name: str) -> str:
    """What a data key is bound to where it lies."""
    return f"data_key|wrapped|{name}"


def row_id(key: Iterable[object]) -> str:
    """A row's key as values are bound to it."""
    return "/".join(map(str, key))


def vault_of(session: Session) -> Vault:
    """The vault of the books that a session works on."""
    vault: Vault = session.get_bind().get_execution_options()[VAULT]
    return vault


def opened(session: Session, column: Any, key: object, kept: Any) -> Any:
    """The value of a personal column that was selected by itself; `key` is its row's, a tuple if it has several parts.

    None stays None. For many rows select them all first: their keys are then asked for at once.
    """
    if kept is None:
        return None
    attribute = cast(InstrumentedAttribute[Any], column)
    sealed = _sealed(cast(type[SQLModel], attribute.class_))
    row = row_id(key) if isinstance(key, tuple) else str(key)
    return _value(session, sealed, attribute.key, row, kept)


def opened_or_why(session: Session, column: Any, key: object, kept: Any) -> Any:
    """As `opened`, for one of many rows: the refusal stands for a value that cannot be opened, for whoever needs it."""
    try:
        return opened(session, column, key, kept)
    except NOT_OPENED as refusal:
        return refusal


@dataclass
class Shown:
    """What could not be opened where values are only shown: why, each reason once, and by which data keys."""

    refusals: dict[str, LendingError] = field(default_factory=dict)
    keys: dict[str, LendingError] = field(default_factory=dict)

    def note(self, error: LendingError) -> None:
        """Keeps a reason, up to a bound: whoever looks into one finds the others."""
        if len(self.refusals) < MOST_NOTED:
            self.refusals.setdefault(str(error), error)


@contextmanager
def showing(session: Session) -> Iterator[Shown]:
    """While the block lasts, what this session reads is shown to somebody and nothing else: one value that cannot be
    opened stands as such (`UNOPENED`) in its place, and the others are read. Files still refuse where they are opened.

    Nothing that was read in the block may be used for an act; what is shown is never written back.
    """
    shown = session.info[SHOWN] = Shown()
    try:
        yield shown
    finally:
        del session.info[SHOWN]


def _value(session: Session, sealed: SealedTable, column: str, row: str, kept: Sealed) -> Any:
    """A value opened; where values are only shown, what stands in its place."""
    vault, shown = vault_of(session), session.info.get(SHOWN)
    if shown is None:
        return vault.open(session.connection, sealed, column, row, kept)
    kind, bound_to = sealed.columns[column], sealed.bound_to(column, row)
    try:
        if shown.keys and not kind.is_file and (broken := shown.keys.get(key_of(kept.kept, bound_to))) is not None:
            raise broken
        return vault.open(session.connection, sealed, column, row, kept)
    except NOT_OPENED as error:
        shown.note(error)
        if isinstance(kept.kept, bytes):
            return LockedFile(kept.kept, None, "", bound_to, error)
        _note_key(vault, shown, kept.kept, error)
        return kind.unopened()


def _note_key(vault: Vault, shown: Shown, kept: str, error: LendingError) -> None:
    """Has a data key that is not to be had asked for once, and not for each of its values."""
    try:
        name = key_of(kept, "")
    except SealBroken:
        return
    if vault.known(name) is None:
        shown.keys[name] = error


def opened_rows(session: Session, rows: Sequence[Row[Any]], **personal: tuple[Any, *tuple[str, ...]]) -> list[Any]:
    """Selected rows with personal columns opened: by name in the rows, which column it is and where its key stands."""

    def value(row: Row[Any], name: str) -> Any:
        column, *key = personal[name]
        return opened(session, column, tuple(getattr(row, part) for part in key), getattr(row, name))

    return [SimpleNamespace(**row._asdict() | {name: value(row, name) for name in personal}) for row in rows]


def seal_rows(engine: Engine) -> None:
    """Gives an engine its vault: from now on nothing personal is written by it in clear."""
    vault = Vault()
    engine.update_execution_options(**{VAULT: vault})

    @event.listens_for(engine, "before_execute", retval=True)
    def seal(
        connection: Connection,
        statement: Any,
        many: list[Any],
        one: Any,
        options: object,  # noqa: ARG001 signature given
    ) -> tuple[Any, list[Any], Any]:
        if not isinstance(statement, Insert | Update):
            return statement, many, one
        new = isinstance(statement, Insert)
        sealed = SEALED.get(cast(Table, statement.table))
        if sealed is not None:
            rows = vault.seal(connection, sealed, many or [one], new=new)
            return (statement, rows, one) if many else (statement, many, rows[0])
        if new and statement.table is LOAN:
            vault.note_loans(connection, many or [one])
        return statement, many, one


@cache
def _sealed(row_class: type[SQLModel]) -> SealedTable:
    """The table of a class with personal columns, found once: it is asked for with every row."""
    return SEALED[cast(Table, inspect(row_class).local_table)]


def _open_row(row: SQLModel, context: QueryContext, *_: object) -> None:
    """Opens what a row that was read holds."""
    sealed = _sealed(type(row))
    values = row.__dict__
    waiting = [name for name in sealed.columns if type(values.get(name)) is Sealed]
    if waiting:
        session = cast(Session, context.session)
        key = row_id(values[name] for name in sealed.key)
        for name in waiting:
            values[name] = _value(session, sealed, name, key, values[name])


def _watch(mapper: Mapper[Any], table_class: type[SQLModel]) -> None:
    """Opens the rows of a class from now on, if its table has personal columns."""
    table = cast(Table, mapper.local_table)
    columns = {column.name: column.type for column in table.columns if isinstance(column.type, UnderASeal)}
    if not columns or table in SEALED:
        return
    key = tuple(column.name for column in table.primary_key)
    SEALED[table] = SealedTable(table, columns, key, getattr(table_class, "__sealed_for__", UNSAID))
    event.listen(table_class, "load", _open_row)
    event.listen(table_class, "refresh", _open_row)


SEALED: dict[Table, SealedTable] = {}
"""The tables with personal columns."""
CUSTOMER = cast(Table, inspect(Customer).local_table)
LOAN = cast(Table, inspect(Loan).local_table)

event.listen(Mapper, "after_mapper_constructed", _watch)
for _mapper in list(SQLModel._sa_registry.mappers):
    _watch(_mapper, _mapper.class_)


def _in_where(sealed: SealedTable, column: str) -> str:
    """The name that the ORM gives to a part of the key in the condition of an UPDATE."""
    return f"{sealed.table.name}_{column}"


@cache
def _owner_query(table: Table, owner: str, key: tuple[str, ...]) -> Any:
    conditions: list[ColumnElement[bool]] = [table.c[name] == bindparam(name) for name in key]
    return select(table.c[owner]).where(*conditions)
