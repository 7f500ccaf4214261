"""The link in ISO 20022: XML orders out, XML answers back, over HTTPS.

Entering a mandate has no message here, since no schema of pain.009 is at hand: it goes over the direct link's address.
"""

from datetime import date
from urllib.parse import quote

from gateways.bank_messages import (
    DebitOrder,
    Mandate,
    MandateRequest,
    OwnAccount,
    TransferOrder,
    TransferResult,
)
from gateways.connection import Connection, with_parameters
from gateways.direct_link import DirectLink
from gateways.errors import OutsideRefused
from gateways.iso20022 import orders
from gateways.iso20022.answers import order_status, recall_status
from gateways.iso20022.statements import read_balance, read_statement
from gateways.iso20022.xml import CONTENT_TYPE, SMALL, STATEMENT, Limits
from models.statements import Statement


class IsoLink:
    """Speaks ISO 20022 with the bank; see `gateways.bank_messages.BankLink`."""

    def __init__(self, connection: Connection, own: OwnAccount) -> None:
        self._connection = connection
        self._own = own
        self._direct = DirectLink(connection, own)

    async def transfer(self, order: TransferOrder) -> TransferResult:
        """Sends a transfer as pain.001, checked against its schema; the answer is a pain.002."""
        body = orders.transfer(order, self._own)
        return order_status("transfers", await self._ask("POST", "transfers", body))

    async def debit(self, order: DebitOrder) -> TransferResult:
        """Sends a direct debit as pain.008, checked against its schema; the answer is a pain.002."""
        body = orders.debit(order, self._own)
        return order_status("debits", await self._ask("POST", "debits", body))

    async def status(self, end_to_end_id: str) -> TransferResult | None:
        """Asks for the pain.002 of an order."""
        path = f"orders/{quote(end_to_end_id, safe=':')}"
        try:
            return order_status("orders", await self._ask("GET", path))
        except OutsideRefused as refusal:
            if refusal.outside_code == "order_unknown":
                return None
            raise

    async def recall(self, end_to_end_id: str, reason: str, value_date: date) -> TransferResult:
        """Asks for a transfer back as camt.055; the answer is a camt.029."""
        body = orders.recall(end_to_end_id, reason, value_date, self._own)
        path = f"orders/{quote(end_to_end_id, safe=':')}/recall"
        return recall_status("recall", await self._ask("POST", path, body))

    async def balance(self, account: str) -> int:
        """Asks for a balance as camt.052."""
        return read_balance(await self._ask("GET", f"accounts/{quote(account, safe='')}"), account)

    async def statement(self, account: str, on: date) -> Statement:
        """Asks for a day's statement as camt.053."""
        path = with_parameters(f"statements/{quote(account, safe='')}", {"date": on.isoformat()})
        return read_statement(await self._ask("GET", path, limits=STATEMENT), account, on)

    async def register_mandate(self, request: MandateRequest) -> Mandate:
        """Enters a signed mandate, by the direct link."""
        return await self._direct.register_mandate(request)

    async def _ask(self, method: str, path: str, body: bytes | None = None, limits: Limits = SMALL) -> bytes:
        reply = await self._connection.exchange(
            method, path, body, content_type=CONTENT_TYPE, largest_bytes=limits.size_bytes
        )
        return self._connection.taken(path, reply)
