"""Reading the audit log: entries with their seals, and how the chain stands. For auditors alone."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from books.audit import EntryFilter
from books.seals import POSTINGS
from books.session import Books, UnitOfWork
from lending.errors import LendingError
from models.audit import AuditDeposit, AuditEntry, AuditSeal
from models.chain import ENTRY_FIELDS, spelled
from models.staff import Actor
from services.audit import record
from services.audit_chain import Waiting, waiting
from services.audit_proof import born
from services.csv_files import as_text, csv_pieces
from services.evidence import days_waiting, depositories
from services.permissions import Action, require

PAGE = 1_000
COLUMNS = ("id", "written_at", *ENTRY_FIELDS[1:], "seal")
"""Of the file."""


class UnknownEntry(LendingError):
    """No entry has this id."""

    code = "unknown_audit_entry"
    http_status = 404

    def __init__(self, entry_id: str) -> None:
        super().__init__(f"the audit log has no entry {entry_id}")


@dataclass(frozen=True)
class SealedView:
    """An entry, when it was written by its id, and in which seal it lies (None before it is sealed)."""

    entry: AuditEntry
    written_at: datetime | None
    seal_no: int | None


@dataclass(frozen=True)
class EntryView:
    """An entry with its whole seal and its place in it."""

    entry: AuditEntry
    written_at: datetime | None
    seal: AuditSeal | None
    position: int | None
    leaf: str | None


@dataclass(frozen=True)
class DepositState:
    """A depository, the newest root that it has, and for how many days it has lacked one."""

    name: str
    last: AuditDeposit | None
    days_waiting: int


@dataclass(frozen=True)
class ChainState:
    """How the chain stands."""

    last: AuditSeal | None
    waiting: Waiting
    waiting_postings: Waiting
    deposits: list[DepositState]


def entries(
    work: UnitOfWork, actor: Actor, wanted: EntryFilter, before: str | None = None, limit: int = 50
) -> list[SealedView]:
    """The newest entries that are wanted, those with an id below `before`; for auditors."""
    require(actor, Action.READ_AUDIT)
    found = work.audit.newest(wanted, before, limit)
    places = work.seals.places([entry.id for entry in found])
    return [
        SealedView(entry, born(entry.id), places[entry.id].seal_no if entry.id in places else None) for entry in found
    ]


def entry(work: UnitOfWork, actor: Actor, entry_id: str) -> EntryView:
    """One entry with its seal; refuses an unknown one."""
    require(actor, Action.READ_AUDIT)
    found = work.audit.get(entry_id)
    if found is None:
        raise UnknownEntry(entry_id)
    place = work.seals.places([entry_id]).get(entry_id)
    if place is None:
        return EntryView(found, born(entry_id), None, None, None)
    return EntryView(found, born(entry_id), work.seals.get(place.seal_no), place.position, place.leaf)


def seals(work: UnitOfWork, actor: Actor, before: int | None = None, limit: int = 50) -> list[AuditSeal]:
    """The newest seals, those with a number below `before`; for auditors."""
    require(actor, Action.READ_AUDIT)
    return work.seals.newest(before, limit)


def chain(work: UnitOfWork, actor: Actor) -> ChainState:
    """How the chain stands; for auditors."""
    require(actor, Action.READ_AUDIT)
    return ChainState(work.seals.last(), waiting(work), waiting(work, POSTINGS), deposit_states(work))


def deposit_states(work: UnitOfWork) -> list[DepositState]:
    """Each depository of this process with what it has and lacks."""
    return [
        DepositState(one.name, work.seals.last_deposit(one.name), days_waiting(work, one.name))
        for one in depositories()
    ]


def begin_export(work: UnitOfWork, actor: Actor, wanted: EntryFilter) -> None:
    """Writes down that the log is taken out of the house, and which part of it; for auditors."""
    require(actor, Action.READ_AUDIT)
    asked = {
        name: spelled(value) if isinstance(value, datetime) else value
        for name, value in vars(wanted).items()
        if value is not None
    }
    record(work, actor, "audit_exported", loan=wanted.loan, after=asked)


def csv_lines(books: Books, actor: Actor, wanted: EntryFilter) -> Iterator[str]:
    """All entries that are wanted as the text of a CSV file, the newest first, some hundred lines at a time. Each page
    is read for itself: whoever loads the file slowly holds no connection.
    """
    return csv_pieces(COLUMNS, (_line(view) for view in _all(books, actor, wanted)))


def _all(books: Books, actor: Actor, wanted: EntryFilter) -> Iterator[SealedView]:
    before: str | None = None
    while True:
        with books.read() as work:
            page = entries(work, actor, wanted, before, PAGE)
        yield from page
        if len(page) < PAGE:
            return
        before = page[-1].entry.id


def _line(view: SealedView) -> list[object]:
    values = view.entry.model_dump()
    for name in ("before", "after"):
        values[name] = None if values[name] is None else json.dumps(values[name], ensure_ascii=False)
    values |= {"at": spelled(view.entry.at), "seal": view.seal_no}
    values["written_at"] = spelled(view.written_at) if view.written_at else None
    return [as_text(values[name]) for name in COLUMNS]
