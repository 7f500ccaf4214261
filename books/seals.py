"""The seals over audit log and ledger, which rows lie in which, and what was deposited of them outside."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    Column,
    ColumnElement,
    Select,
    Table,
    exists,
    func,
    inspect,
    select,
)
from sqlmodel import Session, col
from sqlmodel import select as rows_of

from books.portions import in_portions
from books.rows import write, write_many
from books.stored import as_stored, rows_of_any_text
from models.audit import AuditDeposit, AuditEntry, AuditSeal, SealedEntry, SealedPosting
from models.chain import LEDGER
from models.ledger import Posting

SEAL = inspect(AuditSeal).local_table
FIRST_NUMBER = 1
LARGEST_NUMBER = 2**31 - 1


@dataclass(frozen=True)
class Sealable:
    """Rows that are sealed: the book that their seals name, their table, and the one that says where each lies."""

    book: str | None
    rows: Table
    places: Table
    placed: type[SealedEntry] | type[SealedPosting]

    @property
    def row_id(self) -> Column[str]:
        """The column of `places` that names a row."""
        return self.places.c[0]


def _sealable(book: str | None, rows: Any, placed: type[SealedEntry] | type[SealedPosting]) -> Sealable:
    return Sealable(book, inspect(rows).local_table, inspect(placed).local_table, placed)


ENTRIES = _sealable(None, AuditEntry, SealedEntry)
POSTINGS = _sealable(LEDGER, Posting, SealedPosting)
SEALABLE = (ENTRIES, POSTINGS)


@dataclass(frozen=True)
class Place:
    """In which seal a row lies, where, and its hash."""

    row_id: str
    seal_no: int
    position: int
    leaf: str


class SealBook:
    """Append and read; nothing else is possible."""

    def __init__(self, session: Session) -> None:
        self.session = session

    def last(self) -> AuditSeal | None:
        """The newest seal."""
        return next(iter(self.newest(None, 1)), None)

    def get(self, no: int) -> AuditSeal | None:
        """A seal by its number."""
        return self.session.get(AuditSeal, no)

    def newest(self, before: int | None, limit: int) -> list[AuditSeal]:
        """The newest seals, those with a number below `before`."""
        # A bound in every case: without one SQLite reads along the table instead of searching it.
        below = before if before is not None else LARGEST_NUMBER
        query = rows_of(AuditSeal).where(AuditSeal.no < below).order_by(col(AuditSeal.no).desc()).limit(limit)
        return list(self.session.exec(query))

    def add(self, seal: AuditSeal, leaves: Sequence[tuple[str, str]], of: Sealable) -> None:
        """Keeps a seal and where in it each row (id, leaf) lies."""
        write(self.session, seal)
        rows = [
            {of.row_id.name: row_id, "seal_no": seal.no, "position": position, "leaf": leaf}
            for position, (row_id, leaf) in enumerate(leaves)
        ]
        write_many(self.session, of.placed, rows)

    # -- rows that wait ----------------------------------------------------------------------------------------------

    def newest_sealed(self, below: str, of: Sealable) -> str | None:
        """The highest id of a sealed row that lies below another id."""
        return self._one(select(func.max(of.row_id)).where(of.row_id < below))

    def open_rows(self, after: str, limit: int, upto: str | None, of: Sealable) -> Sequence[Any]:
        """Columns of rows that no seal holds yet, as they are stored, in the order of their ids: those above `after`
        and at most `upto`.
        """
        query = self._open(select(*(self._as_stored(column) for column in of.rows.columns)), after, limit, upto, of)
        return self._all(query)

    def open_ids(self, after: str, limit: int, upto: str | None, of: Sealable) -> Sequence[str]:
        """Their ids alone."""
        return [row[0] for row in self._all(self._open(select(of.rows.c.id), after, limit, upto, of))]

    def _open(self, query: Select[Any], after: str, limit: int, upto: str | None, of: Sealable) -> Select[Any]:
        row_id = of.rows.c.id
        lies_open = ~exists().where(of.row_id == row_id)
        upto_there = [row_id <= upto] if upto is not None else []
        return query.where(row_id > after, *upto_there, lies_open).order_by(row_id).limit(limit)

    def row_after(self, after: str, places: int, of: Sealable) -> str | None:
        """The id of the row so many places after one; None if there are fewer."""
        row_id = of.rows.c.id
        return self._one(select(row_id).where(row_id > after).order_by(row_id).offset(places - 1).limit(1))

    # -- where rows lie ----------------------------------------------------------------------------------------------

    def places(self, row_ids: Sequence[str], of: Sealable = ENTRIES) -> dict[str, Place]:
        """Where rows lie, by their ids; those that are not sealed yet are left out."""
        found: dict[str, Place] = {}
        for some in in_portions(row_ids):
            query = select(of.places).where(of.row_id.in_(some))
            found |= {row[0]: Place(*row) for row in self.session.connection().execute(query)}
        return found

    def leaves(self, no: int, of: Sealable) -> Sequence[str]:
        """The hashes of all rows in a seal, in their order."""
        place = of.places.c
        query = select(place.leaf).where(place.seal_no == no).order_by(place.position)
        return self.session.connection().execute(query).scalars().all()

    # -- as they are stored: whoever tampered with a value may have left nothing that can be read ----------------------

    def as_stored(self, after: int, limit: int) -> Sequence[Any]:
        """Columns of seals in their order, those with a number above `after`."""
        columns = [self._as_stored(column) for column in SEAL.columns]
        return self._all(select(*columns).where(SEAL.c.no > after).order_by(SEAL.c.no).limit(limit))

    def rows_as_stored(self, after: int, last: int, of: Sealable) -> Sequence[Any]:
        """What the seals above one number and up to another hold: number, position, id, leaf, then the columns of the
        row, all None where it is gone.
        """
        place = of.places.c
        query = (
            select(
                *(place.seal_no, place.position, of.row_id, place.leaf),
                *(self._as_stored(column) for column in of.rows.columns),
            )
            .select_from(of.places.outerjoin(of.rows, of.rows.c.id == of.row_id))
            .where(place.seal_no > after, place.seal_no <= last)
            .order_by(place.seal_no, place.position)
        )
        return self._all(query)

    def _as_stored(self, column: ColumnElement[Any]) -> ColumnElement[Any]:
        return as_stored(column, self.session.get_bind().dialect.name)

    def _all(self, query: Select[Any]) -> Sequence[Any]:
        return rows_of_any_text(self.session.connection(), query)

    def beyond(self, no: int, of: Sealable) -> Sequence[Any]:
        """Numbers above `no` of seals in which rows are said to lie, with how many they are."""
        seal_no = of.places.c.seal_no
        query = select(seal_no, func.count()).where(seal_no > no).group_by(seal_no).order_by(seal_no)
        return self.session.connection().execute(query).all()

    def numbers_below_first(self) -> Sequence[int]:
        """Numbers of seals that no seal can have, in their order."""
        query = select(SEAL.c.no).where(SEAL.c.no < FIRST_NUMBER).order_by(SEAL.c.no)
        return self.session.connection().execute(query).scalars().all()

    def sealed_below_first(self, of: Sealable) -> Sequence[Any]:
        """Rows said to lie in such a seal: its number, and the id of the row."""
        place = of.places.c
        query = select(place.seal_no, of.row_id).where(place.seal_no < FIRST_NUMBER)
        return self.session.connection().execute(query.order_by(place.seal_no, place.position)).all()

    def reached_before(self, no: int, now: datetime, of: Sealable) -> tuple[str, datetime] | None:
        """The highest id of a row and the latest instant, not after `now`, of a book's seals below a number."""
        query = select(func.max(SEAL.c.last_id), func.max(SEAL.c.sealed_at))
        query = query.where(SEAL.c.no >= FIRST_NUMBER, SEAL.c.no < no, SEAL.c.sealed_at <= now)
        query = query.where(SEAL.c.book.is_not_distinct_from(of.book))
        last_id, sealed_at = self.session.connection().execute(query).one()
        return (last_id, sealed_at) if sealed_at is not None else None

    def _one(self, query: Select[Any]) -> str | None:
        found: str | None = self.session.connection().execute(query).scalar()
        return found

    # -- what was deposited outside ------------------------------------------------------------------------------------

    def last_before(self, instant: datetime) -> AuditSeal | None:
        """The seal with the highest number among those of before an instant."""
        query = rows_of(AuditSeal).where(AuditSeal.no >= FIRST_NUMBER, AuditSeal.sealed_at < instant)
        return self.session.exec(query.order_by(col(AuditSeal.no).desc()).limit(1)).first()

    def first_from(self, after: int, since: datetime | None, until: datetime) -> AuditSeal | None:
        """The seal with the lowest number above `after` that was made at an instant or later, but not after
        `until`.
        """
        query = rows_of(AuditSeal).where(AuditSeal.no > max(after, FIRST_NUMBER - 1), AuditSeal.sealed_at <= until)
        if since is not None:
            query = query.where(AuditSeal.sealed_at >= since)
        return self.session.exec(query.order_by(col(AuditSeal.no)).limit(1)).first()

    def deposits(self, first_no: int = 0) -> list[AuditDeposit]:
        """What was deposited of seals from a number on, day after day."""
        query = rows_of(AuditDeposit).where(AuditDeposit.seal_no >= first_no)
        return list(self.session.exec(query.order_by(col(AuditDeposit.day), col(AuditDeposit.depository))))

    def last_deposit(self, depository: str) -> AuditDeposit | None:
        """The newest deposit with a depository."""
        query = rows_of(AuditDeposit).where(AuditDeposit.depository == depository)
        return self.session.exec(query.order_by(col(AuditDeposit.day).desc()).limit(1)).first()

    def add_deposit(self, deposit: AuditDeposit) -> None:
        """Keeps that a day's root was deposited."""
        write(self.session, deposit)
