"""Published rates, cost caps and own-card limits: what is in force, and how two people of risk bring in a new row."""

from dataclasses import asdict
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, Field, JsonValue

from api.context import Acting, Context, Looking
from api.problems import refusals
from api.shapes import Asked, Words
from models import keys
from models.limits import LimitKind, LimitOutcome, LimitStatus
from services.limit_changes import LimitState, decide_limit, limit_states, propose_limit

router = APIRouter(prefix="/limits", tags=["limits"])

LimitId = Annotated[str, Path(pattern=keys.ID_PATTERN, description="the limit's id")]
Row = dict[str, JsonValue]


class LimitBody(Asked):
    """A row to put in force."""

    kind: LimitKind
    row: Row = Field(
        description="as in limits.json. Prime rate: `tenor`, `on`, `percent`. The others: `since`, `source` and, if "
        "need be, `until`, `product`, `licence`; for a cap `percent` or `lpr_multiple`, for an own-card limit `most`",
        examples=[{"tenor": "one_year", "on": "2026-11-20", "percent": "2.90"}],
    )
    reason: Words


class LimitDecisionBody(Asked):
    """The second person's word."""

    outcome: LimitOutcome
    reason: Words


class LimitView(BaseModel):
    """A row, how it stands, and the row that it corrects (or would correct while it is open)."""

    id: str
    kind: LimitKind
    row: Row
    status: LimitStatus
    reason: str
    proposed_by: str
    proposed_at: datetime
    decided_by: str | None
    decided_at: datetime | None
    decision_reason: str | None
    corrects: str | None


class LimitsView(BaseModel):
    """Rows in the order in which they were proposed."""

    items: list[LimitView]


@router.get("")
def list_limits(
    actor: Acting,  # noqa: ARG001 whoever has a key may see the law and its figures
    look: Looking,
    kind: Annotated[LimitKind | None, Query(description="only rows of this kind")] = None,
    status: Annotated[LimitStatus | None, Query(description="only rows that stand so")] = None,
) -> LimitsView:
    """Every row that was ever proposed."""
    with look() as work:
        found = limit_states(work)
    return LimitsView(items=[_view(one) for one in found if kind in (None, one.kind) and status in (None, one.status)])


@router.post("", responses=refusals(403, 409))
def propose_row(body: LimitBody, actor: Acting, context: Context) -> LimitView:
    """Risk proposes a row; nothing changes until another person of risk puts it in force."""
    with context.books.begin() as work:
        return _view(propose_limit(work, actor, body.kind, body.row, body.reason))


@router.post("/{limit_id}/decision", responses=refusals(403, 404, 409))
def decide_on_limit(limit_id: LimitId, body: LimitDecisionBody, actor: Acting, context: Context) -> LimitView:
    """Another person of risk puts the row in force, which counts at once, or refuses it."""
    with context.books.begin() as work:
        return _view(decide_limit(work, actor, limit_id, body.outcome, body.reason))


def _view(state: LimitState) -> LimitView:
    return LimitView.model_validate(asdict(state))
