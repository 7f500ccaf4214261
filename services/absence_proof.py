"""Proves who stands in for whom: rows of `absence`, which let a deputy see and decide, against the acts about them."""

from collections.abc import Iterator, Mapping
from typing import Any

from books.absences import StoredAbsence
from books.audit import StoredEntry
from books.session import UnitOfWork
from books.stored import mapping
from services.audit_findings import Finding, FindingKind

SAYS = {"of": "staff_id", "deputy": "deputy_id", "from": "from_on", "to": "to_on"}
"""What the entry of an absence says of it, and the columns that hold it."""


def absence_findings(work: UnitOfWork) -> Iterator[Finding]:
    """Every absence that is other than the acts about it left it. Its reason decides nothing and is not compared."""
    entered = _about(work, "absence_entered")
    called_off = _about(work, "absence_called_off")
    for absence in work.absences.all_as_stored():
        staff_id = absence.staff_id if isinstance(absence.staff_id, str) else None
        entry = entered.pop(absence.id, None) if isinstance(absence.id, str) else None
        if entry is None:
            sentence = f"absence {absence.id} of {staff_id} was added around the application: no act entered it"
            yield Finding(FindingKind.ABSENCE_ADDED, None, None, sentence, staff=staff_id)
            continue
        for what in _changed(absence, entry, is_called_off=absence.id in called_off):
            sentence = f"absence {absence.id} of {staff_id} was changed: {what}"
            yield Finding(FindingKind.ABSENCE_CHANGED, None, entry.id, sentence, staff=staff_id)
    for absence_id, entry in entered.items():
        sentence = f"absence {absence_id} was entered by an act and is gone"
        yield Finding(FindingKind.ABSENCE_MISSING, None, entry.id, sentence)


def _about(work: UnitOfWork, act: str) -> dict[str, StoredEntry]:
    """The first entry of an act about each absence; another one about it changes nothing."""
    found: dict[str, StoredEntry] = {}
    for entry in work.audit.of_act_as_stored(act):
        # One that nobody can read any more is found where entries are looked through.
        if isinstance(entry.id, str) and isinstance(entry.subject, str):
            found.setdefault(entry.subject, entry)
    return found


def _changed(absence: StoredAbsence, entry: StoredEntry, *, is_called_off: bool) -> Iterator[str]:
    said = _told(entry.after)
    for name, column in SAYS.items():
        # PostgreSQL gives days, SQLite their text; who it is about is text in both.
        stored = str(getattr(absence, column))
        if stored != (by_act := said.get(name)):
            yield f"{column} is {stored!r}, and {by_act!r} by the act that entered it"
    if (absence.called_off_at is not None) is not is_called_off:
        yield "no act called it off" if absence.called_off_at is not None else "an act called it off"


def _told(kept: object) -> Mapping[str, Any]:
    try:
        return mapping(kept)
    except (TypeError, ValueError):
        return {}
