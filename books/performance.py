"""Queries on past cases and what became of them."""

from collections.abc import Iterator, Sequence
from datetime import date
from typing import Any

from sqlalchemy import func, tuple_
from sqlalchemy import select as sa_select
from sqlmodel import Session, col, select

from books.policies import of_latest_round
from books.sealing import opened_rows
from lending.events import EventType
from models.behaviour import BehaviourScore
from models.columns import ERASED
from models.customers import Customer
from models.grading import Grading
from models.loans import Loan, LoanEvent
from models.performance import LoanPerformance
from models.periods import LoanMonthEnd

PAGE = 1000


class PerformanceBook:
    """Past cases with the facts of their latest grading, and known outcomes."""

    def __init__(self, session: Session) -> None:
        self.session = session

    def paid_out(self, product: str) -> Iterator[list[Any]]:
        """Every loan of a product that was graded and paid out, by number, as pages."""
        last = ""
        while rows := self._page(product, last):
            yield [row for row in rows if row.id_number is not ERASED]
            last = rows[-1].number

    def _page(self, product: str, after: str) -> list[Any]:
        query = (
            sa_select(
                col(Loan.number),
                col(Loan.applied_on),
                col(Loan.disbursed_on),
                col(Customer.id).label("customer"),
                col(Customer.id_number),
                col(Grading.id).label("grading"),
                col(Grading.facts),
                col(LoanPerformance.loan).label("known"),
                col(LoanPerformance.defaulted_on),
                col(LoanPerformance.observed_to),
                col(LoanPerformance.simulated),
            )
            .select_from(Loan)
            .join(Grading, of_latest_round())
            .join(Customer, col(Customer.id) == col(Loan.customer_id))
            .join(LoanPerformance, col(LoanPerformance.loan) == col(Loan.number), isouter=True)
            .where(col(Loan.product) == product, col(Loan.disbursed_on).is_not(None), col(Loan.number) > after)
            .order_by(col(Loan.number))
            .limit(PAGE)
        )
        return self._opened(query, Grading.facts, "grading")

    def month_ends(self, loans: Sequence[str]) -> dict[str, dict[str, int]]:
        """Days past due at the ends of months, by loan and month (YYYY-MM), of those that may be relied on.

        Not of loans that were written off, nor of those of which a payment was taken back: that counts from before.
        """
        taken_back = select(LoanEvent.loan).where(
            col(LoanEvent.loan) == col(LoanMonthEnd.loan), col(LoanEvent.type) == EventType.REVERSAL.value
        )
        query = (
            select(LoanMonthEnd.loan, LoanMonthEnd.month, LoanMonthEnd.dpd)
            .join(Loan, col(Loan.number) == col(LoanMonthEnd.loan))
            .where(col(LoanMonthEnd.loan).in_(loans), col(Loan.written_off_on).is_(None), ~taken_back.exists())
        )
        found: dict[str, dict[str, int]] = {}
        for loan, month, dpd in self.session.exec(query):
            found.setdefault(loan, {})[month] = dpd
        return found

    def closed_on(self, loans: Sequence[str]) -> dict[str, date]:
        """When those of these loans that are closed ended."""
        query = sa_select(col(Loan.number), col(Loan.closed_on)).where(
            col(Loan.number).in_(loans), col(Loan.closed_on).is_not(None)
        )
        return {number: day for number, day in self.session.connection().execute(query) if day is not None}

    def behaviour(self) -> Iterator[Any]:
        """Every month in which a loan's behaviour was scored, by loan and month, with the ID number of the borrower."""
        last = ("", "")
        while rows := self._behaviour_page(*last):
            yield from (row for row in rows if row.id_number is not ERASED)
            last = (rows[-1].loan, rows[-1].month)

    def _behaviour_page(self, loan: str, month: str) -> list[Any]:
        place = tuple_(col(BehaviourScore.loan), col(BehaviourScore.month))
        query = (
            sa_select(
                col(BehaviourScore.loan),
                col(BehaviourScore.month),
                col(BehaviourScore.as_of),
                col(BehaviourScore.worst_dpd),
                col(BehaviourScore.facts),
                col(Customer.id).label("customer"),
                col(Customer.id_number),
            )
            .join(Loan, col(Loan.number) == col(BehaviourScore.loan))
            .join(Customer, col(Customer.id) == col(Loan.customer_id))
            .where(place > (loan, month))
            .order_by(col(BehaviourScore.loan), col(BehaviourScore.month))
            .limit(PAGE)
        )
        return self._opened(query, BehaviourScore.facts, "loan", "month")

    def _opened(self, query: Any, facts: Any, *key: str) -> list[Any]:
        found = self.session.connection().execute(query).all()
        return opened_rows(self.session, found, facts=(facts, *key), id_number=(Customer.id_number, "customer"))

    def simulated_count(self) -> int:
        """How many loans of the books are made up."""
        return self.session.exec(select(func.count()).where(col(LoanPerformance.simulated))).one()

    def id_numbers(self) -> Iterator[str]:
        """The ID number of every customer."""
        for customer in self.session.exec(select(Customer).execution_options(yield_per=PAGE)):
            yield customer.id_number
