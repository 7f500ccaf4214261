"""Money that comes in after a loan was written off: income of its own, since nothing is owed on the books any more."""

from datetime import date

from books.session import UnitOfWork
from lending.account import LoanAccount
from models import ledger as chart
from services.account_figures import net
from services.ledger import Entry, post_entries, signed_line


def post_recoveries(work: UnitOfWork, loan: str, account: LoanAccount, entry: str, day: date) -> None:
    """Posts what was recovered since the ledger last followed the account, or takes back what was reversed.

    No more than was written off is income: what came in above it is the borrower's, and waits to be refunded.
    """
    moved = work.ledger.moved(loan)
    recovered = min(account.recovered_fen, account.written_off.borrower_total)
    difference = recovered - net(moved, chart.UNALLOCATED, chart.RECOVERY_INCOME)
    line = signed_line("recovered", chart.UNALLOCATED, chart.RECOVERY_INCOME, difference)
    post_entries(work, [Entry(entry, loan, day, line)])


def recovered_all(account: LoanAccount) -> bool:
    """Whether everything that was written off has come in after all, so that nothing is left to claim."""
    return account.written_off_on is not None and account.recovered_fen >= account.written_off.borrower_total
