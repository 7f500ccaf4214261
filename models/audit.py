"""The audit log."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Index
from sqlmodel import Field, SQLModel

from models.columns import Instant
from models.keys import new_id


class AuditEntry(SQLModel, table=True):
    """Who did what, when, from where and why, before and after; also what was refused. Nothing personal."""

    __tablename__ = "audit_entry"
    __table_args__ = (Index("ix_audit_loan", "loan", "id"), Index("ix_audit_actor", "actor_id", "id"))

    id: str = Field(default_factory=new_id, primary_key=True, max_length=32)
    at: datetime = Field(sa_type=Instant)
    actor_id: str = Field(max_length=64)
    role: str = Field(max_length=16)
    address: str | None = Field(default=None, max_length=64)
    request_id: str | None = Field(default=None, max_length=64)
    act: str = Field(max_length=48)
    loan: str | None = Field(default=None, max_length=16)
    subject: str | None = Field(default=None, max_length=96)
    before: dict[str, Any] | None = Field(default=None, sa_type=JSON)
    after: dict[str, Any] | None = Field(default=None, sa_type=JSON)
    reason: str | None = Field(default=None, max_length=500)
    refused: bool = False
