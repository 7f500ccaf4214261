"""The ledger follows the mathematics: it posts what is missing, and turns around what became less."""

from datetime import date, timedelta

import pytest
from sqlalchemy.exc import IntegrityError

from console.audits import audit_books
from models.ledger import (
    BANK,
    INTEREST_INCOME,
    INTEREST_RECEIVABLE,
    LOAN_PRINCIPAL,
    PENALTY_INCOME,
    PENALTY_RECEIVABLE,
    SUSPENSE,
    UNALLOCATED,
)
from models.messages import StepKind
from models.payments import PaymentStatus
from services.ledger import bring_up_to, post, post_payment
from services.reports import CashMonth, cash_by_month, funds
from tests.services.procedure import Procedure

FIRST_DUE = date(2026, 2, 5)
OPENING = 50_000_000_000


def moved(procedure: Procedure, loan: str) -> dict[tuple[str, str], int]:
    with procedure.books.read() as work:
        return work.ledger.moved(loan)


def test_a_paid_installment_is_charged_received_and_allocated(procedure: Procedure) -> None:
    loan = procedure.running()
    procedure.day = FIRST_DUE
    procedure.collect(loan)
    procedure.advance(loan, StepKind.DUE)
    assert moved(procedure, loan) == {
        (LOAN_PRINCIPAL, BANK): 1_200_000,
        (INTEREST_RECEIVABLE, INTEREST_INCOME): 7_200,
        (BANK, UNALLOCATED): 103_943,
        (UNALLOCATED, INTEREST_RECEIVABLE): 7_200,
        (UNALLOCATED, LOAN_PRINCIPAL): 96_743,
    }


def test_a_ledger_that_follows_already_gets_no_posting(procedure: Procedure) -> None:
    loan = procedure.running()
    procedure.day = FIRST_DUE
    procedure.advance(loan, StepKind.DUE)
    before = moved(procedure, loan)
    procedure.advance(loan)
    with procedure.at() as work:
        bring_up_to(work, loan, procedure.account(loan), "again", procedure.day)
    assert moved(procedure, loan) == before


def test_what_became_less_is_turned_around_and_never_rewritten(procedure: Procedure) -> None:
    """Money that the bank dates back lowers a penalty that was posted already."""
    loan = procedure.running()
    procedure.day = FIRST_DUE + timedelta(days=20)
    procedure.advance(loan, StepKind.OVERDUE)
    charged = moved(procedure, loan)[(PENALTY_RECEIVABLE, PENALTY_INCOME)]
    procedure.deposit(loan, 103_943, booked_on=FIRST_DUE)
    procedure.advance(loan)
    after = moved(procedure, loan)
    assert charged > 0
    assert (after[(PENALTY_RECEIVABLE, PENALTY_INCOME)], after[(PENALTY_INCOME, PENALTY_RECEIVABLE)]) == (
        charged,
        charged,
    )
    assert procedure.loan(loan).dpd == 0
    assert list(audit_books(procedure.books)) == []


def test_a_settled_payment_is_posted_once(procedure: Procedure) -> None:
    loan = procedure.offered()
    (key,) = procedure.accept(loan).payouts
    procedure.settle(key)
    for _ in range(2):
        with procedure.at() as work:
            payment = work.payments.get(key)
            assert payment is not None
            post_payment(work, payment)
    assert moved(procedure, loan) == {(LOAN_PRINCIPAL, BANK): 1_200_000}


def test_the_same_line_of_an_entry_cannot_be_posted_twice(procedure: Procedure) -> None:
    def write() -> None:
        with procedure.at() as work:
            post(
                work,
                entry="e",
                line="money",
                debit=BANK,
                credit=SUSPENSE,
                amount_fen=1,
                about="x",
                value_date=procedure.day,
                loan=None,
            )

    write()
    with pytest.raises(IntegrityError):
        write()


def test_balances_are_those_of_a_day_of_a_loan_or_of_all(procedure: Procedure) -> None:
    one, two = procedure.running(), procedure.running()
    first = procedure.day
    procedure.day = FIRST_DUE
    procedure.collect(one)
    procedure.advance(one, StepKind.DUE)
    with procedure.books.read() as work:
        assert work.ledger.balance(LOAN_PRINCIPAL, loan=one) == 1_200_000 - 96_743
        assert work.ledger.balance(LOAN_PRINCIPAL, loan=two) == 1_200_000
        assert work.ledger.balance(LOAN_PRINCIPAL, on=first) == 2_400_000
        assert work.ledger.balance(LOAN_PRINCIPAL) == 2_400_000 - 96_743
        assert work.ledger.balance(BANK, on=first - timedelta(days=1)) == 0
        assert work.ledger.balance(BANK, on=first) == OPENING - 2_400_000


def test_the_flow_of_funds_is_proven_from_both_sides(procedure: Procedure) -> None:
    loan, student = procedure.running(), procedure.running("student")
    procedure.day = FIRST_DUE
    procedure.collect(loan, fen=60_000)
    procedure.advance(loan, StepKind.DUE)
    claim = procedure.collection(student, subsidy=True)
    assert claim is not None
    procedure.settle(claim.key)
    procedure.advance(student, StepKind.DUE)
    with procedure.books.read() as work:
        summary = funds(work)
    assert summary.balances
    assert (summary.opening, summary.paid_out, summary.returned) == (OPENING, 2_700_000, 0)
    assert (summary.received_from_borrowers, summary.received_from_state) == (60_000, claim.amount_fen)
    assert (summary.interest, summary.subsidy, summary.money_in) == (7_200, claim.amount_fen, 60_000 + claim.amount_fen)
    assert summary.outstanding == 2_700_000 + 7_200 - 60_000
    assert summary.bank_balance == OPENING - 2_700_000 + 60_000 + claim.amount_fen


def test_a_posting_that_belongs_to_no_flow_breaks_the_proof(procedure: Procedure) -> None:
    procedure.running()
    with procedure.at() as work:
        post(
            work,
            entry="stray",
            line="x",
            debit=LOAN_PRINCIPAL,
            credit=SUSPENSE,
            amount_fen=1,
            about="stray",
            value_date=procedure.day,
            loan=None,
        )
        work.session.flush()
        assert not funds(work).balances


def test_the_audit_of_the_books_finds_a_figure_that_differs(procedure: Procedure) -> None:
    loan = procedure.running()
    assert list(audit_books(procedure.books)) == []
    with procedure.at() as work:
        post(
            work,
            entry="stray",
            line="x",
            debit=PENALTY_RECEIVABLE,
            credit=PENALTY_INCOME,
            amount_fen=9,
            about="stray",
            value_date=procedure.day,
            loan=loan,
        )
        found = work.loans.get(loan)
        found.outstanding_fen -= 1
        work.session.add(found)
    differences = [(d.figure, d.ledger_fen, d.computed_fen) for d in audit_books(procedure.books)]
    assert differences == [("penalty", 9, 0), ("shown", 1_199_999, 1_200_000)]


def test_cash_is_counted_by_the_month_of_its_value_date(procedure: Procedure) -> None:
    loan = procedure.running()
    procedure.deposit(loan, 3_000, booked_on=date(2026, 1, 31))
    procedure.day = FIRST_DUE
    procedure.collect(loan, fen=60_000)
    procedure.advance(loan, StepKind.DUE)
    with procedure.books.read() as work:
        assert cash_by_month(work) == [CashMonth("2026-01", 1_200_000, 3_000), CashMonth("2026-02", 0, 60_000)]
        totals = work.payments.totals()
    assert {status for _, status in totals} == {PaymentStatus.SETTLED}
    assert sum(total for _, total in totals.values()) == 1_263_000
