"""Months of the ledger: how each ended for every loan, by which rules, and which are closed."""

import datetime as dt
from datetime import datetime

from sqlalchemy import CheckConstraint, Index
from sqlmodel import Field, SQLModel

from lending.account import Classification
from models.columns import Fen, Instant, Spelled


class NonAccrualRule(SQLModel, table=True):
    """From a day on: beyond how many days past due interest is no income, and when it is again. Insert-only."""

    __tablename__ = "non_accrual_rule"

    valid_from: dt.date = Field(primary_key=True)
    above_dpd: int = Field(description="more days past due than this end the accrual")
    cured_at_dpd: int = Field(description="so many days past due or fewer begin it again")


class ProvisionRate(SQLModel, table=True):
    """From a day on: the share of the principal that is set aside for loans of a class. Insert-only."""

    __tablename__ = "provision_rate"
    __table_args__ = (CheckConstraint("basis_points BETWEEN 0 AND 10000", name="ck_provision_rate"),)

    classification: Classification = Field(primary_key=True, sa_type=Spelled(Classification))
    valid_from: dt.date = Field(primary_key=True)
    basis_points: int


class LoanMonthEnd(SQLModel, table=True):
    """How one loan stood at the end of a month, as its month-end postings have it; all amounts in fen. Insert-only.

    `position` and `terms_version` are the last event and the terms that the books had then: with them the figures are
    computed again, whatever came in afterwards. Accrued amounts are turned around on the first of the next month;
    the others stay until the next month's end.
    """

    __tablename__ = "loan_month_end"
    __table_args__ = (Index("ix_loan_month_end_month", "month", "loan", unique=True),)

    loan: str = Field(primary_key=True, foreign_key="loan.number", max_length=16)
    month: str = Field(primary_key=True, max_length=7)
    position: int
    terms_version: int
    dpd: int
    classification: Classification = Field(sa_type=Spelled(Classification))
    non_accrual: bool
    accrued_interest_fen: int = Field(sa_type=Fen)
    accrued_penalty_fen: int = Field(sa_type=Fen)
    accrued_subsidy_fen: int = Field(sa_type=Fen)
    suspended_interest_fen: int = Field(sa_type=Fen)
    suspended_penalty_fen: int = Field(sa_type=Fen)
    memorandum_fen: int = Field(sa_type=Fen)
    provision_fen: int = Field(sa_type=Fen)
    made_at: datetime = Field(sa_type=Instant)


class MonthEnd(SQLModel, table=True):
    """A month whose end is posted for every loan. Insert-only."""

    __tablename__ = "month_end"

    month: str = Field(primary_key=True, max_length=7)
    completed_at: datetime = Field(sa_type=Instant)


class ClosedPeriod(SQLModel, table=True):
    """A month that takes no more postings; `open_from` is the first day after it. Insert-only."""

    __tablename__ = "closed_period"

    month: str = Field(primary_key=True, max_length=7)
    open_from: dt.date = Field(unique=True)
    closed_by: str = Field(max_length=64)
    closed_at: datetime = Field(sa_type=Instant)
