"""Proofs of the audit log and the ledger for auditors: ask for one, and read what each came to."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, Field

from api.context import Acting, Context, Looking
from api.problems import refusals
from api.shapes import Limit
from engine.proving import ask_for_proof
from models import keys
from models.proving import AuditVerdict
from services import proving
from services.audit_findings import FindingKind

router = APIRouter(prefix="/audit/verifications", tags=["audit"], responses=refusals(403))

VerificationId = Annotated[str, Path(pattern=keys.ID_PATTERN, description="the proof's id")]
LastSeen = Annotated[str | None, Query(pattern=keys.ID_PATTERN, description="`next` of the page before")]


class ProofAsked(BaseModel):
    """A proof is under way."""

    run: str = Field(description="the verdict of this `run` is among the proofs when it is done, within minutes")


class VerificationLine(BaseModel):
    """What a proof came to, of the books as they stood when it began."""

    id: str
    run: str
    asked_by: str = Field(description="`system` where nobody asked: it is made every day")
    began_at: datetime
    ended_at: datetime
    code_version: str
    whole: bool
    differences: int
    seals: int
    entries: int
    postings: int
    roots: int | None = Field(description="deposited roots that were compared; null where the folder could not be read")
    unsealed: int = Field(description="entries that no seal held yet")
    unsealed_postings: int
    head_seal: int | None = Field(description="number of the last seal")
    head_hash: str | None


class VerificationsPage(BaseModel):
    """Proofs, the newest first; `next` is the `after` of the following page, null on the last."""

    items: list[VerificationLine]
    next: str | None


class FindingView(BaseModel):
    """One thing that is wrong, with the seal and the entry, posting or person that it is about."""

    kind: FindingKind
    seal: int | None
    entry: str | None
    posting: str | None
    staff: str | None
    sentence: str


class VerificationDetail(VerificationLine):
    """A proof with the first of its differences."""

    findings: list[FindingView]
    entry: str = Field(description="the audit log's entry of it, which says the same and is sealed")
    task: str | None = Field(description="the task of whoever looks into it")


@router.post("", status_code=202, responses=refusals(429, 503))
async def prove_audit_log(asking: Acting, context: Context) -> ProofAsked:
    """Has audit log and ledger proved now, or joins the proof that is under way."""
    return ProofAsked(run=await ask_for_proof(context.books, context.commands.client, asking))


@router.get("")
def list_verifications(asking: Acting, look: Looking, after: LastSeen = None, limit: Limit = 50) -> VerificationsPage:
    """What proofs came to."""
    with look() as work:
        items = [_line(one) for one in proving.verifications(work, asking, after, limit)]
    return VerificationsPage(items=items, next=items[-1].id if len(items) == limit else None)


@router.get("/{verification_id}", responses=refusals(404))
def show_verification(verification_id: VerificationId, asking: Acting, look: Looking) -> VerificationDetail:
    """One proof, with what it found."""
    with look() as work:
        found = proving.verification(work, asking, verification_id)
    findings = [FindingView.model_validate(one) for one in found.findings]
    return VerificationDetail(**_line(found).model_dump(), findings=findings, entry=found.entry_id, task=found.task_id)


def _line(verdict: AuditVerdict) -> VerificationLine:
    return VerificationLine(
        **verdict.model_dump(include=set(VerificationLine.model_fields)),
        run=verdict.run_id,
        whole=verdict.is_whole,
        head_seal=verdict.head_no,
    )
