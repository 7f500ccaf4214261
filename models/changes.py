"""Changes to a running loan under four eyes: what was proposed, who is asked, and how it ended."""

import datetime as dt
from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, CheckConstraint, Index
from sqlmodel import Field, SQLModel

from models.columns import Fen, Instant, Spelled
from models.keys import new_id
from models.staff import Role


class ChangeKind(StrEnum):
    """What a person proposes to do to a running loan."""

    DEFERRAL = "deferral"
    RESTRUCTURING = "restructuring"
    RATE_CHANGE = "rate_change"
    WAIVER = "waiver"
    FEE = "fee"
    WRITE_OFF = "write_off"
    CORRECTION = "correction"


CHANGES_TERMS = frozenset({ChangeKind.DEFERRAL, ChangeKind.RESTRUCTURING, ChangeKind.RATE_CHANGE})
"""Kinds that amend the contract, and so make a new version of the terms."""


REVERSAL = "reversal"
"""What people call the correction that takes a payment back."""


def name_of(kind: str, asked: Mapping[str, Any]) -> str:
    """What people call a change: its kind or, of a correction, `reversal` or the channel by which the money came."""
    if kind != ChangeKind.CORRECTION:
        return kind
    return REVERSAL if "of" in asked else str(asked.get("channel", kind))


class ChangeOutcome(StrEnum):
    """How a proposal ended."""

    APPLIED = "applied"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"
    EXPIRED = "expired"


class ChangeStatus(StrEnum):
    """How a proposal stands. `lapsed` is one whose task fell away, because the loan closed."""

    OPEN = "open"
    APPLIED = "applied"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"
    EXPIRED = "expired"
    LAPSED = "lapsed"


class ChangeProposal(SQLModel, table=True):
    """What one person wants done to a loan. Insert-only; nothing changes by it.

    `asked` are the fields as they came in. `position`, `terms_version` and `fallen_due` say on which state of the loan
    the preview was made: on another one it cannot be approved. `people` is how many have to agree.
    """

    __tablename__ = "change_proposal"
    __table_args__ = (
        CheckConstraint("people > 0", name="ck_change_proposal_people"),
        Index("ix_change_proposal_loan", "loan", "id"),
    )

    id: str = Field(default_factory=new_id, primary_key=True, max_length=32)
    loan: str = Field(foreign_key="loan.number", max_length=16)
    kind: ChangeKind = Field(sa_type=Spelled(ChangeKind))
    asked: dict[str, Any] = Field(sa_type=JSON)
    reason: str = Field(max_length=500)
    amount_fen: int = Field(sa_type=Fen, description="what the authority of the deciders is measured by")
    figures: dict[str, Any] = Field(sa_type=JSON, description="the loan before and after, as previewed")
    position: int
    terms_version: int
    fallen_due: int
    people: int
    proposed_by: str = Field(max_length=64)
    proposed_as: Role = Field(sa_type=Spelled(Role))
    proposed_on: dt.date = Field(index=True)
    proposed_at: datetime = Field(sa_type=Instant)
    expires_on: dt.date = Field(description="the last day on which it can be decided")

    @property
    def name(self) -> str:
        """What people call it."""
        return name_of(self.kind, self.asked)

    @property
    def event_key(self) -> str:
        """The key of the event that the change comes to."""
        return f"{self.loan}:change:{self.id}"


class ChangeTask(SQLModel, table=True):
    """A task on which somebody is asked about a proposal: one for each person who has to agree. Insert-only."""

    __tablename__ = "change_task"

    task_id: str = Field(primary_key=True, foreign_key="task.id", max_length=32)
    proposal_id: str = Field(foreign_key="change_proposal.id", max_length=32, index=True)


class ChangeEnd(SQLModel, table=True):
    """How a proposal ended, once. Insert-only."""

    __tablename__ = "change_end"

    proposal_id: str = Field(primary_key=True, foreign_key="change_proposal.id", max_length=32)
    outcome: ChangeOutcome = Field(sa_type=Spelled(ChangeOutcome))
    by: str = Field(max_length=64)
    on: dt.date
    at: datetime = Field(sa_type=Instant)
