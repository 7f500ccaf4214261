"""Messages to and from people, the history of contact."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlmodel import Field, SQLModel

from models.columns import Instant, Personal
from models.keys import new_id


class ReplyChannel(StrEnum):
    """How a borrower reached somebody."""

    CALL = "call"
    VISIT = "visit"
    MESSAGE = "message"


class Contact(SQLModel, table=True):
    """One contact with a customer, by any channel."""

    __tablename__ = "contact"
    __sealed_for__ = "customer_id"

    id: str = Field(default_factory=new_id, primary_key=True, max_length=32)
    key: str = Field(max_length=128, unique=True)
    customer_id: str = Field(foreign_key="customer.id", max_length=32, index=True)
    loan: str | None = Field(default=None, foreign_key="loan.number", max_length=16, index=True)
    channel: str = Field(max_length=16)
    direction: str = Field(max_length=8)
    template: str | None = Field(default=None, max_length=48)
    text: str = Field(sa_type=Personal)
    at: datetime = Field(sa_type=Instant)


@dataclass(frozen=True)
class Sms:
    """A text message as its provider wants it."""

    mobile: str
    template: str
    text: str
