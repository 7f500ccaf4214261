"""Queries on who is away."""

from collections.abc import Mapping
from datetime import date

from sqlalchemy import bindparam
from sqlmodel import Session, col, select

from models.absences import Absence

_CURRENT = select(col(Absence.staff_id), col(Absence.deputy_id)).where(
    col(Absence.to_on) >= bindparam("day"),
    col(Absence.from_on) <= bindparam("day"),
    col(Absence.called_off_at).is_(None),
)


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
