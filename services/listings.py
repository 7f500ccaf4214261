"""The lender's own list: one person of risk proposes an entry or its removal, another decides."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from books.customers import blind_index
from books.screening import PAGE, Listing
from books.session import UnitOfWork
from lending.errors import LendingError
from models.products import FieldKind, FormField
from models.screening import ListingAct, ListingDecision, ListingOutcome, ListingProposal, ListingStatus
from models.staff import Actor
from models.words import LONGEST_WORDS, storable
from services import audit
from services.errors import NotAllowed
from services.forms import Sentence, problem_of
from services.paper_words import masked_name
from services.permissions import Action, require
from services.screening import name_index

LONGEST_NAME = 100
_WHY = Sentence(f"Say why, in 1 to {LONGEST_WORDS} characters.", f"请填写原因，1至{LONGEST_WORDS}个字。")
_NAME = Sentence(f"A name has 2 to {LONGEST_NAME} characters.", f"姓名（名称）应为2至{LONGEST_NAME}个字。")
_ENDS_BEFORE = Sentence("The last day is before the first, or past.", "截止日期不能早于起始日期或今天。")


class InvalidListing(LendingError):
    """An entry that cannot be; `fields` names what is wrong."""

    code = "invalid_listing"
    http_status = 422


class ListedAlready(LendingError):
    """The same person stands on the list, or an entry about him waits for its decision."""

    code = "listed_already"
    http_status = 409

    def __init__(self, entry_id: str) -> None:
        super().__init__(f"the same is on the list, or waits for its decision, as entry {entry_id}")


class UnknownListing(LendingError):
    """There is no such entry."""

    code = "unknown_listing"
    http_status = 404

    def __init__(self, entry_id: str) -> None:
        super().__init__(f"there is no entry {entry_id} on the list")


class ListingDecided(LendingError):
    """Nothing about this entry waits for a decision, or it is not in force."""

    code = "listing_decided"
    http_status = 409

    def __init__(self, entry_id: str, status: ListingStatus) -> None:
        super().__init__(f"entry {entry_id} is {status}, so this cannot be done with it now")


class OwnListing(NotAllowed):
    """Whoever proposed an entry, or its removal, does not decide on it (four eyes)."""

    code = "own_listing"

    def __init__(self) -> None:
        super().__init__("whoever proposed this cannot decide on it; another person of risk must")


@dataclass(frozen=True)
class ListingState:
    """An entry and how it stands, with who proposed and decided it; `removal` is the newest proposal to take it off."""

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


def shown_name(state: ListingState) -> str | None:
    """A name as people see it: masked beside an ID number, which says who it is; in full where it is all there is."""
    return masked_name(state.name) if state.name and state.id_number else state.name


def listing_states(
    work: UnitOfWork, actor: Actor, *, before: str | None = None, limit: int = PAGE
) -> list[ListingState]:
    """Entries that were ever proposed, the newest first. That they were looked at goes into the audit log.

    For risk and auditors: NotAllowed for others.
    """
    require(actor, Action.SEE_LISTINGS)
    entries = work.screening.page(before=before, limit=limit)
    found = _states(work, entries)
    audit.record(work, actor, "listings_viewed", after={"entries": len(found)})
    return found


def propose_entry(
    work: UnitOfWork,
    actor: Actor,
    *,
    name: str | None,
    id_number: str | None,
    valid_from: date | None,
    valid_until: date | None,
    reason: str,
) -> ListingState:
    """Proposes to put a person on the list by his ID number, or a firm by its name alone.

    Nothing changes until another person of risk agrees. A name beside a number is for reading: people are found by the
    number. Raises NotAllowed, InvalidListing and ListedAlready.
    """
    require(actor, Action.KEEP_LISTINGS)
    name, id_number, reason = (name or "").strip() or None, (id_number or "").strip() or None, reason.strip()
    starts = valid_from or work.today
    _check(work, name, id_number, starts, valid_until, reason)
    work.outbox.hold("listings")
    numbers = [blind_index(id_number)] if id_number else []
    names = [] if id_number or not name else [name_index(name)]
    for one in _states(work, work.screening.about(numbers, names)):
        if one.status not in (ListingStatus.REFUSED, ListingStatus.REMOVED) and _still(one, starts):
            raise ListedAlready(one.id)
    proposal = ListingProposal(
        act=ListingAct.ADD,
        name=name,
        id_number=id_number,
        name_index=name_index(name) if name else None,
        id_number_index=numbers[0] if numbers else None,
        valid_from=starts,
        valid_until=valid_until,
        reason=reason,
        proposed_by=actor.id,
        proposed_at=work.now,
    )
    work.write(proposal)
    until = valid_until.isoformat() if valid_until else None
    after = {"valid_from": starts.isoformat(), "valid_until": until, "by": "id_number" if id_number else "name"}
    audit.record(work, actor, "listing_proposed", subject=proposal.id, after=after)
    return _state(work, proposal.id)


def propose_removal(work: UnitOfWork, actor: Actor, entry_id: str, reason: str) -> ListingState:
    """Proposes to take an entry in force off the list; it counts until another person of risk agrees.

    Raises NotAllowed, UnknownListing, ListingDecided for one that is not in force, InvalidListing without a reason.
    """
    require(actor, Action.KEEP_LISTINGS)
    work.outbox.hold("listings")
    state = _state(work, entry_id)
    if state.status is not ListingStatus.IN_FORCE:
        raise ListingDecided(entry_id, state.status)
    proposal = ListingProposal(
        act=ListingAct.REMOVE,
        entry_id=entry_id,
        reason=_given(reason),
        proposed_by=actor.id,
        proposed_at=work.now,
    )
    work.write(proposal)
    audit.record(work, actor, "listing_removal_proposed", subject=entry_id)
    return _state(work, entry_id)


def decide_listing(work: UnitOfWork, actor: Actor, entry_id: str, outcome: ListingOutcome, reason: str) -> ListingState:
    """Another person of risk decides on what waits about an entry: that it is added, or taken off. It counts at once.

    Raises NotAllowed, UnknownListing, OwnListing, ListingDecided where nothing waits, InvalidListing without a reason.
    """
    require(actor, Action.KEEP_LISTINGS)
    work.outbox.hold("listings")
    entry = _entry(work, entry_id)
    removal = _removals(work, [entry]).get(entry_id)
    state = _in_one(entry, removal)
    waiting = entry if removal is None else removal
    if waiting.decision is not None:
        raise ListingDecided(entry_id, state.status)
    if waiting.proposal.proposed_by == actor.id:
        raise OwnListing
    work.write(
        ListingDecision(
            proposal_id=waiting.proposal.id,
            outcome=outcome,
            reason=_given(reason),
            decided_by=actor.id,
            decided_at=work.now,
        )
    )
    audit.record(
        work,
        actor,
        "listing_decided",
        subject=entry_id,
        before={"status": state.status},
        after={"act": waiting.proposal.act, "outcome": outcome},
    )
    return _state(work, entry_id)


def _check(
    work: UnitOfWork, name: str | None, id_number: str | None, starts: date, until: date | None, reason: str
) -> None:
    problems: dict[str, str] = {}
    if name is None and id_number is None:
        problems["name"] = Sentence("Give a name or an ID number.", "请填写姓名（名称）或身份证号。")
    readable = name is None or (storable(name) and any(sign.isalnum() for sign in name))
    if name is not None and not (readable and 2 <= len(name) <= LONGEST_NAME):
        problems["name"] = _NAME
    if id_number is not None:
        field = FormField("id_number", FieldKind.ID_NUMBER, "The ID number", "身份证号")
        problem = problem_of(field, id_number, work.today)
        if problem is not None:
            problems["id_number"] = problem
    if until is not None and until < max(starts, work.today):
        problems["valid_until"] = _ENDS_BEFORE
    if not reason or not storable(reason):
        problems["reason"] = _WHY
    if problems:
        raise InvalidListing("the entry cannot be taken as it is; see each field", fields=problems)


def _given(reason: str) -> str:
    if not reason.strip() or not storable(reason.strip()):
        raise InvalidListing("say why", fields={"reason": _WHY})
    return reason.strip()


def _still(state: ListingState, day: date) -> bool:
    return state.valid_until is None or state.valid_until >= day


def _entry(work: UnitOfWork, entry_id: str) -> Listing:
    entry = work.screening.get(entry_id)
    if entry is None or entry.proposal.act is not ListingAct.ADD:
        raise UnknownListing(entry_id)
    return entry


def _removals(work: UnitOfWork, entries: Sequence[Listing]) -> dict[str, Listing]:
    """The removal of each of these entries that waits or counts; one that was refused leaves the entry as it was."""
    found = work.screening.removals([entry.proposal.id for entry in entries]) if entries else []
    return {str(one.proposal.entry_id): one for one in found if one.decision is None or one.is_approved}


def _state(work: UnitOfWork, entry_id: str) -> ListingState:
    return _states(work, [_entry(work, entry_id)])[0]


def _states(work: UnitOfWork, entries: Sequence[Listing]) -> list[ListingState]:
    removals = _removals(work, entries)
    return [_in_one(entry, removals.get(entry.proposal.id)) for entry in entries]


def _in_one(entry: Listing, removal: Listing | None) -> ListingState:
    proposal, decision = entry.proposal, entry.decision
    if decision is None:
        status = ListingStatus.OPEN
    elif not entry.is_approved:
        status = ListingStatus.REFUSED
    elif removal is None:
        status = ListingStatus.IN_FORCE
    else:
        status = ListingStatus.REMOVED if removal.is_approved else ListingStatus.REMOVING
    return ListingState(
        id=proposal.id,
        name=proposal.name,
        id_number=proposal.id_number,
        valid_from=proposal.valid_from or proposal.proposed_at.date(),
        valid_until=proposal.valid_until,
        reason=proposal.reason,
        status=status,
        proposed_by=proposal.proposed_by,
        proposed_at=proposal.proposed_at,
        decided_by=decision.decided_by if decision else None,
        decided_at=decision.decided_at if decision else None,
        removal_reason=removal.proposal.reason if removal else None,
        removal_by=removal.proposal.proposed_by if removal else None,
    )
