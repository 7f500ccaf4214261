"""The chart of accounts and the postings."""

import datetime as dt
from datetime import datetime

from sqlalchemy import CheckConstraint, Index
from sqlmodel import Field, SQLModel

from models.columns import Fen, Instant
from models.keys import new_id

BANK = "1001"
LOAN_PRINCIPAL = "1101"
INTEREST_RECEIVABLE = "1102"
FEE_RECEIVABLE = "1103"
PENALTY_RECEIVABLE = "1104"
SUBSIDY_RECEIVABLE = "1105"
UNALLOCATED = "2001"
STATE_UNALLOCATED = "2002"
SUSPENSE = "2003"
OWNERS_FUNDS = "3001"
INTEREST_INCOME = "4001"
FEE_INCOME = "4002"
PENALTY_INCOME = "4003"
SUBSIDY_INCOME = "4004"
RECOVERY_INCOME = "4101"
WAIVERS = "5001"
WRITE_OFFS = "5002"


class LedgerAccount(SQLModel, table=True):
    """A line of the chart of accounts."""

    __tablename__ = "ledger_account"

    code: str = Field(primary_key=True, max_length=8)
    name_en: str = Field(max_length=64)
    name_zh: str = Field(max_length=64)
    kind: str = Field(max_length=16, description="asset, liability, equity, income or expense")


class Posting(SQLModel, table=True):
    """One amount moved from the credited to the debited account.

    Both sides share the one amount, so an entry that does not balance cannot even be written down; the database adds
    that the amount is positive and the two accounts differ. An entry of several lines shares `entry`. Append-only.
    """

    __tablename__ = "posting"
    __table_args__ = (
        CheckConstraint("amount_fen > 0", name="ck_posting_amount_positive"),
        CheckConstraint("debit <> credit", name="ck_posting_two_accounts"),
        Index("ix_posting_loan_position", "loan", "id"),
        Index("ix_posting_debit_day", "debit", "value_date"),
        Index("ix_posting_credit_day", "credit", "value_date"),
    )

    id: str = Field(default_factory=new_id, primary_key=True, max_length=32)
    key: str = Field(max_length=160, unique=True)
    entry: str = Field(max_length=96, index=True)
    loan: str | None = Field(default=None, foreign_key="loan.number", max_length=16)
    debit: str = Field(foreign_key="ledger_account.code", max_length=8)
    credit: str = Field(foreign_key="ledger_account.code", max_length=8)
    amount_fen: int = Field(sa_type=Fen)
    about: str = Field(max_length=64)
    value_date: dt.date
    booked_at: datetime = Field(sa_type=Instant)
