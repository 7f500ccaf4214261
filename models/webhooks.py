"""Who wants to be told of what happens to loans, and what was sent to him."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import JSON, Index, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from models.columns import Instant, Personal, Spelled
from models.keys import new_id


class LoanEvent(StrEnum):
    """What an integrator can be told of a loan."""

    APPLICATION_RECEIVED = "loan.application_received"
    GRADED = "loan.graded"
    DECIDED = "loan.decided"
    COMPLETED = "loan.completed"
    CONTRACT_SIGNED = "loan.contract_signed"
    ACCEPTED = "loan.accepted"
    PAID_OUT = "loan.paid_out"
    PAYOUT_FAILED = "loan.payout_failed"
    WITHDRAWN = "loan.withdrawn"
    EXPIRED = "loan.expired"
    PAYMENT_RECEIVED = "loan.payment_received"
    PAYMENT_SETTLED = "loan.payment_settled"
    PAYMENT_FAILED = "loan.payment_failed"
    PAYMENT_RETURNED = "loan.payment_returned"
    ACCOUNT_ADVANCED = "loan.account_advanced"
    OVERDUE = "loan.overdue"
    SETTLED = "loan.settled"
    REOPENED = "loan.reopened"
    CHANGE_PROPOSED = "loan.change_proposed"
    CHANGE_DECIDED = "loan.change_decided"
    TEST = "webhook.test"


class Webhook(SQLModel, table=True):
    """An address that a machine account has events sent to. `secret` signs them; an old one signs too for a while.

    `failing_since` is when the first of an unbroken row of failures was; `disabled_at` when nothing is sent any more.
    `read_to` is the audit entry up to which events were looked for.
    """

    __tablename__ = "webhook"
    __sealed_for__ = None

    id: str = Field(default_factory=new_id, primary_key=True, max_length=32)
    owner_id: str = Field(foreign_key="staff.id", max_length=64, index=True)
    url: str = Field(sa_type=Personal, description="may hold a name or a password of the receiver")
    events: list[str] = Field(default_factory=list, sa_type=JSON, description="what is sent; all if empty")
    description: str = Field(default="", max_length=200)
    secret: str = Field(sa_type=Personal)
    old_secret: str | None = Field(default=None, sa_type=Personal)
    old_secret_ends: datetime | None = Field(default=None, sa_type=Instant)
    created_at: datetime = Field(sa_type=Instant)
    read_to: str = Field(max_length=32)
    next_number: int = 1
    failing_since: datetime | None = Field(default=None, sa_type=Instant)
    disabled_at: datetime | None = Field(default=None, sa_type=Instant)
    removed_at: datetime | None = Field(default=None, sa_type=Instant)


class WebhookDelivery(SQLModel, table=True):
    """One event for one address. `id` is what the receiver knows it by, the same at every try and replay.

    `entry_id` is the audit entry that it tells of: nothing is told twice.
    """

    __tablename__ = "webhook_delivery"
    __table_args__ = (
        UniqueConstraint("webhook_id", "entry_id", name="uq_webhook_delivery_entry"),
        Index("ix_webhook_delivery_list", "webhook_id", "number"),
        Index(
            "ix_webhook_delivery_waiting",
            "webhook_id",
            "not_before",
            sqlite_where=text("not_before IS NOT NULL"),
            postgresql_where=text("not_before IS NOT NULL"),
        ),
    )

    id: str = Field(default_factory=new_id, primary_key=True, max_length=32)
    webhook_id: str = Field(foreign_key="webhook.id", max_length=32)
    entry_id: str = Field(max_length=32)
    number: int
    event: LoanEvent = Field(sa_type=Spelled(LoanEvent))
    loan: str | None = Field(default=None, max_length=16)
    body: str = Field(max_length=4000, description="what is sent, to the letter: that is what is signed")
    created_at: datetime = Field(sa_type=Instant)
    not_before: datetime | None = Field(default=None, sa_type=Instant, description="None once it is done with")
    first_tried_at: datetime | None = Field(default=None, sa_type=Instant)
    attempts: int = 0
    delivered_at: datetime | None = Field(default=None, sa_type=Instant)
    status: int | None = None
    last_error: str | None = Field(default=None, max_length=64)
