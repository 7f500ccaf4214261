"""Double-entry postings: every yuan that moves, and every charge and allocation that the mathematics gives."""

from collections.abc import Iterable, Sequence
from datetime import date
from typing import NamedTuple

from books.session import UnitOfWork
from lending.account import LoanAccount
from lending.money import Rounding, round_ratio
from models import ledger as chart
from models.keys import new_id
from models.payments import Payment, PaymentKind
from services.account_figures import COMPONENTS, RECEIVABLES, Moved, net

MONEY_MOVES = {
    PaymentKind.DISBURSEMENT: (chart.LOAN_PRINCIPAL, chart.BANK),
    PaymentKind.RECALL: (chart.BANK, chart.LOAN_PRINCIPAL),
    PaymentKind.INSTALLMENT: (chart.BANK, chart.UNALLOCATED),
    PaymentKind.PREPAYMENT: (chart.BANK, chart.UNALLOCATED),
    PaymentKind.DEPOSIT: (chart.BANK, chart.UNALLOCATED),
    PaymentKind.SUBSIDY: (chart.BANK, chart.STATE_UNALLOCATED),
    PaymentKind.REALLOCATION: (chart.SUSPENSE, chart.UNALLOCATED),
    PaymentKind.REFUND: (chart.SUSPENSE, chart.BANK),
    PaymentKind.CHARGEBACK: (chart.UNALLOCATED, chart.BANK),
}
"""Debit and credit of money that moved, by kind of payment."""


class Line(NamedTuple):
    """One posting of an entry: its name within the entry, the two accounts and the amount in fen, above zero."""

    name: str
    debit: str
    credit: str
    amount_fen: int


class Entry(NamedTuple):
    """Lines of a loan that belong together, under one effect key and with one value date."""

    key: str
    loan: str
    value_date: date
    lines: Sequence[Line]


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
    work.ledger.add([_row(work, entry, Line(line, debit, credit, amount_fen), about, value_date, loan)])


def post_entries(work: UnitOfWork, entries: Iterable[Entry]) -> None:
    """Writes several entries, each line under the unique key `entry:line`, in one statement."""
    work.ledger.add(
        [_row(work, one.key, line, line.name, one.value_date, one.loan) for one in entries for line in one.lines]
    )


def _row(work: UnitOfWork, entry: str, line: Line, about: str, value_date: date, loan: str | None) -> dict[str, object]:
    return {
        "id": new_id(),
        "key": f"{entry}:{line.name}",
        "entry": entry,
        "loan": loan,
        "debit": line.debit,
        "credit": line.credit,
        "amount_fen": line.amount_fen,
        "about": about,
        "value_date": value_date,
        "booked_at": work.now,
    }


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
    difference, in the opposite direction where a figure went down. A charge is posted as income and, where the income
    account bears value-added tax on the day, as tax.
    """
    moved, rates = work.ledger.standing(loan, day)
    lines: list[Line] = []
    for component, (receivable, income) in COMPONENTS.items():
        charged = getattr(account.charged, component)
        lines += _charge(component, receivable, income, charged, moved, rates.get(income, 0))
    for component, receivable in RECEIVABLES.items():
        source = chart.STATE_UNALLOCATED if component == "subsidy" else chart.UNALLOCATED
        for name, debit, parts in (
            ("received", source, account.allocated),
            ("waived", chart.WAIVERS, account.waived),
            ("written_off", chart.WRITE_OFFS, account.written_off),
        ):
            difference = getattr(parts, component) - net(moved, debit, receivable)
            lines += signed_line(f"{component}_{name}", debit, receivable, difference)
    post_entries(work, [Entry(entry, loan, day, lines)])


def _charge(
    component: str, receivable: str, income: str, charged: int, moved: Moved, vat_basis_points: int
) -> list[Line]:
    posted = net(moved, receivable, income) + net(moved, receivable, chart.VAT_PAYABLE)
    difference = charged - posted
    tax = vat_part(difference, vat_basis_points)
    return [
        *signed_line(f"{component}_charged", receivable, income, difference - tax),
        *signed_line(f"{component}_vat", receivable, chart.VAT_PAYABLE, tax),
    ]


def signed_line(name: str, debit: str, credit: str, amount_fen: int) -> list[Line]:
    """The line that moves an amount, in the opposite direction if it is below zero; none for zero."""
    if amount_fen == 0:
        return []
    if amount_fen < 0:
        debit, credit = credit, debit
    return [Line(name, debit, credit, abs(amount_fen))]


def vat_part(gross_fen: int, basis_points: int) -> int:
    """The value-added tax in a gross amount: gross × rate ÷ (1 + rate), rounded half up to a fen, income the rest.

    600 basis points of 106.00 are 6.00; a negative amount has the same tax with the sign turned.
    """
    return round_ratio(gross_fen * basis_points, 10_000 + basis_points, Rounding.HALF_UP) if basis_points else 0
