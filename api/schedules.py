"""Schedules and annual rates of terms that belong to no loan; the same form as on the command line."""

import json
from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Body
from pydantic import JsonValue, WithJsonSchema
from starlette.responses import Response

from lending.errors import LendingError
from lending.operations import run_case

router = APIRouter(tags=["calculations"])

MOST_CASES = 100

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


@router.post("/schedules", response_model=Result)
def compute_schedules(body: Annotated[Cases, Body(description="`{terms, events?}`, or a list of such")]) -> Response:
    """The schedule of one case; of a list each in its place, with an `error` in place of one that was refused."""
    return _answer(_results(body, "schedule"))


@router.post("/apr", response_model=Result)
def compute_rates(body: Annotated[Cases, Body(description="`{input}`, or a list of such")]) -> Response:
    """The annual rate of one case; of a list each in its place, with an `error` in place of one that was refused."""
    return _answer(_results(body, "apr"))


def _answer(result: Result) -> Response:
    # Escaped: an error repeats the name of an unknown field, which may hold what UTF-8 cannot express.
    return Response(json.dumps(result), media_type="application/json")


def _results(body: JsonValue, operation: str) -> Result:
    if isinstance(body, list):
        if len(body) > MOST_CASES:
            raise CaseRefused("invalid_case", "body", f"has at most {MOST_CASES} cases at once")
        return [_result(case, operation) for case in body]
    result = _result(body, operation)
    error = result.get("error")
    if isinstance(error, dict):
        raise CaseRefused(error["code"], error["field"], error["detail"])
    return result


def _result(case: object, operation: str) -> dict[str, Any]:
    """The address names the operation already; a case may name it again, as on the command line."""
    if not isinstance(case, Mapping):
        return _refusal("body", "must be an object with named fields")
    if case.get("operation", operation) != operation:
        return _refusal("operation", f"must be {operation}")
    return run_case({**case, "operation": operation})


def _refusal(field: str, sentence: str) -> dict[str, Any]:
    return {"error": {"code": "invalid_case", "field": field, "detail": sentence}}
