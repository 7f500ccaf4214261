"""The check of a card or account before it is used: do name, ID number, mobile and account belong together."""

from pydantic import TypeAdapter

from gateways.connection import Answer, Service
from gateways.texts import Reference
from models.accounts import CardResult


class CardCheck(Answer):
    """The answer; the reference proves that the check was made."""

    result: CardResult
    reference: Reference


_CHECK = TypeAdapter(CardCheck)


class CardRegister(Service):
    """Asks the service that knows the accounts of all banks."""

    name = "cards"
    guarded = True

    async def check(self, name: str, id_number: str, mobile: str, account: str) -> CardCheck:
        """Whether the account is that person's, under that mobile (the four-element check). Raises OutsideError.

        A mismatch does not say which element is wrong: who asks shall not learn an element by trying.
        """
        question = {"name": name, "id_number": id_number, "mobile": mobile, "account": account}
        return await self._connection.post("checks", question, _CHECK)
