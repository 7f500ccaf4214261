"""Where money goes: to what is due by the allocation order, else kept until something is."""

from collections.abc import Sequence

from lending.account import Allocation
from lending.components import SUBSIDY
from lending.installments import Amounts, Installment
from lending.state import Credit, LoanState
from lending.terms import AllocationBy


class Waterfall(LoanState):
    """A loan that money is allocated to."""

    def pay(self, event_id: str, row: Installment, amounts: Amounts, *, from_credit: bool = False) -> int:
        """Allocates money to what a row owes and notes the allocation; gives the sum."""
        total = sum(amounts.values())
        if total:
            self.take(row, self.allocated, amounts)
            row.paid += total - amounts.get(SUBSIDY, 0)
            row.paid_on = self.today
            kept = -total if from_credit else 0
            self.allocations.append(Allocation(event_id, self.today, row.n, credit=kept, **amounts))
        return total

    def allocate(self, event_id: str, amount: int, *, from_credit: bool = False) -> int:
        """Pays what is due in the allocation order, the oldest installment first; gives what is left."""
        self.skip_paid()
        due = self.rows[self.first_unpaid : self.open + 1]
        if self.terms.allocation_by is AllocationBy.COMPONENT:
            return self._allocate_by_component(event_id, amount, due, from_credit=from_credit)
        for row in due:
            amounts: Amounts = {}
            left = amount
            for component in self.terms.allocation_order:
                amounts[component] = min(left, row.payable(component))
                left -= amounts[component]
            amount -= self.pay(event_id, row, amounts, from_credit=from_credit)
            if not amount:
                return 0
        return amount

    def _allocate_by_component(
        self, event_id: str, amount: int, due: Sequence[Installment], *, from_credit: bool
    ) -> int:
        shares: list[tuple[Installment, Amounts]] = [(row, {}) for row in due]
        for component in self.terms.allocation_order:
            for row, amounts in shares:
                amounts[component] = min(amount, row.payable(component))
                amount -= amounts[component]
        for row, amounts in shares:
            self.pay(event_id, row, amounts, from_credit=from_credit)
        return amount

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
