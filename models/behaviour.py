"""How borrowers behave, scored month by month, and the early warnings that followed."""

import datetime as dt
from datetime import datetime
from enum import IntEnum
from typing import Any

from sqlalchemy import JSON, Index
from sqlmodel import Field, SQLModel

from models.columns import Instant, PersonalForm


class Urgency(IntEnum):
    """How urgent a warning is; the stored number sorts the list."""

    SERIOUS = 1
    WATCH = 2


class BehaviourScore(SQLModel, table=True):
    """The behaviour score of one running loan as of the last day of a month. Insert-only.

    `policy_id` is the version of the card, `worst_dpd` the most days past due within the month; the facts say how a
    person pays, so they are sealed.
    """

    __tablename__ = "behaviour_score"
    __sealed_for__ = "loan"
    __table_args__ = (Index("ix_behaviour_score_month", "month", "worst_dpd", "loan"),)

    loan: str = Field(primary_key=True, foreign_key="loan.number", max_length=16)
    month: str = Field(primary_key=True, max_length=7)
    as_of: dt.date
    policy_id: str = Field(foreign_key="policy.id", max_length=32, index=True)
    points: int
    band: str = Field(max_length=2)
    signs: list[str] = Field(sa_type=JSON)
    reasons: list[str] = Field(sa_type=JSON)
    worst_dpd: int
    facts: dict[str, Any] = Field(sa_type=PersonalForm)
    scored_at: datetime = Field(sa_type=Instant)


class EarlyWarning(SQLModel, table=True):
    """A loan that was warned of in a month: why, and the task that came of it if it was serious. Insert-only.

    `causes` say what changed, `reasons` what costs the most points. The figures `before` are those of the month before.
    """

    __tablename__ = "early_warning"
    __table_args__ = (Index("ix_early_warning_list", "month", "urgency", "points", "loan"),)

    loan: str = Field(primary_key=True, foreign_key="loan.number", max_length=16)
    month: str = Field(primary_key=True, max_length=7)
    urgency: int = Field(description="1 is serious, 2 is to be watched")
    points: int
    points_before: int | None = None
    band: str = Field(max_length=2)
    band_before: str | None = Field(default=None, max_length=2)
    causes: list[str] = Field(sa_type=JSON)
    reasons: list[str] = Field(sa_type=JSON)
    policy_id: str = Field(foreign_key="policy.id", max_length=32, index=True)
    task_id: str | None = Field(default=None, foreign_key="task.id", max_length=32, index=True)
    raised_at: datetime = Field(sa_type=Instant)


class BehaviourMonth(SQLModel, table=True):
    """A month in which every running loan is scored. Insert-only."""

    __tablename__ = "behaviour_month"

    month: str = Field(primary_key=True, max_length=7)
    completed_at: datetime = Field(sa_type=Instant)
