"""Proves the audit log: every entry against its seal, every seal against the one before it, both against what was
deposited outside.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

from pydantic_core import from_json

from books.session import UnitOfWork
from models.audit import AuditEntry, AuditSeal
from models.chain import NO_SEAL, DailyRoot, Seal, entry_bytes, first_id_at, leaf_hash, merkle_root, written_at

GRACE = timedelta(minutes=15)
"""How long after its id was given an entry may be committed, and how far the clocks of machines may lie apart."""
WINDOW = 20_000
"""Entries that the look for unsealed ones takes at a time, each in well under a second."""
SEALS_READ = 200
ENTRIES_READ = 8_000
"""What a proof holds in memory."""


class FindingKind(StrEnum):
    """What is wrong with the log."""

    ENTRY_CHANGED = "entry_changed"
    ENTRY_MISSING = "entry_missing"
    ENTRY_ADDED = "entry_added"
    ENTRY_REORDERED = "entry_reordered"
    ENTRY_REPLACED = "entry_replaced"
    ENTRY_MISDATED = "entry_misdated"
    RECORD_CHANGED = "record_changed"
    SEAL_CHANGED = "seal_changed"
    SEAL_MISSING = "seal_missing"
    SEAL_ADDED = "seal_added"
    SEAL_MISDATED = "seal_misdated"
    NOT_AS_DEPOSITED = "not_as_deposited"
    DEPOSIT_UNREADABLE = "deposit_unreadable"


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong, with the seal and the entry that it is about, in a sentence."""

    kind: FindingKind
    seal: int | None
    entry: str | None
    sentence: str


@dataclass
class Verdict:
    """What a proof came to. `head` is the last seal that was looked at; unsealed entries are not proved yet."""

    seals: int = 0
    entries: int = 0
    unsealed: int = 0
    oldest_unsealed: datetime | None = None
    head: Seal | None = None
    findings: list[Finding] = field(default_factory=list)

    @property
    def is_whole(self) -> bool:
        """Whether nothing is wrong."""
        return not self.findings


def verify(work: UnitOfWork, since: int = 1, roots: Sequence[DailyRoot] = ()) -> Verdict:
    """Proves the log from a seal on. `roots` are deposited ones to compare with, beside those that the books know."""
    proof = Proof(work, since, roots)
    findings = list(proof.findings())
    return Verdict(proof.seals, proof.entries, proof.unsealed, proof.oldest_unsealed, proof.head, findings)


def born(entry_id: str) -> datetime | None:
    """When an entry was written, by its id; None for what was never given as an id."""
    try:
        return written_at(entry_id)
    except (ValueError, OverflowError):
        return None


class Proof:
    """Goes through the log once, some thousand entries in memory at a time; counts what it has seen."""

    def __init__(self, work: UnitOfWork, since: int = 1, roots: Sequence[DailyRoot] = ()) -> None:
        self.work = work
        self.since = max(since, 1)
        known = [deposit.root for deposit in work.seals.deposits(self.since)]
        self.roots = {root for root in (*roots, *known) if root.seal_no >= self.since}
        self.seals = self.entries = self.unsealed = 0
        self.oldest_unsealed: datetime | None = None
        self.head: Seal | None = None
        self.highest = ""
        """The highest id that the seals before the one under proof hold."""
        self.reached: datetime | None = None
        """The latest instant at which one of them was made, whatever the last of them says."""

    def findings(self) -> Iterator[Finding]:
        """Everything that is wrong, in the order of the log."""
        before = self.work.seals.get(self.since - 1) if self.since > 1 else None
        if before is not None:
            self.head = before.content
            self.highest, self.reached = self.work.seals.reached_before(self.since, self.work.now) or ("", None)
        # What the first one follows is known only from the one before it.
        expected_hash = before.hash if before else NO_SEAL if self.since == 1 else None
        expected = self.since
        yield from self._below_first()
        for seals in self._pages():
            rows = self._rows(expected - 1, seals)
            yield from _nowhere(rows)
            for seal, kept_hash in seals:
                if seal.no > expected:
                    last = seal.no - 1
                    which = f"seal {expected} is" if last == expected else f"seals {expected} to {last} are"
                    yield Finding(FindingKind.SEAL_MISSING, expected, None, f"{which} gone")
                yield from self._seal(seal, kept_hash, expected_hash if seal.no == expected else None)
                yield from self._entries(seal, rows.get(seal.no, []))
                self.seals += 1
                self.head, self.highest = seal, max(self.highest, seal.last_id)
                if seal.sealed_at <= self.work.now:
                    self.reached = max(self.reached or seal.sealed_at, seal.sealed_at)
                expected, expected_hash = seal.no + 1, kept_hash
        yield from self._beyond(expected - 1)
        yield from self._open()

    def _pages(self) -> Iterator[list[tuple[Seal, str]]]:
        """Seals with their kept hashes in their order, so many together that their entries can be held."""
        after, held = self.since - 1, 0
        page: list[tuple[Seal, str]] = []
        while found := self.work.seals.as_stored(after, SEALS_READ):
            for row in found:
                seal, kept_hash = _seal_of(row)
                if page and held + max(seal.count, 0) > ENTRIES_READ:
                    yield page
                    page, held = [], 0
                page.append((seal, kept_hash))
                held += max(seal.count, 0)
            after = found[-1][0]
        if page:
            yield page

    def _rows(self, after: int, seals: Sequence[tuple[Seal, str]]) -> dict[Any, list[Any]]:
        found: dict[Any, list[Any]] = {}
        for row in self.work.seals.entries_as_stored(after, seals[-1][0].no):
            found.setdefault(row[0], []).append(row)
        return found

    def _seal(self, seal: Seal, kept_hash: str, follows: str | None) -> Iterator[Finding]:
        no = seal.no
        if seal.hash != kept_hash:
            yield Finding(FindingKind.SEAL_CHANGED, no, None, f"seal {no} was changed")
        elif follows is not None and seal.previous != follows:
            sentence = f"seal {no} does not follow seal {no - 1}: one of the two was made anew"
            yield Finding(FindingKind.SEAL_CHANGED, no, None, sentence)
        if seal.count < 1:
            sentence = f"seal {no} holds no entry, and none is made for nothing"
            yield Finding(FindingKind.SEAL_ADDED, no, None, sentence)
        if seal.sealed_at > self.work.now + GRACE:
            sentence = f"seal {no} says that it was made at {seal.sealed_at}, which is still to come"
            yield Finding(FindingKind.SEAL_MISDATED, no, None, sentence)
        elif self.head is not None and seal.sealed_at < self.head.sealed_at - GRACE:
            sentence = f"seal {no} says that it was made at {seal.sealed_at}, before seal {self.head.no} was"
            yield Finding(FindingKind.SEAL_MISDATED, no, None, sentence)
        for root in sorted((root for root in self.roots if root.seal_no == no), key=lambda root: root.day):
            self.roots.remove(root)
            if root.hash != kept_hash:
                sentence = f"seal {no} is not the one whose hash was deposited for {root.day}"
                yield Finding(FindingKind.NOT_AS_DEPOSITED, no, None, sentence)

    def _entries(self, seal: Seal, rows: Sequence[Any]) -> Iterator[Finding]:
        no, place, last, complete = seal.no, 0, "", True
        recorded: list[str] = []
        computed: list[str] = []
        lying: list[str] = []
        oldest, newest = self._ids_of(seal)
        for _, position, entry_id, leaf, *columns in rows:
            self.entries += 1
            # Where SQLite keeps a place that is no whole number, it is none either.
            if not isinstance(position, int) or not 0 <= position < seal.count:
                complete = False
                yield Finding(FindingKind.ENTRY_ADDED, no, entry_id, f"entry {entry_id} was added to seal {no}")
                continue
            if position > place:
                complete = False
                yield _gap(no, place, position)
            place = position + 1
            lying.append(entry_id)
            recorded.append(leaf)
            if columns[0] is None:
                yield Finding(FindingKind.ENTRY_MISSING, no, entry_id, f"entry {entry_id} of seal {no} is gone")
                computed.append(leaf)
            else:
                computed.append(leaf_as_stored(columns))
            if entry_id <= last:
                sentence = f"entry {entry_id} does not stand in its place in seal {no}"
                yield Finding(FindingKind.ENTRY_REORDERED, no, entry_id, sentence)
                complete = False
            elif entry_id >= newest:
                sentence = f"entry {entry_id} of seal {no} has an id that nobody was given at that time"
                yield Finding(FindingKind.ENTRY_MISDATED, no, entry_id, sentence)
            elif entry_id < oldest:
                sentence = f"entry {entry_id} was added after seal {no - 1}, although its id is older"
                yield Finding(FindingKind.ENTRY_ADDED, no, entry_id, sentence)
            last = max(last, entry_id)
        if place < seal.count:
            complete = False
            yield _gap(no, place, seal.count)
        if complete and lying and (seal.first_id, seal.last_id) != (lying[0], lying[-1]):
            sentence = f"seal {no} names other entries as its first and last than lie in it"
            yield Finding(FindingKind.SEAL_CHANGED, no, None, sentence)
        changed = [one for one, was, now in zip(lying, recorded, computed, strict=True) if was != now]
        yield from _against_root(seal, changed, recorded, computed, complete)

    def _ids_of(self, seal: Seal) -> tuple[str, str]:
        """Between which ids the entries of a seal lie: each is in the seal that was made next after it was written,
        but for what it took to be committed. One above all that were sealed before is in its place anyway.
        """
        return self._oldest(), first_id_at(seal.sealed_at + GRACE)

    def _oldest(self) -> str:
        return min(self.highest, first_id_at(self.reached - GRACE)) if self.reached else ""

    def _below_first(self) -> Iterator[Finding]:
        """What lies below the first seal, where no look at the chain would come by."""
        for no in self.work.seals.numbers_below_first():
            yield Finding(FindingKind.SEAL_ADDED, no, None, f"seal {no} is none: the first has number 1")
        for no, entry_id in self.work.seals.sealed_below_first():
            sentence = f"entry {entry_id} is said to lie in seal {no}, and there is none: nothing proves it"
            yield Finding(FindingKind.ENTRY_ADDED, no, entry_id, sentence)

    def _beyond(self, last: int) -> Iterator[Finding]:
        for no, count in self.work.seals.beyond(last):
            sentence = f"seal {no} is gone, in which {count} entries lay"
            yield Finding(FindingKind.SEAL_MISSING, no, None, sentence)
        for root in sorted(self.roots, key=lambda root: (root.day, root.seal_no)):
            sentence = f"seal {root.seal_no} is gone, whose hash was deposited for {root.day}"
            yield Finding(FindingKind.SEAL_MISSING, root.seal_no, None, sentence)

    def _open(self) -> Iterator[Finding]:
        """Entries that no seal holds: those of the last minutes, or added among older ones."""
        after = ""
        oldest, newest = self._oldest(), first_id_at(self.work.now + GRACE)
        while True:
            upto = self.work.seals.entry_after(after, WINDOW)
            for entry_id in self.work.seals.open_ids(after, WINDOW, upto):
                self.unsealed += 1
                if self.oldest_unsealed is None:
                    self.oldest_unsealed = born(entry_id)
                if entry_id >= newest:
                    sentence = f"entry {entry_id}, not sealed yet, has an id that nobody was given"
                    yield Finding(FindingKind.ENTRY_MISDATED, None, entry_id, sentence)
                elif self.head is not None and entry_id < oldest:
                    sentence = f"entry {entry_id} was added after seal {self.head.no}, although its id is older"
                    yield Finding(FindingKind.ENTRY_ADDED, None, entry_id, sentence)
            if upto is None:
                return
            after = upto


def _nowhere(rows: Mapping[Any, Sequence[Any]]) -> Iterator[Finding]:
    """Entries between two seals: SQLite takes a fraction for a number. Of a seal that is gone its number tells."""
    for no, stray in rows.items():
        if not isinstance(no, int):
            for row in stray:
                sentence = f"entry {row[2]} is said to lie in seal {no}, and there is none: nothing proves it"
                yield Finding(FindingKind.ENTRY_ADDED, None, row[2], sentence)


def _gap(no: int, first: int, following: int) -> Finding:
    which = f"position {first}" if following == first + 1 else f"positions {first} to {following - 1}"
    return Finding(FindingKind.ENTRY_MISSING, no, None, f"what stood at {which} of seal {no} is gone")


def _against_root(
    seal: Seal, changed: Sequence[str], recorded: Sequence[str], computed: Sequence[str], complete: bool
) -> Iterator[Finding]:
    """Which of entry and record was changed, as the root of the seal has it."""
    no = seal.no
    is_whole = complete and merkle_root(recorded) == seal.root
    if complete and changed and not is_whole and merkle_root(computed) == seal.root:
        for entry_id in changed:
            sentence = f"entry {entry_id} is as it was, but its hash in seal {no} was changed"
            yield Finding(FindingKind.RECORD_CHANGED, no, entry_id, sentence)
        return
    for entry_id in changed:
        yield Finding(FindingKind.ENTRY_CHANGED, no, entry_id, f"entry {entry_id} of seal {no} was changed")
    if complete and not changed and not is_whole:
        sentence = f"an entry of seal {no} was replaced together with its hash"
        yield Finding(FindingKind.ENTRY_REPLACED, no, None, sentence)


def leaf_as_stored(columns: Sequence[Any]) -> str:
    """The hash of an entry from its columns as they are stored. One that nobody can read, which none of ours is, has
    the hash of what is there: it must not keep others from being sealed.
    """
    entry = dict(zip(AuditEntry.model_fields, columns, strict=True))
    try:
        for name in ("before", "after"):
            if entry[name] is not None:
                entry[name] = from_json(entry[name])
        if isinstance(at := entry["at"], str):
            # SQLite keeps instants as text, in UTC.
            entry["at"] = f"{at[:10]}T{at[11:]}+00:00"
        return leaf_hash(entry_bytes(entry))
    except (TypeError, ValueError, AttributeError):
        return leaf_hash(repr(tuple(columns)).encode())


def _seal_of(row: Any) -> tuple[Seal, str]:
    """A seal as it is stored, and the hash beside it; what cannot be read any more has another hash."""
    values = dict(zip(AuditSeal.model_fields, row, strict=True))
    kept_hash, at = values.pop("hash"), values["sealed_at"]
    if isinstance(at, str):
        try:
            values["sealed_at"] = datetime.fromisoformat(at).replace(tzinfo=UTC)
        except ValueError:
            values["sealed_at"] = datetime.min.replace(tzinfo=UTC) + 2 * GRACE
    if not isinstance(values["count"], int):
        values["count"] = 0
    return Seal(**values), kept_hash
