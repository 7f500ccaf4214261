"""Proving audit log and ledger: all of it is read as of one moment, the verdict is a unit of work of its own."""

import os
import time
from pathlib import Path

import structlog
from temporalio import activity

from activities.acts import refusals
from books.session import Books
from models.proving import AuditVerdict
from models.recurring import ProofOrder, Proved
from services.audit import SYSTEM, actor_of
from services.evidence import Evidence, evidence_in
from services.proving import keep, prove

log = structlog.get_logger()

LONGEST_REST = 1.0


class _Breath:
    """Between two portions of rows: says that the proof is alive, and rests as long as the portion took, so that loans
    have half of the processor at the least.
    """

    def __init__(self) -> None:
        self._since = time.monotonic()

    def __call__(self) -> None:
        activity.heartbeat()
        time.sleep(min(time.monotonic() - self._since, LONGEST_REST))
        self._since = time.monotonic()


class ProvingActs:
    """Proves against the seals, and against the signed roots in `evidence_folder`, where there is one, if the holder of
    one of `evidence_keys` signed them.
    """

    def __init__(
        self,
        books: Books,
        code_version: str,
        evidence_folder: Path | None = None,
        evidence_keys: tuple[str, ...] = (),
    ) -> None:
        self.books = books
        self.code_version = code_version
        self.evidence_folder = evidence_folder
        self.evidence_keys = evidence_keys

    @activity.defn
    def prove_audit(self, order: ProofOrder) -> Proved:
        """Proves all of both books, for minutes where they are large, and keeps one verdict for each run."""
        run_id = activity.info().workflow_run_id or ""
        with refusals():
            with self.books.read() as work:
                verdict = work.proving.of_run(run_id)
            if verdict is None:
                verdict = self._proved(order, run_id)
        return Proved(verdict=verdict.id, differences=verdict.differences)

    def _proved(self, order: ProofOrder, run_id: str) -> AuditVerdict:
        found = prove(self.books, self._evidence(), between=_Breath())
        actor = actor_of(order.asked_by) if order.asked_by is not None else SYSTEM
        with self.books.begin() as work:
            verdict = keep(work, actor, found, run_id=run_id, code_version=self.code_version, day=order.day)
        if verdict.is_whole:
            log.info("audit_proved", verdict=verdict.id, entries=verdict.entries, postings=verdict.postings)
        else:
            log.error("audit_differs", verdict=verdict.id, differences=verdict.differences)
        return verdict

    def _evidence(self) -> Evidence | None:
        """What was deposited, as it lies there now; None where nothing can be read. It is read before the books are:
        what is deposited meanwhile is of seals that the proof does not see.
        """
        if self.evidence_folder is None:
            return None
        try:
            os.listdir(self.evidence_folder)
        except OSError as error:
            log.warning("evidence_not_read", error=type(error).__name__)
            return None
        return evidence_in(self.evidence_folder, self.evidence_keys)
