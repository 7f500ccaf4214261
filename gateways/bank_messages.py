"""What Loanwright and its bank say to each other, in one form whatever link carries it.

The statement has its own room: `models.statements`. Notices are in `gateways.notices`.
"""

from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from typing import Annotated, Protocol, Self

from pydantic import Field, model_validator

from gateways.connection import Answer
from gateways.texts import Reason, Reference
from lending.errors import LendingError
from models.statements import Statement

MOST_FEN = 10**13
"""A hundred billion yuan: more in one movement is a mistake, and the books can still add up very many of these."""

AmountFen = Annotated[int, Field(ge=0, le=MOST_FEN)]


class BankProtocol(StrEnum):
    """The language of a bank account's link."""

    ISO20022 = "iso20022"
    DIRECT = "direct"


@dataclass(frozen=True, slots=True)
class OwnAccount:
    """The lender's account and how its bank is spoken to.

    `clearing_code` is the bank's number in CNAPS, twelve digits. `signing_secret` signs what goes over the direct link.
    The defaults are those of the simulated bank.
    """

    protocol: BankProtocol = BankProtocol.ISO20022
    number: str = field(default="6200000000000000001", repr=False)
    name: str = "本行放款专户"
    clearing_code: str = "999100000018"
    signing_secret: str = field(default="demo-orders", repr=False)


class TransferStatus(StrEnum):
    """Where an order stands; settled and declined are final."""

    PENDING = "pending"
    SETTLED = "settled"
    DECLINED = "declined"


class OrderAmountInvalid(LendingError):
    """An order over nothing, or over less than nothing."""

    code = "order_amount_invalid"
    http_status = 422


@dataclass(frozen=True, slots=True)
class TransferOrder:
    """Pay `amount_fen` out of the lender's account. The bank compares `to_name` with the account's holder.

    `to_bank` is the CNAPS code of the payee's bank, where it is known.
    """

    end_to_end_id: str
    to_account: str = field(repr=False)
    to_name: str = field(repr=False)
    amount_fen: int
    value_date: date
    purpose: str = field(repr=False)
    to_bank: str | None = None

    def __post_init__(self) -> None:
        _check_amount(self.end_to_end_id, self.amount_fen)


@dataclass(frozen=True, slots=True)
class Mandate:
    """A payer's authority to debit his account, as the bank knows it: its number there, and the day it was signed."""

    mandate_id: str
    signed_on: date


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
    mandate: Mandate | None = None
    from_bank: str | None = None

    def __post_init__(self) -> None:
        _check_amount(self.end_to_end_id, self.amount_fen)


@dataclass(frozen=True, slots=True)
class MandateRequest:
    """A mandate that the payer has signed, to be entered at the bank once per `key`.

    `most_fen` is the most that one debit may take, None without a limit. `document_sha256` is the digest (hex) of the
    signed document, by which both sides mean the same paper.
    """

    key: str
    account: str = field(repr=False)
    name: str = field(repr=False)
    signed_on: date
    document_sha256: str
    most_fen: int | None = None


class TransferResult(Answer):
    """What became of an order. `amount_fen` is the money that moved: 0 unless settled."""

    end_to_end_id: str
    status: TransferStatus
    amount_fen: AmountFen
    bank_reference: Reference
    booked_on: date | None
    reason_code: Reason | None

    @model_validator(mode="after")
    def _hangs_together(self) -> Self:
        settled = self.status is TransferStatus.SETTLED
        if settled != (self.amount_fen > 0) or settled != (self.booked_on is not None):
            raise ValueError("a settled order has an amount and a booking date, no other has")
        if (self.status is TransferStatus.DECLINED) != (self.reason_code is not None):
            raise ValueError("a declined order has a reason, no other has")
        return self


class BankLink(Protocol):
    """One way to speak to a bank. Every order is carried out once per end-to-end id, however often it is sent.

    The methods mean what those of `gateways.bank.BankGateway` of the same name say; a link reads and writes, and the
    gateway checks that the answer is one to the question.
    """

    async def transfer(self, order: TransferOrder) -> TransferResult:
        """Sends a transfer."""

    async def debit(self, order: DebitOrder) -> TransferResult:
        """Sends a direct debit."""

    async def status(self, end_to_end_id: str) -> TransferResult | None:
        """Asks what became of an order."""

    async def recall(self, end_to_end_id: str, reason: str, value_date: date) -> TransferResult:
        """Asks for a transfer back."""

    async def balance(self, account: str) -> int:
        """Asks for a balance in fen."""

    async def statement(self, account: str, on: date) -> Statement:
        """Asks for a day's statement."""

    async def register_mandate(self, request: MandateRequest) -> Mandate:
        """Enters a signed mandate."""


def _check_amount(end_to_end_id: str, amount_fen: int) -> None:
    if amount_fen <= 0:
        raise OrderAmountInvalid(f"order {end_to_end_id} is over {amount_fen} fen; an order is over 1 fen or more")
