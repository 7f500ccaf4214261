"""Proves who everybody is: rows of `staff`, and by what people are known, against the last audit entry about each."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from heapq import merge
from typing import Any

from books.session import UnitOfWork
from models.standing import CREDENTIAL_ACTS, STANDING_ACTS
from services.audit_findings import Finding, FindingKind

AT_ONCE = 500
WHO = ("role", "manager", "customer", "scopes", "active")
"""What an entry says of somebody, in the order of the columns that hold it."""


@dataclass
class _Said:
    """What the audit log says of somebody, and in which entry it said so last."""

    stands: dict[str, Any] = field(default_factory=dict)
    stands_by: str = ""
    credential: str | None = None
    known_by: str = ""


def staff_findings(work: UnitOfWork) -> Iterator[Finding]:
    """Everybody whose row, or by what he is known, is other than the last act about it left it.

    Sessions and tokens are not proved, and neither are names: those are sealed.
    """
    said = _said(work)
    after = ""
    while rows := work.staff.as_stored(after, AT_ONCE):
        for staff_id, *stored, _ in rows:
            yield from _standing(staff_id, stored, said.get(staff_id, _Said()))
        keys = {staff_id: key_hash for staff_id, *_, key_hash in rows}
        for staff_id, mark in _marks(work, keys).items():
            entry = said.pop(staff_id, _Said())
            if mark != entry.credential:
                sentence = f"by what {staff_id} is known was changed: no act left it as it is"
                yield Finding(FindingKind.CREDENTIAL_CHANGED, None, entry.known_by or None, sentence, staff=staff_id)
        after = rows[-1][0]
    for staff_id, entry in said.items():
        sentence = f"{staff_id} was added by an act and is gone"
        yield Finding(FindingKind.STAFF_MISSING, None, entry.stands_by or None, sentence, staff=staff_id)


def _said(work: UnitOfWork) -> dict[str, _Said]:
    """The last word of the audit log about everybody."""
    said: dict[str, _Said] = {}
    acts = sorted({*STANDING_ACTS, *CREDENTIAL_ACTS})
    for entry in merge(*(work.audit.of_act(act) for act in acts), key=lambda one: one.id):
        if entry.subject is None or entry.after is None:
            continue
        about = said.setdefault(entry.subject, _Said())
        if entry.act in STANDING_ACTS:
            # Of before migration 0039 an entry says less; the one that the migration wrote says all.
            about.stands, about.stands_by = about.stands | entry.after, entry.id
        if "credential" in entry.after:
            about.credential, about.known_by = entry.after["credential"], entry.id
    return said


def _standing(staff_id: str, stored: list[Any], said: _Said) -> Iterator[Finding]:
    if not said.stands_by:
        sentence = f"{staff_id} was added around the application: no audit entry says who did"
        yield Finding(FindingKind.STAFF_ADDED, None, None, sentence, staff=staff_id)
        return
    for name, value in zip(WHO, stored, strict=True):
        expected = said.stands.get(name)
        # SQLite keeps a truth as a number.
        if (value != expected) if expected is not None else value is not None:
            sentence = f"{name} of {staff_id} was changed: it is {value!r}, and {expected!r} by the last act about it"
            yield Finding(FindingKind.STAFF_CHANGED, None, said.stands_by, sentence, staff=staff_id)


def _marks(work: UnitOfWork, keys: dict[str, str]) -> dict[str, str | None]:
    """By what each of these is known, as a digest; None of what nobody can read any more."""
    try:
        known = work.sign_in.known_by(list(keys))
    except (TypeError, ValueError):
        if len(keys) == 1:
            return dict.fromkeys(keys)
        return {one: mark for staff_id in keys for one, mark in _marks(work, {staff_id: keys[staff_id]}).items()}
    return {staff_id: known[staff_id].mark(key_hash) for staff_id, key_hash in keys.items()}
