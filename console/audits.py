"""The ledger against the mathematics: every loan recomputed from its terms and events, and compared."""

from collections.abc import Iterator

from books.session import Books
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
                yield from proofs.differences(number)
        if not numbers:
            return
        last = numbers[-1]
