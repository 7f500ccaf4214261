"""One shape for everything that is refused or goes wrong: RFC 9457 problem details."""

import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field
from sqlalchemy.exc import IntegrityError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from api.permitted import PERMITTED
from api.sign_in import NotSignedIn
from books.session import Books, was_written_before
from lending.errors import LendingError
from models.staff import Actor
from services import audit
from services.errors import DoneMeanwhile
from services.forms import InvalidForm, shown_name
from services.proving import ProvedJustNow
from services.refusals import Refusal, is_kept, refusal_log, refusal_of
from services.sign_in_machines import WrongClient
from services.sign_in_tries import TooManyTries

MEDIA_TYPE = "application/problem+json"
RETRY_AFTER_SECONDS = 2
WATCHED = frozenset({"decode_payloads", "reveal_value"})
"""Acts of which even what cannot be read is kept in the audit log: they show what is kept from everybody else."""


class InvalidRequest(LendingError):
    """The request is not as its description says."""

    code = "invalid_request"
    http_status = 422

    def __init__(self, fields: dict[str, str] | None = None) -> None:
        super().__init__("the request cannot be taken as it is; see each field", fields=fields)


class Problem(BaseModel):
    """Why a request was not carried out."""

    type: str = Field(description="identifies the kind of problem, `urn:loanwright:problem:` and the code")
    title: str = Field(description="what the status means")
    status: int
    detail: str = Field(description="a sentence for a person")
    code: str = Field(description="stable; what a program decides by")
    fields: dict[str, str] = Field(description="what is wrong with each field, by its name")
    request_id: str = Field(description="name it when you ask the lender about this answer")


def refusals(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The description of these statuses for a route's `responses`."""
    schema = {"$ref": "#/components/schemas/Problem"}
    return {
        status: {"description": HTTPStatus(status).phrase, "content": {MEDIA_TYPE: {"schema": schema}}}
        for status in statuses
    }


def problem(
    status: int,
    code: str,
    detail: str,
    request_id: str,
    *,
    fields: Mapping[str, str] | None = None,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """An answer that says what is wrong."""
    body = {
        "type": f"urn:loanwright:problem:{code}",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        "code": code,
        "fields": dict(fields or {}),
        "request_id": request_id,
    }
    extra = dict(headers or {})
    if status in (429, 503):
        extra.setdefault("Retry-After", str(RETRY_AFTER_SECONDS))
    # A sentence may quote what was sent, which may hold lone surrogates, and these UTF-8 cannot express.
    content = json.dumps(body, ensure_ascii=False).encode("utf-8", "backslashreplace")
    return Response(content, status, extra, media_type=MEDIA_TYPE)


def refused(error: LendingError, request_id: str, language: str = "") -> Response:
    """The answer to a refusal; the fields of a form in the caller's language."""
    headers: dict[str, str] = {}
    if isinstance(error, NotSignedIn):
        reason = ', error="invalid_token"' if error.key_given else ""
        headers["WWW-Authenticate"] = f'Bearer realm="loanwright"{reason}'
    elif isinstance(error, WrongClient):
        headers["WWW-Authenticate"] = 'Basic realm="loanwright"'
    elif error.http_status == 401:
        headers["WWW-Authenticate"] = 'HMAC-SHA256 realm="bank notices"'
    elif isinstance(error, TooManyTries | ProvedJustNow):
        headers["Retry-After"] = str(error.seconds)
    fields = error.fields_in(language) if isinstance(error, InvalidForm) else error.fields
    return problem(error.http_status, error.code, str(error), request_id, fields=fields, headers=headers)


def install_handlers(app: FastAPI, books: Books) -> None:
    """Turns every error that a route raises on purpose into a problem; the edge sees to the others."""

    async def on_refusal(request: Request, error: Exception) -> Response:
        if not isinstance(error, LendingError):
            raise error
        if is_kept(error, request.method):
            await run_in_threadpool(record_refusal, books, request, error)
        return refused(error, request.state.request_id, request.headers.get("accept-language", "").lower())

    async def on_invalid(request: Request, error: Exception) -> Response:
        if not isinstance(error, RequestValidationError):
            raise error
        if request.scope["route"].name in WATCHED:
            await run_in_threadpool(record_refusal, books, request, InvalidRequest())
        return _invalid(error, request.state.request_id)

    async def on_http_error(request: Request, error: Exception) -> Response:
        if not isinstance(error, HTTPException):
            raise error
        code = HTTPStatus(error.status_code).phrase.lower().replace(" ", "_")
        detail = {404: "there is nothing at this address", 405: f"{request.method} is not possible here"}
        sentence = detail.get(error.status_code, "the request cannot be read")
        return problem(error.status_code, code, sentence, request.state.request_id, headers=error.headers)

    async def on_race(request: Request, error: Exception) -> Response:
        if not isinstance(error, IntegrityError) or not was_written_before(error):
            raise error
        return await on_refusal(request, DoneMeanwhile())

    app.add_exception_handler(LendingError, on_refusal)
    app.add_exception_handler(RequestValidationError, on_invalid)
    app.add_exception_handler(HTTPException, on_http_error)
    app.add_exception_handler(IntegrityError, on_race)


def record_refusal(books: Books, request: Request, error: LendingError) -> None:
    """Has a refusal written into the audit log, or counted where one sender is refused again and again."""
    refusal_log(books).keep(*_refused_to(request, error))


def record_unopened(books: Books, request: Request, error: LendingError) -> None:
    """Has it written into the audit log that a value in an answer could not be opened, once in a while."""
    refusal_log(books).keep_unopened(*_refused_to(request, error))


def _refused_to(request: Request, error: LendingError) -> tuple[Actor, Refusal]:
    actor: Actor = getattr(request.state, "actor", audit.STRANGER)
    act = request.scope["route"].name
    named = getattr(error, "loan", None)
    return actor, refusal_of(act, PERMITTED.get(act), error, request.path_params, number="loan", loan=named)


def _invalid(error: RequestValidationError, request_id: str) -> Response:
    problems = error.errors()
    if any(one["loc"][0] == "path" for one in problems):
        return problem(404, "not_found", "there is nothing at this address", request_id)
    fields: dict[str, str] = {}
    for one in problems:
        is_field = len(one["loc"]) > 1 and one["type"] != "json_invalid"
        name = _place(one["loc"]) if is_field else str(one["loc"][0])
        fields.setdefault(name, _SENTENCES.get(one["type"]) or one["msg"])
    return refused(InvalidRequest(fields), request_id)


def _place(location: tuple[int | str, ...]) -> str:
    """The name of a field. In a body the caller chooses the names, and what he sent as one is not repeated."""
    where, *parts = location
    if where == "body":
        parts = [shown_name(part) if isinstance(part, str) else part for part in parts]
    return ".".join(map(str, parts))


_SENTENCES = {
    "json_invalid": "is not JSON",
    "missing": "is needed",
    "extra_forbidden": "there is no such field",
    "string_type": 'must be text; write money as text too, such as "1234.50"',
    "string_pattern_mismatch": "is not in the expected form; see the description of this field",
}
"""Sentences for the mistakes that occur most. No sentence repeats what was sent."""
