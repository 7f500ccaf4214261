"""What the books say of a loan is proven by the audit log, also where its story begins elsewhere or has no engine."""

from datetime import timedelta

import pytest

from books.session import Books
from console.seed import load_products
from models.chain import terms_sha256
from services.story_books import book_differences
from services.story_kinds import DifferenceKind
from services.timeline import tell
from settings import Settings
from tests.services.audit_log import tamper
from tests.services.portfolios import running_loan, taken
from tests.services.procedure import Procedure

GRACE = '"principal_grace_periods":'


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


def test_terms_that_no_entry_names_are_found_whatever_they_say(procedure: Procedure) -> None:
    """With the guards gone: the contract itself once more, which moves no figure."""
    loan, books = procedure.running(), procedure.books
    assert kinds(books, loan) == []
    tamper(
        books,
        "INSERT INTO terms (id, loan, version, decision_id, effective_from, body, created_at) "
        "SELECT 'x', loan, version + 1, decision_id, effective_from, body, created_at FROM terms "
        f"WHERE loan = '{loan}'",
    )
    assert kinds(books, loan) == [DifferenceKind.TERMS_DIFFER]


def test_what_is_paid_out_is_what_was_accepted_even_if_its_entry_says_otherwise(procedure: Procedure) -> None:
    loan, books = procedure.offered(), procedure.books
    keys = procedure.accept(loan).payouts
    tamper(books, f"UPDATE payment SET value_date = '2026-01-08' WHERE loan = '{loan}'")
    for key in keys:
        procedure.settle(key)
    procedure.book_payout(loan)
    assert kinds(books, loan) == []
    with books.read() as work:
        terms = work.loans.terms(loan)
        assert terms is not None
        assert terms.version == 2
        told = terms.model_dump() | {"body": terms.body | {"principal_grace_periods": 11}}
    digest = terms_sha256(told)
    in_body = f"replace(CAST(body AS TEXT), '{GRACE} 0', '{GRACE} 11')"
    in_entry = f"replace(CAST(after AS TEXT), '{terms.mark['terms_sha256']}', '{digest}')"
    as_json = (lambda text: text) if books.is_sqlite else (lambda text: f"CAST({text} AS JSON)")
    tamper(
        books,
        f"UPDATE terms SET body = {as_json(in_body)} WHERE loan = '{loan}' AND version = 2",
        f"UPDATE audit_entry SET after = {as_json(in_entry)} WHERE loan = '{loan}' AND act = 'loan_paid_out'",
    )
    assert kinds(books, loan) == [DifferenceKind.TERMS_DIFFER]


def test_a_decision_whose_row_is_gone_is_missed(procedure: Procedure) -> None:
    loan, books = procedure.graded(), procedure.books
    procedure.decide(loan)
    assert kinds(books, loan) == []
    tamper(books, f"DELETE FROM decision WHERE loan = '{loan}'")
    assert kinds(books, loan) == [DifferenceKind.DECISION_DIFFERS]
