"""The ledger against the mathematics: every loan recomputed from its terms and events, and compared."""

from collections.abc import Iterator

from books.session import Books, UnitOfWork
from lending.account import LoanAccount
from lending.components import Components
from models import ledger as chart
from models.loans import Loan
from services.ledger import COMPONENTS, RECEIVABLES, Moved, net
from services.loans import account_of
from services.proofs import BooksDifference as BooksDifference
from services.proofs import Proofs

PAGE = 500


def audit_books(books: Books) -> Iterator[BooksDifference]:
    """Recomputes every loan at the date its books stand at, and each of its month-ends and taxes as of then.

    Yields each figure that the ledger has otherwise.
    """
    last = ""
    while True:
        with books.read() as work:
            numbers = work.loans.all_numbers(after=last, limit=PAGE)
            proofs = Proofs(work)
            for number in numbers:
                yield from _differences(work, work.loans.get(number))
                yield from proofs.differences(number)
        if not numbers:
            return
        last = numbers[-1]


def _differences(work: UnitOfWork, loan: Loan) -> Iterator[BooksDifference]:
    account = account_of(work, loan.number, loan.booked_to or loan.applied_on)
    moved = work.ledger.moved(loan.number)
    for figure, ledger, computed in _figures(moved, account):
        if ledger != computed:
            yield BooksDifference(loan.number, figure, ledger, computed)
    owed = account.outstanding.borrower_total if account else 0
    if account is not None and loan.outstanding_fen != owed:
        yield BooksDifference(loan.number, "shown", loan.outstanding_fen, owed)


def _figures(moved: Moved, account: LoanAccount | None) -> Iterator[tuple[str, int, int]]:
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
