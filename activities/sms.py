"""Delivery of text messages from the outbox."""

import asyncio

from books.session import Books
from gateways.sms import SmsGateway
from models.outbox import OutboxRow


class SmsSender:
    """Sends what the outbox says, once per contact at the provider."""

    def __init__(self, books: Books, gateway: SmsGateway) -> None:
        self.books = books
        self.gateway = gateway

    async def send(self, row: OutboxRow) -> None:
        """Sends the contact that an outbox row names."""
        key = str(row.payload["contact"])
        mobile, template, text = await asyncio.to_thread(self._read, key)
        await self.gateway.send(mobile, template, text, key)

    def _read(self, key: str) -> tuple[str, str, str]:
        with self.books.read() as work:
            found = work.customers.message(key)
        if found is None:
            raise LookupError(f"there is no contact {key}")
        return found
