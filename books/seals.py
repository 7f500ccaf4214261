"""The seals over the audit log, which entries lie in which, and what was deposited of them outside."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ColumnElement, Select, String, Text, cast, exists, func, inspect, select, type_coerce
from sqlmodel import Session, col
from sqlmodel import select as rows_of

from books.rows import write, write_many
from models.audit import AuditDeposit, AuditEntry, AuditSeal, SealedEntry
from models.columns import Instant

ENTRY, SEAL, SEALED = (inspect(table).local_table for table in (AuditEntry, AuditSeal, SealedEntry))
FIRST_NUMBER = 1
LARGEST_NUMBER = 2**31 - 1
LOOKED_UP = 1_000
"""Ids in one query, below what either database takes as parameters."""


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

    def add(self, seal: AuditSeal, leaves: Sequence[tuple[str, str]]) -> None:
        """Keeps a seal and where in it each entry (id, leaf) lies."""
        write(self.session, seal)
        rows = [
            {"entry_id": entry_id, "seal_no": seal.no, "position": position, "leaf": leaf}
            for position, (entry_id, leaf) in enumerate(leaves)
        ]
        write_many(self.session, SealedEntry, rows)

    # -- entries that wait -------------------------------------------------------------------------------------------

    def newest_entry(self, below: str) -> str | None:
        """The highest id of a sealed entry that lies below another id."""
        query = select(func.max(SEALED.c.entry_id)).where(SEALED.c.entry_id < below)
        return self.session.connection().execute(query).scalar()

    def open_entries(self, after: str, limit: int, upto: str | None = None) -> Sequence[Any]:
        """Columns of entries that no seal holds yet, as they are stored, in the order of their ids: those above
        `after` and at most `upto`.
        """
        query = self._open(select(*(self._as_stored(column) for column in ENTRY.columns)), after, limit, upto)
        return self.session.connection().execute(query).all()

    def open_ids(self, after: str, limit: int, upto: str | None = None) -> Sequence[str]:
        """Their ids alone."""
        query = self._open(select(ENTRY.c.id), after, limit, upto)
        return self.session.connection().execute(query).scalars().all()

    def _open(self, query: Select[Any], after: str, limit: int, upto: str | None) -> Select[Any]:
        lies_open = ~exists().where(SEALED.c.entry_id == ENTRY.c.id)
        upto_there = [ENTRY.c.id <= upto] if upto is not None else []
        return query.where(ENTRY.c.id > after, *upto_there, lies_open).order_by(ENTRY.c.id).limit(limit)

    def entry_after(self, after: str, places: int) -> str | None:
        """The id of the entry so many places after one; None if there are fewer."""
        query = select(ENTRY.c.id).where(ENTRY.c.id > after).order_by(ENTRY.c.id).offset(places - 1).limit(1)
        return self.session.connection().execute(query).scalar()

    # -- where entries lie -------------------------------------------------------------------------------------------

    def places(self, entry_ids: Sequence[str]) -> dict[str, SealedEntry]:
        """Where entries lie, by their ids; those that are not sealed yet are left out."""
        found: dict[str, SealedEntry] = {}
        for begin in range(0, len(entry_ids), LOOKED_UP):
            query = rows_of(SealedEntry).where(col(SealedEntry.entry_id).in_(entry_ids[begin : begin + LOOKED_UP]))
            found |= {row.entry_id: row for row in self.session.exec(query)}
        return found

    def leaves(self, no: int) -> Sequence[str]:
        """The hashes of all entries in a seal, in their order."""
        query = select(SEALED.c.leaf).where(SEALED.c.seal_no == no).order_by(SEALED.c.position)
        return self.session.connection().execute(query).scalars().all()

    # -- as they are stored: whoever tampered with a value may have left nothing that can be read ----------------------

    def as_stored(self, after: int, limit: int) -> Sequence[Any]:
        """Columns of seals in their order, those with a number above `after`."""
        columns = [self._as_stored(column) for column in SEAL.columns]
        query = select(*columns).where(SEAL.c.no > after).order_by(SEAL.c.no).limit(limit)
        return self.session.connection().execute(query).all()

    def entries_as_stored(self, after: int, last: int) -> Sequence[Any]:
        """What the seals above one number and up to another hold: number, position, entry id, leaf, then the columns
        of the entry, all None where it is gone.
        """
        place = (SEALED.c.seal_no, SEALED.c.position, SEALED.c.entry_id, SEALED.c.leaf)
        query = (
            select(*place, *(self._as_stored(column) for column in ENTRY.columns))
            .select_from(SEALED.outerjoin(ENTRY, ENTRY.c.id == SEALED.c.entry_id))
            .where(SEALED.c.seal_no > after, SEALED.c.seal_no <= last)
            .order_by(SEALED.c.seal_no, SEALED.c.position)
        )
        return self.session.connection().execute(query).all()

    def _as_stored(self, column: ColumnElement[Any]) -> ColumnElement[Any]:
        if isinstance(column.type, JSON):
            return cast(column, Text)
        is_text = self.session.get_bind().dialect.name == "sqlite" and isinstance(column.type, Instant)
        return type_coerce(column, String) if is_text else column

    def beyond(self, no: int) -> Sequence[Any]:
        """Numbers above `no` of seals in which entries are said to lie, with how many they are."""
        query = select(SEALED.c.seal_no, func.count()).where(SEALED.c.seal_no > no).group_by(SEALED.c.seal_no)
        return self.session.connection().execute(query.order_by(SEALED.c.seal_no)).all()

    def numbers_below_first(self) -> Sequence[int]:
        """Numbers of seals that no seal can have, in their order."""
        query = select(SEAL.c.no).where(SEAL.c.no < FIRST_NUMBER).order_by(SEAL.c.no)
        return self.session.connection().execute(query).scalars().all()

    def sealed_below_first(self) -> Sequence[Any]:
        """Entries said to lie in such a seal: its number, and the id of the entry."""
        query = select(SEALED.c.seal_no, SEALED.c.entry_id).where(SEALED.c.seal_no < FIRST_NUMBER)
        return self.session.connection().execute(query.order_by(SEALED.c.seal_no, SEALED.c.position)).all()

    def reached_before(self, no: int, now: datetime) -> tuple[str, datetime] | None:
        """The highest id of an entry and the latest instant, not after `now`, of all seals below a number."""
        query = select(func.max(SEAL.c.last_id), func.max(SEAL.c.sealed_at))
        query = query.where(SEAL.c.no >= FIRST_NUMBER, SEAL.c.no < no, SEAL.c.sealed_at <= now)
        last_id, sealed_at = self.session.connection().execute(query).one()
        return (last_id, sealed_at) if sealed_at is not None else None

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
