"""The lender's own list: who is on it, and how two people of risk put somebody on it or take him off."""

from dataclasses import asdict
from datetime import date, datetime
from typing import Annotated

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, Field

from api.context import Acting, Context, Looking
from api.problems import refusals
from api.shapes import Asked, Words
from models import keys
from models.screening import ListingOutcome, ListingStatus
from services.listings import (
    LONGEST_NAME,
    ListingState,
    decide_listing,
    listing_states,
    propose_entry,
    propose_removal,
    shown_name,
)
from services.paper_words import masked_id_number

router = APIRouter(prefix="/screening/entries", tags=["screening"])

EntryId = Annotated[str, Path(pattern=keys.ID_PATTERN, description="the entry's id")]
MOST = 100


class EntryBody(Asked):
    """Somebody to put on the list: a person by his ID number, a firm by its name alone."""

    name: str | None = Field(default=None, max_length=LONGEST_NAME)
    id_number: str | None = Field(default=None, max_length=18)
    valid_from: date | None = Field(default=None, description="today if left out")
    valid_until: date | None = Field(default=None, description="the last day; until it is taken off if left out")
    reason: str = Field(min_length=1, max_length=500, description="for risk and auditors only")


class EntryRemovalBody(Asked):
    """Why an entry is taken off."""

    reason: str = Field(min_length=1, max_length=500)


class EntryDecisionBody(Asked):
    """The second person's word on what waits about an entry."""

    outcome: ListingOutcome
    reason: Words


class EntryView(BaseModel):
    """An entry and how it stands. ID numbers are masked, and so are names beside one."""

    id: str
    name: str | None
    id_number: str | None
    valid_from: date
    valid_until: date | None
    reason: str
    status: ListingStatus
    proposed_by: str
    proposed_at: datetime
    decided_by: str | None
    decided_at: datetime | None
    removal_reason: str | None
    removal_by: str | None


class EntriesView(BaseModel):
    """Entries, the newest first. `next` is what to ask for as `before` to see older ones."""

    items: list[EntryView]
    next: str | None


@router.get("", responses=refusals(403))
def list_entries(
    actor: Acting,
    look: Looking,
    before: Annotated[str | None, Query(pattern=keys.ID_PATTERN, description="entries older than this one")] = None,
    limit: Annotated[int, Query(ge=1, le=MOST, description="how many at most")] = MOST,
) -> EntriesView:
    """Every entry that was ever proposed, for risk and auditors. That it was looked at is recorded."""
    with look(recorded=True) as work:
        found = listing_states(work, actor, before=before, limit=limit)
    return EntriesView(items=[_view(one) for one in found], next=found[-1].id if len(found) == limit else None)


@router.post("", responses=refusals(403, 409))
def propose_listing(body: EntryBody, actor: Acting, context: Context) -> EntryView:
    """Risk proposes an entry; nothing changes until another person of risk agrees."""
    with context.books.begin() as work:
        return _view(propose_entry(work, actor, **body.model_dump()))


@router.post("/{entry_id}/removal", responses=refusals(403, 404, 409))
def propose_unlisting(entry_id: EntryId, body: EntryRemovalBody, actor: Acting, context: Context) -> EntryView:
    """Risk proposes to take an entry off; it counts until another person of risk agrees."""
    with context.books.begin() as work:
        return _view(propose_removal(work, actor, entry_id, body.reason))


@router.post("/{entry_id}/decision", responses=refusals(403, 404, 409))
def decide_on_listing(entry_id: EntryId, body: EntryDecisionBody, actor: Acting, context: Context) -> EntryView:
    """Another person of risk decides on what waits about an entry, which counts at once."""
    with context.books.begin() as work:
        return _view(decide_listing(work, actor, entry_id, body.outcome, body.reason))


def _view(state: ListingState) -> EntryView:
    masked = {
        "name": shown_name(state),
        "id_number": masked_id_number(state.id_number) if state.id_number else None,
    }
    return EntryView.model_validate(asdict(state) | masked)
