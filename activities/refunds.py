"""Delivery of refunds from the outbox to the bank."""

from collections.abc import Mapping, Sequence
from typing import Any

from activities.bank import BankActs
from books.session import UnitOfWork
from models.outbox import OutboxRow


class RefundSender:
    """Has the bank send unmatched money back. A repeat asks the bank first what became of the order."""

    def __init__(self, bank: BankActs) -> None:
        self.bank = bank

    def look_up(self, _work: UnitOfWork, _rows: Sequence[OutboxRow]) -> Mapping[str, Any]:
        """Nothing: the message names the order."""
        return {}

    async def deliver(self, row: OutboxRow, _found: Any) -> None:
        """Carries the order out; without an outcome the message comes back later."""
        await self.bank.refund(str(row.payload["key"]))
