"""Evidence that a person signed a document: which one, how, when and from where."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import Index, UniqueConstraint
from sqlmodel import Field, SQLModel

from models.columns import Instant, Personal, Spelled
from models.keys import new_id


class SignatureMethod(StrEnum):
    """How a person shows that it is he who signs."""

    SMS_CODE = "sms_code"


class SigningCode(SQLModel, table=True):
    """A code that was sent to a party for one document. Only its hash stays once the message has left."""

    __tablename__ = "signing_code"
    __sealed_for__ = "loan"
    __table_args__ = (Index("ix_signing_code_party", "party_id", "asked_at"),)

    id: str = Field(default_factory=new_id, primary_key=True, max_length=32)
    loan: str = Field(foreign_key="loan.number", max_length=16, index=True)
    party_id: str = Field(foreign_key="party.id", max_length=32)
    document_id: str = Field(foreign_key="document.id", max_length=32, index=True)
    code_hash: str = Field(max_length=128)
    code: str | None = Field(default=None, sa_type=Personal, description="until it is sent")
    asked_by: str = Field(max_length=64)
    asked_at: datetime = Field(sa_type=Instant)
    expires_at: datetime = Field(sa_type=Instant)
    sent_at: datetime | None = Field(default=None, sa_type=Instant)
    tries: int = 0
    used_at: datetime | None = Field(default=None, sa_type=Instant)


class Signature(SQLModel, table=True):
    """One party's signature under one document. Insert-only: the database refuses change and removal."""

    __tablename__ = "signature"
    __table_args__ = (UniqueConstraint("party_id", "document_id"),)

    id: str = Field(default_factory=new_id, primary_key=True, max_length=32)
    loan: str = Field(foreign_key="loan.number", max_length=16, index=True)
    party_id: str = Field(foreign_key="party.id", max_length=32)
    document_id: str = Field(foreign_key="document.id", max_length=32, index=True)
    document_sha256: str = Field(max_length=64)
    terms_version: int
    method: SignatureMethod = Field(sa_type=Spelled(SignatureMethod))
    signing_code_id: str = Field(foreign_key="signing_code.id", max_length=32, unique=True)
    code_hash: str = Field(max_length=128)
    code_sent_at: datetime = Field(sa_type=Instant)
    code_confirmed_at: datetime = Field(sa_type=Instant)
    tries: int
    address: str | None = Field(default=None, max_length=64)
    user_agent_sha256: str | None = Field(default=None, max_length=64)
    entered_by: str = Field(max_length=64, description="who typed the code in: the party, or who sat with him")
    entered_as: str = Field(max_length=16)
    signed_at: datetime = Field(sa_type=Instant)
