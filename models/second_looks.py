"""A person's look at what the rules refused by themselves."""

import datetime as dt
from datetime import datetime

from sqlmodel import Field, SQLModel

from models.columns import Fen, Instant, Personal, Spelled
from models.staff import Role


class SecondLook(SQLModel, table=True):
    """Somebody asked for it: once for each refusal, which the round of its grading names. Insert-only.

    `grade`, `limit_fen` and `annual_rate_percent` are those of the worst grade that the rules of the refusal price:
    what a person may grant at most, where the rules themselves granted nothing. `policy_id` and `fired_row` name the
    version and the row that say so; no row where they price nothing, neither in looks from before they were kept.
    """

    __tablename__ = "second_look"
    __sealed_for__ = "loan"

    loan: str = Field(primary_key=True, foreign_key="loan.number", max_length=16)
    round: int = Field(primary_key=True)
    words: str | None = Field(default=None, sa_type=Personal, description="why, in the borrower's own words")
    grade: str = Field(max_length=2)
    limit_fen: int = Field(sa_type=Fen)
    annual_rate_percent: str = Field(max_length=12)
    policy_id: str | None = Field(default=None, max_length=32)
    fired_row: int | None = None
    asked_by: str = Field(max_length=64)
    asked_as: Role = Field(sa_type=Spelled(Role))
    asked_on: dt.date
    asked_at: datetime = Field(sa_type=Instant)
