"""Applications come in: accepted first, started then."""

import asyncio
from datetime import UTC, datetime
from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel, Field, JsonValue
from starlette.responses import JSONResponse, Response

from api.context import Acting, Context
from api.problems import refusals
from api.shapes import Asked, IdempotencyKey
from services.applications import Receipt, read_submission
from services.permissions import check_may_enter

router = APIRouter(tags=["applications"])


class ApplicationBody(Asked):
    """What a borrower asks for. The fields of `form` belong to the product."""

    product: str = Field(max_length=32, examples=["micro"])
    form: dict[str, JsonValue] = Field(description="sums as text in yuan, dates as YYYY-MM-DD")
    consent: str = Field(
        max_length=16, description="version of the authorisation text that the borrower agreed to", examples=["2026-01"]
    )


class Accepted(BaseModel):
    """The application is kept and will be dealt with; `status_url` tells how it fares."""

    loan: str
    status_url: str


_ANSWERS: dict[int | str, dict[str, Any]] = {
    202: {"model": Accepted, "description": "accepted"},
    200: {"model": Accepted, "description": "accepted before, with the same key and body"},
    **refusals(403, 409),
}


@router.post("/applications", status_code=202, response_model=Accepted, responses=_ANSWERS)
async def submit_application(body: ApplicationBody, key: IdempotencyKey, actor: Acting, context: Context) -> Response:
    """Takes an application in: after 202 it is neither lost nor doubled, whatever fails."""
    check_may_enter(actor)
    today = context.books.clock.business_date(datetime.now(UTC))
    answer = await asyncio.wrap_future(context.intake.offer(read_submission(body.model_dump(), key, actor, today)))
    if not isinstance(answer, Receipt):
        raise answer
    status_url = f"/api/v1/loans/{answer.loan}"
    accepted = {"loan": answer.loan, "status_url": status_url}
    return JSONResponse(accepted, 200 if answer.repeated else 202, {"Location": status_url})
