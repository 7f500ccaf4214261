"""The SMS provider."""

import aiohttp
from pydantic import TypeAdapter

from gateways.connection import DEFAULT_TIMEOUT_SECONDS, Answer, Connection


class SmsReceipt(Answer):
    """The provider took the message; `duplicate` says that it knew the key and sends nothing again."""

    message_id: str
    duplicate: bool


_RECEIPT = TypeAdapter(SmsReceipt)


class SmsGateway:
    """Sends text messages."""

    def __init__(
        self,
        session: aiohttp.ClientSession,
        base_url: str,
        credential: str,
        timeout_seconds: float = DEFAULT_TIMEOUT_SECONDS,
    ) -> None:
        self._connection = Connection(session, "sms", base_url, credential, timeout_seconds)

    async def send(self, mobile: str, template: str, text: str, key: str) -> SmsReceipt:
        """Hands a message to the provider, once per key however often it is called.

        Refused: a key that came before with another message. Raises OutsideError.
        """
        message = {"mobile": mobile, "template": template, "text": text, "key": key}
        return await self._connection.post("messages", message, _RECEIPT)
