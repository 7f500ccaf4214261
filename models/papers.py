"""Papers that the lender issues: asked for here, typeset off the way of the loan, kept as documents."""

import datetime as dt
from datetime import datetime
from enum import StrEnum

from sqlalchemy import Index, text
from sqlmodel import Field, SQLModel

from models.columns import Instant, Spelled
from models.keys import new_id


class PaperKind(StrEnum):
    """What the lender puts on paper."""

    CONTRACT = "contract"
    STATEMENT = "statement"
    RECEIPT = "receipt"
    CERTIFICATE = "settlement_certificate"


class PaperLanguage(StrEnum):
    """The Chinese text is the one that counts; the English one says the same."""

    CHINESE = "zh"
    ENGLISH = "en"


class PaperOrder(SQLModel, table=True):
    """A paper that was asked for; its id is that of the document it becomes.

    Terms version, count of account events and dates fix what it says: typeset again it has the same bytes.
    """

    __tablename__ = "paper_order"
    __table_args__ = (
        Index(
            "ix_paper_order_waiting",
            "not_before",
            "id",
            sqlite_where=text("done_at IS NULL"),
            postgresql_where=text("done_at IS NULL"),
        ),
    )

    id: str = Field(default_factory=new_id, primary_key=True, max_length=32)
    key: str = Field(max_length=128, unique=True)
    loan: str = Field(foreign_key="loan.number", max_length=16, index=True)
    kind: PaperKind = Field(sa_type=Spelled(PaperKind))
    language: PaperLanguage = Field(sa_type=Spelled(PaperLanguage))
    number: str = Field(max_length=64, description="printed on the paper")
    issued_on: dt.date
    terms_version: int
    events: int = Field(default=0, description="how many events of the account it knows of")
    first_day: dt.date | None = None
    last_day: dt.date | None = None
    event_key: str | None = Field(default=None, max_length=96, description="the payment that a receipt is for")
    asked_by: str = Field(max_length=64)
    asked_at: datetime = Field(sa_type=Instant)
    not_before: datetime = Field(sa_type=Instant)
    attempts: int = 0
    last_error: str | None = Field(default=None, max_length=64)
    done_at: datetime | None = Field(default=None, sa_type=Instant)
