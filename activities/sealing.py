"""Sealing audit log and ledger and depositing their roots: each batch and each deposit is a unit of work of its own."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain

import structlog
from sqlalchemy.exc import IntegrityError
from temporalio import activity

from activities.acts import refusals
from books.seals import SEALABLE, Sealable
from books.session import Books, was_written_before
from models.recurring import Deposited, Sealed, SealingOrder
from services.audit_chain import Batch, SealedMeanwhile, keep, next_batch, open_since
from services.audit_proof import WINDOW
from services.evidence import Depository, depositories, keep_deposit, next_root

log = structlog.get_logger()

LONGEST_SECONDS = 30
"""How long one activity seals; its time limit is far above."""
FULL_LOOK_SECONDS = 24 * 3600
"""How often all rows are looked at, and not only those of the last minutes."""
MOST_ROOTS = 31


@dataclass
class _FullLook:
    """The look at all rows of a book. `reached` is how far it has come, None between two of them."""

    of: Sealable
    reached: str | None = ""
    ended_at: float = 0.0

    def begins_anew(self) -> bool:
        """Whether the next one is due."""
        return self.reached is None and time.monotonic() - self.ended_at > FULL_LOOK_SECONDS


class SealingActs:
    """Seals in batches. Reading and hashing is done beside the writers; only the rows of a seal are written."""

    def __init__(self, books: Books) -> None:
        self.books = books
        self._looks = [_FullLook(of) for of in SEALABLE]

    @activity.defn
    def seal_audit(self, order: SealingOrder) -> Sealed:  # noqa: ARG002 one message for each activity
        """Seals what waits, for half a minute at most."""
        give_up_at = time.monotonic() + LONGEST_SECONDS
        sealed, complete = 0, True
        with refusals():
            for count in chain.from_iterable(self._all_batches(look) for look in self._looks):
                sealed += count
                if time.monotonic() > give_up_at:
                    complete = False
                    break
            with self.books.read() as work:
                root_waits = any(next_root(work, one.name) for one in depositories())
        if sealed:
            log.info("audit_sealed", rows=sealed, complete=complete)
        return Sealed(sealed=sealed, complete=complete, root_waits=complete and root_waits)

    def _all_batches(self, look: _FullLook) -> Iterator[int]:
        if look.begins_anew():
            look.reached = ""
        while look.reached is not None:
            with self.books.read() as work:
                upto = work.seals.row_after(look.reached, WINDOW, look.of)
            yield from self._batches(look.of, look.reached, upto)
            look.reached, look.ended_at = upto, time.monotonic()
            yield 0
        with self.books.read() as work:
            since = open_since(work, look.of)
        yield from self._batches(look.of, since, None)

    def _batches(self, of: Sealable, after: str, upto: str | None) -> Iterator[int]:
        """The sizes of batches, each after it was sealed."""
        while True:
            with self.books.read() as work:
                batch = next_batch(work, after, upto, of=of)
            if batch is None:
                return
            if self._keep(batch):
                after = batch.last_id
                yield len(batch.leaves)

    def _keep(self, batch: Batch) -> bool:
        """Whether it was this sealer that sealed it."""
        try:
            with self.books.begin() as work:
                keep(work, batch)
        except SealedMeanwhile:
            return False
        except IntegrityError as error:
            if not was_written_before(error):
                raise
            return False
        return True

    @activity.defn
    def deposit_roots(self, order: SealingOrder) -> Deposited:  # noqa: ARG002 one message for each activity
        """Deposits the roots that each depository lacks. One that fails holds up no other and is asked again later."""
        deposited = failed = 0
        for depository in depositories():
            try:
                deposited += self._deposit(depository)
            except Exception as error:  # noqa: BLE001 a module's own code: whatever it raises, sealing goes on
                failed += 1
                log.error("evidence_not_deposited", depository=depository.name, error=type(error).__name__)
        return Deposited(deposited=deposited, failed=failed)

    def _deposit(self, depository: Depository) -> int:
        for count in range(MOST_ROOTS):
            with self.books.read() as work:
                root = next_root(work, depository.name)
            reference = depository.deposit(root) if root is not None else None
            if root is None or reference is None:
                return count
            try:
                with self.books.begin() as work:
                    keep_deposit(work, depository.name, root, reference)
            except IntegrityError as error:
                if not was_written_before(error):
                    raise
            log.info("evidence_deposited", depository=depository.name, day=str(root.day), seal=root.seal_no)
        return MOST_ROOTS
