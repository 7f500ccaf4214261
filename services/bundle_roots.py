"""Whether the seals of a bundle lead to roots that were deposited outside: without that, whoever signs could have made
up a chain for the bundle. Standard library alone.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from models.chain import DailyRoot, Seal, written_at

LATE = timedelta(days=2)
"""How long after it was written a row is sealed at the latest, also where the sealer was away."""


@dataclass(frozen=True)
class Ways:
    """Seals by their numbers, and the roots that somebody else keeps."""

    seals: Mapping[int, Seal]
    roots: Sequence[DailyRoot]

    def broken(self) -> Iterator[str]:
        """Seals that are others than were deposited, in sentences."""
        for root in self.roots:
            seal = self.seals.get(root.seal_no)
            if seal is not None and seal.hash != root.hash:
                yield f"seal {root.seal_no} is not the one whose hash was deposited for {root.day}"

    def leading(self, numbers: Iterable[int]) -> set[int]:
        """Those of the seals from which a chain without a gap leads to a root."""
        kept = {root.seal_no: root.hash for root in self.roots}
        found: set[int] = set()
        leads = False
        # Downwards: a seal leads to where the next one does, or is deposited itself.
        for no in sorted(self.seals, reverse=True):
            seal, following = self.seals[no], self.seals.get(no + 1)
            is_followed = leads and following is not None and following.previous == seal.hash
            leads = kept.get(no) == seal.hash or (no not in kept and is_followed)
            if leads:
                found.add(no)
        return found & set(numbers)

    def is_younger(self, no: int, row_ids: Iterable[str]) -> bool:
        """Whether a seal was made after the newest root, of what was written then: nobody can have its root yet."""
        newest = max(self.roots, key=lambda root: root.seal_no)
        return no > newest.seal_no and all(_written(row_id) >= newest.sealed_at - LATE for row_id in row_ids)


def _written(row_id: str) -> datetime:
    try:
        return written_at(row_id)
    except (ValueError, OverflowError):
        return written_at("0" * 12)
