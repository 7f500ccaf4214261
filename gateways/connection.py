"""How every gateway calls: shared connections, one time limit, a credential, and errors told apart."""

import re
from collections.abc import Mapping
from typing import TypeVar

import aiohttp
from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from gateways.errors import AnswerMalformed, OutsideRefused, OutsideUnavailable

DEFAULT_TIMEOUT_SECONDS = 10.0

# Too early, too many, or timed out on their side: not a verdict on the call.
_TRY_LATER = frozenset({408, 425, 429})
# A code is a word. Anything else from a refusal's body could be personal data.
_CODE = re.compile(r"[a-z][a-z0-9_]{0,59}")


class Answer(BaseModel):
    """The agreed form of an answer: read strictly, unchangeable, silent about its values in errors."""

    model_config = ConfigDict(frozen=True, strict=True, extra="ignore", hide_input_in_errors=True)


class _Refusal(Answer):
    code: str


AnswerType = TypeVar("AnswerType")


def open_session() -> aiohttp.ClientSession:
    """The session that all gateways of a process share; the caller closes it.

    Idle connections are dropped after 4 s, before common servers drop them: a server that closes while a payment is
    being sent leaves the outcome unknown.
    """
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=200, keepalive_timeout=4), cookie_jar=aiohttp.DummyCookieJar()
    )


class Connection:
    """One service: its address, its credential and the longest wait for an answer."""

    def __init__(
        self, session: aiohttp.ClientSession, service: str, base_url: str, credential: str, timeout_seconds: float
    ) -> None:
        self.service = service
        self._session = session
        self._base_url = base_url.rstrip("/")
        self._headers = {"Authorization": f"Bearer {credential}", "Accept": "application/json"}
        self._timeout_seconds = timeout_seconds

    async def post(self, path: str, question: Mapping[str, object], form: TypeAdapter[AnswerType]) -> AnswerType:
        """The answer to a question, in its agreed form.

        Raises OutsideUnavailable, OutsideRefused or AnswerMalformed.
        """
        return await self._call("POST", path, form, question=question)

    async def get(self, path: str, form: TypeAdapter[AnswerType], **parameters: str) -> AnswerType:
        """What the service holds at a path, in its agreed form. Raises as `post` does."""
        return await self._call("GET", path, form, parameters=parameters)

    async def _call(
        self,
        method: str,
        path: str,
        form: TypeAdapter[AnswerType],
        *,
        question: Mapping[str, object] | None = None,
        parameters: Mapping[str, str] | None = None,
    ) -> AnswerType:
        # The first part of the path names the operation; later parts may be account numbers.
        operation = path.split("/", 1)[0]
        try:
            async with self._session.request(
                method,
                f"{self._base_url}/{path}",
                json=question,
                params=parameters,
                headers=self._headers,
                timeout=aiohttp.ClientTimeout(total=self._timeout_seconds),
                allow_redirects=False,
            ) as response:
                status, body = response.status, await response.read()
        # Causes are cut off here and below (`from None`): their texts may repeat addresses and values.
        except TimeoutError:
            raise OutsideUnavailable(self.service, operation, f"no answer within {self._timeout_seconds:g} s") from None
        except aiohttp.ClientError as error:
            raise OutsideUnavailable(self.service, operation, f"connection failed ({type(error).__name__})") from None
        if status >= 500 or status in _TRY_LATER:
            raise OutsideUnavailable(self.service, operation, f"out of order with status {status}")
        if not 200 <= status < 300:
            raise OutsideRefused(self.service, operation, status, _refusal_code(body))
        return self._read(operation, body, form)

    def _read(self, operation: str, body: bytes, form: TypeAdapter[AnswerType]) -> AnswerType:
        try:
            return form.validate_json(body)
        except ValidationError as error:
            problems = "; ".join(
                f"{'.'.join(map(str, problem['loc'])) or 'body'}: {problem['type']}" for problem in error.errors()[:5]
            )
            raise AnswerMalformed(self.service, operation, problems) from None


def _refusal_code(body: bytes) -> str | None:
    try:
        code = _Refusal.model_validate_json(body).code
    except ValidationError:
        return None
    return code if _CODE.fullmatch(code) else None
