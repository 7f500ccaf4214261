"""Applications come in: accepted first, started then."""

import asyncio
import re
from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field, ValidationError, WithJsonSchema
from starlette.responses import JSONResponse, Response

from api.context import ApiContext
from api.problems import refusals
from api.shapes import KEY_PATTERN, Asked
from models.staff import Actor
from services.applications import Receipt, read_submission
from services.forms import read_json
from services.permissions import Action, require

router = APIRouter(tags=["applications"])

KEY = "Idempotency-Key"
_WELL_FORMED_KEY = re.compile(KEY_PATTERN)


_CONSENT = {
    "description": "what the borrower agreed to: a version that holds both declarations, or an object with his word on "
    "sensitive data by itself, and that of co-signers for whom you attest",
    "examples": ["2026-01"],
    "anyOf": [
        {"type": "string", "maxLength": 16},
        {
            "type": "object",
            "required": ["version", "sensitive"],
            "additionalProperties": False,
            "properties": {
                "version": {"type": "string", "maxLength": 16},
                "sensitive": {"type": "boolean"},
                "co_signers": {
                    "type": "object",
                    "additionalProperties": {
                        "type": "object",
                        "required": ["sensitive"],
                        "additionalProperties": False,
                        "properties": {"sensitive": {"type": "boolean"}},
                    },
                },
            },
        },
    ],
}
Consent = Annotated[Any, WithJsonSchema(_CONSENT)]
"""Read with the form, since who signs beside the borrower stands there."""


class ApplicationBody(Asked):
    """What a borrower asks for. The fields of `form` belong to the product."""

    product: str = Field(max_length=32, examples=["micro"])
    form: dict[str, Any] = Field(description="sums as text in yuan, dates as YYYY-MM-DD")
    consent: Consent


class Accepted(BaseModel):
    """The application is kept and will be dealt with; `status_url` tells how it fares."""

    loan: str
    status_url: str


_ANSWERS: dict[int | str, dict[str, Any]] = {
    202: {"model": Accepted, "description": "accepted"},
    200: {"model": Accepted, "description": "accepted before, with the same key and body"},
    **refusals(403, 409),
}
_REQUEST: dict[str, Any] = {
    "parameters": [
        {
            "name": KEY,
            "in": "header",
            "required": True,
            "schema": {"type": "string", "pattern": KEY_PATTERN},
            "description": "your own name for this application; sent again with the same key it is taken once",
        }
    ],
    "requestBody": {
        "required": True,
        "content": {"application/json": {"schema": ApplicationBody.model_json_schema()}},
    },
}


@router.post("/applications", status_code=202, response_model=Accepted, responses=_ANSWERS, openapi_extra=_REQUEST)
async def submit_application(request: Request) -> Response:
    """Takes an application in: after 202 it is neither lost nor doubled, whatever fails."""
    context: ApiContext = request.app.state.context
    actor: Actor = request.state.actor
    require(actor, Action.ENTER_APPLICATIONS)
    key, body = _read(request.headers.get(KEY), await request.body())
    today = context.books.clock.business_date(datetime.now(UTC))
    answer = await asyncio.wrap_future(context.intake.offer(read_submission(body.model_dump(), key, actor, today)))
    if not isinstance(answer, Receipt):
        raise answer
    status_url = f"/api/v1/loans/{answer.loan}"
    accepted = {"loan": answer.loan, "status_url": status_url}
    return JSONResponse(accepted, 200 if answer.repeated else 202, {"Location": status_url})


def _read(key: str | None, content: bytes) -> tuple[str, ApplicationBody]:
    """Key and body if both are well-formed.

    Read by hand: a thousand may come at the same moment, and the framework's reading costs more than all the rest here.
    """
    problems: list[dict[str, Any]] = []
    if key is None or not _WELL_FORMED_KEY.fullmatch(key):
        problems.append({"type": "missing" if key is None else "string_pattern_mismatch", "loc": ("header", KEY)})
    try:
        body = ApplicationBody.model_validate(read_json(content))
    except ValidationError as error:
        found = error.errors(include_url=False, include_context=False, include_input=False)
        problems += [{**one, "loc": ("body", *one["loc"])} for one in found]
    if key is None or problems:
        raise RequestValidationError(problems)
    return key, body
