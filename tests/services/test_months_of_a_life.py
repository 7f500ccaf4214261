"""A loan that is changed while months end and are closed: ledger and mathematics agree, and no closed month moves."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from datetime import date
from pathlib import Path

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from books.session import Books
from services.periods import MonthEndOutstanding, PeriodNotOver, close_period, oldest_open
from services.reports import TrialBalance, trial_balance
from tests.books.migrated import seeded
from tests.servers.shared import SharedServers
from tests.services.month_ends import end_months
from tests.services.procedure import FINANCE
from tests.services.test_changed_lives import ChangesIn
from tests.services.test_life_of_a_loan import StudentRepayment, live_on_fresh_books

EXAMPLES = 5
STEPS = 12


class Months(ChangesIn):
    """Months end as their workflow has them end, and finance closes them, whatever happens to the loan meanwhile."""

    def __init__(self, fresh: Callable[[], Iterator[Books]]) -> None:
        super().__init__(fresh)
        self.closed: dict[date, TrialBalance] = {}

    @precondition(lambda self: self.runs)
    @rule(days=st.integers(20, 80), outcome=st.sampled_from(["declined", "declined", "settled"]))
    def quarter(self, days: int, outcome: str) -> None:
        """Long enough for a loan to stop accruing, and for one to be cured."""
        self.live(days, outcome, 0)
        end_months(self.house)

    @rule()
    def close(self) -> None:
        """Finance closes what is over; what is dated there later on is booked in the open month."""
        end_months(self.house)
        with self.house.at() as work:
            month = oldest_open(work.periods)
            assert month is not None
            try:
                close_period(work, FINANCE, str(month))
            except (MonthEndOutstanding, PeriodNotOver):
                return
        self.closed[month.last] = self.balance_of(month.last)

    def balance_of(self, day: date) -> TrialBalance:
        with self.house.books.read() as work:
            return trial_balance(work, day)

    def teardown(self) -> None:
        try:
            assert {day: self.balance_of(day) for day in self.closed} == self.closed
        finally:
            super().teardown()


class StudentMonths(Months, StudentRepayment):
    """The same with a state that pays the interest until graduation."""


@pytest.mark.parametrize("machine", [Months, StudentMonths], ids=["micro", "student"])
def test_no_closed_month_moves_and_every_month_end_can_be_computed_again(
    servers: SharedServers, tmp_path: Path, machine: type[Months]
) -> None:
    def on_sqlite(folder: Path) -> AbstractContextManager[Books]:
        return seeded("sqlite", servers, lambda: pytest.fail("not asked for"), folder)

    live_on_fresh_books(machine, on_sqlite, tmp_path, EXAMPLES, STEPS)
