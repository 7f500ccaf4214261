"""The ledger against the mathematics: every loan recomputed from its terms and events, and compared."""

from collections.abc import Iterator

from books.session import Books, UnitOfWork
from models import ledger as chart
from models.loans import Loan
from services.ledger import RECEIVABLES
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
    computed = {
        "principal": account.principal_outstanding_fen if account else 0,
        "interest": account.interest_outstanding_fen if account else 0,
        "fee": account.fee_outstanding_fen if account else 0,
        "penalty": account.penalty_outstanding_fen if account else 0,
        "subsidy": account.subsidy_outstanding_fen if account else 0,
    }
    for component, receivable in RECEIVABLES.items():
        ledger = work.ledger.balance(receivable, loan=loan.number)
        if ledger != computed[component]:
            yield BooksDifference(loan.number, component, ledger, computed[component])
    credit = -work.ledger.balance(chart.UNALLOCATED, loan=loan.number)
    if credit != (account.credit_fen if account else 0):
        yield BooksDifference(loan.number, "credit", credit, account.credit_fen if account else 0)
    if account is not None and loan.outstanding_fen != sum(computed.values()) - computed["subsidy"]:
        yield BooksDifference(loan.number, "shown", loan.outstanding_fen, sum(computed.values()) - computed["subsidy"])
