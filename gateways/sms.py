"""The SMS provider."""

from pydantic import TypeAdapter

from gateways.connection import Answer, Service


class SmsReceipt(Answer):
    """The provider took the message; `duplicate` says that it knew the key and sends nothing again."""

    message_id: str
    duplicate: bool


_RECEIPT = TypeAdapter(SmsReceipt)


class SmsGateway(Service):
    """Sends text messages."""

    name = "sms"

    async def send(self, mobile: str, template: str, text: str, key: str) -> SmsReceipt:
        """Hands a message to the provider, once per key however often it is called.

        Refused: a key that came before with another message. Raises OutsideError.
        """
        message = {"mobile": mobile, "template": template, "text": text, "key": key}
        return await self._connection.post("messages", message, _RECEIPT)
