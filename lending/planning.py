"""Planning what is still to fall due: anew after each event that changes balance, rate or dates."""

from collections.abc import Sequence
from datetime import date
from fractions import Fraction

from lending.accrual import Accruing
from lending.amortization import OpenPeriods, Plan, interest_of, plan
from lending.components import FEE, INTEREST, PRINCIPAL, SUBSIDY
from lending.installments import Installment
from lending.schedules import whole_period_factor
from lending.state import STEPS_A_NEW_ROW
from lending.terms import Method

_ZERO = Fraction(0)

STEPS_A_PLANNED_ROW = 8
STEPS_A_REPRICED_ROW = 8
"""What these cost at most, as `Effort` counts."""


class Planning(Accruing):
    """A loan whose open installments are planned."""

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
                pieces = self.rate_pieces(since, row.due)
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
        """Adds installments after the last of the plan.

        Those for a fee give way: it goes to the installment whose period holds its day now, or comes last again. Where
        no others are left, what is added follows the last of them, and they bear interest like any.
        """
        if not periods:
            return
        giving_way = [row for row in self.rows[self.open :] if row.for_fee]
        if len(giving_way) == len(self.rows) - self.open:
            for row in giving_way:
                row.for_fee, row.bears_interest = False, True
            giving_way = []
        count = len(self.rows) - len(giving_way)
        self.effort.spend(STEPS_A_NEW_ROW * periods + len(giving_way) * (len(self.rows) + periods))
        del self.rows[count:]
        self.timeline.cut(count)
        self.timeline.extend(periods)
        self.rows += [Installment(n, due) for n, due in enumerate(self.timeline.dues[count:], start=count + 1)]
        for row in giving_way:
            for fee in self.fees:
                if fee.row is row:
                    fee.row = self.row_for(fee.due)
                    fee.row.planned[FEE] += fee.amount
            if any(row.charged.values()):
                self.merge(self.row_for(row.due), row)

    def row_for(self, day: date) -> Installment:
        """The installment whose period holds a fee's day; after the last one a new one, for the fee alone."""
        row = next((row for row in self.rows if row.due >= day), None)
        if row is None:
            self.timeline.add_due(day)
            row = Installment(len(self.rows) + 1, day, pays_principal=False, bears_interest=False, for_fee=True)
            self.rows.append(row)
        return row

    def merge(self, row: Installment, later: Installment) -> None:
        """Lets an installment take over what was charged and paid of a later one that falls away."""
        row.take_over(later)

    def move(self, index: int, day: date) -> None:
        """Puts an installment on another day; those after it, and the fees due with them, follow."""
        self.effort.spend((len(self.rows) - index) * (1 + len(self.fees) // 8))
        self.timeline.move(index, day)
        for row in self.rows[index:]:
            due = self.timeline.dues[row.n - 1]
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
        if not any(periods.paying):
            keep, kept = True, [0] * len(rows)
        elif keep_first and any(periods.paying[keep_first:]):
            tail = periods.tail(keep_first, self.base - sum(kept[:keep_first]))
            solved = plan(
                terms.method, terms.payment_basis, terms.rounding, tail, flat_base=self.flat_base, level=level
            )
            self.level = solved.level
            kept[keep_first:] = solved.principal
        if keep or keep_first:
            figures = Plan(kept, interest_of(terms.method, terms.rounding, periods, kept, self.flat_base), self.level)
        else:
            figures = plan(
                terms.method, terms.payment_basis, terms.rounding, periods, flat_base=self.flat_base, level=level
            )
        self.level = figures.level
        carried = self.carried
        state = self._state_interest(figures.principal, figures.interest)
        for row, principal, interest, borne in zip(rows, figures.principal, figures.interest, state, strict=True):
            planned = row.planned
            planned[PRINCIPAL] = principal
            row.own_interest = interest
            planned[SUBSIDY], planned[INTEREST] = borne, 0
            if self.is_subsidised(row):
                continue
            if row.defers_interest:
                carried += interest - borne
            else:
                planned[INTEREST] = carried + interest - borne
                carried = 0

    def _state_interest(self, principal: Sequence[int], interest: Sequence[int]) -> list[int]:
        """What the state bears of each open period's interest: all before the subsidy ends, a part where it ends."""
        end = self.terms.subsidised_until
        if end is None or (end <= self.timeline.opens(self.open) and not self.state_accrued):
            return [0] * len(interest)
        shares, base = [], self.base
        exact = self.state_accrued
        for place, own in enumerate(interest):
            row, index = self.rows[self.open + place], self.open + place
            since = max(self.accrued_from, self.timeline.opens(index))
            exact += self.accrual(index, since, min(end, row.due), base)
            charged = self.state_charged if place == 0 or self.terms.method is Method.BULLET else 0
            shares.append(own if self.is_subsidised(row) else min(max(self.rounded(exact) - charged, 0), own))
            base -= principal[place]
            if self.terms.method is not Method.BULLET:
                exact = _ZERO
        return shares
