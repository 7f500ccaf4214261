"""What has to leave the house after a commit, what was already done, and how the business day runs."""

import datetime as dt
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, Index, text
from sqlmodel import Field, SQLModel

from models.columns import Instant, Spelled
from models.keys import new_id


class Topic(StrEnum):
    """What kind of message waits in the outbox."""

    START_LOAN = "start_loan"
    REOPEN_LOAN = "reopen_loan"
    SIGNAL_LOAN = "signal_loan"
    CONFIRM_COMMAND = "confirm_command"
    SMS = "sms"
    SIGNING_CODE = "signing_code"
    SIGN_IN_CODE = "sign_in_code"
    REFUND = "refund"
    CARD_CHECK = "card_check"
    MANDATE = "mandate"
    AUTHORISATION_LINK = "authorisation_link"
    VERIFY_AGAIN = "verify_again"
    ACCEPTANCE = "acceptance"


class OutboxRow(SQLModel, table=True):
    """A message written with the act it belongs to, delivered after the commit, at least once."""

    __tablename__ = "outbox"
    __table_args__ = (
        Index(
            "ix_outbox_waiting",
            "not_before",
            "id",
            sqlite_where=text("done_at IS NULL"),
            postgresql_where=text("done_at IS NULL"),
        ),
    )

    id: str = Field(default_factory=new_id, primary_key=True, max_length=32)
    topic: Topic = Field(sa_type=Spelled(Topic))
    key: str = Field(max_length=160, unique=True)
    loan: str | None = Field(default=None, max_length=16)
    payload: dict[str, Any] = Field(sa_type=JSON)
    not_before: datetime = Field(sa_type=Instant)
    attempts: int = 0
    done_at: datetime | None = Field(default=None, sa_type=Instant)
    last_error: str | None = Field(default=None, max_length=64)


class Effect(SQLModel, table=True):
    """The first result of an act that may be asked for twice."""

    __tablename__ = "effect"
    __table_args__ = (Index("ix_effect_loan_n", "loan", "n"),)

    key: str = Field(primary_key=True, max_length=96)
    loan: str = Field(max_length=16)
    n: int
    act: str | None = Field(default=None, max_length=64)
    request: str | None = Field(default=None, max_length=16, description="digest of what a command asked for")
    result: dict[str, Any] = Field(sa_type=JSON)
    at: datetime = Field(sa_type=Instant)


class NumberSeries(SQLModel, table=True):
    """The next free number of a series."""

    __tablename__ = "number_series"

    name: str = Field(primary_key=True, max_length=32)
    next: int


class BusinessDay(SQLModel, table=True):
    """The one row that says how instants map to business dates in these books."""

    __tablename__ = "business_day"

    id: int = Field(default=1, primary_key=True)
    day_seconds: float
    anchor_instant: datetime | None = Field(default=None, sa_type=Instant)
    anchor_date: dt.date | None = None
