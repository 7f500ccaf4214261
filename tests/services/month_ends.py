"""Lives through the ends of months as their workflow does, on the books alone."""

from collections.abc import Callable
from datetime import date

from sqlmodel import col, select

from books.session import UnitOfWork
from models.behaviour import BehaviourScore, EarlyWarning
from models.ledger import BANK, OWNERS_FUNDS
from models.periods import LoanMonthEnd
from models.recurring import DueMonth, DueMonthOrder, MonthPage, MonthPageOrder
from services.accruals import look_at_page, month_to_end, write_page
from services.ledger import post
from services.reports import trial_balance
from tests.services.procedure import Procedure


def do_months(
    procedure: Procedure,
    day: date,
    due: Callable[[UnitOfWork, DueMonthOrder], DueMonth],
    do_page: Callable[[Procedure, MonthPageOrder], MonthPage],
) -> list[str]:
    """What the schedule of a monthly job does on a day; returns the months that it completed."""
    completed: list[str] = []
    while True:
        with procedure.at(day) as work:
            month = due(work, DueMonthOrder(day=day)).month
        if month is None:
            return completed
        page = MonthPage(after="")
        while page.after is not None:
            page = do_page(procedure, MonthPageOrder(month=month, day=day, after=page.after))
        if not page.complete:
            return completed
        completed.append(month)


def end_months(procedure: Procedure, day: date | None = None) -> list[str]:
    """The ends of the months that are due on a day (else the procedure's); returns those that are complete."""
    return do_months(procedure, day or procedure.day, month_to_end, end_page)


def end_page(procedure: Procedure, order: MonthPageOrder) -> MonthPage:
    """One page of it."""
    with procedure.at(order.day) as work:
        return write_page(work, order, look_at_page(work, order))


def scores_of(work: UnitOfWork, loan: str) -> list[BehaviourScore]:
    """All behaviour scores of a loan, oldest month first."""
    query = select(BehaviourScore).where(BehaviourScore.loan == loan)
    return list(work.session.exec(query.order_by(col(BehaviourScore.month))))


def warnings_of(work: UnitOfWork, loan: str) -> list[EarlyWarning]:
    """All early warnings of a loan, oldest month first."""
    query = select(EarlyWarning).where(EarlyWarning.loan == loan)
    return list(work.session.exec(query.order_by(col(EarlyWarning.month))))


def month_end_of(procedure: Procedure, loan: str, month: str) -> LoanMonthEnd:
    """How a month ended for a loan."""
    with procedure.books.read() as work:
        return work.periods.month_ends(month, [loan])[loan]


def lines_of(procedure: Procedure, entry: str) -> dict[str, tuple[str, str, int, date]]:
    """The postings of an entry: name → debit, credit, fen, value date."""
    loan = entry.partition(":")[0]
    with procedure.books.read() as work:
        return {
            one.key.removeprefix(f"{entry}:"): (one.debit, one.credit, one.amount_fen, one.value_date)
            for one in work.ledger.of_loan(loan)
            if one.entry == entry
        }


def balances(procedure: Procedure, as_of: date) -> dict[str, int]:
    """The trial balance of a day: account → debits less credits."""
    with procedure.books.read() as work:
        return {line.code: line.debited - line.credited for line in trial_balance(work, as_of).lines}


def booked_in_december(procedure: Procedure) -> None:
    """Money of the owners that came in before the first business day: a month that is over and can be closed."""
    with procedure.at() as work:
        post(
            work,
            entry="owners",
            line="money",
            debit=BANK,
            credit=OWNERS_FUNDS,
            amount_fen=100,
            about="owners' funds",
            value_date=date(2025, 12, 15),
            loan=None,
        )
