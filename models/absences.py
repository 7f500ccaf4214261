"""Who is away, and who stands in for him."""

import datetime as dt
from datetime import datetime

from sqlalchemy import CheckConstraint
from sqlmodel import Field, SQLModel

from models.columns import Instant
from models.keys import new_id


class Absence(SQLModel, table=True):
    """A member of staff is away from one business date to another, both included, and a deputy stands in for him.

    It ends by itself. One that was called off counts no more from that moment on, and stays on record.
    """

    __tablename__ = "absence"
    __table_args__ = (
        CheckConstraint("staff_id <> deputy_id", name="ck_absence_deputy"),
        CheckConstraint("from_on <= to_on", name="ck_absence_days"),
    )

    id: str = Field(default_factory=new_id, primary_key=True, max_length=32)
    staff_id: str = Field(foreign_key="staff.id", max_length=64, index=True)
    deputy_id: str = Field(foreign_key="staff.id", max_length=64, index=True)
    from_on: dt.date
    to_on: dt.date = Field(index=True)
    reason: str = Field(max_length=500)
    entered_by: str = Field(max_length=64)
    entered_at: datetime = Field(sa_type=Instant)
    called_off_by: str | None = Field(default=None, max_length=64)
    called_off_at: datetime | None = Field(default=None, sa_type=Instant)
