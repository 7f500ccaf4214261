"""The activities of the reconciliation: two at the same moment, and a bank that is away or talks nonsense."""

import asyncio
from datetime import datetime, timedelta

import pytest
from sqlalchemy.exc import IntegrityError

from activities.reconciliation import ReconciliationActs
from books.session import Books, was_written_before
from gateways.bank import BankGateway
from gateways.connection import open_session
from gateways.errors import OutsideUnavailable
from models.reconciliation import CompareOrder, DayOrder, DifferenceKind
from services.bank import record_movement
from services.reconciliation import take_in
from tests.services.procedure import Procedure, movement
from tests.services.statements import ACCOUNT, DAY, line, statement
from tests.simulators.running import Receiver


def the_day_after(books: Books) -> datetime:
    return books.clock.opens_at(DAY + timedelta(days=1))


async def test_two_at_the_same_moment_book_and_tell_everything_once(books: Books, procedure: Procedure) -> None:
    loan = procedure.running()
    lines = [line(f"b{n}", 100 + n, remittance=f"还款 {loan}") for n in range(40)]
    with procedure.at() as work:
        kept = take_in(work, statement(*lines)).id

    async with open_session() as session:
        acts = ReconciliationActs(books, BankGateway(session, "http://127.0.0.1:9", "none"), ACCOUNT)
        order = CompareOrder(statement_id=kept, at=the_day_after(books))
        first, second = await asyncio.gather(*(asyncio.to_thread(acts.reconcile_statement, order) for _ in range(2)))

    assert first == second
    assert (first.booked, first.differences) == (40, 40)
    assert len(procedure.payments(loan)) == 41
    with books.read() as work:
        assert len(work.reconciliation.differences(DAY, DAY)) == 40


async def test_a_notice_that_comes_meanwhile_is_no_trouble(books: Books, procedure: Procedure) -> None:
    loan = procedure.running()
    lines = [line(f"b{n}", 100 + n, remittance=f"还款 {loan}") for n in range(40)]
    with procedure.at() as work:
        kept = take_in(work, statement(*lines)).id

    def tell(n: int) -> None:
        with procedure.at() as work:
            record_movement(work, movement(f"b{n}", 100 + n, DAY, remittance=f"还款 {loan}"))

    def tell_all() -> None:
        for n in reversed(range(40)):
            try:
                tell(n)
            except IntegrityError as error:
                if not was_written_before(error):
                    raise
                # Whoever comes second is refused, and the bank tells it again.
                tell(n)

    async with open_session() as session:
        acts = ReconciliationActs(books, BankGateway(session, "http://127.0.0.1:9", "none"), ACCOUNT)
        done = asyncio.to_thread(acts.reconcile_statement, CompareOrder(statement_id=kept, at=the_day_after(books)))
        await asyncio.gather(done, asyncio.to_thread(tell_all))

    assert len(procedure.payments(loan)) == 41


async def test_a_bank_that_is_away_is_asked_again_and_one_that_talks_nonsense_is_told(
    books: Books, procedure: Procedure
) -> None:
    procedure.running()
    async with open_session() as session:
        away = ReconciliationActs(books, BankGateway(session, "http://127.0.0.1:9", "none"), ACCOUNT)
        with pytest.raises(OutsideUnavailable):
            await away.fetch_statement(DayOrder(day=DAY, at=the_day_after(books)))
        with Receiver(body=b"<nonsense/>") as bank:
            url = bank.url.removesuffix("/notices")
            talking = ReconciliationActs(books, BankGateway(session, url, "none"), ACCOUNT)
            assert (await talking.fetch_statement(DayOrder(day=DAY, at=the_day_after(books)))).statement_id is None
    with books.read() as work:
        (found,) = work.reconciliation.differences(DAY, DAY)
    assert found.kind is DifferenceKind.STATEMENT_REFUSED
