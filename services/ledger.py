"""Double-entry postings: every yuan that moves, and every charge and allocation that the mathematics gives."""

from datetime import date

from books.session import UnitOfWork
from lending.account import LoanAccount
from models import ledger as chart
from models.ledger import Posting
from models.payments import Payment, PaymentKind

MONEY_MOVES = {
    PaymentKind.DISBURSEMENT: (chart.LOAN_PRINCIPAL, chart.BANK),
    PaymentKind.RECALL: (chart.BANK, chart.LOAN_PRINCIPAL),
    PaymentKind.INSTALLMENT: (chart.BANK, chart.UNALLOCATED),
    PaymentKind.PREPAYMENT: (chart.BANK, chart.UNALLOCATED),
    PaymentKind.DEPOSIT: (chart.BANK, chart.UNALLOCATED),
    PaymentKind.SUBSIDY: (chart.BANK, chart.STATE_UNALLOCATED),
}
"""Debit and credit of money that moved, by kind of payment."""

COMPONENTS = {
    "interest": (chart.INTEREST_RECEIVABLE, chart.INTEREST_INCOME),
    "fee": (chart.FEE_RECEIVABLE, chart.FEE_INCOME),
    "penalty": (chart.PENALTY_RECEIVABLE, chart.PENALTY_INCOME),
    "subsidy": (chart.SUBSIDY_RECEIVABLE, chart.SUBSIDY_INCOME),
}
"""Receivable and income account of what a loan is charged."""

RECEIVABLES = {"principal": chart.LOAN_PRINCIPAL} | {name: pair[0] for name, pair in COMPONENTS.items()}


def post(
    work: UnitOfWork,
    *,
    entry: str,
    line: str,
    debit: str,
    credit: str,
    amount_fen: int,
    about: str,
    value_date: date,
    loan: str | None,
) -> None:
    """Writes one posting under the unique key `entry:line`."""
    work.ledger.add(
        Posting(
            key=f"{entry}:{line}",
            entry=entry,
            loan=loan,
            debit=debit,
            credit=credit,
            amount_fen=amount_fen,
            about=about,
            value_date=value_date,
            booked_at=work.now,
        )
    )


def post_payment(work: UnitOfWork, payment: Payment) -> None:
    """Posts the money that a settled payment moved, once."""
    if payment.booked:
        return
    debit, credit = MONEY_MOVES[payment.kind]
    post(
        work,
        entry=payment.key,
        line="money",
        debit=debit,
        credit=credit,
        amount_fen=payment.settled_fen,
        about=payment.kind,
        value_date=payment.value_date,
        loan=payment.loan,
    )
    payment.booked = True
    work.session.add(payment)


def bring_up_to(work: UnitOfWork, loan: str, account: LoanAccount, entry: str, day: date) -> None:
    """Posts what the account was charged and what was allocated since the ledger last followed it.

    The mathematics is the truth of what should be posted; the ledger is append-only. So what is posted is the
    difference, in the opposite direction where a figure went down.
    """
    moved = work.ledger.moved(loan)
    charged, allocated, waived = account.charged, account.allocated, account.waived
    for component, (receivable, income) in COMPONENTS.items():
        _post_difference(
            work, moved, loan, entry, day, f"{component}_charged", receivable, income, getattr(charged, component)
        )
    for component, receivable in RECEIVABLES.items():
        source = chart.STATE_UNALLOCATED if component == "subsidy" else chart.UNALLOCATED
        _post_difference(
            work, moved, loan, entry, day, f"{component}_received", source, receivable, getattr(allocated, component)
        )
        _post_difference(
            work, moved, loan, entry, day, f"{component}_waived", chart.WAIVERS, receivable, getattr(waived, component)
        )
        written_off = getattr(account.written_off, component)
        _post_difference(
            work, moved, loan, entry, day, f"{component}_written_off", chart.WRITE_OFFS, receivable, written_off
        )


def _post_difference(
    work: UnitOfWork,
    moved: dict[tuple[str, str], int],
    loan: str,
    entry: str,
    day: date,
    about: str,
    debit: str,
    credit: str,
    should_be: int,
) -> None:
    difference = should_be - (moved.get((debit, credit), 0) - moved.get((credit, debit), 0))
    if difference == 0:
        return
    if difference < 0:
        debit, credit = credit, debit
    post(
        work,
        entry=entry,
        line=about,
        debit=debit,
        credit=credit,
        amount_fen=abs(difference),
        about=about,
        value_date=day,
        loan=loan,
    )
