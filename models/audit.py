"""The audit log, the seals over it and over the ledger, and what was deposited outside."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import JSON, CheckConstraint, Index, text
from sqlmodel import Field, SQLModel

from models.chain import DailyRoot, Seal
from models.columns import Instant
from models.keys import new_id


class AuditEntry(SQLModel, table=True):
    """Who did what, when, from where and why, before and after; also what was refused. Nothing personal.

    An entry that a workflow asked for names the step: run and activity id lead to the event in its history.
    """

    __tablename__ = "audit_entry"
    __table_args__ = (
        Index("ix_audit_loan", "loan", "id"),
        Index("ix_audit_actor", "actor_id", "id"),
        Index("ix_audit_act", "act", "id"),
        Index("ix_audit_refused", "id", sqlite_where=text("refused"), postgresql_where=text("refused")),
    )

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
    workflow_id: str | None = Field(default=None, max_length=64)
    run_id: str | None = Field(default=None, max_length=36)
    activity_id: str | None = Field(default=None, max_length=32)
    event_id: int | None = None


class AuditSeal(SQLModel, table=True):
    """A seal over a batch of entries or, where `book` says so, of postings; `hash` is that of all other columns,
    `previous` that of the seal before.
    """

    __tablename__ = "audit_seal"
    __table_args__ = (
        CheckConstraint("no >= 1", name="ck_audit_seal_no"),
        CheckConstraint("count >= 1", name="ck_audit_seal_count"),
    )

    no: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    first_id: str = Field(max_length=32)
    last_id: str = Field(max_length=32)
    count: int
    root: str = Field(max_length=64)
    previous: str = Field(max_length=64)
    hash: str = Field(max_length=64)
    sealed_at: datetime = Field(sa_type=Instant, index=True)
    book: str | None = Field(default=None, max_length=16)

    @property
    def content(self) -> Seal:
        """What the hash is taken of."""
        return Seal(
            self.no, self.first_id, self.last_id, self.count, self.root, self.previous, self.sealed_at, self.book
        )


class SealedEntry(SQLModel, table=True):
    """In which seal an entry lies, where, and its hash. It points at no entry by a foreign key: to check that would
    lock entries.
    """

    __tablename__ = "audit_sealed"
    __table_args__ = (
        # The first too: foreign keys are off on a connection to SQLite that is not ours.
        CheckConstraint("seal_no >= 1", name="ck_audit_sealed_seal_no"),
        CheckConstraint("position >= 0", name="ck_audit_sealed_position"),
        Index("ix_audit_sealed_place", "seal_no", "position", unique=True),
    )

    entry_id: str = Field(primary_key=True, max_length=32)
    seal_no: int = Field(foreign_key="audit_seal.no")
    position: int
    leaf: str = Field(max_length=64)


class SealedPosting(SQLModel, table=True):
    """In which seal a posting lies, where, and its hash; without a foreign key to it, as entries have none."""

    __tablename__ = "posting_sealed"
    __table_args__ = (
        CheckConstraint("seal_no >= 1", name="ck_posting_sealed_seal_no"),
        CheckConstraint("position >= 0", name="ck_posting_sealed_position"),
        Index("ix_posting_sealed_place", "seal_no", "position", unique=True),
    )

    posting_id: str = Field(primary_key=True, max_length=32)
    seal_no: int = Field(foreign_key="audit_seal.no")
    position: int
    leaf: str = Field(max_length=64)


class AuditDeposit(SQLModel, table=True):
    """The root of a day as a depository outside has it, and by which reference it is found there."""

    __tablename__ = "audit_deposit"
    __table_args__ = (CheckConstraint("seal_no >= 1", name="ck_audit_deposit_seal_no"),)

    depository: str = Field(primary_key=True, max_length=64)
    day: date = Field(primary_key=True)
    seal_no: int = Field(foreign_key="audit_seal.no", index=True)
    hash: str = Field(max_length=64)
    sealed_at: datetime = Field(sa_type=Instant)
    reference: str = Field(max_length=300)
    deposited_at: datetime = Field(sa_type=Instant)

    @property
    def root(self) -> DailyRoot:
        """What was deposited."""
        return DailyRoot(self.day, self.seal_no, self.hash, self.sealed_at)
