"""What a loan's postings come to against its account as the mathematics has it. Pure: whoever checks a bundle has no
books.
"""

from collections.abc import Iterator, Mapping

from lending.account import LoanAccount
from lending.components import Components
from models import ledger as chart

COMPONENTS = {
    "interest": (chart.INTEREST_RECEIVABLE, chart.INTEREST_INCOME),
    "fee": (chart.FEE_RECEIVABLE, chart.FEE_INCOME),
    "penalty": (chart.PENALTY_RECEIVABLE, chart.PENALTY_INCOME),
    "subsidy": (chart.SUBSIDY_RECEIVABLE, chart.SUBSIDY_INCOME),
}
"""Receivable and income account of what a loan is charged."""

RECEIVABLES = {"principal": chart.LOAN_PRINCIPAL} | {name: pair[0] for name, pair in COMPONENTS.items()}


Moved = Mapping[tuple[str, str], int]
"""What was moved from account to account: (debit, credit) → fen."""


def net(moved: Moved, debit: str, credit: str) -> int:
    """What was moved from one account to another less what was moved back, in fen."""
    return moved.get((debit, credit), 0) - moved.get((credit, debit), 0)


def figures(moved: Moved, account: LoanAccount | None) -> Iterator[tuple[str, int, int]]:
    """Each figure by the loan's postings and by the mathematics; all are zero before anything is paid out.

    What is left is not enough: a charge and a waiver too many leave it as it is.
    """
    nothing = Components()
    left, charged = (account.outstanding, account.charged) if account else (nothing, nothing)
    for component, receivable in RECEIVABLES.items():
        yield component, _balance(moved, receivable), getattr(left, component)
    written_off = account.written_off if account else nothing
    recovered = min(account.recovered_fen, written_off.borrower_total) if account else 0
    # What came in above a debt that was written off is the borrower's as well.
    credit = account.credit_fen + account.recovered_fen - recovered if account else 0
    yield "credit", -_balance(moved, chart.UNALLOCATED), credit
    yield "state's credit", -_balance(moved, chart.STATE_UNALLOCATED), account.subsidy_credit_fen if account else 0
    for component, (receivable, income) in COMPONENTS.items():
        gross = net(moved, receivable, income) + net(moved, receivable, chart.VAT_PAYABLE)
        yield f"{component} charged", gross, getattr(charged, component)
    for what, counter, parts in (
        ("waived", chart.WAIVERS, account.waived if account else nothing),
        ("written off", chart.WRITE_OFFS, written_off),
    ):
        for component, receivable in RECEIVABLES.items():
            yield f"{component} {what}", net(moved, counter, receivable), getattr(parts, component)
    yield "recovered", net(moved, chart.UNALLOCATED, chart.RECOVERY_INCOME), recovered


def _balance(moved: Moved, code: str) -> int:
    """What was debited to an account less what was credited."""
    return sum(fen * ((debit == code) - (credit == code)) for (debit, credit), fen in moved.items())
