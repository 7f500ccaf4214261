"""Reconciling a business date: its statement fetched and kept, booked where a notice was lost, and compared."""

import asyncio
from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import TypeVar

import structlog
from sqlalchemy.exc import IntegrityError
from temporalio import activity

from activities.acts import refusals
from books.session import Books, UnitOfWork, was_written_before
from gateways.bank import BankGateway
from gateways.errors import OutsideRefused
from lending.errors import LendingError
from models.reconciliation import CompareOrder, DayOrder, DayReconciled, DaysDue, DaysOrder, StatementKept
from models.sealing import NOT_OPENED
from models.statements import Statement
from services import reconciliation
from services.errors import StatementRejected

log = structlog.get_logger()

Result = TypeVar("Result")


class ReconciliationActs:
    """All may run again: a statement is kept once, a movement booked once, a difference told once."""

    def __init__(self, books: Books, bank: BankGateway, account: str) -> None:
        self.books = books
        self.bank = bank
        self.account = account

    @activity.defn
    def days_to_reconcile(self, order: DaysOrder) -> DaysDue:
        """The business dates to reconcile now."""
        with refusals(), self.books.read() as work:
            return reconciliation.days_due(work, order.last)

    @activity.defn
    async def fetch_statement(self, order: DayOrder) -> StatementKept:
        """Keeps the bank's statement of a day. One that breaks the rules is not kept at all: finance gets a task."""
        with refusals():
            try:
                statement = await self.bank.statement(order.day)
                reconciliation.check_statement(statement, self.account, order.day)
            except (OutsideRefused, StatementRejected) as error:
                await asyncio.to_thread(self._note_refused, order, error)
                return StatementKept()
            return StatementKept(statement_id=await asyncio.to_thread(self._keep, statement, order.at))

    @activity.defn
    def reconcile_statement(self, order: CompareOrder) -> DayReconciled:
        """Books what no notice told of, and compares the statement with the books."""
        with refusals():
            for n in self._do(order.at, lambda work: reconciliation.book_known(work, order.statement_id)):
                try:
                    self._do(order.at, partial(reconciliation.book_line, statement_id=order.statement_id, n=n))
                except NOT_OPENED as error:
                    # The books lack it, which is a difference that finance is told of.
                    log.error("statement_line_not_opened", statement=order.statement_id, line=n, error=error.code)
            done = self._do(order.at, lambda work: reconciliation.compare(work, order.statement_id))
        log.info("day_reconciled", day=str(done.business_date), matched=done.matched, differences=done.differences)
        return DayReconciled(
            day=done.business_date, matched=done.matched, booked=done.booked, differences=done.differences
        )

    @activity.defn
    def note_missing_statement(self, order: DayOrder) -> DayOrder:
        """Tells finance that a day's statement did not come; the day is asked for again tomorrow."""
        with refusals():
            self._do(order.at, lambda work: reconciliation.note_missing_statement(work, order.day))
        return order

    def _keep(self, statement: Statement, at: datetime) -> str:
        return self._do(at, lambda work: reconciliation.take_in(work, statement).id)

    def _note_refused(self, order: DayOrder, error: LendingError) -> None:
        self._do(order.at, lambda work: reconciliation.note_refused_statement(work, order.day, str(error)))

    def _do(self, at: datetime, act: Callable[[UnitOfWork], Result]) -> Result:
        """One act in a unit of work. If a notice brings the same movement at this moment, a second look finds it.

        It happens when the workflow says, since the day on which money is heard of decides its value date.
        """
        try:
            with self.books.begin(at) as work:
                return act(work)
        except IntegrityError as error:
            if not was_written_before(error):
                raise
            with self.books.begin(at) as work:
                return act(work)
