"""The application, the loan, its terms and the events that make up its account."""

import datetime as dt
from datetime import date, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, Index, UniqueConstraint
from sqlmodel import Field, SQLModel

from models.chain import terms_sha256
from models.columns import Fen, Instant, PersonalForm, Spelled
from models.keys import new_id


class Stage(StrEnum):
    """Where a loan stands in the lending procedure."""

    APPLICATION = "application"
    VERIFICATION = "verification"
    GRADING = "grading"
    APPROVAL = "approval"
    RETURNED = "returned"
    ACCEPTANCE = "acceptance"
    DISBURSEMENT = "disbursement"
    PAYOUT_FAILED = "payout_failed"
    REPAYMENT = "repayment"
    SETTLED = "settled"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"
    EXPIRED = "expired"


CLOSED = frozenset({Stage.SETTLED, Stage.REFUSED, Stage.WITHDRAWN, Stage.EXPIRED})
"""Stages from which nothing follows."""

WITHDRAWABLE = frozenset(
    {
        Stage.APPLICATION,
        Stage.VERIFICATION,
        Stage.GRADING,
        Stage.APPROVAL,
        Stage.RETURNED,
        Stage.ACCEPTANCE,
        Stage.PAYOUT_FAILED,
    }
)
"""Stages in which the borrower may still walk away: no money is out or on its way."""


class Loan(SQLModel, table=True):
    """One loan. `stage` and the figures are a projection for lists; workflow and ledger are the truth of each."""

    __tablename__ = "loan"
    __table_args__ = (
        Index("ix_loan_stage_number", "stage", "number"),
        Index("ix_loan_product_number", "product", "number"),
    )

    number: str = Field(primary_key=True, max_length=16)
    product: str = Field(max_length=32)
    customer_id: str = Field(foreign_key="customer.id", max_length=32, index=True)
    stage: Stage = Field(default=Stage.APPLICATION, sa_type=Spelled(Stage))
    applied_fen: int = Field(sa_type=Fen)
    approved_fen: int | None = Field(default=None, sa_type=Fen)
    grade: str | None = Field(default=None, max_length=2)
    applied_on: date
    disbursed_on: date | None = None
    offer_until: date | None = Field(default=None, description="last day of its offer; unknown of older ones")
    closed_on: date | None = None
    written_off_on: date | None = Field(default=None, description="what comes in later is a recovery")
    booked_to: date | None = Field(default=None, description="business date the account was last brought up to")
    next_date: date | None = Field(default=None, description="next day that matters")
    next_due: date | None = None
    next_due_fen: int = Field(default=0, sa_type=Fen)
    outstanding_fen: int = Field(default=0, sa_type=Fen)
    overdue_fen: int = Field(default=0, sa_type=Fen)
    dpd: int = Field(default=0, index=True)
    high_risk: bool = False
    updated_at: datetime = Field(sa_type=Instant)


class Application(SQLModel, table=True):
    """What the borrower asked for, as it came in; never changed."""

    __tablename__ = "application"
    __sealed_for__ = "loan"

    loan: str = Field(primary_key=True, foreign_key="loan.number", max_length=16)
    form: dict[str, Any] = Field(sa_type=PersonalForm)
    entered_by: str = Field(max_length=64, index=True)
    idempotency_key: str = Field(max_length=128, unique=True)
    body_hash: str = Field(max_length=64)
    content_index: str = Field(max_length=64, index=True, description="digest of who asks for what, against duplicates")
    submitted_at: datetime = Field(sa_type=Instant)


class LoanTerms(SQLModel, table=True):
    """One version of a loan's terms. Insert-only: the database refuses change and asks for an approving decision.

    `body` is the contract from which the account is computed together with its events. A version that a change made
    holds the same contract with all `amendments` to it, which are events of the account too.
    """

    __tablename__ = "terms"
    __table_args__ = (UniqueConstraint("loan", "version"),)

    id: str = Field(default_factory=new_id, primary_key=True, max_length=32)
    loan: str = Field(foreign_key="loan.number", max_length=16)
    version: int
    decision_id: str = Field(foreign_key="decision.id", max_length=32, index=True)
    effective_from: date
    body: dict[str, Any] = Field(sa_type=JSON)
    amendments: list[dict[str, Any]] | None = Field(default=None, sa_type=JSON(none_as_null=True))
    created_at: datetime = Field(sa_type=Instant)

    @property
    def mark(self) -> dict[str, Any]:
        """How an audit entry names these terms: by their version, and by the digest of all that was agreed."""
        return {"terms_version": self.version, "terms_sha256": terms_sha256(self.model_dump())}


class LoanEvent(SQLModel, table=True):
    """A fact of the account (disbursement, repayment …) in the form that the mathematics reads. Insert-only."""

    __tablename__ = "loan_event"
    __table_args__ = (Index("ix_loan_event_loan_position", "loan", "position", unique=True),)

    key: str = Field(primary_key=True, max_length=96)
    loan: str = Field(foreign_key="loan.number", max_length=16)
    position: int = Field(description="order of arrival within the loan")
    type: str = Field(max_length=16)
    date: dt.date
    body: dict[str, Any] = Field(sa_type=JSON)
    recorded_at: datetime = Field(sa_type=Instant)
