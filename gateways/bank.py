"""The lender's bank: orders, mandates, balances and statements, whatever link it is reached by.

What is said is in `gateways.bank_messages`, notices are in `gateways.notices`.
"""

from datetime import date

import aiohttp

from gateways.bank_messages import (
    BankLink,
    BankProtocol,
    DebitOrder,
    Mandate,
    MandateRequest,
    OwnAccount,
    TransferOrder,
    TransferResult,
    TransferStatus,
)
from gateways.connection import DEFAULT_TIMEOUT_SECONDS, Connection
from gateways.direct_link import DirectLink
from gateways.errors import AnswerMalformed
from models.statements import Statement


class BankGateway:
    """The lender's bank. Every order is carried out once per end-to-end id, however often it is sent."""

    def __init__(
        self,
        session: aiohttp.ClientSession,
        base_url: str,
        credential: str,
        timeout_seconds: float = DEFAULT_TIMEOUT_SECONDS,
        own: OwnAccount | None = None,
    ) -> None:
        self._own = own or OwnAccount()
        self._link = _link(Connection(session, "bank", base_url, credential, timeout_seconds), self._own)

    async def transfer(self, order: TransferOrder) -> TransferResult:
        """Pays out. A declined transfer is a result with its reason, not an error.

        After an OutsideError whose `outcome_known` is false the money may have moved: ask `status` first.
        Refused: an end-to-end id that came before with other content, and what the link's form does not admit.
        """
        result = await self._link.transfer(order)
        return _answers(result, "transfers", order.end_to_end_id, order.amount_fen, partial=False)

    async def debit(self, order: DebitOrder) -> TransferResult:
        """Takes money in by direct debit; `amount_fen` of the result may be less if the order allows a part.

        Errors and refusals as for `transfer`. A mandate that the bank does not know is a decline, `mandate_unknown`.
        """
        result = await self._link.debit(order)
        return _answers(result, "debits", order.end_to_end_id, order.amount_fen, partial=order.partial)

    async def status(
        self, end_to_end_id: str, amount_fen: int | None = None, *, partial: bool = False
    ) -> TransferResult | None:
        """What became of an order; None if it never arrived at the bank, so that it may be sent.

        With the order's amount, an answer over another one is none, as it is none to the order itself.
        """
        result = await self._link.status(end_to_end_id)
        return None if result is None else _answers(result, "orders", end_to_end_id, amount_fen, partial=partial)

    async def recall(
        self, end_to_end_id: str, reason: str, value_date: date, amount_fen: int | None = None
    ) -> TransferResult:
        """Takes a settled transfer back from the payee, whole and once; the result is that of the return.

        Declined with a reason if it never settled or the payee has spent the money. With the transfer's amount, an
        answer that a part of it came back is none: a person has to look.
        """
        result = await self._link.recall(end_to_end_id, reason, value_date)
        return _answers(result, "recall", end_to_end_id, amount_fen)

    async def balance(self, account: str) -> int:
        """The balance of one of the lender's own accounts, in fen. Refused: an account that the bank does not have."""
        return await self._link.balance(account)

    async def statement(self, on: date) -> Statement:
        """The statement of the lender's account for a business date; it holds together, or BankMessageBroken says why.

        A day without a booking has a statement without entries, a day that is not over one of what is booked so far.
        """
        return await self._link.statement(self._own.number, on)

    async def register_mandate(self, request: MandateRequest) -> Mandate:
        """Enters a mandate that the payer has signed; the same key again gives the same mandate.

        Refused: an account that the bank does not have or that is another's, and a key that came with another mandate.
        """
        return await self._link.register_mandate(request)


def _link(connection: Connection, own: OwnAccount) -> BankLink:
    if own.protocol is BankProtocol.DIRECT:
        return DirectLink(connection, own)
    # Loads the generated classes of three messages: a quarter of a second, which every command would wait for.
    from gateways.iso_link import IsoLink

    return IsoLink(connection, own)


def _answers(
    result: TransferResult, operation: str, end_to_end_id: str, amount_fen: int | None, *, partial: bool = False
) -> TransferResult:
    """The result, if it is one of this order."""
    if result.end_to_end_id != end_to_end_id:
        raise AnswerMalformed("bank", operation, "it is about another order")
    if amount_fen is not None and result.status is TransferStatus.SETTLED:
        is_less = result.amount_fen < amount_fen
        if result.amount_fen > amount_fen or (is_less and not partial):
            raise AnswerMalformed("bank", operation, "another amount was moved than ordered")
    return result
