"""Several simple cases approved at once."""

from fastapi import APIRouter
from pydantic import BaseModel, Field

from api.context import Acting, Context
from api.shapes import Asked, OptionalKey, TaskId, Words
from engine.bulk_decisions import approve_all
from models.keys import new_id
from models.loans import Stage
from services.audit import sender_of
from services.bulk_decisions import MOST_AT_ONCE

router = APIRouter(tags=["tasks"])


class BulkBody(Asked):
    """The tasks whose cases are approved with the whole amount, and why; the reason is kept with each."""

    tasks: list[TaskId] = Field(min_length=1, max_length=MOST_AT_ONCE)
    reason: Words


class BulkItem(BaseModel):
    """What became of one of them: the stage that its loan came to, or the code and sentence of its refusal."""

    task: str
    loan: str | None
    approved: bool
    stage: Stage | None
    code: str | None
    detail: str | None


class BulkAnswer(BaseModel):
    """How many were approved, and each in the order of the list."""

    approved: int
    items: list[BulkItem]


@router.post("/tasks/decisions")
async def decide_tasks(body: BulkBody, actor: Acting, context: Context, key: OptionalKey = None) -> BulkAnswer:
    """Approves simple cases together: of grade A or B, for one person, without doubts, within authority and in full.

    Each is decided and recorded on its own, so that one which is refused stops no other. Sent again with the same
    `Idempotency-Key` nothing is decided twice.
    """
    found = await approve_all(
        context.books, context.commands, actor, sender_of(actor), body.tasks, body.reason, key or new_id()
    )
    items = [
        BulkItem(
            task=one.task_id,
            loan=one.loan,
            approved=one.refusal is None,
            stage=one.stage,
            code=one.refusal.code if one.refusal else None,
            detail=str(one.refusal) if one.refusal else None,
        )
        for one in found
    ]
    return BulkAnswer(approved=sum(item.approved for item in items), items=items)
