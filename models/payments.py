"""Orders to the bank and what the bank says it did."""

import datetime as dt
from datetime import datetime
from enum import StrEnum

from sqlalchemy import CheckConstraint, Index
from sqlmodel import Field, SQLModel

from models.columns import Fen, Instant, Personal, Spelled


class PaymentKind(StrEnum):
    """Why money moves."""

    DISBURSEMENT = "disbursement"
    RECALL = "recall"
    INSTALLMENT = "installment"
    PREPAYMENT = "prepayment"
    SUBSIDY = "subsidy"
    DEPOSIT = "deposit"


class PaymentStatus(StrEnum):
    """How far an order has come. `sent` means that its outcome must be asked for before it is tried again."""

    ORDERED = "ordered"
    SENT = "sent"
    PENDING = "pending"
    SETTLED = "settled"
    DECLINED = "declined"
    RETURNED = "returned"


MONEY_MOVED = frozenset({PaymentStatus.SETTLED, PaymentStatus.RETURNED})
"""Outcomes that belong into the ledger."""


class Payment(SQLModel, table=True):
    """One order to the bank; its key is the EndToEndId, by which its outcome is asked for."""

    __tablename__ = "payment"
    __table_args__ = (
        CheckConstraint("amount_fen > 0", name="ck_payment_amount_positive"),
        Index("ix_payment_loan_kind", "loan", "kind"),
        Index("ix_payment_status", "status", "ordered_at"),
    )

    key: str = Field(primary_key=True, max_length=96)
    loan: str = Field(foreign_key="loan.number", max_length=16)
    kind: PaymentKind = Field(sa_type=Spelled(PaymentKind))
    party_id: str | None = Field(default=None, foreign_key="party.id", max_length=32, index=True)
    amount_fen: int = Field(sa_type=Fen)
    settled_fen: int = Field(default=0, sa_type=Fen)
    installment: int | None = None
    effect: str | None = Field(default=None, max_length=24, description="what a prepayment shortens")
    status: PaymentStatus = Field(default=PaymentStatus.ORDERED, sa_type=Spelled(PaymentStatus))
    booked: bool = False
    reason_code: str | None = Field(default=None, max_length=64)
    bank_reference: str | None = Field(default=None, max_length=64, index=True)
    value_date: dt.date
    ordered_at: datetime = Field(sa_type=Instant)


class BankEntry(SQLModel, table=True):
    """A movement on the lender's account as the bank reports it; unique by the bank's reference."""

    __tablename__ = "bank_entry"
    __table_args__ = (Index("ix_bank_entry_day", "booked_on", "reference"),)

    reference: str = Field(primary_key=True, max_length=64)
    direction: str = Field(max_length=8, description="in or out")
    amount_fen: int = Field(sa_type=Fen)
    booked_on: dt.date
    end_to_end_id: str | None = Field(default=None, max_length=96, index=True)
    counterparty: str | None = Field(default=None, sa_type=Personal)
    remittance: str | None = Field(default=None, sa_type=Personal)
    loan: str | None = Field(default=None, foreign_key="loan.number", max_length=16, index=True)
    matched: bool = Field(default=False, index=True)
    received_at: datetime = Field(sa_type=Instant)
