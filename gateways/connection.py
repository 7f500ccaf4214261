"""How every gateway calls: shared connections, one time limit, a credential, and errors told apart."""

import json
import re
from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import ClassVar, TypeVar
from urllib.parse import urlencode

import aiohttp
from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError
from yarl import URL

from gateways.breaker import Breaker, breakers_of
from gateways.errors import AnswerMalformed, OutsideRefused, OutsideUnavailable

DEFAULT_TIMEOUT_SECONDS = 10.0
LARGEST_ANSWER_BYTES = 1024 * 1024

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


@dataclass(frozen=True, slots=True)
class Reply:
    """What a service said: status, headers, and the body as it came."""

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)


def open_session() -> aiohttp.ClientSession:
    """The session that all gateways of a process share; the caller closes it.

    Idle connections are dropped after 4 s, before common servers drop them: a server that closes while a payment is
    being sent leaves the outcome unknown.
    """
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=200, keepalive_timeout=4), cookie_jar=aiohttp.DummyCookieJar()
    )


class Connection:
    """One service: its address, its credential, the longest wait for an answer, and its breaker if it has one."""

    def __init__(
        self,
        session: aiohttp.ClientSession,
        service: str,
        base_url: str,
        credential: str,
        timeout_seconds: float,
        breaker: Breaker | None = None,
    ) -> None:
        self.service = service
        self._session = session
        self._base_url = base_url.rstrip("/")
        self._headers = {"Authorization": f"Bearer {credential}"}
        self._timeout_seconds = timeout_seconds
        self._breaker = breaker

    async def post(self, path: str, question: Mapping[str, object], form: TypeAdapter[AnswerType]) -> AnswerType:
        """The answer to a question, in its agreed form.

        Raises OutsideUnavailable, OutsideRefused or AnswerMalformed; ServiceResting, without a call, while a breaker is
        open.
        """
        body = json.dumps(question).encode()
        with self._breaker.call(_operation(path)) if self._breaker is not None else nullcontext():
            return self.read(path, self.taken(path, await self.exchange("POST", path, body)), form)

    def address(self, path: str) -> URL:
        """Where a path of the service is; the path comes encoded."""
        return URL(f"{self._base_url}/{path}", encoded=True)

    async def exchange(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        *,
        content_type: str = "application/json",
        largest_bytes: int = LARGEST_ANSWER_BYTES,
    ) -> Reply:
        """What the service says, be it a refusal. Path and parameters come encoded.

        Raises OutsideUnavailable, and AnswerMalformed where the reply is larger than agreed.
        """
        operation = _operation(path)
        sent = {**self._headers, "Accept": content_type, **(headers or {})}
        if body is not None:
            sent["Content-Type"] = content_type
        try:
            async with self._session.request(
                method,
                self.address(path),
                data=body,
                headers=sent,
                timeout=aiohttp.ClientTimeout(total=self._timeout_seconds),
                allow_redirects=False,
            ) as response:
                reply = Reply(response.status, response.headers, await _body(response, largest_bytes))
        # Causes are cut off here and below (`from None`): their texts may repeat addresses and values.
        except TimeoutError:
            raise OutsideUnavailable(self.service, operation, f"no answer within {self._timeout_seconds:g} s") from None
        except aiohttp.ClientError as error:
            raise OutsideUnavailable(self.service, operation, f"connection failed ({type(error).__name__})") from None
        if reply.status >= 500 or reply.status in _TRY_LATER:
            raise OutsideUnavailable(self.service, operation, f"out of order with status {reply.status}")
        if len(reply.body) > largest_bytes:
            raise AnswerMalformed(self.service, operation, f"it has more than {largest_bytes} bytes")
        return reply

    def taken(self, path: str, reply: Reply) -> bytes:
        """The body of a reply that is no refusal. Raises OutsideRefused with the service's own code."""
        if not 200 <= reply.status < 300:
            raise OutsideRefused(self.service, _operation(path), reply.status, _refusal_code(reply.body))
        return reply.body

    def read(self, path: str, body: bytes, form: TypeAdapter[AnswerType]) -> AnswerType:
        """A body in its agreed form. Raises AnswerMalformed, which names fields and no value."""
        try:
            return form.validate_json(body)
        except ValidationError as error:
            problems = "; ".join(
                f"{'.'.join(map(str, problem['loc'])) or 'body'}: {problem['type']}" for problem in error.errors()[:5]
            )
            raise AnswerMalformed(self.service, _operation(path), problems) from None


class Service:
    """A client of one outside service, named as in the settings; each says what can be asked of it.

    `guarded` ones stand behind the breaker that all clients of the service in this process share.
    """

    name: ClassVar[str]
    guarded: ClassVar[bool] = False

    def __init__(
        self,
        session: aiohttp.ClientSession,
        base_url: str,
        credential: str,
        timeout_seconds: float = DEFAULT_TIMEOUT_SECONDS,
    ) -> None:
        self.breaker = breakers_of(session).of(self.name) if self.guarded else None
        self._connection = Connection(session, self.name, base_url, credential, timeout_seconds, self.breaker)


def with_parameters(path: str, parameters: Mapping[str, str]) -> str:
    """The path with its query, encoded."""
    return f"{path}?{urlencode(parameters)}" if parameters else path


def _operation(path: str) -> str:
    """The first part of the path names the operation; later parts may be account numbers."""
    return path.split("/", 1)[0].split("?", 1)[0]


async def _body(response: aiohttp.ClientResponse, largest_bytes: int) -> bytes:
    """The body up to one byte more than agreed: what is packed tightly must not fill the memory when unpacked."""
    parts: list[bytes] = []
    size = 0
    async for part in response.content.iter_any():
        parts.append(part)
        size += len(part)
        if size > largest_bytes:
            response.close()
            return b"".join(parts)[: largest_bytes + 1]
    return b"".join(parts)


def _refusal_code(body: bytes) -> str | None:
    try:
        code = _Refusal.model_validate_json(body).code
    except ValidationError:
        return None
    return code if _CODE.fullmatch(code) else None
