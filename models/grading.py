"""Grading rules as data, and the grade they gave a loan."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, UniqueConstraint
from sqlmodel import Field, SQLModel

from models.columns import Fen, Instant, PersonalForm
from models.keys import new_id


class Policy(SQLModel, table=True):
    """One version of a decision table. The newest version of a name is in force."""

    __tablename__ = "policy"
    __table_args__ = (UniqueConstraint("name", "version"),)

    id: str = Field(default_factory=new_id, primary_key=True, max_length=32)
    name: str = Field(max_length=64)
    version: int
    content: dict[str, Any] = Field(sa_type=JSON)
    published_by: str = Field(max_length=64)
    published_at: datetime = Field(sa_type=Instant)


class Grading(SQLModel, table=True):
    """The grade of a loan with the facts, the policy version and the reasons behind it."""

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
