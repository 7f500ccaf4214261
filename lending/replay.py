"""Replaying a loan day by day: installments fall due, penalties accrue, kept money is used, and at last it ends."""

from datetime import date

from lending.components import FEE, INTEREST, PENALTY, PRINCIPAL, SUBSIDY, Component
from lending.installments import Installment, no_amounts
from lending.planning import Planning
from lending.state import FeeDue
from lending.waterfall import Waterfall

STEPS_A_TURN = 10
"""What a day on which something falls due costs at most, as `Effort` counts."""

_TO_SETTLE = (PRINCIPAL, INTEREST, FEE, PENALTY)
"""What the borrower owes, what lasts longest first."""


class Replay(Planning, Waterfall):
    """One loan on its way through time. Events change it through the functions of `lending.servicing`."""

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
                self.fall_due()
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
            self.charge_fee(fee, fee.amount)

    def fall_due(self) -> None:
        """Charges what is planned for the next installment, on the day it falls due."""
        row = self.rows[self.open]
        remainder = row.own_interest - row.planned[SUBSIDY]
        row.closed = True
        self.open += 1
        self.paid_ahead -= row.charged[PRINCIPAL]
        for component in (PRINCIPAL, INTEREST, SUBSIDY):
            self.charge(row, component, row.planned[component])
        row.balance = self.base + self.paid_ahead
        row.penalty_until = row.due
        if not self.is_subsidised(row):
            self.carried = self.carried + remainder if row.defers_interest else 0
        if self.runs_on(self.open - 1):
            self.fix_accrual(self.open - 1, row.due)
        else:
            self.reset_accrual()
        self.accrued_from = row.due

    def close_out(self) -> None:
        """Makes all principal, interest to date and fees imposed due today. Later installments fall away."""
        if self.open >= len(self.rows):
            return
        self.accrue()
        self.charge_earned()
        row = self.current_row()
        last = row.n
        for later in self.rows[last:]:
            self.merge(row, later)
        for fee in self.fees:
            if fee.of_event:
                fee.row = row
                self.charge_fee(fee, fee.amount)
        self.fees.clear()
        self.charge(row, PRINCIPAL, self.base)
        row.planned, row.pays_principal = no_amounts(), True
        row.closed, row.balance, row.own_interest = True, 0, 0
        row.penalty_until = row.due
        self.paid_ahead = 0
        del self.rows[last:]
        self.timeline.cut(last)
        self.open = last
        self.carried = 0
        self.reset_accrual()

    def move_charge(self, row: Installment, target: Installment, component: Component) -> None:
        """Lets what a closed installment still owes of a component fall due with an open one, or back into its plan."""
        amount = row.unpaid[component]
        row.charged[component] -= amount
        row.unpaid[component] -= amount
        if component is not PRINCIPAL:
            target.charged[component] += amount
            target.unpaid[component] += amount
            target.moved[component] = target.moved.get(component, 0) + amount
            return
        self.charged[component] -= amount
        self.base += amount
        for later in self.rows[row.n - 1 : self.open]:
            later.balance += amount

    def note_settlement(self) -> None:
        """Notes the day on which nothing was left for the borrower to pay, and forgets it if something is again."""
        clear = (
            self.disbursed > 0
            and self.written_off_on is None
            and not any(self.outstanding(component) for component in _TO_SETTLE)
            and not any(row.planned[component] for row in self.rows[self.open :] for component in _TO_SETTLE)
        )
        self.settled_on = (self.settled_on or self.today) if clear else None
