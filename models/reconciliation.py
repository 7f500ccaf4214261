"""The bank's statements as they came in, what they were matched with, and where they differ from the books."""

import datetime as dt
from datetime import datetime
from enum import StrEnum

from sqlalchemy import Index, UniqueConstraint
from sqlmodel import Field, SQLModel

from models.columns import Fen, Instant, Personal, Spelled
from models.keys import new_id
from models.messages import Message
from models.statements import Direction


class MatchedBy(StrEnum):
    """How a line of a statement was found in the books; `nothing` is a movement that no notice ever told of."""

    END_TO_END_ID = "end_to_end_id"
    REFERENCE = "reference"
    AMOUNT_AND_DATE = "amount_and_date"
    NOTHING = "nothing"
    REPEATED = "repeated"


class DifferenceKind(StrEnum):
    """How bank and books differ on a business date."""

    MISSING_AT_BANK = "missing_at_bank"
    MISSING_IN_BOOKS = "missing_in_books"
    AMOUNT_DIFFERS = "amount_differs"
    DATE_DIFFERS = "date_differs"
    TWICE = "twice"
    REVERSED = "reversed"
    OPENING_BREAKS = "opening_breaks"
    CLOSING_BREAKS = "closing_breaks"
    STATEMENT_GAP = "statement_gap"
    STATEMENT_REFUSED = "statement_refused"
    STATEMENT_CORRECTED = "statement_corrected"


class BankStatement(SQLModel, table=True):
    """One statement of one business date; a corrected one is the next version. Insert-only."""

    __tablename__ = "bank_statement"
    __table_args__ = (UniqueConstraint("business_date", "version"),)

    id: str = Field(default_factory=new_id, primary_key=True, max_length=32)
    business_date: dt.date
    version: int
    bank_id: str = Field(max_length=64, description="the bank's name for it")
    digest: str = Field(max_length=64, description="of its content, however often and in whatever form it comes")
    opening_fen: int = Field(sa_type=Fen)
    closing_fen: int = Field(sa_type=Fen)
    line_count: int
    received_at: datetime = Field(sa_type=Instant)


class StatementLine(SQLModel, table=True):
    """One booking of a statement, with the bank entry of the books that it is. Insert-only."""

    __tablename__ = "statement_line"
    __sealed_for__ = None
    __table_args__ = (
        Index("ix_statement_line_reference", "reference"),
        Index("ix_statement_line_entry", "entry", "statement_id"),
    )

    statement_id: str = Field(primary_key=True, foreign_key="bank_statement.id", max_length=32)
    n: int = Field(primary_key=True)
    reference: str = Field(max_length=64)
    direction: Direction = Field(sa_type=Spelled(Direction))
    amount_fen: int = Field(sa_type=Fen)
    booked_on: dt.date
    value_date: dt.date
    end_to_end_id: str | None = Field(default=None, max_length=96)
    counterparty: str | None = Field(default=None, sa_type=Personal)
    counterparty_account: str | None = Field(default=None, sa_type=Personal)
    remittance: str | None = Field(default=None, sa_type=Personal)
    is_reversal: bool
    return_reason: str | None = Field(default=None, max_length=35)
    matched_by: MatchedBy = Field(sa_type=Spelled(MatchedBy))
    entry: str = Field(max_length=64, description="reference of the bank entry in the books")


class Reconciliation(SQLModel, table=True):
    """That a statement was compared with the books, and what came of it. Insert-only."""

    __tablename__ = "reconciliation"

    statement_id: str = Field(primary_key=True, foreign_key="bank_statement.id", max_length=32)
    business_date: dt.date = Field(index=True)
    matched: int
    booked: int = Field(description="lines that were booked from the statement because no notice had told of them")
    differences: int
    at: datetime = Field(sa_type=Instant)


class BankDifference(SQLModel, table=True):
    """One difference between bank and books, told once. Insert-only."""

    __tablename__ = "bank_difference"
    __table_args__ = (UniqueConstraint("business_date", "kind", "subject"),)

    id: str = Field(default_factory=new_id, primary_key=True, max_length=32)
    business_date: dt.date
    kind: DifferenceKind = Field(sa_type=Spelled(DifferenceKind))
    subject: str = Field(max_length=96, description="bank reference, order key, or statement")
    loan: str | None = Field(default=None, foreign_key="loan.number", max_length=16, index=True)
    bank_fen: int | None = Field(default=None, sa_type=Fen)
    books_fen: int | None = Field(default=None, sa_type=Fen)
    bank_date: dt.date | None = None
    books_date: dt.date | None = None
    task_id: str = Field(foreign_key="task.id", max_length=32, index=True)
    found_at: datetime = Field(sa_type=Instant)


class DaysOrder(Message):
    """Ask which business dates up to and with `last` are to be reconciled."""

    last: dt.date


class DaysDue(Message):
    """Business dates that are over and not reconciled yet, or that something was told of since; oldest first."""

    days: tuple[dt.date, ...] = ()


class DayOrder(Message):
    """Ask for the statement of one business date; `at` is the instant by the workflow's clock."""

    day: dt.date
    at: dt.datetime


class StatementKept(Message):
    """The statement of a day in the books; None if it could not be believed, which finance is told."""

    statement_id: str | None = None


class CompareOrder(Message):
    """Ask for a statement to be compared with the books; `at` is the instant by the workflow's clock."""

    statement_id: str
    at: dt.datetime


class DayReconciled(Message):
    """What came of a statement."""

    day: dt.date
    matched: int = 0
    booked: int = 0
    differences: int = 0


class DaysReconciled(Message):
    """What the workflow came to: days compared, and days without a statement."""

    reconciled: int = 0
    without_statement: int = 0
