"""What a proof of the sealed books can find wrong, in words: of the audit log and of the ledger alike."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from pydantic_core import from_json

from books.seals import ENTRIES, POSTINGS, Sealable
from models.chain import Seal, entry_bytes, leaf_hash, posting_bytes


class FindingKind(StrEnum):
    """What is wrong with a sealed book."""

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


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong, with the seal and the entry or posting that it is about, in a sentence."""

    kind: FindingKind
    seal: int | None
    entry: str | None
    sentence: str
    posting: str | None = None


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
        """The hash of a row from its columns as they are stored. One that nobody can read, which none of ours is, has
        the hash of what is there: it must not keep others from being sealed.
        """
        row = dict(zip(self.of.rows.columns.keys(), columns, strict=True))
        try:
            for name in self.documents:
                if row[name] is not None:
                    row[name] = from_json(row[name])
            for name in self.instants:
                if isinstance(at := row[name], str):
                    # SQLite keeps instants as text, in UTC.
                    row[name] = f"{at[:10]}T{at[11:]}+00:00"
            return leaf_hash(self.content(row))
        except (TypeError, ValueError, AttributeError, KeyError):
            return leaf_hash(repr(tuple(columns)).encode())


AUDIT_LOG = SealedBook(
    ENTRIES,
    "entry",
    "entries",
    "an entry",
    ("at",),
    ("before", "after"),
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
