"""The ledger follows the mathematics: it posts what is missing, and turns around what became less."""

from collections.abc import Callable
from datetime import date, timedelta

import pytest
from sqlalchemy import Connection, event
from sqlalchemy.exc import IntegrityError

from books.session import UnitOfWork
from console.audits import audit_books
from lending.account import Classification
from lending.errors import LendingError
from models.changes import ChangeKind
from models.ledger import (
    BANK,
    INTEREST_INCOME,
    INTEREST_RECEIVABLE,
    LOAN_PRINCIPAL,
    PENALTY_INCOME,
    PENALTY_RECEIVABLE,
    RECOVERY_INCOME,
    SUBSIDY_INCOME,
    SUBSIDY_RECEIVABLE,
    SUSPENSE,
    UNALLOCATED,
    VAT_PAYABLE,
    WAIVERS,
)
from models.messages import StepKind
from models.payments import PaymentStatus
from models.tasks import TaskKind
from services.bundle_money import balances
from services.chart import InvalidRule, revise_account, rule_non_accrual, rule_provision
from services.errors import NotAllowed
from services.ledger import bring_up_to, post, post_payment, vat_part
from services.reports import CashMonth, cash_by_month, funds
from tests.services.month_ends import end_months, month_end_of
from tests.services.procedure import FINANCE, RISK, Procedure
from tests.services.proposals import change

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
        (INTEREST_RECEIVABLE, INTEREST_INCOME): 6_792,
        (INTEREST_RECEIVABLE, VAT_PAYABLE): 408,
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
            amount_fen=8,
            about="stray",
            value_date=procedure.day,
            loan=loan,
        )
        found = work.loans.get(loan)
        found.outstanding_fen -= 1
        work.session.add(found)
    differences = [(d.figure, d.ledger_fen, d.computed_fen) for d in audit_books(procedure.books)]
    assert differences == [("penalty", 8, 0), ("penalty charged", 8, 0), ("shown", 1_199_999, 1_200_000)]


def test_the_audit_of_the_books_finds_a_charge_and_a_waiver_that_never_were(procedure: Procedure) -> None:
    loan = procedure.running()
    with procedure.at() as work:
        for line, debit, credit in (
            ("charge", INTEREST_RECEIVABLE, INTEREST_INCOME),
            ("waiver", WAIVERS, INTEREST_RECEIVABLE),
        ):
            post(
                work,
                entry="stray",
                line=line,
                debit=debit,
                credit=credit,
                amount_fen=500,
                about="stray",
                value_date=date(2025, 12, 31),
                loan=loan,
            )
    found = {(d.figure, d.ledger_fen, d.computed_fen) for d in audit_books(procedure.books)}
    # What is owed is as it was: only what became of it is not.
    assert {("interest charged", 500, 0), ("interest waived", 500, 0)} <= found
    assert "interest" not in {figure for figure, _, _ in found}


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


def test_balances_of_a_loan_follow_from_its_postings_alone(procedure: Procedure) -> None:
    loan = procedure.running()
    procedure.day = FIRST_DUE
    procedure.collect(loan, fen=60_000)
    procedure.advance(loan, StepKind.DUE)
    account = procedure.account(loan)
    with procedure.books.read() as work:
        moved = work.ledger.moved(loan)
        left = balances((debit, credit, fen) for (debit, credit), fen in moved.items())
    assert left[LOAN_PRINCIPAL] == account.principal_outstanding_fen
    assert left[INTEREST_RECEIVABLE] == account.interest_outstanding_fen
    assert left[BANK] == 60_000 - 1_200_000
    assert sum(left.values()) == 0


@pytest.mark.parametrize(
    ("gross", "basis_points", "tax"),
    [(10_600, 600, 600), (7_200, 600, 408), (8, 600, 0), (9, 600, 1), (-7_200, 600, -408), (7_200, 0, 0), (0, 600, 0)],
)
def test_the_tax_in_a_gross_amount_is_rounded_half_up_to_a_fen(gross: int, basis_points: int, tax: int) -> None:
    """9 × 6 ÷ 106 is 0.509, 8 × 6 ÷ 106 is 0.453, 7,200 × 6 ÷ 106 is 407.5."""
    assert vat_part(gross, basis_points) == tax


def test_what_the_state_pays_bears_no_tax(procedure: Procedure) -> None:
    loan = procedure.running("student")
    procedure.day = FIRST_DUE
    procedure.advance(loan, StepKind.DUE)
    charged = {pair: fen for pair, fen in moved(procedure, loan).items() if pair[0] == SUBSIDY_RECEIVABLE}
    assert set(charged) == {(SUBSIDY_RECEIVABLE, SUBSIDY_INCOME)}


def test_a_subsidy_that_comes_late_never_makes_the_student_overdue(procedure: Procedure) -> None:
    loan = procedure.running("student")
    for day in (FIRST_DUE, FIRST_DUE + timedelta(days=20), date(2026, 5, 20)):
        procedure.day = day
        procedure.advance(loan, StepKind.DUE)
        shown, account = procedure.loan(loan), procedure.account(loan)
        assert (shown.dpd, shown.overdue_fen, shown.high_risk) == (0, 0, False)
        assert (account.due_fen, account.charged.penalty) == (0, 0)
        with procedure.books.read() as work:
            assert work.ledger.balance(SUBSIDY_RECEIVABLE, loan=loan) == account.subsidy_outstanding_fen > 0
            assert work.ledger.balance(INTEREST_RECEIVABLE, loan=loan) == 0
    assert procedure.open_tasks(loan) == []


def test_a_rate_of_zero_from_a_day_on_ends_the_split(procedure: Procedure) -> None:
    loan = procedure.running()
    with procedure.at() as work:
        revise_account(work, FINANCE, INTEREST_INCOME, FIRST_DUE + timedelta(days=1), {"vat_basis_points": 0})
    for day in (FIRST_DUE, date(2026, 3, 5)):
        procedure.day = day
        procedure.collect(loan)
        procedure.advance(loan, StepKind.DUE)
    charged = procedure.account(loan).charged.interest
    after = moved(procedure, loan)
    assert after[(INTEREST_RECEIVABLE, VAT_PAYABLE)] == 408
    assert after[(INTEREST_RECEIVABLE, INTEREST_INCOME)] == charged - 408
    assert list(audit_books(procedure.books)) == []
    with procedure.books.read() as work:
        assert funds(work).balances
        assert funds(work).interest == charged
        assert [version.vat_basis_points for version in work.ledger.versions(INTEREST_INCOME)] == [0, 600, 0]


def test_the_audit_of_the_books_finds_a_tax_that_was_split_wrongly(procedure: Procedure) -> None:
    loan = procedure.running()
    with procedure.at() as work:
        for line, credit, fen in (("a", INTEREST_INCOME, 100), ("b", VAT_PAYABLE, 9)):
            post(
                work,
                entry="stray",
                line=line,
                debit=INTEREST_RECEIVABLE,
                credit=credit,
                amount_fen=fen,
                about="stray",
                value_date=procedure.day,
                loan=loan,
            )
    found = [(d.figure, d.ledger_fen, d.computed_fen) for d in audit_books(procedure.books)]
    assert ("interest tax in stray", 9, 6) in found


def test_rules_begin_on_a_day_to_come_and_are_finance_s(procedure: Procedure) -> None:
    tomorrow = procedure.day + timedelta(days=1)
    refused: list[tuple[type[LendingError], Callable[[UnitOfWork], None]]] = [
        (NotAllowed, lambda work: revise_account(work, RISK, "4001", tomorrow, {"vat_basis_points": 300})),
        (InvalidRule, lambda work: revise_account(work, FINANCE, "4001", procedure.day, {"vat_basis_points": 300})),
        (InvalidRule, lambda work: revise_account(work, FINANCE, "4999", tomorrow, {"vat_basis_points": 300})),
        (InvalidRule, lambda work: revise_account(work, FINANCE, "4001", tomorrow, {"vat_basis_points": 10_000})),
        (InvalidRule, lambda work: revise_account(work, FINANCE, "4001", tomorrow, {"kind": "asset"})),
        (InvalidRule, lambda work: revise_account(work, FINANCE, "4001", tomorrow, {})),
        (InvalidRule, lambda work: rule_non_accrual(work, FINANCE, procedure.day, 90, 0)),
        (InvalidRule, lambda work: rule_non_accrual(work, FINANCE, tomorrow, 90, 91)),
        (InvalidRule, lambda work: rule_provision(work, FINANCE, tomorrow, Classification.LOSS, 10_001)),
        (NotAllowed, lambda work: rule_provision(work, RISK, tomorrow, Classification.LOSS, 1)),
    ]
    for error, act in refused:
        with pytest.raises(error), procedure.at() as work:
            act(work)
    with procedure.books.read() as work:
        assert work.ledger.rates(tomorrow) == {"4001": 600, "4002": 600, "4003": 600}


def test_a_rule_is_valid_from_its_day_on(procedure: Procedure) -> None:
    loan = procedure.running()
    with procedure.at() as work:
        rule_provision(work, FINANCE, date(2026, 2, 1), Classification.NORMAL, 150)
        rule_non_accrual(work, FINANCE, date(2026, 2, 1), 30, 10)
        (ruled, again) = [one for one in work.audit.page(limit=1000) if one.act.endswith("_ruled")]
    assert (ruled.actor_id, ruled.after) == (FINANCE.id, {"basis_points": 150, "valid_from": "2026-02-01"})
    assert again.after == {"above_dpd": 30, "cured_at_dpd": 10, "valid_from": "2026-02-01"}
    procedure.day = FIRST_DUE
    procedure.collect(loan)
    procedure.advance(loan, StepKind.DUE)
    end_months(procedure, date(2026, 3, 1))
    principal = procedure.account(loan).principal_outstanding_fen
    assert month_end_of(procedure, loan, "2026-01").provision_fen == 12_000
    assert month_end_of(procedure, loan, "2026-02").provision_fen == round(principal * 0.015)
    with procedure.books.read() as work:
        rules = [work.periods.non_accrual_rule(date(2026, month, 28)) for month in (1, 2)]
    assert [(rule.above_dpd, rule.cured_at_dpd) for rule in rules if rule] == [(90, 0), (30, 10)]
    assert list(audit_books(procedure.books)) == []


def test_an_installment_asks_the_books_no_more_for_having_a_tax(procedure: Procedure) -> None:
    """One look gives what is posted and the rates of the day; one statement writes all lines."""
    loan = procedure.running()
    procedure.day = FIRST_DUE
    account = procedure.account(loan)
    said: list[str] = []

    def note(_c: Connection, _cursor: object, statement: str, *_further: object) -> None:
        said.append(statement.partition(" ")[0])

    with procedure.at() as work:
        event.listen(procedure.books.engine, "before_cursor_execute", note)
        bring_up_to(work, loan, account, "once", procedure.day)
        event.remove(procedure.books.engine, "before_cursor_execute", note)
    assert said == ["SELECT", "INSERT"]
    assert (INTEREST_RECEIVABLE, VAT_PAYABLE) in moved(procedure, loan)


def test_what_comes_in_above_a_debt_that_was_written_off_is_the_borrowers_and_no_income(procedure: Procedure) -> None:
    loan = procedure.running()
    procedure.day = FIRST_DUE + timedelta(days=40)
    procedure.advance(loan)
    change(procedure, loan, ChangeKind.WRITE_OFF)
    owed = procedure.account(loan).written_off.borrower_total
    procedure.day += timedelta(days=100)
    procedure.deposit(loan, owed + 500)
    procedure.advance(loan)
    with procedure.books.read() as work:
        assert work.ledger.balance(RECOVERY_INCOME, loan=loan) == -owed
        assert work.ledger.balance(UNALLOCATED, loan=loan) == -500
        assert funds(work).balances
    assert procedure.task(loan, TaskKind.UNMATCHED_MONEY).about == "the settled loan has 5.00 too much: refund it"
