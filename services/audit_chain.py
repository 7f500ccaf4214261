"""Seals over audit log and ledger: made in batches beside those who write.

Whoever writes an entry or a posting never waits: rows are neither locked nor changed. One that is committed late, with
a lower id than one that is sealed already, lies in the next seal of its book. A seal is over one book.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from books.seals import ENTRIES, SEALABLE, Sealable
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
from models.ledger import Posting
from services.audit_findings import book_of
from services.audit_proof import GRACE, born

BATCH = 2_000
"""Rows in a seal at most."""
COUNTED = 100_000
"""Above this, rows that wait are not counted any more."""


@dataclass(frozen=True)
class Batch:
    """Rows of a book to be sealed together: id and leaf of each, in the order of ids."""

    of: Sealable
    leaves: list[tuple[str, str]]

    @property
    def last_id(self) -> str:
        """Where the next batch goes on."""
        return self.leaves[-1][0]


def open_since(work: UnitOfWork, of: Sealable = ENTRIES) -> str:
    """The id from which on rows may not be sealed yet; what was committed later than that a full look finds."""
    # An id of the future, which nobody was given, must not move the look past everything else.
    newest = work.seals.newest_sealed(first_id_at(work.now), of)
    return first_id_at(written_at(newest) - GRACE) if newest is not None else ""


def next_batch(
    work: UnitOfWork, after: str, upto: str | None = None, most: int = BATCH, of: Sealable = ENTRIES
) -> Batch | None:
    """The next rows that no seal holds, with ids above `after`; None if there are none. Reads only."""
    rows, book = work.seals.open_rows(after, most, upto, of), book_of(of)
    return Batch(of, [(row[0], book.leaf_as_stored(row)) for row in rows]) if rows else None


class SealedMeanwhile(LendingError):
    """Another sealer was first; what it left is found by a second look."""

    code = "sealed_meanwhile"
    http_status = 409

    def __init__(self) -> None:
        super().__init__("these rows were sealed by another sealer at this moment; look again")


def keep(work: UnitOfWork, batch: Batch) -> AuditSeal:
    """Seals a batch. If another sealer was first the unit of work fails as a whole: with SealedMeanwhile or, if that
    one commits at this moment, at the keys of its rows.
    """
    if work.seals.places([row_id for row_id, _ in batch.leaves], batch.of):
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
        book=batch.of.book,
    )
    row = AuditSeal(**{name: getattr(seal, name) for name in Seal.__dataclass_fields__}, hash=seal.hash)
    work.seals.add(row, batch.leaves, batch.of)
    return row


def seal(work: UnitOfWork) -> int:
    """Seals in this unit of work all that waits in both books; returns how many rows."""
    sealed = 0
    for of in SEALABLE:
        after = open_since(work, of)
        while (batch := next_batch(work, after, of=of)) is not None:
            keep(work, batch)
            after, sealed = batch.last_id, sealed + len(batch.leaves)
    return sealed


@dataclass(frozen=True)
class Waiting:
    """How many rows no seal holds yet (at most COUNTED), and when the oldest was written."""

    count: int
    oldest: datetime | None

    def age_at(self, now: datetime) -> int:
        """For how many seconds the oldest has waited."""
        return max(int((now - self.oldest).total_seconds()), 0) if self.oldest else 0


def waiting(work: UnitOfWork, of: Sealable = ENTRIES) -> Waiting:
    """What of a book waits to be sealed."""
    ids = work.seals.open_ids(open_since(work, of), COUNTED, None, of)
    return Waiting(len(ids), born(ids[0]) if ids else None)


def proofs_of(work: UnitOfWork, rows: Iterable[AuditEntry | Posting | str], of: Sealable = ENTRIES) -> list[EntryProof]:
    """For each row of a book (or its id) the way to the root of its seal; what is not sealed yet is left out."""
    ids = [one if isinstance(one, str) else one.id for one in rows]
    places = work.seals.places(ids, of)
    leaves: dict[int, Sequence[str]] = {}
    proofs: list[EntryProof] = []
    for row_id in ids:
        place = places.get(row_id)
        if place is None:
            continue
        if place.seal_no not in leaves:
            leaves[place.seal_no] = work.seals.leaves(place.seal_no, of)
        path = inclusion_path(leaves[place.seal_no], place.position)
        proofs.append(EntryProof(row_id, place.seal_no, place.position, place.leaf, path))
    return proofs
