"""Money: integer fen in tables and messages, Decimal in sums, one rounding for all of them."""

import re
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import ClassVar, Self

from lending.errors import LendingError

MAX_FEN = 10**14
"""Nothing this house lends or sums comes near a trillion yuan; a larger figure is a slip of the keyboard."""

_TEXT = re.compile(r"-?[0-9]{1,18}(\.[0-9]{1,2})?")


class CurrencyMismatch(LendingError, TypeError):
    """Two currencies met in one sum."""

    code: ClassVar[str] = "currency_mismatch"
    http_status: ClassVar[int] = 409


class InvalidAmount(LendingError):
    """What was given is not an amount of money with at most two places."""

    code: ClassVar[str] = "invalid_amount"
    http_status: ClassVar[int] = 422


class Rounding(StrEnum):
    """How a figure between two units is settled. `up` and `down` are away from and towards zero."""

    HALF_EVEN = "half_even"
    HALF_UP = "half_up"
    HALF_DOWN = "half_down"
    UP = "up"
    DOWN = "down"
    CEILING = "ceiling"
    FLOOR = "floor"


def round_ratio(numerator: int, denominator: int, mode: Rounding, unit: int = 1) -> int:
    """`numerator / denominator` rounded to a multiple of `unit`; the denominator is positive."""
    if numerator < 0:
        mirrored = {Rounding.CEILING: Rounding.FLOOR, Rounding.FLOOR: Rounding.CEILING}.get(mode, mode)
        return -round_ratio(-numerator, denominator, mirrored, unit)
    step = denominator * unit
    quotient, rest = divmod(numerator, step)
    twice = 2 * rest
    if mode is Rounding.HALF_EVEN:
        raised = twice > step or (twice == step and quotient % 2 == 1)
    elif mode is Rounding.HALF_UP:
        raised = twice >= step
    elif mode is Rounding.HALF_DOWN:
        raised = twice > step
    else:
        raised = rest > 0 and mode in (Rounding.UP, Rounding.CEILING)
    return (quotient + raised) * unit


def to_fen(amount: str | Decimal | int) -> int:
    """Fen of an amount in yuan ("1234.50", Decimal or whole yuan).

    Refused: floats, more than two places, anything but digits, and sums beyond a trillion yuan.
    """
    if isinstance(amount, bool) or not isinstance(amount, str | Decimal | int):
        raise InvalidAmount(f"{amount!r} is not an amount; write money as text with at most two places")
    text = format(amount, "f") if isinstance(amount, Decimal) else str(amount)
    if _TEXT.fullmatch(text) is None:
        raise InvalidAmount(f"{text[:40]!r} is not an amount; write digits with at most two places, such as 1234.50")
    fen = int(Decimal(text) * 100)
    if abs(fen) > MAX_FEN:
        raise InvalidAmount(f"{text} is larger than any amount handled here")
    return fen


def yuan(fen: int) -> str:
    """The amount as text with two places: 123450 fen is "1234.50"."""
    sign = "-" if fen < 0 else ""
    whole, cents = divmod(abs(fen), 100)
    return f"{sign}{whole}.{cents:02d}"


@dataclass(frozen=True, slots=True)
class Money:
    """An amount in one currency. Sums and comparisons across currencies are refused."""

    amount: Decimal
    currency: str = "CNY"

    def __post_init__(self) -> None:
        if not isinstance(self.amount, Decimal):
            raise InvalidAmount(f"{self.amount!r} is not a Decimal; money is never a float")

    @classmethod
    def from_fen(cls, fen: int, currency: str = "CNY") -> Self:
        """The amount that `fen` minor units are."""
        return cls(Decimal(fen).scaleb(-2), currency)

    def fen(self) -> int:
        """Minor units; an amount finer than a fen is refused."""
        return to_fen(self.amount)

    def _same(self, other: Self) -> Decimal:
        if self.currency != other.currency:
            raise CurrencyMismatch(f"{self.currency} and {other.currency} cannot be taken together")
        return other.amount

    def __add__(self, other: Self) -> Self:
        return type(self)(self.amount + self._same(other), self.currency)

    def __sub__(self, other: Self) -> Self:
        return type(self)(self.amount - self._same(other), self.currency)

    def __neg__(self) -> Self:
        return type(self)(-self.amount, self.currency)

    def __lt__(self, other: Self) -> bool:
        return self.amount < self._same(other)

    def __le__(self, other: Self) -> bool:
        return self.amount <= self._same(other)
