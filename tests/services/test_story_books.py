"""What the books say of a loan is proven by the audit log, also where its story begins elsewhere or has no engine."""

from datetime import timedelta

import pytest

from books.session import Books
from console.seed import load_products
from services.story_books import book_differences
from services.story_kinds import DifferenceKind
from services.timeline import tell
from settings import Settings
from tests.services.audit_log import tamper
from tests.services.portfolios import running_loan, taken
from tests.services.procedure import Procedure


@pytest.fixture(autouse=True)
def products() -> None:
    load_products(Settings())


def kinds(books: Books, loan: str) -> list[DifferenceKind]:
    with books.read() as work:
        # What is only just happening is told of later.
        work.now += timedelta(minutes=5)
        return [one.kind for one in book_differences(work, tell(work, loan, []))]


def approvers(books: Books, loan: str) -> set[str | None]:
    with books.read() as work:
        return {line.approved_by for line in tell(work, loan, []).lines} - {None}


def test_the_second_person_of_a_takeover_is_proven_by_its_entry(books: Books) -> None:
    (loan,) = taken(books, running_loan())
    assert kinds(books, loan) == []
    [approver] = approvers(books, loan)
    tamper(books, f"UPDATE decision SET decided_by = 'risk-li' WHERE loan = '{loan}'")
    assert kinds(books, loan) == [DifferenceKind.APPROVER_WITHOUT_ENTRY]
    assert approvers(books, loan) == {approver}


def test_terms_of_before_they_were_named_say_nothing_until_figures_do(procedure: Procedure) -> None:
    """Entries of older books have no digest of the terms: what they come to is compared all the same."""
    loan, books = procedure.running(), procedure.books
    procedure.day += timedelta(days=40)
    procedure.advance(loan)
    assert kinds(books, loan) == []
    path = "json_remove(after, '$.terms_sha256')" if books.is_sqlite else "(after::jsonb - 'terms_sha256')::json"
    tamper(books, f"UPDATE audit_entry SET after = {path} WHERE act IN ('contract_accepted', 'loan_paid_out')")
    assert kinds(books, loan) == []
    rate = (
        "json_set(body, '$.annual_rate_percent', '3.6')"
        if books.is_sqlite
        else '(body::jsonb || \'{"annual_rate_percent": "3.6"}\')::json'
    )
    tamper(books, f"UPDATE terms SET body = {rate} WHERE loan = '{loan}'")
    assert set(kinds(books, loan)) == {DifferenceKind.POSTING_DIFFERS}


def test_a_decision_whose_row_is_gone_is_missed(procedure: Procedure) -> None:
    loan, books = procedure.graded(), procedure.books
    procedure.decide(loan)
    assert kinds(books, loan) == []
    tamper(books, f"DELETE FROM decision WHERE loan = '{loan}'")
    assert kinds(books, loan) == [DifferenceKind.DECISION_DIFFERS]
