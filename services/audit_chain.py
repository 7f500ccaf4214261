"""Seals over the audit log: made in batches beside those who write, and proved afterwards.

Whoever writes an entry never waits: entries are neither locked nor changed. An entry that is committed late, with a
lower id than one that is sealed already, lies in the next seal.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from books.session import UnitOfWork
from lending.errors import LendingError
from models.audit import AuditEntry, AuditSeal
from models.chain import (
    NO_SEAL,
    EntryProof,
    Seal,
    first_id_at,
    inclusion_path,
    merkle_root,
    written_at,
)
from services.audit_proof import GRACE, born, leaf_as_stored
from services.audit_proof import verify as verify

BATCH = 2_000
"""Entries in a seal at most."""
COUNTED = 100_000
"""Above this, entries that wait are not counted any more."""


@dataclass(frozen=True)
class Batch:
    """Entries to be sealed together: id and leaf of each, in the order of ids."""

    leaves: list[tuple[str, str]]

    @property
    def last_id(self) -> str:
        """Where the next batch goes on."""
        return self.leaves[-1][0]


def open_since(work: UnitOfWork) -> str:
    """The id from which on entries may not be sealed yet; what was committed later than that a full look finds."""
    # An id of the future, which nobody was given, must not move the look past everything else.
    newest = work.seals.newest_entry(below=first_id_at(work.now))
    return first_id_at(written_at(newest) - GRACE) if newest is not None else ""


def next_batch(work: UnitOfWork, after: str, upto: str | None = None, most: int = BATCH) -> Batch | None:
    """The next entries that no seal holds, with ids above `after`; None if there are none. Reads only."""
    rows = work.seals.open_entries(after, most, upto)
    return Batch([(row[0], leaf_as_stored(row)) for row in rows]) if rows else None


class SealedMeanwhile(LendingError):
    """Another sealer was first; what it left is found by a second look."""

    code = "sealed_meanwhile"
    http_status = 409

    def __init__(self) -> None:
        super().__init__("these entries were sealed by another sealer at this moment; look again")


def keep(work: UnitOfWork, batch: Batch) -> AuditSeal:
    """Seals a batch. If another sealer was first the unit of work fails as a whole: with SealedMeanwhile or, if that
    one commits at this moment, at the keys of its rows.
    """
    if work.seals.places([entry_id for entry_id, _ in batch.leaves]):
        raise SealedMeanwhile
    last = work.seals.last()
    seal = Seal(
        no=last.no + 1 if last else 1,
        first_id=batch.leaves[0][0],
        last_id=batch.last_id,
        count=len(batch.leaves),
        root=merkle_root([leaf for _, leaf in batch.leaves]),
        previous=last.hash if last else NO_SEAL,
        sealed_at=work.now,
    )
    row = AuditSeal(**{name: getattr(seal, name) for name in Seal.__dataclass_fields__}, hash=seal.hash)
    work.seals.add(row, batch.leaves)
    return row


def seal(work: UnitOfWork) -> int:
    """Seals in this unit of work all that waits; returns how many entries."""
    after, sealed = open_since(work), 0
    while (batch := next_batch(work, after)) is not None:
        keep(work, batch)
        after, sealed = batch.last_id, sealed + len(batch.leaves)
    return sealed


@dataclass(frozen=True)
class Waiting:
    """How many entries no seal holds yet (at most COUNTED), and when the oldest was written."""

    count: int
    oldest: datetime | None

    def age_at(self, now: datetime) -> int:
        """For how many seconds the oldest has waited."""
        return max(int((now - self.oldest).total_seconds()), 0) if self.oldest else 0


def waiting(work: UnitOfWork) -> Waiting:
    """What waits to be sealed."""
    ids = work.seals.open_ids(open_since(work), COUNTED)
    return Waiting(len(ids), born(ids[0]) if ids else None)


def proofs_of(work: UnitOfWork, entries: Iterable[AuditEntry | str]) -> list[EntryProof]:
    """For each entry (or its id) the way to the root of its seal; those that are not sealed yet are left out."""
    ids = [one if isinstance(one, str) else one.id for one in entries]
    places = work.seals.places(ids)
    leaves: dict[int, Sequence[str]] = {}
    proofs: list[EntryProof] = []
    for entry_id in ids:
        place = places.get(entry_id)
        if place is None:
            continue
        if place.seal_no not in leaves:
            leaves[place.seal_no] = work.seals.leaves(place.seal_no)
        path = inclusion_path(leaves[place.seal_no], place.position)
        proofs.append(EntryProof(entry_id, place.seal_no, place.position, place.leaf, path))
    return proofs
