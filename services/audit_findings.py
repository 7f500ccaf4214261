"""What a proof of the sealed books can find wrong, in words: of the audit log and of the ledger alike."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from pydantic_core import from_json

from books.seals import ENTRIES, POSTINGS, Sealable
from models.chain import Seal, entry_bytes, leaf_hash, posting_bytes

_WRITTEN = json.JSONEncoder()
"""How documents are spelled where they are written: as the database's driver does by itself."""


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
    CREDENTIAL_CHANGED = "credential_changed"


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong, with the seal and the entry, posting or person that it is about, in a sentence."""

    kind: FindingKind
    seal: int | None
    entry: str | None
    sentence: str
    posting: str | None = None
    staff: str | None = None


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
                if row[name] is not None:
                    row[name] = _document(row[name])
            for name in self.instants:
                if isinstance(at := row[name], str):
                    row[name] = _instant(at)
            for name in self.flags:
                if row[name] is not None:
                    row[name] = _flag(row[name])
            return leaf_hash(self.content(row))
        except (TypeError, ValueError, AttributeError, KeyError):
            return leaf_hash(repr(tuple(columns)).encode())


def _document(kept: object) -> Any:
    """What stored JSON says. ValueError for what is spelled otherwise than we write it, with other spaces or signs or
    a name twice: another reader might take it for something else.
    """
    if kept == "null":
        return None
    if not isinstance(kept, str):
        raise TypeError("no text")
    document = from_json(kept)
    if _WRITTEN.encode(document) != kept:
        raise ValueError("not as we write it")
    return document


def _instant(kept: str) -> str:
    """An instant that SQLite keeps as text, in UTC: all of its letters, but the one between day and time, are sealed
    as they are.
    """
    if kept[10:11] != " ":
        raise ValueError("not as we write it")
    return f"{kept[:10]}T{kept[11:]}+00:00"


def _flag(kept: object) -> bool:
    """What SQLite keeps as 0 or 1, and takes any other value for."""
    if kept not in (0, 1) or not isinstance(kept, int):
        raise ValueError("not as we write it")
    return bool(kept)


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
