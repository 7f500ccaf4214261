"""The register of identities."""

from enum import StrEnum

from pydantic import TypeAdapter

from gateways.connection import Answer, Service
from gateways.texts import Reference


class IdentityResult(StrEnum):
    """Whether name, ID number and mobile belong to one person."""

    MATCH = "match"
    MISMATCH = "mismatch"
    NOT_FOUND = "not_found"


class IdentityCheck(Answer):
    """The register's answer."""

    result: IdentityResult
    reference: Reference


_CHECK = TypeAdapter(IdentityCheck)


class IdentityRegister(Service):
    """Asks the register of identities."""

    name = "identity"
    guarded = True

    async def check(self, name: str, id_number: str, mobile: str | None = None) -> IdentityCheck:
        """Whether the three belong together; without a mobile only name and ID number are compared.

        Raises OutsideError.
        """
        question = {"name": name, "id_number": id_number, "mobile": mobile}
        return await self._connection.post("checks", question, _CHECK)
