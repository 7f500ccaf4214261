"""Queries on the lender's own list."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import Select, bindparam, or_, select
from sqlalchemy.orm import aliased
from sqlmodel import Session, col

from books.rows import WRITTEN_AT_ONCE
from books.sealing import opened
from models.screening import ListingAct, ListingDecision, ListingOutcome, ListingProposal

PAGE = 100
_REMOVAL = aliased(ListingProposal)
_REMOVED = (
    select(col(_REMOVAL.id))
    .join(ListingDecision, col(ListingDecision.proposal_id) == col(_REMOVAL.id))
    .where(
        col(_REMOVAL.entry_id) == col(ListingProposal.id),
        col(ListingDecision.outcome) == ListingOutcome.APPROVE,
    )
    .correlate(ListingProposal)
    .exists()
)
_LISTED = (
    select(
        col(ListingProposal.id),
        col(ListingProposal.id_number_index),
        col(ListingProposal.name_index),
        col(ListingProposal.reason),
    )
    .join(ListingDecision, col(ListingDecision.proposal_id) == col(ListingProposal.id))
    .where(
        or_(
            col(ListingProposal.id_number_index).in_(bindparam("numbers", expanding=True)),
            col(ListingProposal.name_index).in_(bindparam("names", expanding=True)),
        ),
        col(ListingDecision.outcome) == ListingOutcome.APPROVE,
        col(ListingProposal.valid_from) <= bindparam("day"),
        or_(col(ListingProposal.valid_until).is_(None), col(ListingProposal.valid_until) >= bindparam("day")),
        ~_REMOVED,
    )
    .order_by(col(ListingProposal.id))
    .execution_options(**WRITTEN_AT_ONCE)
)
_ALL = select(ListingProposal, ListingDecision).join(
    ListingDecision, col(ListingDecision.proposal_id) == col(ListingProposal.id), isouter=True
)


@dataclass(frozen=True)
class Listed:
    """An entry in force, by the digests of what it names."""

    id: str
    id_number_index: str | None
    name_index: str | None
    reason: str


@dataclass(frozen=True)
class Listing:
    """A proposal and what became of it."""

    proposal: ListingProposal
    decision: ListingDecision | None

    @property
    def is_approved(self) -> bool:
        """Whether a second person agreed."""
        return self.decision is not None and self.decision.outcome is ListingOutcome.APPROVE


class ScreeningBook:
    """The lender's own list: proposed, in force, removed."""

    def __init__(self, session: Session) -> None:
        self.session = session

    def listed(self, numbers: Sequence[str], names: Sequence[str], day: date) -> list[Listed]:
        """Entries in force on a day by the digests of ID numbers or names."""
        found = self.session.connection().execute(_LISTED, {"numbers": numbers, "names": names, "day": day})
        return [
            Listed(id_, number, name, opened(self.session, ListingProposal.reason, id_, reason))
            for id_, number, name, reason in found.all()
        ]

    def page(self, *, before: str | None = None, limit: int = PAGE) -> list[Listing]:
        """Entries that were ever proposed, the newest first."""
        query = _ALL.where(col(ListingProposal.act) == ListingAct.ADD)
        if before is not None:
            query = query.where(col(ListingProposal.id) < before)
        return self._found(query.order_by(col(ListingProposal.id).desc()).limit(limit))

    def removals(self, entries: Sequence[str]) -> list[Listing]:
        """Proposals to take these entries off, oldest first."""
        return self._found(_ALL.where(col(ListingProposal.entry_id).in_(entries)).order_by(col(ListingProposal.id)))

    def about(self, numbers: Sequence[str], names: Sequence[str]) -> list[Listing]:
        """Entries about one of these ID numbers, or about one of these names and no number, oldest first."""
        named = col(ListingProposal.name_index).in_(names) & col(ListingProposal.id_number_index).is_(None)
        query = _ALL.where(or_(col(ListingProposal.id_number_index).in_(numbers), named))
        return self._found(query.order_by(col(ListingProposal.id)))

    def get(self, proposal_id: str) -> Listing | None:
        """A proposal with its decision."""
        return next(iter(self._found(_ALL.where(col(ListingProposal.id) == proposal_id))), None)

    def _found(self, query: Select[ListingProposal, ListingDecision]) -> list[Listing]:
        return [Listing(proposal, decision) for proposal, decision in self.session.execute(query)]
