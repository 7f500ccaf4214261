"""Consent of a person, and what the outside registers answered about him."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import UniqueConstraint
from sqlmodel import Field, SQLModel

from models.columns import Instant, PersonalForm, Spelled
from models.keys import new_id


class Verdict(StrEnum):
    """What a check came to. `unavailable` means the register could not be asked: a person decides."""

    PASSED = "passed"
    FAILED = "failed"
    DOUBTFUL = "doubtful"
    UNAVAILABLE = "unavailable"


class Authorisation(SQLModel, table=True):
    """A person's recorded consent to be looked up, with the version of the text he agreed to."""

    __tablename__ = "authorisation"

    id: str = Field(default_factory=new_id, primary_key=True, max_length=32)
    loan: str = Field(foreign_key="loan.number", max_length=16, index=True)
    customer_id: str = Field(foreign_key="customer.id", max_length=32, index=True)
    scope: str = Field(max_length=64)
    text_version: str = Field(max_length=16)
    given_at: datetime = Field(sa_type=Instant)
    given_through: str = Field(max_length=64)


class Verification(SQLModel, table=True):
    """The answer of one register about one loan."""

    __tablename__ = "verification"
    __table_args__ = (UniqueConstraint("loan", "check_name", "round"),)

    id: str = Field(default_factory=new_id, primary_key=True, max_length=32)
    loan: str = Field(foreign_key="loan.number", max_length=16)
    check_name: str = Field(max_length=16)
    round: int = 1
    verdict: Verdict = Field(sa_type=Spelled(Verdict))
    reference: str | None = Field(default=None, max_length=64)
    answer: dict[str, Any] = Field(sa_type=PersonalForm)
    answered_at: datetime = Field(sa_type=Instant)
