"""What a proof of the sealed books came to, kept: who asked, what was looked at, what is wrong, who looks into it."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from hashlib import sha256
from itertools import chain
from math import ceil
from typing import Any

from books.seals import FIRST_NUMBER
from books.session import Books, UnitOfWork
from lending.errors import LendingError
from models.chain import canonical, spelled
from models.keys import new_id
from models.proving import AuditVerdict
from models.staff import Actor, Role
from models.tasks import Task, TaskKind, TaskStatus
from services import audit
from services.audit_proof import Proof
from services.evidence import Evidence
from services.permissions import Action, require
from services.tasks import open_task

FINDINGS_KEPT = 200
"""More are counted, and named by `loanwright audit verify`."""
TOO_OLD = timedelta(days=2)
"""A proof is made every day; one that is older says that two were not made."""
PAUSE = timedelta(minutes=5)
"""So long after one the next may be asked for, and not before as long as the last one took: it needs a processor."""


class UnknownVerification(LendingError):
    """No proof has this id."""

    code = "unknown_verification"
    http_status = 404

    def __init__(self) -> None:
        super().__init__("there is no such proof of the audit log")


class ProvedJustNow(LendingError):
    """The newest proof is so young that another one would tell nothing new."""

    code = "proved_just_now"
    http_status = 429

    def __init__(self, until: datetime, now: datetime) -> None:
        self.seconds = max(1, ceil((until - now).total_seconds()))
        super().__init__(f"the log was proved a moment ago; look at that proof, or ask again in {self.seconds} seconds")


@dataclass(frozen=True)
class Found:
    """What a proof found, of the books as they stood at `began_at`; `roots` is None where no folder could be read."""

    began_at: datetime
    proof: Proof
    roots: int | None
    differences: int
    digest: str
    findings: list[dict[str, Any]]


def prove(books: Books, evidence: Evidence | None = None, between: Callable[[], object] = lambda: None) -> Found:
    """Proves all of audit log and ledger, also against what lies deposited outside; only reads. `between` is called
    every few thousand rows.
    """
    deposited = evidence or Evidence()
    differences, digest = 0, sha256()
    findings: list[dict[str, Any]] = []
    with books.read(of_one_moment=True) as work:
        proof = Proof(work, roots=deposited.roots, between=between)
        for finding in chain(deposited.unreadable, proof.findings()):
            told = finding.as_json()
            differences += 1
            digest.update(canonical(told))
            if len(findings) < FINDINGS_KEPT:
                findings.append(told)
        return Found(
            work.now, proof, len(evidence.roots) if evidence else None, differences, digest.hexdigest(), findings
        )


def keep(work: UnitOfWork, actor: Actor, found: Found, *, run_id: str, code_version: str, day: date) -> AuditVerdict:
    """Writes down what a run found, once, and asks an administrator to look into differences that nobody looks into."""
    before = work.proving.of_run(run_id)
    if before is not None:
        return before
    proof, head = found.proof, found.proof.head
    figures: dict[str, Any] = {
        "code_version": code_version,
        "seals": proof.seals,
        "entries": proof.entries,
        "postings": proof.postings,
        "roots": found.roots,
        "unsealed": proof.unsealed,
        "unsealed_postings": proof.unsealed_postings,
        "head_no": head.no if head else None,
        "head_hash": head.hash if head else None,
        "differences": found.differences,
        "digest": found.digest,
    }
    verdict_id = new_id()
    figures["task_id"] = _looked_into(work, verdict_id, found, day)
    after = {"whole": not found.differences, "began_at": spelled(found.began_at), **figures}
    verdict = AuditVerdict(
        id=verdict_id,
        run_id=run_id,
        asked_by=actor.id,
        began_at=found.began_at,
        ended_at=work.now,
        findings=found.findings,
        entry_id=audit.record(work, actor, "audit_verified", subject=verdict_id, after=after),
        **figures,
    )
    work.proving.add(verdict)
    return verdict


def _looked_into(work: UnitOfWork, verdict_id: str, found: Found, day: date) -> str | None:
    """The task of whoever looks into it: one open at a time, and none for what somebody has looked into already."""
    last = work.proving.last()
    known = _held(work, last.task_id) if last is not None and last.task_id is not None else None
    is_open = known is not None and known.status is TaskStatus.OPEN
    if not found.differences:
        return known.id if known is not None and is_open else None
    about = f"proof {verdict_id} of the audit log found {found.differences} differences"
    if known is not None and is_open:
        known.about = about
        work.session.add(known)
        return known.id
    if known is not None and last is not None and last.digest == found.digest:
        return known.id
    return open_task(work, None, TaskKind.TROUBLE, Role.ADMIN, day + timedelta(days=1), about).id


def _held(work: UnitOfWork, task_id: str) -> Task:
    """A task that nobody closes meanwhile."""
    task = work.tasks.get(task_id)
    work.session.refresh(task, with_for_update=True)
    return task


# -- for auditors ------------------------------------------------------------------------------------------------------


def check_may_ask(work: UnitOfWork, actor: Actor) -> None:
    """Refuses whoever may not have the log proved, and who asks again too soon."""
    require(actor, Action.READ_AUDIT)
    last = work.proving.last()
    if last is None:
        return
    until = last.ended_at + max(PAUSE, last.ended_at - last.began_at)
    if work.now < until:
        raise ProvedJustNow(until, work.now)


def verifications(work: UnitOfWork, actor: Actor, before: str | None = None, limit: int = 50) -> list[AuditVerdict]:
    """What the newest proofs came to, those with an id below `before`; for auditors."""
    require(actor, Action.READ_AUDIT)
    return work.proving.newest(before, limit)


def verification(work: UnitOfWork, actor: Actor, verdict_id: str) -> AuditVerdict:
    """What one proof came to; refuses an unknown one. For auditors."""
    require(actor, Action.READ_AUDIT)
    found = work.proving.get(verdict_id)
    if found is None:
        raise UnknownVerification
    return found


@dataclass(frozen=True)
class Standing:
    """The newest proof, and since when the books have not been proved; None where there is nothing to prove."""

    last: AuditVerdict | None
    since: datetime | None
    now: datetime

    @property
    def age_seconds(self) -> int | None:
        """How long ago what the newest proof saw was so; without one, how long ago the first seal was made."""
        return max(0, int((self.now - self.since).total_seconds())) if self.since is not None else None

    @property
    def is_too_old(self) -> bool:
        """Whether the daily proof has not been made."""
        return self.since is not None and self.now - self.since > TOO_OLD


def standing(work: UnitOfWork) -> Standing:
    """How long ago the books were proved, and what that came to."""
    last = work.proving.last()
    if last is not None:
        return Standing(last, last.began_at, work.now)
    first = work.seals.get(FIRST_NUMBER)
    return Standing(None, first.sealed_at if first is not None else None, work.now)
