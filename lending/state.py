"""The running state of one loan, and the two ways its sums move: an amount is charged, an amount is cleared."""

from bisect import bisect_left, bisect_right
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from itertools import pairwise
from operator import itemgetter
from typing import NamedTuple

from lending.account import Allocation
from lending.components import FEE, PENALTY, PRINCIPAL, Component
from lending.effort import Effort
from lending.installments import Amounts, Installment, no_amounts
from lending.money import round_ratio
from lending.schedules import fee_row
from lending.terms import Method, Terms
from lending.timeline import Timeline

_ZERO = Fraction(0)
_since = itemgetter(0)

STEPS_A_NEW_ROW = 10
"""What an installment costs at most, as `Effort` counts."""


class Piece(NamedTuple):
    """Interest of a stretch of days on one base at one rate: base x rate x span, where span is in the rate's unit."""

    since: date
    until: date
    base: int | Fraction
    rate: Fraction
    span: Fraction

    @property
    def exact(self) -> Fraction:
        """Fen, not rounded."""
        return self.base * self.rate * self.span


@dataclass(slots=True, eq=False)
class FeeDue:
    """A fee that falls due on its own day within an installment's period. One of an event is owed from the event on."""

    due: date
    amount: int
    row: Installment
    of_event: bool = False
    name: str | None = None


@dataclass(slots=True)
class Credit:
    """Money kept for the next due date, with the event that brought it."""

    event_id: str
    amount: int


class LoanState:
    """The running state of one loan. Events change it through the functions of `lending.servicing`.

    `base` is the principal that is neither due nor paid: what contract interest is charged on. What is due and
    unpaid bears penalty interest instead.
    """

    def __init__(self, terms: Terms, effort: Effort | None = None) -> None:
        self.terms = terms
        self.effort = effort or Effort()
        self.timeline = Timeline(terms)
        self.today = terms.disbursement_date
        self.rates: list[tuple[date, Fraction]] = [(date.min, terms.rate)]
        self.base = 0
        self.flat_base = _ZERO
        self.disbursed = 0
        self.level = 0
        self.accrued = _ZERO
        self.accrued_from = terms.disbursement_date
        self.accrued_charged = 0
        self.state_accrued = _ZERO
        self.state_charged = 0
        self.carried = 0
        self.charged, self.allocated = no_amounts(), no_amounts()
        self.waived, self.written_off = no_amounts(), no_amounts()
        self.credits: deque[Credit] = deque()
        self.subsidy_credits: deque[Credit] = deque()
        self.recovered = 0
        self.settled_on: date | None = None
        self.written_off_on: date | None = None
        self.allocations: list[Allocation] = []
        self.event_id: str | None = None
        deferred = 0 if terms.method is Method.BULLET else terms.interest_deferral_periods
        self.effort.spend(STEPS_A_NEW_ROW * len(self.timeline.dues))
        self.rows = [
            Installment(
                index + 1,
                due,
                pays_principal=index >= terms.principal_grace_periods,
                defers_interest=index < deferred,
                bears_interest=index >= terms.interest_free_periods,
            )
            for index, due in enumerate(self.timeline.dues)
        ]
        self.open = 0
        self.first_unpaid = 0
        self.paid_ahead = 0
        self.fees: list[FeeDue] = []
        for fee in terms.fees:
            rows = self.rows if fee.due is None and fee.n is None else [self.rows[fee_row(fee, self.timeline.dues)]]
            self.effort.spend(len(rows))
            self.fees += [FeeDue(fee.due or row.due, fee.amount_fen, row, name=fee.name) for row in rows]
        for pending in self.fees:
            pending.row.planned[FEE] += pending.amount

    # -- rates ------------------------------------------------------------------------------------------------------

    def rate_on(self, day: date) -> Fraction:
        """The contract rate on a day."""
        return self.rates[bisect_right(self.rates, day, key=_since) - 1][1]

    def set_rate(self, since: date, rate: Fraction) -> None:
        """A new contract rate from a day on; it replaces what was planned for later days."""
        while self.rates[-1][0] >= since:
            self.rates.pop()
        self.rates.append((since, rate))

    def rate_pieces(self, since: date, until: date) -> Iterable[tuple[date, date, Fraction]]:
        first, last = bisect_right(self.rates, since, key=_since), bisect_left(self.rates, until, key=_since)
        edges = [since, *(start for start, _ in self.rates[first:last]), until]
        return [(begin, end, self.rate_on(begin)) for begin, end in pairwise(edges)]

    def rounded(self, exact: Fraction) -> int:
        """An exact figure in whole units of the terms' rounding."""
        rule = self.terms.rounding
        return round_ratio(exact.numerator, exact.denominator, rule.mode, rule.to_fen)

    # -- sums -------------------------------------------------------------------------------------------------------

    def charge(self, row: Installment, component: Component, amount: int) -> None:
        """Books an amount of a component as owed. Principal falling due leaves the base."""
        if not amount:
            return
        row.charged[component] += amount
        row.unpaid[component] += amount
        self.charged[component] += amount
        if component is not PENALTY:
            row.planned[component] = max(row.planned[component] - amount, 0)
        if component is PRINCIPAL:
            self.base -= amount
            if not row.closed:
                self.paid_ahead += amount
        if row.closed:
            self.first_unpaid = min(self.first_unpaid, row.n - 1)

    def charge_fee(self, fee: FeeDue, amount: int) -> None:
        """Books a fee, or a part of one, as owed with its installment."""
        self.charge(fee.row, FEE, amount)

    def take(self, row: Installment, totals: Amounts, amounts: Amounts) -> None:
        """Takes amounts off what a row owes and adds them to the loan's paid, waived or written-off sums."""
        for component, amount in amounts.items():
            row.unpaid[component] -= amount
            totals[component] += amount

    def outstanding(self, component: Component) -> int:
        """What is left of a component: all principal paid out, and what was charged of the others."""
        owed = self.disbursed if component is PRINCIPAL else self.charged[component]
        return owed - self.allocated[component] - self.waived[component] - self.written_off[component]

    def skip_paid(self) -> None:
        """Moves the mark of the oldest arrears past what is paid, so that a long history is not searched again."""
        while self.first_unpaid < self.open and not self.rows[self.first_unpaid].borrower_unpaid():
            self.first_unpaid += 1
