"""The provider that screens people against sanctions lists and lists of politically exposed persons."""

from typing import Annotated

from pydantic import Field, TypeAdapter

from gateways.connection import Answer, Service
from gateways.texts import Reference


class ListedPerson(Answer):
    """One entry that fits. `certain` is false where only the name is the same."""

    list: Annotated[str, Field(min_length=1, max_length=100)]
    reason: Annotated[str, Field(max_length=500)]
    certain: bool


class ScreeningAnswer(Answer):
    """The provider's answer; without findings the person stands on no list."""

    findings: Annotated[tuple[ListedPerson, ...], Field(strict=False, max_length=50)]
    reference: Reference


_ANSWER = TypeAdapter(ScreeningAnswer)


class ScreeningProvider(Service):
    """Asks the screening provider."""

    name = "screening"
    guarded = True

    async def check(self, name: str, id_number: str) -> ScreeningAnswer:
        """Whether somebody of this name and ID number stands on a list. Raises OutsideError."""
        return await self._connection.post("checks", {"name": name, "id_number": id_number}, _ANSWER)
