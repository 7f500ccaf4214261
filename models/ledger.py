"""The chart of accounts and the postings."""

import datetime as dt
from datetime import datetime

from sqlalchemy import CheckConstraint, Index
from sqlmodel import Field, SQLModel

from lending.account import Classification
from models.columns import Fen, Instant
from models.keys import new_id

BANK = "1001"
LOAN_PRINCIPAL = "1101"
INTEREST_RECEIVABLE = "1102"
FEE_RECEIVABLE = "1103"
PENALTY_RECEIVABLE = "1104"
SUBSIDY_RECEIVABLE = "1105"
ACCRUED_INTEREST = "1106"
ACCRUED_PENALTY = "1107"
ACCRUED_SUBSIDY = "1108"
SUSPENDED_INTEREST = "1192"
SUSPENDED_PENALTY = "1194"
UNALLOCATED = "2001"
STATE_UNALLOCATED = "2002"
SUSPENSE = "2003"
VAT_PAYABLE = "2201"
VAT_PENDING = "2202"
OWNERS_FUNDS = "3001"
INTEREST_INCOME = "4001"
FEE_INCOME = "4002"
PENALTY_INCOME = "4003"
SUBSIDY_INCOME = "4004"
RECOVERY_INCOME = "4101"
WAIVERS = "5001"
WRITE_OFFS = "5002"
PROVISION_EXPENSE = "5101"
MEMORANDUM_INTEREST = "9001"
MEMORANDUM_CONTRA = "9002"

ALLOWANCES = {
    Classification.NORMAL: "1911",
    Classification.SPECIAL_MENTION: "1912",
    Classification.SUBSTANDARD: "1913",
    Classification.DOUBTFUL: "1914",
    Classification.LOSS: "1915",
}
"""The loss allowance of each class."""


class LedgerAccount(SQLModel, table=True):
    """A code of the chart of accounts; what it means on a day says its `AccountVersion`. Insert-only."""

    __tablename__ = "ledger_account"

    code: str = Field(primary_key=True, max_length=8)


class AccountVersion(SQLModel, table=True):
    """What an account is called, belongs to and is taxed with from a day on. Insert-only: a change is a new version.

    The rate of value-added tax is part of the gross amount: 600 basis points of 106.00 are 6.00.
    """

    __tablename__ = "account_version"
    __table_args__ = (CheckConstraint("vat_basis_points BETWEEN 0 AND 9999", name="ck_account_vat_rate"),)

    code: str = Field(primary_key=True, foreign_key="ledger_account.code", max_length=8)
    valid_from: dt.date = Field(primary_key=True)
    name_en: str = Field(max_length=64)
    name_zh: str = Field(max_length=64)
    kind: str = Field(max_length=16, description="asset, liability, equity, income, expense or memorandum")
    normal_side: str = Field(max_length=8, description="debit or credit")
    vat_basis_points: int = 0
    parent: str | None = Field(default=None, foreign_key="ledger_account.code", max_length=8, index=True)


class Posting(SQLModel, table=True):
    """One amount moved from the credited to the debited account.

    Both sides share the one amount, so an entry that does not balance cannot even be written down; the database adds
    that the amount is positive and the two accounts differ. An entry of several lines shares `entry`. Append-only.

    `value_date` is the day from which the amount counts, `booking_date` the day in whose month it stands in the
    accounts: the value date, or the first open day if that month is closed. `booked_at` is when it was written.
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
    booking_date: dt.date
    booked_at: datetime = Field(sa_type=Instant)
