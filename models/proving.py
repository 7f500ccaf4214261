"""What proofs of the sealed books came to."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON
from sqlmodel import Field, SQLModel

from models.columns import Instant
from models.keys import new_id


class AuditVerdict(SQLModel, table=True):
    """What a proof of audit log and ledger came to, of the books as they stood when it began. Insert-only.

    `run_id` is the run of the workflow that asked for it: one run has one verdict. `findings` are the first of all
    `differences`, and `digest` is of every one of them: the same differences have the same.
    """

    __tablename__ = "audit_verdict"

    id: str = Field(default_factory=new_id, primary_key=True, max_length=32)
    run_id: str = Field(max_length=64, unique=True)
    asked_by: str = Field(max_length=64)
    began_at: datetime = Field(sa_type=Instant)
    ended_at: datetime = Field(sa_type=Instant)
    code_version: str = Field(max_length=96)
    seals: int
    entries: int
    postings: int
    roots: int | None = Field(default=None, description="deposited outside and compared; None where none could be read")
    unsealed: int
    unsealed_postings: int
    head_no: int | None = Field(default=None, description="the last seal that was looked at")
    head_hash: str | None = Field(default=None, max_length=64)
    differences: int
    digest: str = Field(max_length=64)
    findings: list[dict[str, Any]] = Field(sa_type=JSON)
    entry_id: str = Field(max_length=32, description="of the audit log, which says the same and is sealed")
    task_id: str | None = Field(default=None, max_length=32, description="who looks into it")

    @property
    def is_whole(self) -> bool:
        """Whether nothing was wrong."""
        return self.differences == 0
