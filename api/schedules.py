"""Schedules and annual rates of terms that belong to no loan; the same form as on the command line.

These are the only requests that cost as much as their caller likes, so each has a limit, and one at a time is computed:
whoever sends many keeps nobody waiting but the others who calculate.
"""

import asyncio
import json
from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Body, Depends, Request
from fastapi.concurrency import run_in_threadpool
from pydantic import JsonValue, WithJsonSchema
from starlette.responses import Response

from lending.effort import Effort
from lending.errors import LendingError
from lending.operations import run_case

router = APIRouter(tags=["calculations"])

MOST_CASES = 100
MOST_STEPS = 1_000_000
"""What all cases of one request may cost together, as `Effort` counts: under a second."""
MOST_WAITING = 8
"""How many requests may wait for their turn; the last of them is answered in under ten seconds."""

Cases = Annotated[
    JsonValue,
    WithJsonSchema({"anyOf": [{"type": "object"}, {"type": "array", "items": {}, "maxItems": MOST_CASES}]}),
]
"""One case or a list of cases."""
Result = dict[str, JsonValue] | list[dict[str, JsonValue]]


class CaseRefused(LendingError):
    """A single case that cannot be computed."""

    http_status = 422

    def __init__(self, code: str, field: str, sentence: str) -> None:
        self.code = code  # type: ignore[misc]  # the refusal of the computation keeps its own code
        super().__init__(sentence, fields={field: sentence})


class CalculationsFull(LendingError):
    """More calculations wait than can be answered in good time."""

    code = "calculations_full"
    http_status = 503

    def __init__(self) -> None:
        super().__init__("too many calculations wait at this moment; send this one again in a few seconds")


class Calculations:
    """The line of those who calculate in this process. It belongs to one event loop."""

    def __init__(self) -> None:
        self._turn = asyncio.Semaphore(1)
        self._inside = 0

    async def answer(self, body: JsonValue, operation: str) -> Response:
        """The answer to one request, computed beside the event loop; raises CalculationsFull when the line is long."""
        if self._inside > MOST_WAITING:
            raise CalculationsFull
        self._inside += 1
        try:
            async with self._turn:
                return await run_in_threadpool(_answer, body, operation)
        finally:
            self._inside -= 1


async def _calculations(request: Request) -> Calculations:
    state = request.app.state
    if not hasattr(state, "calculations"):
        state.calculations = Calculations()
    line: Calculations = state.calculations
    return line


Line = Annotated[Calculations, Depends(_calculations)]


@router.post("/schedules", response_model=Result)
async def compute_schedules(
    line: Line, body: Annotated[Cases, Body(description="`{terms, events?}`, or a list of such")]
) -> Response:
    """The schedule of one case; of a list each in its place, with an `error` in place of one that was refused.

    All cases of a request share one limit: those beyond it have the error `too_much_work`.
    """
    return await line.answer(body, "schedule")


@router.post("/apr", response_model=Result)
async def compute_rates(
    line: Line, body: Annotated[Cases, Body(description="`{input}`, or a list of such")]
) -> Response:
    """The annual rate of one case; of a list each in its place, with an `error` in place of one that was refused.

    All cases of a request share one limit: those beyond it have the error `too_much_work`.
    """
    return await line.answer(body, "apr")


def _answer(body: JsonValue, operation: str) -> Response:
    # Escaped: an error repeats the name of an unknown field, which may hold what UTF-8 cannot express.
    return Response(json.dumps(_results(body, operation)), media_type="application/json")


def _results(body: JsonValue, operation: str) -> Result:
    effort = Effort(MOST_STEPS)
    if isinstance(body, list):
        if len(body) > MOST_CASES:
            raise CaseRefused("invalid_case", "body", f"has at most {MOST_CASES} cases at once")
        return [_result(case, operation, effort) for case in body]
    result = _result(body, operation, effort)
    error = result.get("error")
    if isinstance(error, dict):
        raise CaseRefused(error["code"], error["field"], error["detail"])
    return result


def _result(case: object, operation: str, effort: Effort) -> dict[str, Any]:
    """The address names the operation already; a case may name it again, as on the command line."""
    if not isinstance(case, Mapping):
        return _refusal("body", "must be an object with named fields")
    if case.get("operation", operation) != operation:
        return _refusal("operation", f"must be {operation}")
    return run_case({**case, "operation": operation}, effort)


def _refusal(field: str, sentence: str) -> dict[str, Any]:
    return {"error": {"code": "invalid_case", "field": field, "detail": sentence}}
