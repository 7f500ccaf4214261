"""An installment while a loan is replayed: what is planned, charged, paid, waived and written off of each component."""

from dataclasses import dataclass, field
from datetime import date
from fractions import Fraction

from lending.components import BORROWER_COMPONENTS, Component

Amounts = dict[Component, int]

_NOTHING: Amounts = dict.fromkeys(Component, 0)


def no_amounts() -> Amounts:
    """Zero for each component."""
    return _NOTHING.copy()


@dataclass(slots=True, eq=False)
class Installment:
    """One installment under way.

    `planned` is still to be charged, `charged` has been; `own_interest` is what its own period bears of the planned
    interest, which a deferral may move to a later row. `moved` is what was charged before and falls due again only with
    this row. `closed` is set when the due date has come.
    """

    due: date
    pays_principal: bool = True
    defers_interest: bool = False
    bears_interest: bool = True
    closed: bool = False
    own_interest: int = 0
    balance: int = 0
    paid_on: date | None = None
    penalty_exact: Fraction = Fraction(0)
    penalty_until: date = date.min
    planned: Amounts = field(default_factory=no_amounts)
    charged: Amounts = field(default_factory=no_amounts)
    moved: Amounts = field(default_factory=no_amounts)
    paid: Amounts = field(default_factory=no_amounts)
    waived: Amounts = field(default_factory=no_amounts)
    written_off: Amounts = field(default_factory=no_amounts)

    def unpaid(self, component: Component) -> int:
        """What was charged of a component and is still owed."""
        return self.charged[component] - self.paid[component] - self.waived[component] - self.written_off[component]

    def borrower_unpaid(self) -> int:
        """What the borrower still owes of what was charged."""
        return sum(self.unpaid(component) for component in BORROWER_COMPONENTS)

    def amount(self, component: Component) -> int:
        """The component of the installment in full, charged or not."""
        return self.planned[component] + self.charged[component]

    def left(self, component: Component) -> int:
        """What is still to be paid of a component, charged or not."""
        return self.planned[component] + self.unpaid(component)

    def ledgers(self) -> tuple[Amounts, Amounts, Amounts, Amounts]:
        """What was charged, paid, waived and written off."""
        return self.charged, self.paid, self.waived, self.written_off
