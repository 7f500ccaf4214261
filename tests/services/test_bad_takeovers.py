"""Loans that came over in bad arrears: their income is suspended from the first month's end on, if it is ours."""

from datetime import date

from console.audits import audit_books
from console.seed import load_products
from models import ledger as chart
from models.messages import StepKind
from settings import Settings
from tests.modules.applications import DAY
from tests.services.month_ends import balances, end_months, month_end_of
from tests.services.portfolios import running_loan, taken
from tests.services.procedure import Procedure


def test_the_income_of_a_loan_that_came_in_bad_is_suspended_and_only_what_was_earned_here(
    procedure: Procedure,
) -> None:
    load_products(Settings())
    (loan,) = taken(procedure.books, running_loan(without=(3, 4, 5, 6)))
    assert procedure.loan(loan).dpd == (DAY - date(2025, 10, 5)).days > 90
    for day in (date(2026, 1, 31), date(2026, 2, 5), date(2026, 2, 28)):
        procedure.day = day
        procedure.advance(loan, StepKind.DUE)
    procedure.day = date(2026, 3, 1)
    end_months(procedure)

    january, february = (month_end_of(procedure, loan, month) for month in ("2026-01", "2026-02"))
    account = procedure.account(loan)
    assert january.non_accrual
    assert february.non_accrual
    assert (january.accrued_interest_fen, january.suspended_interest_fen) == (0, 0)
    own = account.rows[6].interest_due
    assert february.suspended_interest_fen == own - round(own * 6 / 106) > 0
    assert 0 < january.suspended_penalty_fen < february.suspended_penalty_fen
    assert february.memorandum_fen > account.interest_outstanding_fen
    left = balances(procedure, date(2026, 2, 28))
    for income, suspended in (
        (chart.INTEREST_INCOME, chart.SUSPENDED_INTEREST),
        (chart.PENALTY_INCOME, chart.SUSPENDED_PENALTY),
    ):
        assert left[income] == 0
        assert left[suspended] < 0
    assert list(audit_books(procedure.books)) == []


def test_what_a_bad_loan_pays_of_its_past_is_no_income_of_ours(procedure: Procedure) -> None:
    load_products(Settings())
    (loan,) = taken(procedure.books, running_loan(without=(3, 4, 5, 6)))
    procedure.day = date(2026, 2, 10)
    procedure.deposit(loan, procedure.account(loan).due_fen)
    procedure.advance(loan)
    end_months(procedure, date(2026, 3, 1))

    february = month_end_of(procedure, loan, "2026-02")
    assert (february.non_accrual, february.suspended_interest_fen) == (False, 0)
    income = -balances(procedure, date(2026, 2, 28))[chart.INTEREST_INCOME]
    own = procedure.account(loan).rows[6].interest
    assert income >= own - round(own * 6 / 106)
    assert list(audit_books(procedure.books)) == []
