"""Proves audit log and ledger: every row against its seal, every seal against the one before it, both against what was
deposited outside.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from books.session import UnitOfWork
from books.stored import instant
from models.audit import AuditSeal
from models.chain import NO_SEAL, DailyRoot, Seal, first_id_at, merkle_root, written_at
from services.absence_proof import absence_findings
from services.audit_findings import AUDIT_LOG, LEDGER, SEALED_BOOKS, Finding, FindingKind, SealedBook, Verdict
from services.staff_proof import staff_findings

GRACE = timedelta(minutes=15)
"""How long after its id was given a row may be committed, and how far the clocks of machines may lie apart."""
WINDOW = 20_000
"""Rows that the look for unsealed ones takes at a time, each in well under a second."""
SEALS_READ = 200
LEAF = re.compile(r"[0-9a-f]{64}")
ROWS_READ = 8_000
"""What a proof holds in memory."""


def verify(work: UnitOfWork, since: int = 1, roots: Sequence[DailyRoot] = ()) -> Verdict:
    """Proves the books from a seal on. `roots` are deposited ones to compare with, beside those that the books know."""
    proof = Proof(work, since, roots)
    found = list(proof.findings())
    return Verdict(
        seals=proof.seals,
        entries=proof.entries,
        postings=proof.postings,
        unsealed=proof.unsealed,
        unsealed_postings=proof.unsealed_postings,
        oldest_unsealed=proof.oldest_unsealed,
        head=proof.head,
        findings=found,
    )


def born(entry_id: str) -> datetime | None:
    """When an entry was written, by its id; None for what was never given as an id."""
    try:
        return written_at(entry_id)
    except (ValueError, OverflowError):
        return None


@dataclass
class _Way:
    """How far a proof has come in one book."""

    proved: int = 0
    unsealed: int = 0
    highest: str = ""
    """The highest id that the book's seals before the one under proof hold."""
    reached: datetime | None = None
    """The latest instant at which one of them was made, whatever the last of them says."""

    @property
    def oldest(self) -> str:
        """The lowest id that what is sealed next may have: a row lies in the seal that was made next after it was
        written, but for what it took to be committed. One above all that were sealed before is in its place anyway.
        """
        return min(self.highest, first_id_at(self.reached - GRACE)) if self.reached else ""


class Proof:
    """Goes through the books once, some thousand rows in memory at a time; counts what it has seen.

    `between` is called between any two portions, which are under a second each: to say that the proof is alive, or to
    leave others room.
    """

    def __init__(
        self,
        work: UnitOfWork,
        since: int = 1,
        roots: Sequence[DailyRoot] = (),
        between: Callable[[], object] = lambda: None,
    ) -> None:
        self.work = work
        self.between = between
        self.since = max(since, 1)
        known = [deposit.root for deposit in work.seals.deposits(self.since)]
        self.roots = {root for root in (*roots, *known) if root.seal_no >= self.since}
        self.seals = 0
        self.oldest_unsealed: datetime | None = None
        self.head: Seal | None = None
        self._ways = {book: _Way() for book in SEALED_BOOKS}

    @property
    def entries(self) -> int:
        """How many entries of the audit log were proved."""
        return self._ways[AUDIT_LOG].proved

    @property
    def postings(self) -> int:
        """How many postings were proved."""
        return self._ways[LEDGER].proved

    @property
    def unsealed(self) -> int:
        """How many entries no seal holds yet."""
        return self._ways[AUDIT_LOG].unsealed

    @property
    def unsealed_postings(self) -> int:
        """How many postings no seal holds yet."""
        return self._ways[LEDGER].unsealed

    def findings(self) -> Iterator[Finding]:
        """Everything that is wrong, in the order of the seals; then people and absences other than the log says."""
        before = self.work.seals.get(self.since - 1) if self.since > 1 else None
        if before is not None:
            self.head = before.content
            for book, way in self._ways.items():
                known = self.work.seals.reached_before(self.since, self.work.now, book.of)
                way.highest, way.reached = known or ("", None)
        # What the first one follows is known only from the one before it.
        expected_hash = before.hash if before else NO_SEAL if self.since == 1 else None
        expected = self.since
        yield from self._below_first()
        for seals in self._pages():
            self.between()
            rows = {book: self._rows(book, expected - 1, seals) for book in SEALED_BOOKS}
            for book, found in rows.items():
                yield from _nowhere(book, found)
            for seal, kept_hash in seals:
                if seal.no > expected:
                    last = seal.no - 1
                    which = f"seal {expected} is" if last == expected else f"seals {expected} to {last} are"
                    yield Finding(FindingKind.SEAL_MISSING, expected, None, f"{which} gone")
                yield from self._seal(seal, kept_hash, expected_hash if seal.no == expected else None)
                for book, found in rows.items():
                    of_it = found.get(seal.no, [])
                    yield from (
                        self._content(book, seal, of_it) if book.of.book == seal.book else _stray(book, seal, of_it)
                    )
                self._pass(seal)
                expected, expected_hash = seal.no + 1, kept_hash
        yield from self._beyond(expected - 1)
        for book in SEALED_BOOKS:
            yield from self._open(book)
        self.between()
        yield from staff_findings(self.work)
        yield from absence_findings(self.work)

    def _pass(self, seal: Seal) -> None:
        self.seals += 1
        self.head = seal
        way = next((way for book, way in self._ways.items() if book.of.book == seal.book), None)
        if way is None:
            return
        way.highest = max(way.highest, seal.last_id)
        if seal.sealed_at <= self.work.now:
            way.reached = max(way.reached or seal.sealed_at, seal.sealed_at)

    def _pages(self) -> Iterator[list[tuple[Seal, str]]]:
        """Seals with their kept hashes in their order, so many together that their rows can be held."""
        after, held = self.since - 1, 0
        page: list[tuple[Seal, str]] = []
        while found := self.work.seals.as_stored(after, SEALS_READ):
            for row in found:
                seal, kept_hash = _seal_of(row)
                if page and held + max(seal.count, 0) > ROWS_READ:
                    yield page
                    page, held = [], 0
                page.append((seal, kept_hash))
                held += max(seal.count, 0)
            after = found[-1][0]
        if page:
            yield page

    def _rows(self, book: SealedBook, after: int, seals: Sequence[tuple[Seal, str]]) -> dict[Any, list[Any]]:
        found: dict[Any, list[Any]] = {}
        for row in self.work.seals.rows_as_stored(after, seals[-1][0].no, book.of):
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
            sentence = f"seal {no} holds nothing, and none is made for nothing"
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

    def _content(self, book: SealedBook, seal: Seal, rows: Sequence[Any]) -> Iterator[Finding]:
        no, place, last, complete, noun = seal.no, 0, "", True, book.noun
        recorded: list[str] = []
        computed: list[str] = []
        lying: list[str] = []
        way = self._ways[book]
        oldest, newest = way.oldest, first_id_at(seal.sealed_at + GRACE)
        for _, position, row_id, leaf, *columns in rows:
            way.proved += 1
            # Where SQLite keeps a place that is no whole number, or a name that is no text, it is none either.
            if not isinstance(position, int) or not isinstance(row_id, str) or not 0 <= position < seal.count:
                complete = False
                yield book.finding(book.added, no, str(row_id), f"{noun} {row_id} was added to seal {no}")
                continue
            if position > place:
                complete = False
                yield _gap(book, no, place, position)
            place = position + 1
            lying.append(row_id)
            recorded.append(leaf)
            if columns[0] is None:
                yield book.finding(book.missing, no, row_id, f"{noun} {row_id} of seal {no} is gone")
                computed.append(leaf)
            else:
                computed.append(book.leaf_as_stored(columns))
            if row_id <= last:
                sentence = f"{noun} {row_id} does not stand in its place in seal {no}"
                yield book.finding(book.reordered, no, row_id, sentence)
                complete = False
            elif row_id >= newest:
                sentence = f"{noun} {row_id} of seal {no} has an id that nobody was given at that time"
                yield book.finding(book.misdated, no, row_id, sentence)
            elif row_id < oldest:
                sentence = f"{noun} {row_id} was added after seal {no - 1}, although its id is older"
                yield book.finding(book.added, no, row_id, sentence)
            last = max(last, row_id)
        if place < seal.count:
            complete = False
            yield _gap(book, no, place, seal.count)
        if complete and lying and (seal.first_id, seal.last_id) != (lying[0], lying[-1]):
            sentence = f"seal {no} names others as its first and last than lie in it"
            yield Finding(FindingKind.SEAL_CHANGED, no, None, sentence)
        changed = [one for one, was, now in zip(lying, recorded, computed, strict=True) if was != now]
        yield from _against_root(book, seal, changed, recorded, computed, complete)

    def _below_first(self) -> Iterator[Finding]:
        """What lies below the first seal, where no look at the chain would come by."""
        for no in self.work.seals.numbers_below_first():
            yield Finding(FindingKind.SEAL_ADDED, no, None, f"seal {no} is none: the first has number 1")
        for book in SEALED_BOOKS:
            for no, row_id in self.work.seals.sealed_below_first(book.of):
                yield _unproved(book, no, no, row_id)

    def _beyond(self, last: int) -> Iterator[Finding]:
        for book in SEALED_BOOKS:
            for no, count in self.work.seals.beyond(last, book.of):
                sentence = f"seal {no} is gone, in which {count} {book.nouns} lay"
                yield Finding(FindingKind.SEAL_MISSING, no, None, sentence)
        for root in sorted(self.roots, key=lambda root: (root.day, root.seal_no)):
            sentence = f"seal {root.seal_no} is gone, whose hash was deposited for {root.day}"
            yield Finding(FindingKind.SEAL_MISSING, root.seal_no, None, sentence)

    def _open(self, book: SealedBook) -> Iterator[Finding]:
        """Rows that no seal holds: those of the last minutes, or added among older ones."""
        after, way, noun = "", self._ways[book], book.noun
        oldest, newest = way.oldest, first_id_at(self.work.now + GRACE)
        while True:
            self.between()
            upto = self.work.seals.row_after(after, WINDOW, book.of)
            for row_id in self.work.seals.open_ids(after, WINDOW, upto, book.of):
                way.unsealed += 1
                if not isinstance(row_id, str):
                    sentence = f"{noun} {row_id!r}, not sealed yet, has an id that is no text"
                    yield book.finding(book.added, None, repr(row_id), sentence)
                    continue
                if way.unsealed == 1 and (at := born(row_id)) is not None:
                    self.oldest_unsealed = min(self.oldest_unsealed or at, at)
                if row_id >= newest:
                    sentence = f"{noun} {row_id}, not sealed yet, has an id that nobody was given"
                    yield book.finding(book.misdated, None, row_id, sentence)
                elif self.head is not None and row_id < oldest:
                    sentence = f"{noun} {row_id} was added after seal {self.head.no}, although its id is older"
                    yield book.finding(book.added, None, row_id, sentence)
            if upto is None:
                return
            after = upto


def _unproved(book: SealedBook, seal: int | None, no: object, row_id: str) -> Finding:
    sentence = f"{book.noun} {row_id} is said to lie in seal {no}, and there is none: nothing proves it"
    return book.finding(book.added, seal, row_id, sentence)


def _nowhere(book: SealedBook, rows: Mapping[Any, Sequence[Any]]) -> Iterator[Finding]:
    """Rows between two seals: SQLite takes a fraction for a number. Of a seal that is gone its number tells."""
    for no, stray in rows.items():
        if not isinstance(no, int):
            for row in stray:
                yield _unproved(book, None, no, row[2])


def _stray(book: SealedBook, seal: Seal, rows: Sequence[Any]) -> Iterator[Finding]:
    """Rows that are said to lie in a seal over another book."""
    for row in rows:
        sentence = f"{book.noun} {row[2]} is said to lie in seal {seal.no}, which holds no {book.nouns}"
        yield book.finding(book.added, seal.no, row[2], sentence)


def _gap(book: SealedBook, no: int, first: int, following: int) -> Finding:
    which = f"position {first}" if following == first + 1 else f"positions {first} to {following - 1}"
    return Finding(book.missing, no, None, f"what stood at {which} of seal {no} is gone")


def _against_root(
    book: SealedBook,
    seal: Seal,
    changed: Sequence[str],
    recorded: Sequence[str],
    computed: Sequence[str],
    complete: bool,
) -> Iterator[Finding]:
    """Which of row and record was changed, as the root of the seal has it."""
    no, noun = seal.no, book.noun
    is_whole = complete and _root_over(recorded) == seal.root
    if complete and changed and not is_whole and _root_over(computed) == seal.root:
        for row_id in changed:
            sentence = f"{noun} {row_id} is as it was, but its hash in seal {no} was changed"
            yield book.finding(FindingKind.RECORD_CHANGED, no, row_id, sentence)
        return
    for row_id in changed:
        yield book.finding(book.changed, no, row_id, f"{noun} {row_id} of seal {no} was changed")
    if complete and not changed and not is_whole:
        sentence = f"{book.a_noun} of seal {no} was replaced together with its hash"
        yield Finding(book.replaced, no, None, sentence)


def _root_over(leaves: Sequence[Any]) -> str | None:
    """The root over recorded hashes; None if one of them is not spelled as a hash is."""
    if all(isinstance(one, str) and LEAF.fullmatch(one) for one in leaves):
        return merkle_root(leaves)
    return None


def _seal_of(row: Any) -> tuple[Seal, str]:
    """A seal as it is stored, and the hash beside it; what cannot be read any more has another hash."""
    values = dict(zip(AuditSeal.model_fields, row, strict=True))
    kept_hash, at = values.pop("hash"), values["sealed_at"]
    try:
        values["sealed_at"] = instant(at)
    except ValueError:
        values["sealed_at"] = datetime.min.replace(tzinfo=UTC) + 2 * GRACE
    if not isinstance(values["count"], int):
        values["count"] = 0
    # What is no text where text belongs is shown as what it is: it has no spelling that could be hashed.
    readable: dict[str, Any] = {name: repr(one) if isinstance(one, bytes) else one for name, one in values.items()}
    return Seal(**readable), kept_hash
