"""The lender's own list: who is on it, what waits, and how two people of risk change it."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

from fastapi import APIRouter, Query, Request, Response

from lending.errors import LendingError
from models.keys import ID_PATTERN
from models.screening import ListingOutcome, ListingStatus
from services.listings import (
    InvalidListing,
    ListingState,
    decide_listing,
    listing_states,
    propose_entry,
    propose_removal,
    shown_name,
)
from services.permissions import Action, allows, require
from web import masking, pages, refusals
from web.addresses import Id, on_day
from web.context import in_books
from web.decision import DecisionForm, read_note, read_verdict
from web.forms import EnteredForm, Entry, FormField
from web.language import marked
from web.refusals import showing
from web.session import posted
from web.visit import StaffVisit, Visit

router = APIRouter()

PAGE = 50


@dataclass(frozen=True)
class EntryForm(EnteredForm):
    """An entry as it was entered."""

    sentences: ClassVar[Mapping[str, str]] = {
        "name": marked("A name of 2 to 100 characters, or an ID number below."),
        "id_number": marked("18 characters: 17 digits, then a digit or a capital X that fits them."),
        "valid_from": marked("A day."),
        "valid_until": marked("Not before the first day, and not past."),
        "reason": marked("A sentence of at most 300 characters."),
    }

    def read(self) -> dict[str, Any]:
        """The entry; InvalidListing names what cannot be read."""
        entry, wrong = self.entered()
        for name in ("valid_from", "valid_until"):
            day = on_day(entry.get(name, ""))
            if name in entry and day is None:
                wrong.append(name)
            entry[name] = day
        if wrong:
            raise InvalidListing("the form is not complete", fields=dict.fromkeys(wrong, ""))
        return {"name": None, "id_number": None, **entry}


ENTRY = EntryForm(
    (
        FormField("name", Entry.LINE, marked("Name"), marked("Of a firm, or beside an ID number."), optional=True),
        FormField(
            "id_number",
            Entry.TEXT,
            marked("ID number"),
            marked("A person is found by it, never by name."),
            optional=True,
        ),
        FormField("valid_from", Entry.DAY, marked("From"), marked("Empty: from today."), optional=True),
        FormField("valid_until", Entry.DAY, marked("Last day"), marked("Empty: until it is taken off."), optional=True),
        FormField("reason", Entry.LINE, marked("Reason"), marked("For risk and auditors only.")),
    )
)


@dataclass(frozen=True)
class EntryShown:
    """An entry as people see it: masked beside an ID number."""

    state: ListingState
    name: str
    number: str

    @property
    def waits(self) -> bool:
        """Whether somebody has to decide on it."""
        return self.state.status in (ListingStatus.OPEN, ListingStatus.REMOVING)

    @property
    def proposer(self) -> str:
        """Who proposed what waits: he cannot decide on it."""
        return self.state.removal_by or self.state.proposed_by

    @property
    def why(self) -> str:
        """The reason of what waits."""
        return self.state.removal_reason or self.state.reason


@router.get("/screening", name="screening")
def screening(
    request: Request, visit: StaffVisit, before: Annotated[str | None, Query(pattern=ID_PATTERN)] = None
) -> Response:
    """What waits for a second person, and the entries, newest first. For risk and auditors."""
    with showing(request, visit, recorded=True) as work:
        states = listing_states(work, visit.person, before=before, limit=PAGE)
        found = [_shown(one) for one in states]
        return pages.show(
            request,
            visit,
            "screening.html",
            waiting=[one for one in found if one.waits],
            entries=found,
            older=found[-1].state.id if len(found) == PAGE else None,
            names=work.staff.names(),
            is_risk=allows(visit.person, Action.KEEP_LISTINGS),
        )


@router.get("/screening/new", name="entry_form")
def entry_form(request: Request, visit: StaffVisit) -> Response:
    """The empty form of an entry."""
    require(visit.person, Action.KEEP_LISTINGS)
    return _form_page(request, visit, ENTRY)


@router.post("/screening/new", name="propose_entry")
async def propose(request: Request, visit: StaffVisit) -> Response:
    """Proposes an entry; nothing changes until another person of risk agrees."""
    form = ENTRY.filled(await posted(request, visit.session))
    try:
        entry = form.read()
        await in_books(request, lambda work: propose_entry(work, visit.person, **entry))
    except LendingError as error:
        if error.http_status == 403:
            raise
        await asyncio.to_thread(refusals.note, request, visit, error)
        refused = form.with_problems(error, visit.language)
        return await asyncio.to_thread(_form_page, request, visit, refused, error.http_status)
    return pages.go(request, "/screening")


@router.post("/screening/entries/{entry_id}/removal", name="propose_removal")
async def take_off(request: Request, visit: StaffVisit, entry_id: Id) -> Response:
    """Proposes to take an entry off the list."""
    reason = read_note(DecisionForm.from_fields(await posted(request, visit.session)))
    await in_books(request, lambda work: propose_removal(work, visit.person, entry_id, reason))
    return pages.go(request, "/screening")


@router.post("/screening/entries/{entry_id}/decision", name="decide_entry")
async def decide(request: Request, visit: StaffVisit, entry_id: Id) -> Response:
    """Another person of risk agrees to what waits about an entry, or refuses it."""
    fields = await posted(request, visit.session)
    reason = read_note(DecisionForm.from_fields(fields))
    outcome = ListingOutcome.APPROVE if read_verdict(fields) else ListingOutcome.REFUSE
    await in_books(request, lambda work: decide_listing(work, visit.person, entry_id, outcome, reason))
    return pages.go(request, "/screening")


def _form_page(request: Request, visit: Visit, form: EntryForm, status: int = 200) -> Response:
    return pages.show(request, visit, "screening_form.html", status, form=form)


def _shown(state: ListingState) -> EntryShown:
    number = masking.masked_id_number(state.id_number) if state.id_number else ""
    return EntryShown(state, shown_name(state) or "–", number)
