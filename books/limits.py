"""Queries on limits and published rates."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import func
from sqlmodel import Session, col, select

from books.rows import WRITTEN_AT_ONCE
from models.limits import LimitDecision, LimitKind, LimitOutcome, LimitProposal

_VERSION = (
    select(func.count(), func.max(LimitDecision.proposal_id))
    .where(LimitDecision.outcome == LimitOutcome.APPROVE)
    .execution_options(**WRITTEN_AT_ONCE)
)
_IN_FORCE = (
    select(LimitProposal.kind, LimitProposal.row)
    .join(LimitDecision, col(LimitDecision.proposal_id) == col(LimitProposal.id))
    .where(LimitDecision.outcome == LimitOutcome.APPROVE)
    .order_by(col(LimitProposal.id))
    .execution_options(**WRITTEN_AT_ONCE)
)
_ALL = (
    select(LimitProposal, LimitDecision)
    .join(LimitDecision, col(LimitDecision.proposal_id) == col(LimitProposal.id), isouter=True)
    .order_by(col(LimitProposal.id))
    .execution_options(**WRITTEN_AT_ONCE)
)


@dataclass(frozen=True)
class Limit:
    """A proposed row and what became of it."""

    proposal: LimitProposal
    decision: LimitDecision | None


class LimitBook:
    """Rows of limits: proposed, in force, refused."""

    def __init__(self, session: Session) -> None:
        self.session = session

    def version(self) -> tuple[int, str | None]:
        """What changes when a row is approved, and is another in other books: how many there are, and the newest."""
        count, newest = self.session.connection().execute(_VERSION).one()
        return count, newest

    def in_force(self) -> list[tuple[LimitKind, dict[str, Any]]]:
        """Kind and content of every row that was approved, the one proposed last at the end."""
        return [(one.kind, one.row) for one in self.session.connection().execute(_IN_FORCE)]

    def all(self) -> list[Limit]:
        """Every row that was ever proposed, the oldest first."""
        return [Limit(proposal, decision) for proposal, decision in self.session.exec(_ALL)]

    def get(self, proposal_id: str) -> Limit | None:
        """A proposed row with its decision."""
        found = self.session.exec(_ALL.where(LimitProposal.id == proposal_id)).first()
        return Limit(*found) if found else None
