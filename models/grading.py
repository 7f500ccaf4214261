"""The grade that a version of the rules gave a loan, and what another version would have said."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import JSON, UniqueConstraint
from sqlmodel import Field, SQLModel

from models.columns import Fen, Instant, PersonalForm
from models.keys import new_id


class Grading(SQLModel, table=True):
    """The grade of a loan with the facts, the policy version, its row that fired and the reasons. Insert-only."""

    __tablename__ = "grading"
    __table_args__ = (UniqueConstraint("loan", "round"),)

    id: str = Field(default_factory=new_id, primary_key=True, max_length=32)
    loan: str = Field(foreign_key="loan.number", max_length=16)
    round: int = 1
    policy_id: str = Field(foreign_key="policy.id", max_length=32, index=True)
    outcome: str = Field(max_length=16, description="refer, refuse")
    grade: str = Field(max_length=2)
    limit_fen: int = Field(sa_type=Fen)
    annual_rate_percent: str = Field(max_length=12)
    reasons: list[str] = Field(sa_type=JSON)
    facts: dict[str, Any] = Field(sa_type=PersonalForm)
    graded_at: datetime = Field(sa_type=Instant)
    graded_on: date | None = Field(default=None, description="business date; None for gradings from before it was kept")
    fired_row: int | None = Field(default=None, description="from 1, as the table is read; None where it was not kept")
    by_challenger: bool = Field(default=False, description="whether the case was in the challenger's share")


class ShadowGrading(SQLModel, table=True):
    """What the version said of a case that did not decide it: the challenger, or the champion of its share.

    The facts are those of the grading of the same loan and round. Insert-only.
    """

    __tablename__ = "shadow_grading"

    loan: str = Field(primary_key=True, foreign_key="loan.number", max_length=16)
    round: int = Field(primary_key=True)
    policy_id: str = Field(foreign_key="policy.id", max_length=32, index=True)
    outcome: str = Field(max_length=16)
    grade: str = Field(max_length=2)
    limit_fen: int = Field(sa_type=Fen)
    annual_rate_percent: str = Field(max_length=12)
    reasons: list[str] = Field(sa_type=JSON)
    fired_row: int
    graded_at: datetime = Field(sa_type=Instant)
