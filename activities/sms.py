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
            contact = work.customers.contact(key)
            customer = work.customers.get(contact.customer_id) if contact else None
            if contact is None or customer is None:
                raise LookupError(f"there is no contact {key}")
            return customer.mobile, contact.template or "", contact.text
