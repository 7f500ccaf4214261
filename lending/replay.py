"""Replaying a loan day by day: interest and penalty accrue, installments fall due, money is allocated."""

from bisect import bisect_left, bisect_right
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from itertools import pairwise
from operator import itemgetter

from lending.account import Allocation
from lending.amortization import OpenPeriods, plan
from lending.components import FEE, INTEREST, PENALTY, PRINCIPAL, SUBSIDY, Component
from lending.effort import Effort
from lending.installments import Amounts, Installment, no_amounts
from lending.money import round_ratio
from lending.schedules import fee_row, whole_period_factor
from lending.terms import Method, Terms
from lending.timeline import Timeline

_ZERO = Fraction(0)
_since = itemgetter(0)

STEPS_A_NEW_ROW = 10
STEPS_A_TURN = 10
STEPS_A_PLANNED_ROW = 8
STEPS_A_REPRICED_ROW = 8
STEPS_A_LATE_ROW = 40
"""What these cost at most, as `Effort` counts."""

_TO_SETTLE = (PRINCIPAL, INTEREST, FEE, PENALTY)
"""What the borrower owes, what lasts longest first."""


@dataclass(slots=True, eq=False)
class FeeDue:
    """A fee that falls due on its own day within an installment's period. One of an event is owed from the event on."""

    due: date
    amount: int
    row: Installment
    of_event: bool


@dataclass(slots=True)
class Credit:
    """Money kept for the next due date, with the event that brought it."""

    event_id: str
    amount: int


class Replay:
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
        self.carried = 0
        self.charged, self.allocated = no_amounts(), no_amounts()
        self.waived, self.written_off = no_amounts(), no_amounts()
        self.credits: deque[Credit] = deque()
        self.subsidy_credits: deque[Credit] = deque()
        self.recovered = 0
        self.settled_on: date | None = None
        self.written_off_on: date | None = None
        self.allocations: list[Allocation] = []
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
            self.fees += [FeeDue(fee.due or row.due, fee.amount_fen, row, of_event=False) for row in rows]
        for pending in self.fees:
            pending.row.planned[FEE] += pending.amount

    # -- time ---------------------------------------------------------------------------------------------------------

    def advance_to(self, day: date) -> None:
        """Lets everything fall due up to and on `day`, and penalties accrue to it."""
        while True:
            turns = [fee.due for fee in self._fees_in_force()]
            if self.open < len(self.rows):
                turns.append(self.rows[self.open].due)
            turn = min(turns, default=None)
            if turn is None or turn > day:
                break
            self.effort.spend(STEPS_A_TURN + len(self.fees) // 2)
            self.today = max(turn, self.today)
            self._call_fees(self.today)
            if self.open < len(self.rows) and self.rows[self.open].due <= turn:
                self._fall_due()
            self.use_credits()
            self.note_settlement()
        self.today = max(day, self.today)
        self.accrue_penalties()

    def _fees_in_force(self) -> list[FeeDue]:
        """Fees that can fall due: those agreed in the contract wait for the first payout."""
        return [fee for fee in self.fees if fee.of_event or self.disbursed]

    def _call_fees(self, day: date) -> None:
        called = [fee for fee in self._fees_in_force() if fee.due <= day]
        if called:
            self.fees = [fee for fee in self.fees if fee.due > day or not (fee.of_event or self.disbursed)]
        for fee in called:
            self.charge(fee.row, FEE, fee.amount)

    def _fall_due(self) -> None:
        row = self.rows[self.open]
        remainder = row.own_interest
        row.closed = True
        self.open += 1
        self.paid_ahead -= row.charged[PRINCIPAL]
        for component in (PRINCIPAL, INTEREST, SUBSIDY):
            self.charge(row, component, row.planned[component])
        row.balance = self.base + self.paid_ahead
        row.penalty_until = row.due
        if not self.is_subsidised(row):
            self.carried = self.carried + remainder if row.defers_interest else 0
        if self.terms.method is not Method.BULLET:
            self.accrued, self.accrued_charged = _ZERO, 0
        elif self.open < len(self.rows):
            self.accrued += self._accrual(self.open - 1, self.accrued_from, row.due)
        self.accrued_from = row.due

    def rate_on(self, day: date) -> Fraction:
        """The contract rate on a day."""
        return self.rates[bisect_right(self.rates, day, key=_since) - 1][1]

    def set_rate(self, since: date, rate: Fraction) -> None:
        """A new contract rate from a day on; it replaces what was planned for later days."""
        while self.rates[-1][0] >= since:
            self.rates.pop()
        self.rates.append((since, rate))

    def _rate_pieces(self, since: date, until: date) -> Iterable[tuple[date, date, Fraction]]:
        first, last = bisect_right(self.rates, since, key=_since), bisect_left(self.rates, until, key=_since)
        edges = [since, *(start for start, _ in self.rates[first:last]), until]
        return [(begin, end, self.rate_on(begin)) for begin, end in pairwise(edges)]

    # -- interest -----------------------------------------------------------------------------------------------------

    def is_subsidised(self, row: Installment) -> bool:
        """Whether the state bears the interest of the row's period."""
        return self.terms.subsidised_until is not None and row.due <= self.terms.subsidised_until

    def _accrual(self, index: int, since: date, until: date) -> Fraction:
        """Exact interest on the present base between two days of one period."""
        if not self.rows[index].bears_interest or since >= until:
            return _ZERO
        base = self.flat_base if self.terms.method is Method.FLAT else self.base
        pieces = self._rate_pieces(since, until)
        return sum((base * rate * self.timeline.within(index, begin, end) for begin, end, rate in pieces), _ZERO)

    def accrue(self) -> None:
        """Fixes the interest earned so far, before the base or the rate changes today."""
        if self.open < len(self.rows):
            self.accrued += self._accrual(self.open, self.accrued_from, self.today)
            self.accrued_from = max(self.accrued_from, self.today)

    def current_row(self) -> Installment:
        """The installment that what is charged today belongs to: the one due today, else the next one due."""
        if self.open and self.rows[self.open - 1].due == self.today:
            return self.rows[self.open - 1]
        return self.rows[self.open]

    def earned(self, day: date) -> int:
        """Own interest of the current period up to `day` that is not charged yet, rounded."""
        if self.open >= len(self.rows):
            return 0
        row = self.rows[self.open]
        exact = self.accrued + self._accrual(self.open, self.accrued_from, day)
        rounded = self._rounded(exact) - self.accrued_charged
        # A flat loan's interest is the same each period however long: the days of one cannot earn more than it bears.
        return max(min(rounded, row.own_interest) if self.terms.method is Method.FLAT else rounded, 0)

    def charge_earned(self, most: int | None = None) -> int:
        """Charges interest up to today to the current installment, deferred interest first; gives the borrower's part.

        `most` limits that part. In a subsidised period the own interest is charged to the state.
        """
        if self.open >= len(self.rows):
            return 0
        row = self.current_row()
        earned = self.earned(self.today)
        if self.is_subsidised(self.rows[self.open]):
            self._charge_own(row, SUBSIDY, earned)
            earned = 0
        limit = self.carried + earned if most is None else min(most, self.carried + earned)
        from_carried = min(limit, self.carried)
        self.charge(row, INTEREST, from_carried)
        self.carried -= from_carried
        self._charge_own(row, INTEREST, limit - from_carried)
        return limit

    def _charge_own(self, row: Installment, component: Component, amount: int) -> None:
        self.charge(row, component, amount)
        self.accrued_charged += amount

    def _rounded(self, exact: Fraction) -> int:
        rule = self.terms.rounding
        return round_ratio(exact.numerator, exact.denominator, rule.mode, rule.to_fen)

    # -- planning -----------------------------------------------------------------------------------------------------

    def open_periods(self) -> OpenPeriods:
        """What is left of the periods that are not due yet."""
        rate_numerator, rate_denominator = self.rate_on(self.today).as_integer_ratio()
        steady = self.rates[-1][0] <= self.accrued_from
        rows = self.rows[self.open :]
        if not steady:
            self.effort.spend(STEPS_A_REPRICED_ROW * len(rows))
        factors = []
        opens = self.timeline.opens(self.open)
        for index, row in enumerate(rows, start=self.open):
            since = max(self.accrued_from, opens)
            if not row.bears_interest or since >= row.due:
                factors.append((0, 1))
            elif steady:
                numerator, denominator = self.timeline.period_ratio(index, since)
                factors.append((rate_numerator * numerator, rate_denominator * denominator))
            else:
                pieces = self._rate_pieces(since, row.due)
                exact = sum((part * self.timeline.within(index, begin, end) for begin, end, part in pieces), _ZERO)
                factors.append(exact.as_integer_ratio())
            opens = row.due
        return OpenPeriods(
            balance=self.base,
            factors=factors,
            paying=[row.pays_principal for row in rows],
            bearing=[row.bears_interest for row in rows],
            whole_period=whole_period_factor(self.terms, self.rates[-1][1]),
            accrued=self.accrued,
            charged=self.accrued_charged,
        )

    def extend(self, periods: int) -> None:
        """Adds installments at the end."""
        count = len(self.rows)
        self.effort.spend(STEPS_A_NEW_ROW * periods)
        self.timeline.extend(periods)
        self.rows += [Installment(n, due) for n, due in enumerate(self.timeline.dues[count:], start=count + 1)]

    def move(self, index: int, day: date) -> None:
        """Puts an installment on another day; those after it, and the fees due with them, follow."""
        self.effort.spend((len(self.rows) - index) * (1 + len(self.fees) // 8))
        self.timeline.move(index, day)
        for row, due in zip(self.rows[index:], self.timeline.dues[index:], strict=True):
            for fee in self.fees:
                if fee.row is row and fee.due == row.due:
                    fee.due = due
            row.due = due

    def drop_empty(self) -> None:
        """Drops the installments after the last that takes or took principal, with the fees agreed for them."""
        paying = [row.n for row in self.rows if row.amount(PRINCIPAL)]
        with_fees = [fee.row.n for fee in self.fees if fee.of_event]
        keep = max([self.open + 1, *paying, *with_fees])
        self.fees = [fee for fee in self.fees if fee.row.n <= keep]
        del self.rows[keep:]
        self.timeline.cut(keep)
        if self.rows[-1].defers_interest:
            # No payment comes after the last one: what was deferred falls due with it.
            self.rows[-1].defers_interest = False
            self.replan(keep=True)

    def replan(self, *, level: int | None = None, keep: bool = False, keep_first: int = 0) -> None:
        """Plans the open installments anew.

        `level` holds the payment (or principal share); `keep` holds every planned principal and renews the interest;
        `keep_first` holds that of the first installments only and solves the rest.
        """
        rows = self.rows[self.open :]
        if not rows:
            return
        self.effort.spend(STEPS_A_PLANNED_ROW * len(rows))
        terms, periods = self.terms, self.open_periods()
        kept = [row.planned[PRINCIPAL] for row in rows]
        if keep_first:
            tail = periods.tail(keep_first, self.base - sum(kept[:keep_first]))
            solved = plan(
                terms.method, terms.payment_basis, terms.rounding, tail, flat_base=self.flat_base, level=level
            )
            self.level = solved.level
            kept[keep_first:] = solved.principal
            keep = True
        if not any(periods.paying):
            keep, kept = True, [0] * len(rows)
        figures = plan(
            terms.method,
            terms.payment_basis,
            terms.rounding,
            periods,
            flat_base=self.flat_base,
            level=self.level if keep else level,
            principal=kept if keep else None,
        )
        self.level = figures.level
        carried = self.carried
        for row, principal, interest in zip(rows, figures.principal, figures.interest, strict=True):
            planned = row.planned
            planned[PRINCIPAL] = principal
            row.own_interest = interest
            planned[SUBSIDY] = planned[INTEREST] = 0
            if self.is_subsidised(row):
                planned[SUBSIDY] = interest
            elif row.defers_interest:
                carried += interest
            else:
                planned[INTEREST] = carried + interest
                carried = 0

    # -- penalties ----------------------------------------------------------------------------------------------------

    def accrue_penalties(self) -> None:
        """Accrues penalty interest on what is overdue, up to today, and charges it once the days of grace are over."""
        late = self.terms.late
        if late is None or self.written_off_on is not None:
            return
        self._skip_paid()
        late_rows = self.rows[self.first_unpaid : self.open]
        self.effort.spend(len(late_rows) * (STEPS_A_LATE_ROW + self.timeline.irregular // 4))
        for row in late_rows:
            bearing = row.unpaid[PRINCIPAL]
            if late.compound:
                bearing += row.unpaid[INTEREST]
            if bearing and row.penalty_until < self.today:
                for begin, end, rate in self._rate_pieces(row.penalty_until, self.today):
                    span = self.timeline.after(row.due, begin, end)
                    row.penalty_exact += bearing * self.terms.penalty_rate(rate) * span
                row.penalty_until = self.today
                if (self.today - row.due).days > late.grace_days:
                    new = self._rounded(row.penalty_exact) - row.charged[PENALTY]
                    self.charge(row, PENALTY, new)

    # -- money --------------------------------------------------------------------------------------------------------

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

    def pay(self, event_id: str, row: Installment, amounts: Amounts, *, from_credit: bool = False) -> int:
        """Allocates money to what a row owes and notes the allocation; gives the sum."""
        total = sum(amounts.values())
        if total:
            take(row, self.allocated, amounts)
            row.paid += total - amounts.get(SUBSIDY, 0)
            row.paid_on = self.today
            kept = -total if from_credit else 0
            self.allocations.append(Allocation(event_id, self.today, row.n, credit=kept, **amounts))
        return total

    def allocate(self, event_id: str, amount: int, *, from_credit: bool = False) -> int:
        """Pays what is due, the oldest installment first and each in the allocation order; gives what is left."""
        self._skip_paid()
        for row in self.rows[self.first_unpaid : self.open + 1]:
            amounts: Amounts = {}
            left = amount
            for component in self.terms.allocation_order:
                amounts[component] = min(left, row.payable(component))
                left -= amounts[component]
            amount -= self.pay(event_id, row, amounts, from_credit=from_credit)
            if not amount:
                break
        return amount

    def _skip_paid(self) -> None:
        """Moves the mark of the oldest arrears past what is paid, so that a long history is not searched again."""
        while self.first_unpaid < self.open and not self.rows[self.first_unpaid].borrower_unpaid():
            self.first_unpaid += 1

    def keep(self, event_id: str, amount: int) -> None:
        """Keeps money that nothing was due for: as credit, or as recovery once the loan is written off."""
        if not amount:
            return
        if self.written_off_on is not None:
            self.recovered += amount
            self.allocations.append(Allocation(event_id, self.today, None, recovery=amount))
        else:
            self.credits.append(Credit(event_id, amount))
            self.allocations.append(Allocation(event_id, self.today, None, credit=amount))

    def allocate_subsidy(self, event_id: str, amount: int, *, from_credit: bool = False) -> int:
        """Pays what the state owes, the oldest installment first; gives what is left."""
        self.effort.spend(self.open)
        for row in self.rows[: self.open + 1]:
            part = min(amount, row.unpaid[SUBSIDY])
            amount -= self.pay(event_id, row, {SUBSIDY: part}, from_credit=from_credit)
        return amount

    def keep_subsidy(self, event_id: str, amount: int) -> None:
        """Keeps the state's money until its next claim."""
        if amount:
            self.subsidy_credits.append(Credit(event_id, amount))
            self.allocations.append(Allocation(event_id, self.today, None, credit=amount))

    def use_credits(self) -> None:
        """Uses kept money for what is due, the oldest first."""
        for credits, allocate in ((self.credits, self.allocate), (self.subsidy_credits, self.allocate_subsidy)):
            while credits:
                first = credits[0]
                first.amount = allocate(first.event_id, first.amount, from_credit=True)
                if first.amount:
                    # Some of it is left, so nothing is due any more that the later ones could pay.
                    break
                credits.popleft()

    # -- the end ------------------------------------------------------------------------------------------------------

    def outstanding(self, component: Component) -> int:
        """What is left of a component: all principal paid out, and what was charged of the others."""
        owed = self.disbursed if component is PRINCIPAL else self.charged[component]
        return owed - self.allocated[component] - self.waived[component] - self.written_off[component]

    def close_out(self) -> None:
        """Makes all principal, interest to date and fees imposed due today. Later installments fall away."""
        if self.open >= len(self.rows):
            return
        self.accrue()
        self.charge_earned()
        row = self.current_row()
        last = row.n
        for later in self.rows[last:]:
            row.take_over(later)
        for fee in self.fees:
            if fee.of_event:
                self.charge(row, FEE, fee.amount)
        self.fees.clear()
        self.charge(row, PRINCIPAL, self.base)
        row.planned = no_amounts()
        row.closed, row.balance, row.own_interest = True, 0, 0
        self.paid_ahead = 0
        del self.rows[last:]
        self.timeline.cut(last)
        self.open = last
        self.carried = 0
        self.accrued, self.accrued_charged = _ZERO, 0

    def note_settlement(self) -> None:
        """Notes the day on which nothing was left for the borrower to pay, and forgets it if something is again."""
        clear = (
            self.disbursed > 0
            and self.written_off_on is None
            and not any(self.outstanding(component) for component in _TO_SETTLE)
            and not any(row.planned[component] for row in self.rows[self.open :] for component in _TO_SETTLE)
        )
        self.settled_on = (self.settled_on or self.today) if clear else None


def take(row: Installment, totals: Amounts, amounts: Amounts) -> None:
    """Takes amounts off what a row owes and adds them to the loan's paid, waived or written-off sums."""
    for component, amount in amounts.items():
        row.unpaid[component] -= amount
        totals[component] += amount
