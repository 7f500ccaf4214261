"""Orders to the bank and what the bank says it did."""

import datetime as dt
from datetime import datetime
from enum import StrEnum

from sqlalchemy import CheckConstraint, Index
from sqlmodel import Field, SQLModel

from models.columns import Fen, Instant, Personal, Spelled
from models.keys import new_id


class PaymentKind(StrEnum):
    """Why money moves."""

    DISBURSEMENT = "disbursement"
    RECALL = "recall"
    INSTALLMENT = "installment"
    PREPAYMENT = "prepayment"
    SUBSIDY = "subsidy"
    DEPOSIT = "deposit"
    REALLOCATION = "reallocation"
    REFUND = "refund"
    CHARGEBACK = "chargeback"


OURS = frozenset(PaymentKind) - {PaymentKind.DEPOSIT, PaymentKind.REALLOCATION}
"""Kinds that we order at the bank, so that their key is the end-to-end id of a movement there.

A chargeback is ordered by the payer's bank. It goes by the key of the debit that it takes back, as a recall does.
"""


class PaymentStatus(StrEnum):
    """How far an order has come. `sent` means that its outcome must be asked for before it is tried again."""

    ORDERED = "ordered"
    SENT = "sent"
    PENDING = "pending"
    SETTLED = "settled"
    DECLINED = "declined"
    RETURNED = "returned"


UNDER_WAY = frozenset({PaymentStatus.ORDERED, PaymentStatus.SENT, PaymentStatus.PENDING})
"""Outcomes that are none yet."""
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
    loan: str | None = Field(
        default=None, foreign_key="loan.number", max_length=16, description="none for a refund of unmatched money"
    )
    kind: PaymentKind = Field(sa_type=Spelled(PaymentKind))
    party_id: str | None = Field(default=None, foreign_key="party.id", max_length=32, index=True)
    amount_fen: int = Field(sa_type=Fen)
    settled_fen: int = Field(default=0, sa_type=Fen)
    installment: int | None = None
    effect: str | None = Field(default=None, max_length=24, description="what a prepayment shortens")
    fee_fen: int = Field(default=0, sa_type=Fen, description="the contract's fee within a prepayment")
    quote_id: str | None = Field(default=None, max_length=32, description="the quote that a transfer took")
    status: PaymentStatus = Field(default=PaymentStatus.ORDERED, sa_type=Spelled(PaymentStatus))
    booked: bool = False
    reason_code: str | None = Field(default=None, max_length=64)
    bank_reference: str | None = Field(default=None, max_length=64, index=True)
    value_date: dt.date
    moved_on: dt.date | None = Field(default=None, index=True, description="the bank's booking date")
    ordered_at: datetime = Field(sa_type=Instant)


class ToldBy(StrEnum):
    """How we heard of a movement."""

    NOTICE = "notice"
    STATEMENT = "statement"


class BankEntry(SQLModel, table=True):
    """A movement on the lender's account as the bank reports it; unique by the bank's reference."""

    __tablename__ = "bank_entry"
    __sealed_for__ = "loan"
    __table_args__ = (Index("ix_bank_entry_day", "booked_on", "reference"),)

    reference: str = Field(primary_key=True, max_length=64)
    direction: str = Field(max_length=8, description="in or out")
    amount_fen: int = Field(sa_type=Fen)
    booked_on: dt.date
    end_to_end_id: str | None = Field(default=None, max_length=96, index=True)
    counterparty: str | None = Field(default=None, sa_type=Personal)
    counterparty_account: str | None = Field(default=None, sa_type=Personal)
    account_index: str | None = Field(
        default=None, max_length=64, index=True, description="keyed digest of that account, for search"
    )
    remittance: str | None = Field(default=None, sa_type=Personal)
    loan: str | None = Field(default=None, foreign_key="loan.number", max_length=16, index=True)
    matched: bool = Field(default=False, index=True)
    told_by: ToldBy = Field(default=ToldBy.NOTICE, sa_type=Spelled(ToldBy))
    task_id: str | None = Field(
        default=None, foreign_key="task.id", max_length=32, index=True, description="who cleans it up"
    )
    received_at: datetime = Field(sa_type=Instant)


class ProposalKind(StrEnum):
    """What is to become of money that nobody claims."""

    TO_LOAN = "to_loan"
    REFUND = "refund"


class SuspenseProposal(SQLModel, table=True):
    """What one person of finance wants done with money in suspense. Insert-only; nothing moves by it."""

    __tablename__ = "suspense_proposal"

    id: str = Field(default_factory=new_id, primary_key=True, max_length=32)
    task_id: str = Field(foreign_key="task.id", max_length=32, index=True)
    reference: str = Field(foreign_key="bank_entry.reference", max_length=64, index=True)
    kind: ProposalKind = Field(sa_type=Spelled(ProposalKind))
    loan: str | None = Field(default=None, foreign_key="loan.number", max_length=16, index=True)
    reason: str = Field(max_length=500)
    proposed_by: str = Field(max_length=64)
    proposed_at: datetime = Field(sa_type=Instant)


class SuspenseVerdict(SQLModel, table=True):
    """What a second person said to a proposal. Insert-only; the database refuses one by the proposer himself."""

    __tablename__ = "suspense_verdict"

    proposal_id: str = Field(primary_key=True, foreign_key="suspense_proposal.id", max_length=32)
    confirmed: bool
    reason: str = Field(max_length=500)
    given_by: str = Field(max_length=64)
    given_at: datetime = Field(sa_type=Instant)
