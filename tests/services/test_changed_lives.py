"""A loan in repayment that is changed as well, whenever and however: the ledger says what the mathematics says."""

from contextlib import AbstractContextManager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from books.session import Books
from lending.events import InvalidEvent
from lending.money import yuan
from models.changes import ChangeKind, ChangeStatus
from models.tasks import Outcome
from services.errors import InvalidChange
from services.previews import MONEY
from tests.books.migrated import seeded
from tests.servers.shared import SharedServers
from tests.services.proposals import OTHER_RISK, decide, latest, propose
from tests.services.test_life_of_a_loan import Repayment, StudentRepayment, live_on_fresh_books

ASKED: st.SearchStrategy[tuple[ChangeKind, dict[str, Any]]] = st.one_of(
    st.tuples(
        st.just(ChangeKind.DEFERRAL),
        st.fixed_dictionaries({"periods": st.integers(1, 6), "component": st.sampled_from(["principal", "all"])}),
    ),
    st.tuples(
        st.just(ChangeKind.RESTRUCTURING),
        st.fixed_dictionaries(
            {"extra_periods": st.integers(0, 12), "reage": st.booleans()},
            optional={"annual_rate_percent": st.sampled_from(["0", "3.5", "12"])},
        ),
    ),
    st.tuples(
        st.just(ChangeKind.RATE_CHANGE),
        st.fixed_dictionaries({"annual_rate_percent": st.sampled_from(["0", "2.75", "15"])}),
    ),
    st.tuples(
        st.just(ChangeKind.WAIVER),
        st.fixed_dictionaries(
            {
                "amount": st.integers(1, 20_000).map(yuan),
                "component": st.sampled_from(["penalty", "fee", "interest", "principal"]),
            }
        ),
    ),
    st.tuples(st.just(ChangeKind.FEE), st.fixed_dictionaries({"amount": st.integers(1, 9_999).map(yuan)})),
)
POSSIBLE_REFUSALS = (InvalidChange, InvalidEvent)
EXAMPLES = 14
STEPS = 12


class ChangesIn(Repayment):
    """Somebody proposes, somebody decides, at any point of the loan's life."""

    @precondition(lambda self: self.runs)
    @rule(asked=ASKED, outcome=st.sampled_from([Outcome.APPROVE, Outcome.APPROVE, Outcome.REFUSE]))
    def change(self, asked: tuple[ChangeKind, dict[str, Any]], outcome: Outcome) -> None:
        """A change of terms or amounts."""
        self.catch_up()
        if self.runs:
            self.try_out(*asked, outcome)

    @precondition(lambda self: self.runs)
    @rule(asked=ASKED)
    def change_again(self, asked: tuple[ChangeKind, dict[str, Any]]) -> None:
        """Changes are what these lives are about, so they are drawn more often than the rest."""
        self.change(asked, Outcome.APPROVE)

    @precondition(lambda self: self.runs)
    @rule(fen=st.integers(1, 300_000))
    def write_off_and_recover(self, fen: int) -> None:
        """The lender gives up, and then money comes all the same."""
        self.change((ChangeKind.WRITE_OFF, {}), Outcome.APPROVE)
        self.house.day += timedelta(days=1)
        self.transfer(fen, 0, wakes=True)

    @precondition(lambda self: self.runs)
    @rule(which=st.integers(0, 20))
    def reverse(self, which: int) -> None:
        """Finance takes back one of the repayments."""
        self.catch_up()
        with self.house.books.read() as work:
            money = [event.key for event in work.loans.events(self.loan) if event.type in MONEY]
        if self.runs and money:
            self.try_out(ChangeKind.CORRECTION, {"of": money[which % len(money)]}, Outcome.APPROVE)

    @precondition(lambda self: self.runs)
    @rule(fen=st.integers(1, 200_000), back=st.integers(0, 60))
    def post_by_hand(self, fen: int, back: int) -> None:
        """Finance posts money that came another way, perhaps weeks ago."""
        self.catch_up()
        if self.runs:
            day = max(self.house.day.toordinal() - back, self.paid_out_on())
            asked = {"amount": yuan(fen), "channel": "cash", "received_on": str(type(self.house.day).fromordinal(day))}
            self.try_out(ChangeKind.CORRECTION, asked, Outcome.APPROVE)

    def catch_up(self) -> None:
        """What came in is booked first, as the workflow does."""
        self.hear()
        self.next_day = self.house.advance(self.loan).next_day

    def paid_out_on(self) -> int:
        day = self.house.loan(self.loan).disbursed_on
        assert day is not None
        return day.toordinal()

    def try_out(self, kind: ChangeKind, asked: dict[str, Any], outcome: Outcome) -> None:
        before = self.house.account(self.loan)
        try:
            propose(self.house, self.loan, kind, asked)
        except POSSIBLE_REFUSALS:
            assert self.house.account(self.loan) == before
            return
        progress = decide(self.house, self.loan, outcome)
        if progress.changes:
            progress = decide(self.house, self.loan, outcome, by=OTHER_RISK)
        self.next_day = progress.next_day
        assert progress.changes == ()
        if outcome is Outcome.REFUSE:
            assert self.house.account(self.loan) == before
        else:
            assert latest(self.house, self.loan).status is ChangeStatus.APPLIED


class ChangesInStudentLoan(ChangesIn, StudentRepayment):
    """The same with a state that pays the interest until graduation."""


@pytest.mark.parametrize("machine", [ChangesIn, ChangesInStudentLoan], ids=["micro", "student"])
def test_however_a_loan_is_changed_ledger_and_account_agree(
    servers: SharedServers, tmp_path: Path, machine: type[ChangesIn]
) -> None:
    def on_sqlite(folder: Path) -> AbstractContextManager[Books]:
        return seeded("sqlite", servers, lambda: pytest.fail("not asked for"), folder)

    live_on_fresh_books(machine, on_sqlite, tmp_path, EXAMPLES, STEPS)
