"""Queries on who is away."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from datetime import date
from operator import attrgetter
from typing import Any

from sqlalchemy import bindparam, inspect
from sqlmodel import Session, col, select

from books.stored import rows_by_key, stored
from models.absences import Absence

ABSENCE = inspect(Absence).local_table
_CURRENT = select(col(Absence.staff_id), col(Absence.deputy_id)).where(
    col(Absence.to_on) >= bindparam("day"),
    col(Absence.from_on) <= bindparam("day"),
    col(Absence.called_off_at).is_(None),
)


@dataclass(frozen=True, slots=True)
class StoredAbsence:
    """What decides who stands in for whom, as it is stored."""

    id: Any
    staff_id: Any
    deputy_id: Any
    from_on: Any
    to_on: Any
    called_off_at: Any


class AbsenceBook:
    """Absences and deputies."""

    def __init__(self, session: Session) -> None:
        self.session = session

    def deputies(self, day: date) -> Mapping[str, str]:
        """Who is away on a business date, each with his deputy."""
        return {row.staff_id: row.deputy_id for row in self.session.connection().execute(_CURRENT, {"day": day})}

    def get(self, absence_id: str) -> Absence | None:
        """One by id."""
        return self.session.get(Absence, absence_id)

    def from_day(self, day: date, limit: int = 500) -> list[Absence]:
        """Those that are not over on a day and were not called off, the earliest first."""
        query = select(Absence).where(Absence.to_on >= day, col(Absence.called_off_at).is_(None))
        return list(self.session.exec(query.order_by(col(Absence.from_on), col(Absence.id)).limit(limit)))

    def all_as_stored(self, at_once: int = 500) -> Iterator[StoredAbsence]:
        """All absences there ever were, in the order of their ids."""
        return rows_by_key(self._as_stored, attrgetter("id"), at_once)

    def _as_stored(self, after: str, limit: int) -> list[StoredAbsence]:
        columns = (ABSENCE.c[one.name] for one in fields(StoredAbsence))
        rows = stored(self.session, columns, ABSENCE.c.id > after, order=[ABSENCE.c.id], limit=limit)
        return [StoredAbsence(*row) for row in rows]
