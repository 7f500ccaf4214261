"""A loan in repayment, whatever happens to it: after every step the ledger says what the mathematics says."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from datetime import date, timedelta
from pathlib import Path

import pytest
from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from books.session import Books
from console.audits import audit_books
from lending.events import PrepaymentEffect
from models.ledger import UNALLOCATED
from models.loans import Stage
from models.messages import NextDay
from models.payments import Payment
from services.account_figures import RECEIVABLES
from services.reports import funds
from tests.books.migrated import DATABASES, seeded
from tests.servers.postgres import PostgresCluster
from tests.servers.shared import SharedServers
from tests.services.procedure import Procedure

OUTCOMES = st.sampled_from(["settled", "settled", "partial", "declined", "unknown"])
EXAMPLES = {"sqlite": 8, "postgresql": 3}
STEPS = 10


class Repayment(RuleBasedStateMachine):
    """One loan of a product between payout and settlement, with a borrower and a bank that do as they please."""

    code = "micro"

    def __init__(self, fresh: Callable[[], Iterator[Books]]) -> None:
        super().__init__()
        self.open = ExitStack()
        self.house = Procedure(self.open.enter_context(contextmanager(fresh)()))
        self.loan = self.house.running(self.code)
        self.next_day: NextDay | None = self.house.advance(self.loan).next_day
        self.unknown: list[str] = []

    def teardown(self) -> None:
        self.open.close()

    @property
    def runs(self) -> bool:
        return self.house.loan(self.loan).stage is Stage.REPAYMENT

    @initialize(days=st.integers(25, 45), outcome=OUTCOMES)
    def begin(self, days: int, outcome: str) -> None:
        """Most lives begin with a first due date, paid or not: arrears are where figures go down again."""
        self.live(days, outcome, 0)

    @precondition(lambda self: self.runs)
    @rule(days=st.integers(1, 45), outcome=OUTCOMES, fen=st.integers(0, 150_000))
    def live(self, days: int, outcome: str, fen: int) -> None:
        """Days pass. The engine may be late: a transfer of the last day can be there before the planned days are."""
        today = self.house.day + timedelta(days=days)
        if fen % 2:
            self.house.deposit(self.loan, fen, booked_on=today)
        while self.runs and self.next_day is not None and self.next_day.date <= today:
            self.take(self.next_day, outcome)
        self.house.day = today

    def take(self, step: NextDay, outcome: str) -> None:
        self.house.day = step.date
        self.hear()
        if step.claim:
            self.end(self.house.collection(self.loan, subsidy=True), "settled")
        if step.collect:
            self.end(self.house.collection(self.loan, n=step.n), outcome)
        self.next_day = self.house.advance(self.loan, step.why).next_day

    def end(self, payment: Payment | None, outcome: str) -> None:
        """What becomes of an order at the bank."""
        if payment is None:
            return
        if outcome == "unknown":
            self.unknown.append(payment.key)
        elif outcome == "declined":
            self.house.decline(payment.key)
        else:
            self.house.settle(payment.key, fen=max(payment.amount_fen // 3, 1) if outcome == "partial" else None)

    def hear(self) -> None:
        """Before anything more is drawn, the bank is asked about orders without an outcome."""
        for key in self.unknown:
            self.house.settle(key)
        self.unknown.clear()

    @rule(fen=st.integers(1, 400_000), back=st.integers(0, 40), wakes=st.booleans())
    def transfer(self, fen: int, back: int, wakes: bool) -> None:
        """The borrower transfers money, even after the end; the bank may date it back, even before the payout."""
        self.house.deposit(self.loan, fen, booked_on=self.house.day - timedelta(days=back))
        if wakes:
            self.next_day = self.house.advance(self.loan).next_day

    @precondition(lambda self: self.runs)
    @rule(share=st.integers(1, 100), effect=st.sampled_from(list(PrepaymentEffect)), outcome=OUTCOMES)
    def prepay(self, share: int, effect: PrepaymentEffect, outcome: str) -> None:
        """A part or all is prepaid on the day."""
        self.hear()
        self.next_day = self.house.advance(self.loan).next_day
        if not self.runs:
            return
        most = self.house.account(self.loan).settlement_fen
        if most == 0:
            return
        asked = self.house.prepayment(self.loan, None if share == 100 else max(most * share // 100, 1), effect=effect)
        with self.house.books.read() as work:
            drawn = work.payments.get(asked.payment_key or "")
        self.end(drawn, "settled" if outcome == "partial" else outcome)
        self.next_day = self.house.advance(self.loan).next_day

    @invariant()
    def the_ledger_is_what_the_mathematics_says(self) -> None:
        assert list(audit_books(self.house.books)) == []

    @invariant()
    def the_flow_of_funds_is_proven(self) -> None:
        with self.house.books.read() as work:
            assert funds(work).balances

    @invariant()
    def nothing_is_negative(self) -> None:
        loan = self.house.loan(self.loan)
        assert min(loan.outstanding_fen, loan.overdue_fen, loan.dpd, loan.next_due_fen) >= 0
        with self.house.books.read() as work:
            assert all(work.ledger.balance(account, loan=self.loan) >= 0 for account in RECEIVABLES.values())
            assert work.ledger.balance(UNALLOCATED, loan=self.loan) <= 0

    @invariant()
    def the_books_never_stand_ahead_of_the_day_but_at_the_end(self) -> None:
        loan = self.house.loan(self.loan)
        assert loan.stage is Stage.SETTLED or loan.booked_to is None or loan.booked_to <= self.house.day

    @invariant()
    def a_settled_loan_owes_nothing_and_leaves_no_money_unbooked(self) -> None:
        loan = self.house.loan(self.loan)
        if loan.stage is Stage.SETTLED:
            assert (loan.outstanding_fen, loan.next_date) == (0, None)
            with self.house.books.read() as work:
                assert work.payments.to_book(self.loan) == []


class StudentRepayment(Repayment):
    """The same with a state that pays the interest until graduation."""

    code = "student"


@pytest.mark.parametrize("machine", [Repayment, StudentRepayment], ids=["micro", "student"])
@pytest.mark.parametrize("database", DATABASES)
def test_whatever_happens_ledger_and_account_agree(
    request: pytest.FixtureRequest, servers: SharedServers, tmp_path: Path, database: str, machine: type[Repayment]
) -> None:
    def cluster() -> PostgresCluster:
        found: PostgresCluster = request.getfixturevalue("postgres_cluster")
        return found

    live_on_fresh_books(
        machine, lambda folder: seeded(database, servers, cluster, folder), tmp_path, EXAMPLES[database], STEPS
    )


def live_on_fresh_books(
    machine: type[Repayment],
    books_in: Callable[[Path], AbstractContextManager[Books]],
    tmp_path: Path,
    examples: int,
    steps: int,
) -> None:
    """Lives through so many lives of at most so many steps, each on books of its own."""
    folders = iter(range(10_000))

    def fresh() -> Iterator[Books]:
        folder = tmp_path / str(next(folders))
        folder.mkdir()
        with books_in(folder) as books:
            yield books

    class OnFreshBooks(machine):  # type: ignore[misc,valid-type]  # the machine that the test's id names
        def __init__(self) -> None:
            super().__init__(fresh)

    run_state_machine_as_test(
        OnFreshBooks,
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            deadline=None,
            derandomize=True,
            database=None,
            # Each try needs books of its own, so that a search for the smallest failing life would take minutes.
            phases=[Phase.generate],
        ),
    )


def test_the_machine_would_notice_a_ledger_that_differs(servers: SharedServers, tmp_path: Path) -> None:
    def fresh() -> Iterator[Books]:
        with seeded("sqlite", servers, lambda: pytest.fail("not asked for"), tmp_path) as books:
            yield books

    machine = Repayment(fresh)
    machine.the_ledger_is_what_the_mathematics_says()
    with machine.house.at(date(2026, 1, 6)) as work:
        loan = work.loans.get(machine.loan)
        loan.outstanding_fen += 1
        work.session.add(loan)
    with pytest.raises(AssertionError):
        machine.the_ledger_is_what_the_mathematics_says()
    machine.teardown()
