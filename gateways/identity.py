"""The register of identities."""

from enum import StrEnum

import aiohttp
from pydantic import TypeAdapter

from gateways.connection import DEFAULT_TIMEOUT_SECONDS, Answer, Connection


class IdentityResult(StrEnum):
    """Whether name, ID number and mobile belong to one person."""

    MATCH = "match"
    MISMATCH = "mismatch"
    NOT_FOUND = "not_found"


class IdentityCheck(Answer):
    """The register's answer."""

    result: IdentityResult
    reference: str


_CHECK = TypeAdapter(IdentityCheck)


class IdentityRegister:
    """Asks the register of identities."""

    def __init__(
        self,
        session: aiohttp.ClientSession,
        base_url: str,
        credential: str,
        timeout_seconds: float = DEFAULT_TIMEOUT_SECONDS,
    ) -> None:
        self._connection = Connection(session, "identity", base_url, credential, timeout_seconds)

    async def check(self, name: str, id_number: str, mobile: str | None = None) -> IdentityCheck:
        """Whether the three belong together; without a mobile only name and ID number are compared.

        Raises OutsideError.
        """
        question = {"name": name, "id_number": id_number, "mobile": mobile}
        return await self._connection.post("checks", question, _CHECK)
