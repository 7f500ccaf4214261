"""The lender's own list of people and firms with whom it does no business, and what a screening found."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Index
from sqlmodel import Field, SQLModel

from models.columns import Instant, Personal, Spelled
from models.customers import PartyRole
from models.keys import new_id


class ListingAct(StrEnum):
    """What is proposed: to put somebody on the list, or to take an entry off it."""

    ADD = "add"
    REMOVE = "remove"


class ListingOutcome(StrEnum):
    """What the second person said."""

    APPROVE = "approve"
    REFUSE = "refuse"


class ListingStatus(StrEnum):
    """How an entry stands. `removing` is one in force whose removal waits for a second person."""

    OPEN = "open"
    IN_FORCE = "in_force"
    REMOVING = "removing"
    REMOVED = "removed"
    REFUSED = "refused"


class ListingProposal(SQLModel, table=True):
    """An entry that somebody wants on the list, or the removal of the entry `entry_id`. Insert-only.

    Nothing changes by it alone. An entry names a person by his ID number, a firm or somebody of unknown number by name
    alone; the indexes are keyed digests by which a screening finds it.
    """

    __tablename__ = "listing_proposal"
    __sealed_for__ = None
    __table_args__ = (
        Index("ix_listing_proposal_id_number", "id_number_index"),
        Index("ix_listing_proposal_name", "name_index"),
    )

    id: str = Field(default_factory=new_id, primary_key=True, max_length=32)
    act: ListingAct = Field(sa_type=Spelled(ListingAct))
    entry_id: str | None = Field(default=None, foreign_key="listing_proposal.id", max_length=32, index=True)
    name: str | None = Field(default=None, sa_type=Personal)
    id_number: str | None = Field(default=None, sa_type=Personal)
    name_index: str | None = Field(default=None, max_length=64)
    id_number_index: str | None = Field(default=None, max_length=64)
    valid_from: date | None = None
    valid_until: date | None = Field(default=None, description="the last day; None until it is taken off")
    reason: str = Field(sa_type=Personal)
    proposed_by: str = Field(max_length=64)
    proposed_at: datetime = Field(sa_type=Instant)


class ListingDecision(SQLModel, table=True):
    """What became of a proposal, once, by another person. Insert-only."""

    __tablename__ = "listing_decision"
    __sealed_for__ = None

    proposal_id: str = Field(primary_key=True, foreign_key="listing_proposal.id", max_length=32)
    outcome: ListingOutcome = Field(sa_type=Spelled(ListingOutcome))
    reason: str = Field(sa_type=Personal)
    decided_by: str = Field(max_length=64)
    decided_at: datetime = Field(sa_type=Instant)


@dataclass(frozen=True)
class ScreenedParty:
    """Somebody who is looked for. Payees are known by name alone."""

    role: PartyRole
    name: str
    id_number: str | None = None


@dataclass(frozen=True)
class Finding:
    """Somebody who stands on a list. `certain` is false where it may be another of the same name.

    `source` says who knows it: `own_list`, `provider`, or a plug-in's screening. It is for risk alone.
    """

    source: str
    role: PartyRole
    certain: bool
    list_name: str
    reason: str

    def as_json(self) -> dict[str, Any]:
        """As it is kept beside the facts of a grading."""
        return asdict(self)

    @classmethod
    def from_json(cls, kept: Mapping[str, Any]) -> "Finding":
        """The same read back."""
        return cls(**{**kept, "role": PartyRole(kept["role"])})
