"""The parts a debt is made of, and sums of each."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Component(StrEnum):
    """A part of what a loan owes. `subsidy` is interest that the state owes in the borrower's place."""

    PRINCIPAL = "principal"
    INTEREST = "interest"
    FEE = "fee"
    PENALTY = "penalty"
    SUBSIDY = "subsidy"

    # Amounts are kept by component: Enum's own hash is a Python call and doubles the time of a replay.
    __hash__ = str.__hash__


# Looking a member up in its class costs more than the sum it is looked up for: a replay uses these names.
PRINCIPAL: Final = Component.PRINCIPAL
INTEREST: Final = Component.INTEREST
FEE: Final = Component.FEE
PENALTY: Final = Component.PENALTY
SUBSIDY: Final = Component.SUBSIDY

BORROWER_COMPONENTS: tuple[Component, ...] = (PENALTY, FEE, INTEREST, PRINCIPAL)
"""What the borrower owes, in the order of Civil Code article 561: costs, interest, principal."""


@dataclass(frozen=True, slots=True)
class Components:
    """One amount in fen for each component."""

    principal: int = 0
    interest: int = 0
    fee: int = 0
    penalty: int = 0
    subsidy: int = 0

    @property
    def total(self) -> int:
        """All five together."""
        return self.principal + self.interest + self.fee + self.penalty + self.subsidy

    @property
    def borrower_total(self) -> int:
        """What concerns the borrower: all but the subsidy."""
        return self.total - self.subsidy
