"""The SMS provider: keeps what it would send, in memory."""

from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter
from pydantic import BaseModel, Field

from simulators.faults import Fault
from simulators.reception import FaultOfCall
from simulators.refusals import ContentDiffers


class TextMessage(BaseModel):
    """A message to send; the same key is sent once."""

    mobile: Annotated[str, Field(pattern=r"^1\d{10}$")]
    template: Annotated[str, Field(min_length=1, max_length=60)]
    text: Annotated[str, Field(min_length=1, max_length=500)]
    key: Annotated[str, Field(min_length=1, max_length=200)]


class SentMessage(TextMessage):
    """A message that was taken over."""

    message_id: str
    sent_at: datetime


class MessageReceipt(BaseModel):
    """The provider's answer; `duplicate` says that the key was known."""

    message_id: str
    duplicate: bool


def messages() -> APIRouter:
    """Routes of the SMS provider."""
    router = APIRouter(prefix="/sms")
    sent: dict[str, SentMessage] = {}

    def take(message: TextMessage) -> MessageReceipt:
        known = sent.get(message.key)
        if known is None:
            message_id = f"SM{len(sent) + 1:010d}"
            sent[message.key] = SentMessage(**message.model_dump(), message_id=message_id, sent_at=datetime.now(UTC))
            return MessageReceipt(message_id=message_id, duplicate=False)
        if known.model_dump(include=set(TextMessage.model_fields)) != message.model_dump():
            raise ContentDiffers("this key was used for another message")
        return MessageReceipt(message_id=known.message_id, duplicate=True)

    @router.post("/messages")
    async def send(message: TextMessage, fault: FaultOfCall) -> MessageReceipt:
        receipt = take(message)
        return take(message) if fault is Fault.DUPLICATE else receipt

    @router.get("/messages")
    async def sent_messages(key: str | None = None, about: str = "") -> list[SentMessage]:
        found = list(sent.values()) if key is None else [sent[key]] if key in sent else []
        return [message for message in found if about in message.text]

    return router
