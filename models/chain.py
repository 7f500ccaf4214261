"""The chain over audit log and ledger: the bytes of an entry and of a posting, the tree over a batch of them, and the
seals that follow one another. Standard library alone: whoever checks a bundle elsewhere needs this file and nothing
else of ours.

A batch is a Merkle tree as in RFC 6962, section 2.1; a seal holds its root and the hash of the seal before it.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256
from typing import Any, Literal

ENTRY_FIELDS = (
    "id",
    "at",
    "actor_id",
    "role",
    "address",
    "request_id",
    "act",
    "loan",
    "subject",
    "before",
    "after",
    "reason",
    "refused",
    "workflow_id",
    "run_id",
    "activity_id",
    "event_id",
)
"""What is sealed of an entry. A field without a value is left out, so that a field added later leaves older entries,
which have none, as they were sealed.
"""
_SEALED = frozenset(ENTRY_FIELDS)
POSTING_FIELDS = (
    "id",
    "key",
    "entry",
    "loan",
    "debit",
    "credit",
    "amount_fen",
    "about",
    "value_date",
    "booking_date",
    "booked_at",
)
"""What is sealed of a posting: every column of it."""
TERMS_FIELDS = ("loan", "version", "decision_id", "effective_from", "body", "amendments")
"""What an audit entry digests of terms: all that was agreed."""
EVENT_FIELDS = ("key", "loan", "position", "type", "date", "body")
"""What an audit entry digests of an event of the account: all but when it was written."""
LEDGER = "ledger"
"""The book of seals that hold postings. Those over the audit log, which were there first, name none."""
NO_SEAL = "0" * 64
"""What the first seal has for the hash of the seal before it."""

_CANONICAL = json.JSONEncoder(sort_keys=True, separators=(",", ":"))

Side = Literal["left", "right"]
Step = tuple[Side, str]
"""The hash beside the way from a leaf to the root, and on which side of it."""


def entry_bytes(entry: Mapping[str, Any]) -> bytes:
    """The entry as it is sealed: JSON in ASCII, names sorted, no spaces, instants in UTC with microseconds."""
    told = {name: value for name, value in entry.items() if value is not None and name in _SEALED}
    return canonical(told | {"at": spelled(told["at"])})


def posting_bytes(posting: Mapping[str, Any]) -> bytes:
    """The posting as it is sealed: spelled as an entry is, dates as in ISO 8601, all of it under one name that no entry
    has, so that neither can stand for the other.
    """
    told = {name: posting[name] for name in POSTING_FIELDS if posting[name] is not None}
    told |= {name: _day(told[name]) for name in ("value_date", "booking_date")}
    return canonical({"posting": told | {"booked_at": spelled(told["booked_at"])}})


def terms_sha256(terms: Mapping[str, Any]) -> str:
    """The digest by which audit entries name a version of the terms."""
    return _named(terms, TERMS_FIELDS, "effective_from")


def event_sha256(event: Mapping[str, Any]) -> str:
    """The digest by which audit entries name an event of the account."""
    return _named(event, EVENT_FIELDS, "date")


def _named(row: Mapping[str, Any], fields: Sequence[str], day: str) -> str:
    return sha256(canonical({name: row[name] for name in fields} | {day: _day(row[day])})).hexdigest()


def leaf_hash(content: bytes) -> str:
    """The hash of a leaf. Its first byte sets it apart from the hash of a node."""
    return sha256(b"\x00" + content).hexdigest()


def merkle_root(leaves: Sequence[str]) -> str:
    """The root over the hashes of leaves in their order."""
    level = [bytes.fromhex(leaf) for leaf in leaves]
    while len(level) > 1:
        level = _level_above(level)
    return level[0].hex() if level else sha256(b"").hexdigest()


def inclusion_path(leaves: Sequence[str], position: int) -> list[Step]:
    """The hashes that lead from the leaf at a position to the root."""
    level = [bytes.fromhex(leaf) for leaf in leaves]
    path: list[Step] = []
    while len(level) > 1:
        beside = position ^ 1
        # The last one of an odd number has nobody beside it and goes up as it is.
        if beside < len(level):
            path.append(("left" if beside < position else "right", level[beside].hex()))
        level, position = _level_above(level), position // 2
    return path


def check_path(leaf: str, path: Sequence[Sequence[str]], root: str) -> bool:
    """Whether the path leads from the leaf to the root; False for what is no path."""
    try:
        found = bytes.fromhex(leaf)
        for side, beside in path:
            other = bytes.fromhex(beside)
            if side not in ("left", "right"):
                return False
            found = _node(other, found) if side == "left" else _node(found, other)
    except ValueError:
        return False
    return found.hex() == root


@dataclass(frozen=True)
class Seal:
    """What a seal says: its number, from which to which entry, how many, their root, the seal before, and when; and of
    which book they are, None for the audit log.
    """

    no: int
    first_id: str
    last_id: str
    count: int
    root: str
    previous: str
    sealed_at: datetime
    book: str | None = None

    @property
    def hash(self) -> str:
        """The hash of the seal, which the next one repeats. Without a book it is that of a seal of before the ledger
        was sealed.
        """
        told = {name: value for name, value in asdict(self).items() if value is not None}
        return sha256(canonical(told | {"sealed_at": spelled(self.sealed_at)})).hexdigest()


@dataclass(frozen=True)
class EntryProof:
    """That an entry or a posting lies in a seal: its leaf, its position and the path to the seal's root."""

    entry_id: str
    seal_no: int
    position: int
    leaf: str
    path: list[Step]


@dataclass(frozen=True)
class DailyRoot:
    """The last seal of a day in Shanghai. Whoever holds its hash holds all entries sealed until then."""

    day: date
    seal_no: int
    hash: str
    sealed_at: datetime

    def content(self) -> dict[str, Any]:
        """As it is written into a file."""
        return asdict(self) | {"day": self.day.isoformat(), "sealed_at": spelled(self.sealed_at)}

    @classmethod
    def read(cls, content: Mapping[str, Any]) -> "DailyRoot":
        """From such a file; ValueError or KeyError if it is none."""
        day, sealed_at = date.fromisoformat(str(content["day"])), datetime.fromisoformat(str(content["sealed_at"]))
        return cls(day, int(content["seal_no"]), str(content["hash"]), sealed_at)


def canonical(content: Mapping[str, Any]) -> bytes:
    """JSON with one spelling only, to be signed or hashed: ASCII, names sorted, no spaces."""
    return _CANONICAL.encode(content).encode("ascii")


def spelled(at: datetime | str) -> str:
    """An instant in its one spelling; one that is spelled already stays."""
    return at if isinstance(at, str) else at.astimezone(UTC).isoformat(timespec="microseconds")


def _day(day: date | str) -> str:
    return day if isinstance(day, str) else day.isoformat()


def written_at(entry_id: str) -> datetime:
    """When an entry was written, by its id (UUID version 7, RFC 9562: 48 bits of milliseconds)."""
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=int(entry_id[:12], 16))


def first_id_at(instant: datetime) -> str:
    """The lowest id that an entry written at this instant could have."""
    since = instant - datetime(1970, 1, 1, tzinfo=UTC)
    return f"{max(since // timedelta(milliseconds=1), 0):012x}".ljust(32, "0")


def _level_above(level: Sequence[bytes]) -> list[bytes]:
    pairs = [_node(level[n], level[n + 1]) for n in range(0, len(level) - 1, 2)]
    return [*pairs, level[-1]] if len(level) % 2 else pairs


def _node(left: bytes, right: bytes) -> bytes:
    return sha256(b"\x01" + left + right).digest()
