"""What is lent on a thing that is bought: price, down payment, financed amount, loan to value."""

from dataclasses import dataclass
from decimal import ROUND_HALF_UP, ROUND_UP, Decimal
from typing import ClassVar

from lending.errors import LendingError
from lending.money import yuan

_CENT = Decimal("0.01")


class InvalidFinancing(LendingError):
    """Price, value or down payment do not make a loan; `field` names which."""

    code: ClassVar[str] = "invalid_financing"
    http_status: ClassVar[int] = 422

    def __init__(self, field: str, sentence: str) -> None:
        self.field = field
        super().__init__(f"{field}: {sentence}", fields={field: sentence})


@dataclass(frozen=True, slots=True)
class Financing:
    """A purchase and the loan on it, in fen. The value is what the lender takes the thing to be worth."""

    price_fen: int
    down_payment_fen: int
    value_fen: int

    def __post_init__(self) -> None:
        if self.price_fen <= 0:
            raise InvalidFinancing("price", "must be more than zero")
        if not 0 <= self.down_payment_fen < self.price_fen:
            raise InvalidFinancing("down_payment", f"must be from zero to less than the price, {yuan(self.price_fen)}")
        if self.value_fen <= 0:
            raise InvalidFinancing("value", "must be more than zero")

    @property
    def financed_fen(self) -> int:
        """What is lent: the price less the down payment."""
        return self.price_fen - self.down_payment_fen

    @property
    def lent_on_fen(self) -> int:
        """What a share of the thing is reckoned on: the lower of price and value."""
        return min(self.price_fen, self.value_fen)

    @property
    def down_payment_percent(self) -> Decimal:
        """The down payment's share of the price, two places."""
        return _share(self.down_payment_fen, self.price_fen)

    @property
    def ltv_percent(self) -> Decimal:
        """The loan to value, two places."""
        return _share(self.financed_fen, self.value_fen)

    def require_ltv(self, most_percent: Decimal) -> None:
        """Refuses a loan of more than that share of the lower of price and value, to the fen."""
        if self.financed_fen * 100 > most_percent * self.lent_on_fen:
            raise InvalidFinancing(
                "down_payment",
                f"leaves {yuan(self.financed_fen)} to lend, "
                f"which is more than {most_percent} % of {yuan(self.lent_on_fen)}",
            )


def least_down_payment(price_fen: int, value_fen: int, most_percent: Decimal) -> int:
    """The smallest down payment with which the loan is at most that share of the lower of price and value, in fen."""
    most = most_percent / 100 * min(price_fen, value_fen)
    return max(int((price_fen - most).to_integral_value(ROUND_UP)), 0)


def _share(part: int, whole: int) -> Decimal:
    return (Decimal(part) / whole * 100).quantize(_CENT, ROUND_HALF_UP)
