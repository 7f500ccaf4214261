"""An installment while a loan is replayed: what is planned, charged and unpaid of each component."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from fractions import Fraction
from operator import add

from lending.components import PENALTY, SUBSIDY, Component

Amounts = dict[Component, int]

_NOTHING: Amounts = dict.fromkeys(Component, 0)


def no_amounts() -> Amounts:
    """Zero for each component, in the order of `Component`."""
    return _NOTHING.copy()


@dataclass(slots=True, eq=False)
class Installment:
    """One installment under way.

    `planned` is still to be charged, `charged` has been, `unpaid` is what is still owed of that. `own_interest` is what
    its own period bears of the planned interest, which a deferral may move to a later row. `moved` is what was charged
    before and falls due again only with this row; `paid` is the borrower's money, `written_off` his debt. `closed` is
    set when the due date has come. One `for_fee` is there only for a fee that is due after the last of the plan. The
    number `n` stays for good: installments are added and dropped at the end only.
    """

    n: int
    due: date
    pays_principal: bool = True
    defers_interest: bool = False
    bears_interest: bool = True
    for_fee: bool = False
    closed: bool = False
    own_interest: int = 0
    balance: int = 0
    paid: int = 0
    written_off: int = 0
    paid_on: date | None = None
    penalty_exact: Fraction = Fraction(0)
    penalty_until: date = date.min
    planned: Amounts = field(default_factory=_NOTHING.copy)
    charged: Amounts = field(default_factory=_NOTHING.copy)
    unpaid: Amounts = field(default_factory=_NOTHING.copy)
    moved: Amounts = field(default_factory=dict)

    def borrower_unpaid(self) -> int:
        """What the borrower still owes of what was charged."""
        return sum(self.unpaid.values()) - self.unpaid[SUBSIDY]

    def borrower_left(self) -> int:
        """What the borrower still has to pay, charged or not."""
        return sum(self.planned.values()) - self.planned[SUBSIDY] + self.borrower_unpaid()

    def payable(self, component: Component) -> int:
        """What of a component can be paid as due: what is unpaid, less what only falls due with an open row."""
        unpaid = self.unpaid[component]
        return unpaid if self.closed or not self.moved else unpaid - self.moved.get(component, 0)

    def own_penalty(self) -> int:
        """The penalty charged for this installment's own lateness: without what came over from re-aged arrears."""
        return self.charged[PENALTY] - self.moved.get(PENALTY, 0)

    def amounts(self) -> Iterator[int]:
        """The components in full, charged or not, in the order of `Component`."""
        return map(add, self.planned.values(), self.charged.values())

    def amount(self, component: Component) -> int:
        """A component in full, charged or not."""
        return self.planned[component] + self.charged[component]

    def left(self) -> Iterator[int]:
        """What is still to be paid of each component, charged or not, in the order of `Component`."""
        return map(add, self.planned.values(), self.unpaid.values())

    def take_over(self, later: "Installment") -> None:
        """Adds what was charged and paid of a later installment that falls away."""
        self.paid += later.paid
        for own, others in ((self.charged, later.charged), (self.unpaid, later.unpaid)):
            for component, amount in others.items():
                own[component] += amount
        for component, amount in later.moved.items():
            self.moved[component] = self.moved.get(component, 0) + amount
