"""Interest and penalty interest accruing from day to day."""

from datetime import date
from fractions import Fraction
from math import floor

from lending.components import INTEREST, PENALTY, PRINCIPAL, SUBSIDY, Component
from lending.installments import Installment
from lending.money import MAX_FEN
from lending.state import LoanState, Piece
from lending.terms import Method

_ZERO = Fraction(0)

STEPS_A_LATE_ROW = 40
"""What arrears of one installment cost at most, as `Effort` counts."""


class Accruing(LoanState):
    """A loan on which interest accrues by contract and by lateness."""

    def is_subsidised(self, row: Installment) -> bool:
        """Whether the state bears all the interest of the row's period."""
        return self.terms.subsidised_until is not None and row.due <= self.terms.subsidised_until

    def accrual(self, index: int, since: date, until: date, balance: int | None = None) -> Fraction:
        """Exact interest between two days of one period, on the present base unless another balance is given."""
        return sum((piece.exact for piece in self.interest_pieces(index, since, until, balance)), _ZERO)

    def interest_pieces(self, index: int, since: date, until: date, balance: int | None = None) -> list[Piece]:
        """The same, a piece for each stretch of days at one rate."""
        if not self.rows[index].bears_interest or since >= until:
            return []
        base = self.flat_base if self.terms.method is Method.FLAT else self.base if balance is None else balance
        return [
            Piece(begin, end, base, rate, self.timeline.within(index, begin, end))
            for begin, end, rate in self.rate_pieces(since, until)
        ]

    def state_accrual(self, index: int, since: date, until: date) -> Fraction:
        """The part of `accrual` that the state bears: what lies before the end of the subsidy."""
        end = self.terms.subsidised_until
        return _ZERO if end is None else self.accrual(index, since, min(until, end))

    def accrue(self) -> None:
        """Fixes the interest earned so far, before the base or the rate changes today."""
        if self.open < len(self.rows):
            self.fix_accrual(self.open, self.today)

    def fix_accrual(self, index: int, day: date) -> None:
        """Adds the interest of a period up to `day` to what has accrued."""
        self.accrued += self.accrual(index, self.accrued_from, day)
        self.state_accrued += self.state_accrual(index, self.accrued_from, day)
        self.accrued_from = max(self.accrued_from, day)

    def reset_accrual(self) -> None:
        """Begins with nothing accrued."""
        self.accrued, self.accrued_charged = _ZERO, 0
        self.state_accrued, self.state_charged = _ZERO, 0

    def runs_on(self, index: int) -> bool:
        """Whether a period's interest is due with a later one: a bullet's falls due with its principal."""
        return self.terms.method is Method.BULLET and any(row.pays_principal for row in self.rows[index + 1 :])

    def current_row(self) -> Installment:
        """The installment that what is charged today belongs to: the one due today, else the next one due."""
        if self.open and self.rows[self.open - 1].due == self.today:
            return self.rows[self.open - 1]
        return self.rows[self.open]

    def earned(self, day: date) -> tuple[int, int]:
        """Own interest of the current period up to `day` not charged yet, rounded: the borrower's and the state's."""
        if self.open >= len(self.rows):
            return 0, 0
        exact = self.accrued + self.accrual(self.open, self.accrued_from, day)
        earned = self.rounded(exact) - self.accrued_charged
        if self.terms.method is Method.FLAT:
            # A flat loan's interest is the same each period however long: its days cannot earn more than it bears.
            earned = min(earned, self.rows[self.open].own_interest)
        earned = max(earned, 0)
        state = self.state_share(self.state_accrued + self.state_accrual(self.open, self.accrued_from, day), earned)
        return earned - state, state

    def state_share(self, exact: Fraction, of: int) -> int:
        """How much of interest not charged yet the state bears, when `exact` is its part of the period so far."""
        return min(max(self.rounded(exact) - self.state_charged, 0), of)

    def charge_earned(self, most: int | None = None) -> int:
        """Charges interest up to today to the current installment, deferred interest first; gives the borrower's part.

        `most` limits that part. What the state bears is charged to the state.
        """
        if self.open >= len(self.rows):
            return 0
        row = self.current_row()
        earned, state = self.earned(self.today)
        self.charge_own(row, SUBSIDY, state)
        self.state_charged += state
        limit = self.carried + earned if most is None else min(most, self.carried + earned)
        from_carried = min(limit, self.carried)
        self.charge_carried(row, from_carried)
        self.charge_own(row, INTEREST, limit - from_carried)
        return limit

    def charge_carried(self, row: Installment, amount: int) -> None:
        """Charges interest that earlier installments deferred."""
        self.charge(row, INTEREST, amount)
        self.carried -= amount

    def charge_own(self, row: Installment, component: Component, amount: int) -> None:
        """Charges interest of the period under way."""
        self.charge(row, component, amount)
        self.accrued_charged += amount

    def accrue_penalties(self) -> None:
        """Accrues penalty interest on what is overdue, up to today, and charges it once the days of grace are over."""
        late = self.terms.late
        if late is None or self.written_off_on is not None:
            return
        self.skip_paid()
        late_rows = self.rows[self.first_unpaid : self.open]
        self.effort.spend(len(late_rows) * (STEPS_A_LATE_ROW + self.timeline.irregular // 4))
        for row in late_rows:
            bearing = row.unpaid[PRINCIPAL]
            if late.compound:
                bearing += row.unpaid[INTEREST]
            if bearing and row.penalty_until < self.today:
                row.penalty_exact += sum(piece.exact for piece in self.penalty_pieces(row, bearing))
                row.penalty_until = self.today
                if (self.today - row.due).days > late.grace_days:
                    new = self.rounded(row.penalty_exact) - row.own_penalty()
                    self.charge(row, PENALTY, min(new, self.penalty_left(row)))

    def penalty_pieces(self, row: Installment, bearing: int) -> list[Piece]:
        """What an overdue amount bears from where its penalty has come to up to today; each call is booked."""
        return [
            Piece(begin, end, bearing, self.terms.penalty_rate(rate), self.timeline.after(row.due, begin, end))
            for begin, end, rate in self.rate_pieces(row.penalty_until, self.today)
        ]

    def penalty_left(self, row: Installment) -> int:
        """How much more penalty an installment may bear: without a ceiling, more than any sum."""
        late = self.terms.late
        if late is None or late.max_percent_of_overdue is None:
            return MAX_FEN
        ceiling = Fraction(late.max_percent_of_overdue) / 100 * row.charged[PRINCIPAL]
        return max(floor(ceiling) - row.own_penalty(), 0)
