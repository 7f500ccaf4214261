"""Proves who everybody is against the audit log: what each version of it says against its entry, the newest against the
row of `staff`, and by what people are known against the last entry about that.

Everything is read as it is stored, and each entry and each row by itself: what nobody can read is a finding of its own
and hides no other.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from itertools import islice
from typing import Any

from books.session import UnitOfWork
from books.sign_in import KnownBy
from books.staff import AT_ONCE, WHO, StoredPerson, StoredStanding
from books.stored import mapping
from models.standing import CREDENTIAL_ACTS, STANDING_ACTS
from services.audit_findings import Finding, FindingKind

TAKEN_OVER = "staff_taken_over"
ADDING_ACTS = frozenset({"client_added", "staff_added", TAKEN_OVER})
MARKING_ACTS = {*CREDENTIAL_ACTS, *ADDING_ACTS, "staff_disabled"}
"""Acts that may have left the digest of by what somebody is known."""


class _Unreadable(Enum):
    """Stands for what nobody can read any more."""

    UNREADABLE = 1


UNREADABLE = _Unreadable.UNREADABLE


@dataclass(frozen=True, slots=True)
class _Entry:
    """What an entry says somebody was and is."""

    id: str
    act: str
    before: Mapping[str, Any] | _Unreadable | None
    after: Mapping[str, Any] | _Unreadable | None

    @property
    def says(self) -> Mapping[str, Any]:
        """What it says that he is."""
        return {} if self.after is None or isinstance(self.after, _Unreadable) else self.after


@dataclass
class _Said:
    """What the books say of somebody elsewhere than in his row: entries by id, versions, and the last mark with its
    entry. `stands` is the entry that says what he is, as `_versions` finds it.
    """

    entries: dict[object, _Entry] = field(default_factory=dict)
    versions: list[StoredStanding] = field(default_factory=list)
    stands: _Entry | None = None
    credential: str | _Unreadable | None = None
    known_by: str = ""


def staff_findings(work: UnitOfWork) -> Iterator[Finding]:
    """Everybody whose row or versions, or by what he is known, are other than the acts about it left them.

    Sessions and tokens are not proved, and neither are names: those are sealed.
    """
    said: defaultdict[str, _Said] = defaultdict(_Said)
    yield from _entries(work, said)
    for version in work.staff.standings():
        # One of somebody whose id is no text is missed by whom it was taken from.
        if isinstance(version.staff_id, str):
            said[version.staff_id].versions.append(version)
    people = work.staff.all_as_stored()
    while some := list(islice(people, AT_ONCE)):
        known = work.sign_in.known_by([one.id for one in some if isinstance(one.id, str)])
        for person in some:
            if not isinstance(person.id, str):
                sentence = f"{person.id!r} was added around the application: nobody is given such an id"
                yield Finding(FindingKind.STAFF_ADDED, None, None, sentence)
                continue
            told = said.pop(person.id, _Said())
            yield from _versions(person.id, told)
            yield from _row(person, told)
            yield from _known(person, known[person.id], told)
    for staff_id, told in said.items():
        yield from _versions(staff_id, told)
        if told.stands is not None:
            sentence = f"{staff_id} was added by an act and is gone"
            yield Finding(FindingKind.STAFF_MISSING, None, told.stands.id, sentence, staff=staff_id)


def _entries(work: UnitOfWork, said: defaultdict[str, _Said]) -> Iterator[Finding]:
    """Gathers what the audit log says of everybody."""
    for act in sorted({*STANDING_ACTS, *CREDENTIAL_ACTS}):
        for stored in work.audit.of_act_as_stored(act):
            # An entry whose id is no text is found where entries are looked through, and missed here.
            if not isinstance(stored.id, str) or stored.subject is None:
                continue
            whose = stored.subject if isinstance(stored.subject, str) else None
            entry = _Entry(stored.id, act, _told(stored.before), _told(stored.after))
            if whose is None or UNREADABLE in (entry.before, entry.after):
                sentence = f"what entry {entry.id} says of {stored.subject!r} cannot be read: it proves nothing of him"
                yield Finding(FindingKind.STAFF_UNPROVED, None, entry.id, sentence, staff=whose)
            if whose is not None:
                _gather(said[whose], entry)


def _gather(said: _Said, entry: _Entry) -> None:
    if entry.act in STANDING_ACTS:
        said.entries[entry.id] = entry
    if entry.act not in MARKING_ACTS or entry.id < said.known_by:
        return
    if entry.after is UNREADABLE:
        said.credential, said.known_by = UNREADABLE, entry.id
    elif "credential" in entry.says:
        said.credential, said.known_by = entry.says["credential"], entry.id


def _told(kept: object) -> Mapping[str, Any] | _Unreadable | None:
    """What a stored document of an entry says."""
    if kept is None or kept == "null":
        return None
    try:
        return mapping(kept)
    except (TypeError, ValueError):
        return UNREADABLE


def _versions(staff_id: str, said: _Said) -> Iterator[Finding]:
    """The versions of what somebody is, each against its entry and each entry against the one before."""

    def changed(sentence: str, entry: _Entry | None = None) -> Finding:
        about = entry.id if entry is not None else None
        return Finding(FindingKind.STANDING_CHANGED, None, about, sentence, staff=staff_id)

    left, numbered = dict(said.entries), []
    for version in said.versions:
        if isinstance(version.version, int) and version.version > 0:
            numbered.append(version)
        else:
            yield changed(f"what {staff_id} is has a version {version.version!r}, and none has such a number")
    first: _Entry | None = None
    last: _Entry | None = None
    expected = 1
    for version in sorted(numbered, key=lambda one: int(one.version)):
        no = version.version
        if no > expected:
            which = f"version {expected} is" if no == expected + 1 else f"versions {expected} to {no - 1} are"
            yield changed(f"of what {staff_id} is {which} gone")
            last = None
        entry = left.pop(version.entry_id, None)
        if entry is None:
            yield changed(f"version {no} of what {staff_id} is names no entry that says what he is")
        else:
            first = entry if no == 1 else first
            if entry.after is not UNREADABLE:
                for name, value in version.who.items():
                    if value != (by_entry := entry.says.get(name)):
                        sentence = f"{name} in version {no} of what {staff_id} is was changed: it is {value!r}"
                        yield changed(f"{sentence}, and {by_entry!r} by its entry", entry)
            if last is not None and UNREADABLE not in (last.after, entry.before) and entry.before != _who(last):
                yield changed(f"entry {entry.id} says that {staff_id} was other than the act before left him", entry)
        last, expected = entry, no + 1
    if first is not None and first.act not in ADDING_ACTS:
        sentence = f"{staff_id} was added around the application: the first act about him added nobody"
        yield Finding(FindingKind.STAFF_ADDED, None, first.id, sentence, staff=staff_id)
    # Before there were versions entries said less; the one that took somebody over says all.
    since = first.id if first is not None and first.act == TAKEN_OVER else ""
    for entry in sorted(left.values(), key=lambda one: one.id):
        if entry.id > since:
            yield changed(f"what entry {entry.id} says {staff_id} is stands in no version", entry)
    said.stands = last or max(said.entries.values(), key=lambda one: one.id, default=None)


def _who(entry: _Entry) -> dict[str, Any]:
    return {name: entry.says.get(name) for name in WHO}


def _row(person: StoredPerson, said: _Said) -> Iterator[Finding]:
    """Somebody's row against what he is by the last act about it."""
    if said.stands is None:
        sentence = f"{person.id} was added around the application: no audit entry says who did"
        yield Finding(FindingKind.STAFF_ADDED, None, None, sentence, staff=person.id)
        return
    for name, value in person.who.items():
        if said.stands.after is not UNREADABLE and value != (by_act := said.stands.says.get(name)):
            sentence = f"{name} of {person.id} was changed: it is {value!r}, and {by_act!r} by the last act about it"
            yield Finding(FindingKind.STAFF_CHANGED, None, said.stands.id, sentence, staff=person.id)


def _known(person: StoredPerson, known: KnownBy, said: _Said) -> Iterator[Finding]:
    """By what somebody is known against the last mark of it."""
    try:
        mark = known.mark(person.key_hash)
    except ValueError:
        mark = None
    # Of an entry that nobody can read he is named already.
    if mark is None or said.credential not in (mark, UNREADABLE):
        sentence = f"by what {person.id} is known was changed: no act left it as it is"
        yield Finding(FindingKind.CREDENTIAL_CHANGED, None, said.known_by or None, sentence, staff=person.id)
