"""Delivery of text messages from the outbox."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from books.session import UnitOfWork
from gateways.sms import SmsGateway
from models.notices import Sms
from models.outbox import OutboxRow
from services.notices import mobile_of


class SmsSender:
    """Sends what the outbox says, once per contact at the provider."""

    def __init__(self, gateway: SmsGateway) -> None:
        self.gateway = gateway

    def look_up(self, work: UnitOfWork, rows: Sequence[OutboxRow]) -> Mapping[str, Sms]:
        """The messages that the rows name, by the rows' ids."""
        found = work.customers.messages([row.payload["contact"] for row in rows])
        return {
            row.id: _addressed(work, row, found[row.payload["contact"]])
            for row in rows
            if row.payload["contact"] in found
        }

    async def deliver(self, row: OutboxRow, found: Sms | None) -> None:
        """Sends one message."""
        key = str(row.payload["contact"])
        if found is None:
            raise LookupError(f"there is no contact {key}")
        await self.gateway.send(found.mobile, found.template, found.text, key)


def _addressed(work: UnitOfWork, row: OutboxRow, message: Sms) -> Sms:
    """The message with the mobile of the party that it is for, where that is not the borrower."""
    party = work.customers.party(row.payload["party"]) if "party" in row.payload else None
    mobile = mobile_of(work, party) if party is not None else None
    return message if mobile is None else replace(message, mobile=mobile)
