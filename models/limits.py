"""What law and supervisors allow, and the rates published, as rows: proposed by one person, decided by another."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON
from sqlmodel import Field, SQLModel

from models.columns import Instant, Spelled
from models.keys import new_id

SHIPPED_BY = "shipped"
"""Who proposed the rows that come with the code."""


class LimitKind(StrEnum):
    """What a row says."""

    PRIME_RATE = "prime_rate"
    COST_CAP = "cost_cap"
    OWN_CARD = "own_card"


class LimitOutcome(StrEnum):
    """What the second person said."""

    APPROVE = "approve"
    REFUSE = "refuse"


class LimitStatus(StrEnum):
    """How a row stands. `replaced` is one that a later row of the same day and scope corrected."""

    OPEN = "open"
    IN_FORCE = "in_force"
    REPLACED = "replaced"
    REFUSED = "refused"


class LimitProposal(SQLModel, table=True):
    """A row that somebody wants in force. Insert-only; nothing changes by it. `row` is spelled as in limits.json."""

    __tablename__ = "limit_proposal"

    id: str = Field(default_factory=new_id, primary_key=True, max_length=32)
    kind: LimitKind = Field(sa_type=Spelled(LimitKind))
    row: dict[str, Any] = Field(sa_type=JSON)
    reason: str = Field(max_length=500)
    proposed_by: str = Field(max_length=64)
    proposed_at: datetime = Field(sa_type=Instant)


class LimitDecision(SQLModel, table=True):
    """What became of a proposed row, once, by another person. Insert-only."""

    __tablename__ = "limit_decision"

    proposal_id: str = Field(primary_key=True, foreign_key="limit_proposal.id", max_length=32)
    outcome: LimitOutcome = Field(sa_type=Spelled(LimitOutcome))
    reason: str = Field(max_length=500)
    decided_by: str = Field(max_length=64)
    decided_at: datetime = Field(sa_type=Instant)
