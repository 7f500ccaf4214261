"""A bank's statement as Loanwright understands it, whatever form the bank sends it in."""

from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum

CURRENCY = "CNY"
"""The only currency of the lender's accounts."""
LONGEST_REFERENCE = 35
"""Characters that ISO 20022 gives a reference (Max35Text); the direct link keeps to the same limit."""


class Direction(StrEnum):
    """Into the lender's account or out of it."""

    IN = "in"
    OUT = "out"


@dataclass(frozen=True, slots=True)
class StatementEntry:
    """One booking on the account; `amount_fen` is above zero and `direction` says which way it went.

    `reference` is the bank's own: unique on the account, at most 35 characters, and the same as in the notice of this
    booking. `end_to_end_id` is the order key of ours that the booking belongs to, or whatever a payer gave, or None.
    `is_reversal` marks a booking that takes an earlier one back: money `in` under the end-to-end id of one of our
    payouts is that payout, recalled; money `out` under that of one of our debits is that debit, taken back by the
    payer's bank, with its word for why in `return_reason`. `value_date` is the day from which the money counts.
    """

    reference: str
    amount_fen: int
    direction: Direction
    booked_on: date
    value_date: date
    end_to_end_id: str | None
    counterparty_name: str | None = field(repr=False)
    counterparty_account: str | None = field(repr=False)
    remittance: str | None = field(repr=False)
    is_reversal: bool = False
    return_reason: str | None = None

    @property
    def signed_fen(self) -> int:
        """What the booking adds to the balance."""
        return self.amount_fen if self.direction is Direction.IN else -self.amount_fen


@dataclass(frozen=True, slots=True)
class Statement:
    """All bookings on one of the lender's accounts on one business date, in the bank's order.

    A gateway gives it only when it holds together: the opening balance and the entries give the closing balance, every
    reference occurs once, every entry is booked on `business_date`, the currency is CNY. A balance may be below zero.

    `statement_id` is the bank's name for this statement. A bank that sends the statement again, unchanged, sends the
    same id; a corrected one has another id. `content_digest` (SHA-256, hex) is the same for the same content, whatever
    the id, the time of making, or the form it came in.
    """

    statement_id: str
    account: str = field(repr=False)
    currency: str
    business_date: date
    opening_fen: int
    closing_fen: int
    entries: tuple[StatementEntry, ...]
    content_digest: str
