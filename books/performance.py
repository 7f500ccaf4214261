"""Queries on past cases and what became of them."""

from collections.abc import Iterator
from typing import Any

from sqlalchemy import Row, func, tuple_
from sqlalchemy import select as sa_select
from sqlalchemy.orm import aliased
from sqlmodel import Session, col, select

from models.behaviour import BehaviourScore
from models.customers import Customer
from models.grading import Grading
from models.loans import Loan
from models.performance import LoanPerformance

PAGE = 1000


class PerformanceBook:
    """Past cases with the facts of their latest grading, and known outcomes."""

    def __init__(self, session: Session) -> None:
        self.session = session

    def paid_out(self, product: str) -> Iterator[Row[Any]]:
        """Every loan of a product that was graded and paid out, by number, a page at a time."""
        last = ""
        while rows := self._page(product, last):
            yield from rows
            last = rows[-1].number

    def _page(self, product: str, after: str) -> list[Row[Any]]:
        rounds = aliased(Grading)
        latest = select(func.max(rounds.round)).where(rounds.loan == Loan.number).correlate(Loan).scalar_subquery()
        query = (
            sa_select(
                col(Loan.number),
                col(Loan.applied_on),
                col(Loan.disbursed_on),
                col(Customer.id_number),
                col(Grading.facts),
                col(LoanPerformance.loan).label("known"),
                col(LoanPerformance.defaulted_on),
                col(LoanPerformance.observed_to),
                col(LoanPerformance.simulated),
            )
            .select_from(Loan)
            .join(Grading, (col(Grading.loan) == col(Loan.number)) & (col(Grading.round) == latest))
            .join(Customer, col(Customer.id) == col(Loan.customer_id))
            .join(LoanPerformance, col(LoanPerformance.loan) == col(Loan.number), isouter=True)
            .where(col(Loan.product) == product, col(Loan.disbursed_on).is_not(None), col(Loan.number) > after)
            .order_by(col(Loan.number))
            .limit(PAGE)
        )
        return list(self.session.connection().execute(query))

    def behaviour(self) -> Iterator[Row[Any]]:
        """Every month in which a loan's behaviour was scored, by loan and month, with the ID number of the borrower."""
        last = ("", "")
        while rows := self._behaviour_page(*last):
            yield from rows
            last = (rows[-1].loan, rows[-1].month)

    def _behaviour_page(self, loan: str, month: str) -> list[Row[Any]]:
        place = tuple_(col(BehaviourScore.loan), col(BehaviourScore.month))
        query = (
            sa_select(
                col(BehaviourScore.loan),
                col(BehaviourScore.month),
                col(BehaviourScore.as_of),
                col(BehaviourScore.worst_dpd),
                col(BehaviourScore.facts),
                col(Customer.id_number),
            )
            .join(Loan, col(Loan.number) == col(BehaviourScore.loan))
            .join(Customer, col(Customer.id) == col(Loan.customer_id))
            .where(place > (loan, month))
            .order_by(col(BehaviourScore.loan), col(BehaviourScore.month))
            .limit(PAGE)
        )
        return list(self.session.connection().execute(query))

    def simulated_count(self) -> int:
        """How many loans of the books are made up."""
        return self.session.exec(select(func.count()).where(col(LoanPerformance.simulated))).one()

    def id_numbers(self) -> Iterator[str]:
        """The ID number of every customer."""
        yield from self.session.connection().execute(sa_select(col(Customer.id_number))).scalars()
