"""Accounts that money goes to and comes from: whose they are, who may debit them, how one takes another's place."""

import datetime as dt
from datetime import datetime
from enum import StrEnum

from sqlmodel import Field, SQLModel

from models.columns import Instant, Personal, Spelled
from models.keys import new_id
from models.staff import Role


class CardResult(StrEnum):
    """What the check of four elements came to: do name, ID number, mobile and account belong together."""

    MATCH = "match"
    MISMATCH = "mismatch"
    NOT_FOUND = "not_found"
    CLOSED = "closed"


class AccountCheck(SQLModel, table=True):
    """One answer on one account of a party. Insert-only; the account itself is not in it, only its keyed digest."""

    __tablename__ = "account_check"

    id: str = Field(default_factory=new_id, primary_key=True, max_length=32)
    key: str = Field(max_length=96, unique=True)
    loan: str = Field(foreign_key="loan.number", max_length=16, index=True)
    party_id: str = Field(foreign_key="party.id", max_length=32, index=True)
    account_index: str = Field(max_length=64)
    result: CardResult = Field(sa_type=Spelled(CardResult))
    reference: str = Field(max_length=64, description="the service's proof that it was asked")
    checked_at: datetime = Field(sa_type=Instant)


class MandateSource(StrEnum):
    """What the payer put his name to."""

    CONTRACT = "contract"
    PAPER = "paper"
    TAKEOVER = "takeover"


class MandateStatus(StrEnum):
    """How far a mandate has come. Only an active one lets the lender debit."""

    ORDERED = "ordered"
    ACTIVE = "active"
    REFUSED = "refused"
    ENDED = "ended"


class DebitMandate(SQLModel, table=True):
    """A payer's authority to debit one account for one loan, as the bank was told of it."""

    __tablename__ = "debit_mandate"

    id: str = Field(default_factory=new_id, primary_key=True, max_length=32)
    key: str = Field(max_length=64, unique=True)
    loan: str = Field(foreign_key="loan.number", max_length=16, index=True)
    party_id: str = Field(foreign_key="party.id", max_length=32, index=True)
    account_index: str = Field(max_length=64)
    source: MandateSource = Field(sa_type=Spelled(MandateSource))
    signed_on: dt.date
    document_sha256: str | None = Field(
        default=None, max_length=64, description="digest of what was signed; none where a former lender has the paper"
    )
    status: MandateStatus = Field(default=MandateStatus.ORDERED, sa_type=Spelled(MandateStatus))
    bank_id: str | None = Field(default=None, max_length=35, description="its number at the bank")
    reason_code: str | None = Field(default=None, max_length=64)
    ordered_at: datetime = Field(sa_type=Instant)
    answered_at: datetime | None = Field(default=None, sa_type=Instant)


class AccountChange(SQLModel, table=True):
    """Another account for a party, as one person proposes it. Insert-only; both accounts stay readable in it."""

    __tablename__ = "account_change"
    __sealed_for__ = "loan"

    id: str = Field(default_factory=new_id, primary_key=True, max_length=32)
    loan: str = Field(foreign_key="loan.number", max_length=16, index=True)
    party_id: str = Field(foreign_key="party.id", max_length=32, index=True)
    task_id: str = Field(foreign_key="task.id", max_length=32, unique=True)
    account: str = Field(sa_type=Personal)
    account_index: str = Field(max_length=64)
    account_before: str = Field(sa_type=Personal)
    confirmation: str | None = Field(
        default=None, max_length=120, description="by what a dealer or school confirmed its account"
    )
    reason: str = Field(max_length=500)
    proposed_by: str = Field(max_length=64)
    proposed_as: Role = Field(sa_type=Spelled(Role))
    proposed_at: datetime = Field(sa_type=Instant)


class AccountVerdict(SQLModel, table=True):
    """What a second person said to it. Insert-only; the database refuses one by the proposer or by finance."""

    __tablename__ = "account_verdict"

    change_id: str = Field(primary_key=True, foreign_key="account_change.id", max_length=32)
    confirmed: bool
    reason: str = Field(max_length=500)
    given_by: str = Field(max_length=64)
    given_as: Role = Field(sa_type=Spelled(Role))
    given_at: datetime = Field(sa_type=Instant)
