"""What a proof of the sealed books can find wrong, in words: of the audit log and of the ledger alike."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from books.seals import ENTRIES, POSTINGS, Sealable
from books.stored import document, flag
from models.chain import Seal, entry_bytes, leaf_hash, posting_bytes

MIGRATION = "migration"
"""Who acts in an entry that a migration wrote."""
WRITTEN_AT_ONCE = frozenset({"application_submitted", "loan_taken_over"})
"""Acts whose entries are written many at once: what they say nothing of is left out, not spelled."""
LONGEST_SENTENCE = 500
_NAME = re.compile(r"[!-~]{1,64}")


class FindingKind(StrEnum):
    """What is wrong with a sealed book, or with what the audit log says of people."""

    ENTRY_CHANGED = "entry_changed"
    ENTRY_MISSING = "entry_missing"
    ENTRY_ADDED = "entry_added"
    ENTRY_REORDERED = "entry_reordered"
    ENTRY_REPLACED = "entry_replaced"
    ENTRY_MISDATED = "entry_misdated"
    POSTING_CHANGED = "posting_changed"
    POSTING_MISSING = "posting_missing"
    POSTING_ADDED = "posting_added"
    POSTING_REORDERED = "posting_reordered"
    POSTING_REPLACED = "posting_replaced"
    POSTING_MISDATED = "posting_misdated"
    RECORD_CHANGED = "record_changed"
    SEAL_CHANGED = "seal_changed"
    SEAL_MISSING = "seal_missing"
    SEAL_ADDED = "seal_added"
    SEAL_MISDATED = "seal_misdated"
    NOT_AS_DEPOSITED = "not_as_deposited"
    DEPOSIT_UNREADABLE = "deposit_unreadable"
    STAFF_ADDED = "staff_added"
    STAFF_CHANGED = "staff_changed"
    STAFF_MISSING = "staff_missing"
    STAFF_UNPROVED = "staff_unproved"
    STANDING_CHANGED = "standing_changed"
    CREDENTIAL_CHANGED = "credential_changed"
    ABSENCE_ADDED = "absence_added"
    ABSENCE_CHANGED = "absence_changed"
    ABSENCE_MISSING = "absence_missing"


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong, with the seal and the entry, posting or person that it is about, in a sentence."""

    kind: FindingKind
    seal: int | None
    entry: str | None
    sentence: str
    posting: str | None = None
    staff: str | None = None

    def as_json(self) -> dict[str, Any]:
        """What is told and kept of it. Whoever tampered with a number or an id may have left anything in its place:
        what is none is told by the sentence alone, and that in signs that can be shown, up to a length.
        """
        return {
            "kind": self.kind.value,
            "seal": self.seal if isinstance(self.seal, int) else None,
            "entry": _name(self.entry),
            "sentence": "".join(map(_shown, self.sentence[:LONGEST_SENTENCE])),
            "posting": _name(self.posting),
            "staff": _name(self.staff),
        }


def _name(given: object) -> str | None:
    return given if isinstance(given, str) and _NAME.fullmatch(given) else None


def _shown(sign: str) -> str:
    return sign if sign.isprintable() else f"\\u{ord(sign):04x}"


@dataclass
class Verdict:
    """What a proof came to. `head` is the last seal that was looked at; what is unsealed is not proved yet."""

    seals: int = 0
    entries: int = 0
    postings: int = 0
    unsealed: int = 0
    unsealed_postings: int = 0
    oldest_unsealed: datetime | None = None
    head: Seal | None = None
    findings: list[Finding] = field(default_factory=list)

    @property
    def is_whole(self) -> bool:
        """Whether nothing is wrong."""
        return not self.findings


@dataclass(frozen=True)
class SealedBook:
    """How the rows of a sealed book are called and hashed, and which kinds of finding are about them."""

    of: Sealable
    noun: str
    nouns: str
    a_noun: str
    instants: tuple[str, ...]
    documents: tuple[str, ...]
    flags: tuple[str, ...]
    content: Callable[[Mapping[str, Any]], bytes]
    changed: FindingKind
    missing: FindingKind
    added: FindingKind
    reordered: FindingKind
    replaced: FindingKind
    misdated: FindingKind

    def finding(self, kind: FindingKind, seal: int | None, row_id: str | None, sentence: str) -> Finding:
        """A finding about a row of this book."""
        if self.of is POSTINGS:
            return Finding(kind, seal, None, sentence, row_id)
        return Finding(kind, seal, row_id, sentence)

    def leaf_as_stored(self, columns: Sequence[Any]) -> str:
        """The hash of a row from its columns as they are stored. One that nobody can read, or that is spelled as none
        of ours is, has the hash of what is there: it must not keep others from being sealed.
        """
        row = dict(zip(self.of.rows.columns.keys(), columns, strict=True))
        try:
            for name in self.documents:
                left_out = row["actor_id"] == MIGRATION or row["act"] in WRITTEN_AT_ONCE
                row[name] = _document(row[name], left_out=left_out)
            for name in self.instants:
                if isinstance(at := row[name], str):
                    row[name] = _instant(at)
            for name in self.flags:
                if row[name] is not None:
                    row[name] = flag(row[name])
            return leaf_hash(self.content(row))
        except (TypeError, ValueError, AttributeError, KeyError):
            return leaf_hash(repr(tuple(columns)).encode())


def _document(kept: object, *, left_out: bool) -> Any:
    """What stored JSON says. Where there is none, our entries hold the word `null`, and those of which it is `left_out`
    hold nothing: either is sealed as nothing, so that whichever stands in the other's place is not as we write it.
    """
    if kept is None or kept == "null":
        if (kept is None) is not left_out:
            raise ValueError("not as we write it")
        return None
    return document(kept)


def _instant(kept: str) -> str:
    """An instant that SQLite keeps as text, in UTC: all of its letters, but the one between day and time, are sealed
    as they are.
    """
    if kept[10:11] != " ":
        raise ValueError("not as we write it")
    return f"{kept[:10]}T{kept[11:]}+00:00"


AUDIT_LOG = SealedBook(
    ENTRIES,
    "entry",
    "entries",
    "an entry",
    ("at",),
    ("before", "after"),
    ("refused",),
    entry_bytes,
    changed=FindingKind.ENTRY_CHANGED,
    missing=FindingKind.ENTRY_MISSING,
    added=FindingKind.ENTRY_ADDED,
    reordered=FindingKind.ENTRY_REORDERED,
    replaced=FindingKind.ENTRY_REPLACED,
    misdated=FindingKind.ENTRY_MISDATED,
)
LEDGER = SealedBook(
    POSTINGS,
    "posting",
    "postings",
    "a posting",
    ("booked_at",),
    (),
    (),
    posting_bytes,
    changed=FindingKind.POSTING_CHANGED,
    missing=FindingKind.POSTING_MISSING,
    added=FindingKind.POSTING_ADDED,
    reordered=FindingKind.POSTING_REORDERED,
    replaced=FindingKind.POSTING_REPLACED,
    misdated=FindingKind.POSTING_MISDATED,
)
SEALED_BOOKS = (AUDIT_LOG, LEDGER)


def book_of(of: Sealable) -> SealedBook:
    """The sealed book whose rows these are."""
    return next(book for book in SEALED_BOOKS if book.of is of)
