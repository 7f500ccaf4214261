"""The bank: orders, balances and statements. Notices are in `gateways.notices`."""

from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from typing import Annotated, Self
from urllib.parse import quote

import aiohttp
from pydantic import Field, TypeAdapter, model_validator

from gateways.connection import DEFAULT_TIMEOUT_SECONDS, Answer, Connection
from gateways.errors import AnswerMalformed, OutsideRefused
from lending.errors import LendingError

MOST_FEN = 10**13
"""A hundred billion yuan: more in one movement is a mistake, and the books can still add up very many of these."""

AmountFen = Annotated[int, Field(ge=0, le=MOST_FEN)]


class TransferStatus(StrEnum):
    """Where an order stands; settled and declined are final."""

    PENDING = "pending"
    SETTLED = "settled"
    DECLINED = "declined"


class Direction(StrEnum):
    """Into the lender's account or out of it."""

    IN = "in"
    OUT = "out"


class OrderAmountInvalid(LendingError):
    """An order over nothing, or over less than nothing."""

    code = "order_amount_invalid"
    http_status = 422


@dataclass(frozen=True, slots=True)
class TransferOrder:
    """Pay `amount_fen` out of the lender's account. The bank compares `to_name` with the account's holder."""

    end_to_end_id: str
    to_account: str = field(repr=False)
    to_name: str = field(repr=False)
    amount_fen: int
    value_date: date
    purpose: str = field(repr=False)

    def __post_init__(self) -> None:
        _check_amount(self.end_to_end_id, self.amount_fen)


@dataclass(frozen=True, slots=True)
class DebitOrder:
    """Take `amount_fen` in by direct debit; with `partial`, what the account has if that is less."""

    end_to_end_id: str
    from_account: str = field(repr=False)
    from_name: str = field(repr=False)
    amount_fen: int
    value_date: date
    purpose: str = field(repr=False)
    partial: bool = False

    def __post_init__(self) -> None:
        _check_amount(self.end_to_end_id, self.amount_fen)


class TransferResult(Answer):
    """What became of an order. `amount_fen` is the money that moved: 0 unless settled."""

    end_to_end_id: str
    status: TransferStatus
    amount_fen: AmountFen
    bank_reference: str
    booked_on: date | None
    reason_code: str | None

    @model_validator(mode="after")
    def _hangs_together(self) -> Self:
        settled = self.status is TransferStatus.SETTLED
        if settled != (self.amount_fen > 0) or settled != (self.booked_on is not None):
            raise ValueError("a settled order has an amount and a booking date, no other has")
        if (self.status is TransferStatus.DECLINED) != (self.reason_code is not None):
            raise ValueError("a declined order has a reason, no other has")
        return self


class StatementLine(Answer):
    """A booking on the account; `reference` is the bank's and the same as in the notice of it."""

    reference: str
    end_to_end_id: str | None
    kind: str
    direction: Direction
    amount_fen: Annotated[int, Field(gt=0, le=MOST_FEN)]
    booked_on: date
    counterparty_account: str = Field(repr=False)
    counterparty_name: str = Field(repr=False)
    text: str = Field(repr=False)


class _Balance(Answer):
    account: str
    balance_fen: int


class _Statement(Answer):
    account: str
    date: date
    opening_fen: int
    closing_fen: int
    lines: list[StatementLine]

    @model_validator(mode="after")
    def _adds_up(self) -> Self:
        moved = sum(line.amount_fen if line.direction is Direction.IN else -line.amount_fen for line in self.lines)
        if self.opening_fen + moved != self.closing_fen:
            raise ValueError("opening balance and lines do not give the closing balance")
        return self


_RESULT = TypeAdapter(TransferResult)
_BALANCE = TypeAdapter(_Balance)
_STATEMENT = TypeAdapter(_Statement)


class BankGateway:
    """The lender's bank. Every order is carried out once per end-to-end id, however often it is sent."""

    def __init__(
        self,
        session: aiohttp.ClientSession,
        base_url: str,
        credential: str,
        timeout_seconds: float = DEFAULT_TIMEOUT_SECONDS,
    ) -> None:
        self._connection = Connection(session, "bank", base_url, credential, timeout_seconds)

    async def transfer(self, order: TransferOrder) -> TransferResult:
        """Pays out. A declined transfer is a result with its reason, not an error.

        After an OutsideError whose `outcome_known` is false the money may have moved: ask `status` first.
        Refused: an end-to-end id that came before with other content.
        """
        question = {
            "end_to_end_id": order.end_to_end_id,
            "to_account": order.to_account,
            "to_name": order.to_name,
            "amount_fen": order.amount_fen,
            "value_date": order.value_date.isoformat(),
            "purpose": order.purpose,
        }
        result = await self._connection.post("transfers", question, _RESULT)
        return _answers(result, "transfers", order.end_to_end_id, order.amount_fen, partial=False)

    async def debit(self, order: DebitOrder) -> TransferResult:
        """Takes money in by direct debit; `amount_fen` of the result may be less if the order allows a part.

        Errors and refusals as for `transfer`.
        """
        question = {
            "end_to_end_id": order.end_to_end_id,
            "from_account": order.from_account,
            "from_name": order.from_name,
            "amount_fen": order.amount_fen,
            "value_date": order.value_date.isoformat(),
            "purpose": order.purpose,
            "partial": order.partial,
        }
        result = await self._connection.post("debits", question, _RESULT)
        return _answers(result, "debits", order.end_to_end_id, order.amount_fen, partial=order.partial)

    async def status(self, end_to_end_id: str) -> TransferResult | None:
        """What became of an order; None if it never arrived at the bank, so that it may be sent."""
        try:
            result = await self._connection.get(f"orders/{quote(end_to_end_id, safe=':')}", _RESULT)
        except OutsideRefused as refusal:
            if refusal.outside_code == "order_unknown":
                return None
            raise
        return _answers(result, "orders", end_to_end_id)

    async def recall(self, end_to_end_id: str, reason: str, value_date: date) -> TransferResult:
        """Takes a settled transfer back from the payee, whole and once; the result is that of the return.

        Declined with a reason if it never settled or the payee has spent the money.
        """
        path = f"orders/{quote(end_to_end_id, safe=':')}/recall"
        question = {"reason": reason, "value_date": value_date.isoformat()}
        return _answers(await self._connection.post(path, question, _RESULT), "recall", end_to_end_id)

    async def balance(self, account: str) -> int:
        """The balance of one of the lender's own accounts, in fen. Refused: an account that the bank does not have."""
        answer = await self._connection.get(f"accounts/{quote(account, safe='')}", _BALANCE)
        if answer.account != account:
            raise AnswerMalformed("bank", "accounts", "it is about another account")
        return answer.balance_fen

    async def statement(self, account: str, on: date) -> list[StatementLine]:
        """The day's bookings on one of the lender's own accounts, in the bank's order."""
        answer = await self._connection.get(f"statements/{quote(account, safe='')}", _STATEMENT, date=on.isoformat())
        if answer.account != account or answer.date != on:
            raise AnswerMalformed("bank", "statements", "it is about another account or day")
        return answer.lines


def _check_amount(end_to_end_id: str, amount_fen: int) -> None:
    if amount_fen <= 0:
        raise OrderAmountInvalid(f"order {end_to_end_id} is over {amount_fen} fen; an order is over 1 fen or more")


def _answers(
    result: TransferResult, operation: str, end_to_end_id: str, amount_fen: int | None = None, *, partial: bool = False
) -> TransferResult:
    """The result, if it is one of this order."""
    if result.end_to_end_id != end_to_end_id:
        raise AnswerMalformed("bank", operation, "it is about another order")
    if amount_fen is not None and result.status is TransferStatus.SETTLED:
        is_less = result.amount_fen < amount_fen
        if result.amount_fen > amount_fen or (is_less and not partial):
            raise AnswerMalformed("bank", operation, "another amount was moved than ordered")
    return result
