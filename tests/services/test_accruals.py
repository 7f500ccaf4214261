"""At a month's end every loan's income, its doubtful part and its provision stand in the ledger, each once."""

from datetime import date, timedelta

import pytest
from sqlalchemy.exc import IntegrityError

from console.audits import audit_books
from lending.account import Classification
from models.ledger import (
    ACCRUED_INTEREST,
    ACCRUED_PENALTY,
    ALLOWANCES,
    INTEREST_INCOME,
    INTEREST_RECEIVABLE,
    LOAN_PRINCIPAL,
    MEMORANDUM_CONTRA,
    MEMORANDUM_INTEREST,
    PENALTY_INCOME,
    PROVISION_EXPENSE,
    SUSPENDED_INTEREST,
    SUSPENDED_PENALTY,
    VAT_PAYABLE,
    VAT_PENDING,
)
from models.loans import LoanEvent
from models.messages import StepKind
from models.recurring import DueMonthOrder, MonthPageOrder
from models.staff import Role
from models.tasks import TaskKind
from services import accruals
from services.accruals import look_at_page, month_to_end, write_page
from services.ledger import Entry, Line, post_entries, vat_part
from services.periods import MonthEndOutstanding, close_period
from services.reports import funds
from tests.services.month_ends import balances, end_months, end_page, lines_of, month_end_of
from tests.services.procedure import FINANCE, Procedure
from tests.services.unguarded import unguarded

PAID_OUT = date(2026, 1, 5)
FIRST_DUE = date(2026, 2, 5)
JANUARY_ENDS = date(2026, 1, 31)
FEBRUARY = date(2026, 2, 1)


def test_a_month_is_ended_when_it_is_over_and_not_before(procedure: Procedure) -> None:
    procedure.running()
    assert end_months(procedure, JANUARY_ENDS) == []
    assert end_months(procedure, FEBRUARY) == ["2026-01"]
    assert end_months(procedure, FEBRUARY) == []


def test_books_without_a_loan_have_no_month_to_end(procedure: Procedure) -> None:
    procedure.graded()
    with procedure.at() as work:
        assert month_to_end(work, DueMonthOrder(day=date(2027, 1, 1))).month is None


def test_interest_earned_and_not_due_is_income_of_the_month_and_turned_around_on_the_first(
    procedure: Procedure,
) -> None:
    """1.2 million fen at 7.2 % a year: 7,200 fen in the period of 31 days, of which 26 lie in January."""
    loan = procedure.running()
    end_months(procedure, FEBRUARY)
    earned = 6_039  # 7,200 × 26 ÷ 31 = 6,038.7
    tax = 342  # 6,039 × 6 ÷ 106 = 341.8
    assert month_end_of(procedure, loan, "2026-01").accrued_interest_fen == earned
    provision = 1_200_000 // 100
    assert lines_of(procedure, f"{loan}:accrual:2026-01") == {
        "interest_accrued": (ACCRUED_INTEREST, INTEREST_INCOME, earned - tax, JANUARY_ENDS),
        "interest_accrued_vat": (ACCRUED_INTEREST, VAT_PENDING, tax, JANUARY_ENDS),
        "interest_accrued_reversed": (INTEREST_INCOME, ACCRUED_INTEREST, earned - tax, FEBRUARY),
        "interest_accrued_vat_reversed": (VAT_PENDING, ACCRUED_INTEREST, tax, FEBRUARY),
        "provision_normal": (PROVISION_EXPENSE, ALLOWANCES[Classification.NORMAL], provision, JANUARY_ENDS),
    }


def test_income_is_counted_once_over_the_months(procedure: Procedure) -> None:
    loan = procedure.running()
    end_months(procedure, FEBRUARY)
    procedure.day = FIRST_DUE
    procedure.collect(loan)
    procedure.advance(loan, StepKind.DUE)
    end_months(procedure, date(2026, 3, 1))
    in_february = month_end_of(procedure, loan, "2026-02").accrued_interest_fen
    by_february = balances(procedure, date(2026, 2, 28))
    tax = vat_part(7_200, 600) + vat_part(in_february, 600)
    assert by_february[INTEREST_INCOME] == -(7_200 + in_february - tax)
    assert by_february[ACCRUED_INTEREST] == in_february
    assert by_february[VAT_PAYABLE] == -vat_part(7_200, 600)
    assert by_february[VAT_PENDING] == -vat_part(in_february, 600)
    assert balances(procedure, JANUARY_ENDS)[INTEREST_INCOME] < 0
    on_the_first = balances(procedure, date(2026, 3, 1))
    assert (on_the_first[ACCRUED_INTEREST], on_the_first[VAT_PENDING]) == (0, 0)
    assert list(audit_books(procedure.books)) == []


def test_penalty_that_no_day_has_posted_yet_is_accrued(procedure: Procedure) -> None:
    loan = procedure.running()
    procedure.day = FIRST_DUE + timedelta(days=20)
    procedure.advance(loan, StepKind.OVERDUE)
    posted = procedure.account(loan).charged.penalty
    end_months(procedure, date(2026, 3, 1))
    procedure.day = date(2026, 2, 28)
    earned = procedure.account(loan).charged.penalty
    assert 0 < posted < earned
    assert month_end_of(procedure, loan, "2026-02").accrued_penalty_fen == earned - posted
    assert balances(procedure, procedure.day)[ACCRUED_PENALTY] == earned - posted
    procedure.day = date(2026, 3, 3)
    procedure.advance(loan, StepKind.OVERDUE)
    by_march = balances(procedure, procedure.day)
    assert by_march[ACCRUED_PENALTY] == 0
    charged = procedure.account(loan).charged.penalty
    tax = vat_part(posted, 600) + vat_part(charged - posted, 600)
    assert by_march[PENALTY_INCOME] == tax - charged
    assert list(audit_books(procedure.books)) == []


def test_new_books_have_the_provisions_that_the_central_bank_asks_for(procedure: Procedure) -> None:
    with procedure.books.read() as work:
        rates = work.periods.provision_rates(procedure.day)
    # The guidance of 2002: one percent of all, and of the worse classes 2, 25, 50 and 100.
    assert rates == {
        Classification.NORMAL: 100,
        Classification.SPECIAL_MENTION: 200,
        Classification.SUBSTANDARD: 2_500,
        Classification.DOUBTFUL: 5_000,
        Classification.LOSS: 10_000,
    }


def test_the_state_s_share_is_accrued_apart_and_without_tax(procedure: Procedure) -> None:
    loan = procedure.running("student")
    end_months(procedure, FEBRUARY)
    row = month_end_of(procedure, loan, "2026-01")
    assert row.accrued_subsidy_fen > 0
    assert row.accrued_interest_fen == 0
    names = set(lines_of(procedure, f"{loan}:accrual:2026-01"))
    assert names == {"subsidy_accrued", "subsidy_accrued_reversed", "provision_normal"}


def test_a_page_that_is_asked_for_again_posts_nothing_twice(procedure: Procedure) -> None:
    loan = procedure.running()
    order = MonthPageOrder(month="2026-01", day=FEBRUARY)
    first = end_page(procedure, order)
    before = lines_of(procedure, f"{loan}:accrual:2026-01")
    assert first.after == loan
    assert not first.complete
    assert end_page(procedure, order).complete
    assert end_page(procedure, order).complete
    assert lines_of(procedure, f"{loan}:accrual:2026-01") == before


def test_two_that_look_at_once_write_one_month_end(procedure: Procedure) -> None:
    procedure.running()
    order = MonthPageOrder(month="2026-01", day=FEBRUARY)
    with procedure.at(FEBRUARY) as work:
        found = look_at_page(work, order)
        write_page(work, order, found)
    with pytest.raises(IntegrityError), procedure.at(FEBRUARY) as work:
        write_page(work, order, found)
    assert list(audit_books(procedure.books)) == []


def test_pages_go_on_by_number_until_all_loans_are_done(procedure: Procedure, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(accruals, "PAGE", 1)
    loans = [procedure.running() for _ in range(3)]
    assert end_months(procedure, FEBRUARY) == ["2026-01"]
    assert all(month_end_of(procedure, loan, "2026-01").accrued_interest_fen for loan in loans)


def test_missed_months_are_made_up_for_one_after_the_other_as_of_their_own_days(procedure: Procedure) -> None:
    loan = procedure.running()
    for due in (FIRST_DUE, date(2026, 3, 5)):
        procedure.day = due
        procedure.collect(loan)
        procedure.advance(loan, StepKind.DUE)
    assert end_months(procedure, date(2026, 4, 2)) == ["2026-01", "2026-02", "2026-03"]
    assert month_end_of(procedure, loan, "2026-01").accrued_interest_fen == 6_039
    assert balances(procedure, JANUARY_ENDS)[LOAN_PRINCIPAL] == 1_200_000
    assert list(audit_books(procedure.books)) == []


def test_a_loan_that_is_behind_its_days_is_waited_for_but_not_for_ever(procedure: Procedure) -> None:
    ready, behind = procedure.running(), procedure.running()
    procedure.day = FIRST_DUE
    procedure.collect(ready)
    procedure.advance(ready, StepKind.DUE)
    end_months(procedure, FEBRUARY)
    with procedure.at() as work:
        # A reminder day of February that its workflow has not lived through.
        assert (work.loans.get(behind).next_date or date.max) < date(2026, 2, 28)
    for day in (date(2026, 3, 1), date(2026, 3, 3)):
        assert end_months(procedure, day) == []
    assert end_months(procedure, date(2026, 3, 4)) == ["2026-02"]
    assert month_end_of(procedure, behind, "2026-02").dpd == 23


@pytest.fixture
def bad_loan(procedure: Procedure) -> str:
    """A loan that was never paid, 115 days past due on 2026-05-31 after its January to April were ended."""
    loan = procedure.running()
    for month in (2, 3, 4, 5):
        procedure.day = date(2026, month, 5)
        procedure.advance(loan, StepKind.DUE)
    end_months(procedure, date(2026, 5, 1))
    procedure.day = date(2026, 5, 8)
    procedure.advance(loan, StepKind.OVERDUE)
    with procedure.at() as work:
        # Its next day is a later one: the month is ready.
        found = work.loans.get(loan)
        found.next_date = date(2026, 6, 5)
        work.session.add(found)
    end_months(procedure, date(2026, 6, 1))
    return loan


def test_beyond_ninety_days_past_due_interest_leaves_the_income_for_the_memorandum(
    procedure: Procedure, bad_loan: str
) -> None:
    april, may = (month_end_of(procedure, bad_loan, month) for month in ("2026-04", "2026-05"))
    assert (april.dpd, april.non_accrual, april.classification) == (84, False, Classification.SPECIAL_MENTION)
    assert (may.dpd, may.non_accrual, may.classification) == (115, True, Classification.SUBSTANDARD)
    procedure.day = date(2026, 5, 31)
    account = procedure.account(bad_loan)
    at_end = balances(procedure, procedure.day)
    posted = at_end[INTEREST_RECEIVABLE]
    assert posted == account.interest_outstanding_fen
    assert at_end[SUSPENDED_INTEREST] == -(posted - vat_part(posted, 600))
    assert at_end[SUSPENDED_PENALTY] < 0
    # All of it was income in the months before, and none of it is left.
    assert abs(at_end[INTEREST_INCOME]) <= 3
    assert at_end[ACCRUED_INTEREST] == 0
    owed = account.interest_outstanding_fen + account.penalty_outstanding_fen + account.accrued_interest_fen
    assert at_end[MEMORANDUM_INTEREST] == -at_end[MEMORANDUM_CONTRA] == owed == may.memorandum_fen
    assert list(audit_books(procedure.books)) == []


def test_what_is_paid_on_a_bad_loan_is_income_again_as_far_as_it_was_paid(procedure: Procedure, bad_loan: str) -> None:
    before = month_end_of(procedure, bad_loan, "2026-05")
    procedure.day = date(2026, 6, 10)
    procedure.deposit(bad_loan, 50_000)
    procedure.advance(bad_loan, StepKind.DUE)
    end_months(procedure, date(2026, 7, 5))
    june = month_end_of(procedure, bad_loan, "2026-06")
    assert june.non_accrual
    procedure.day = date(2026, 6, 30)
    unpaid = procedure.account(bad_loan).interest_outstanding_fen
    assert june.suspended_interest_fen == unpaid - vat_part(unpaid, 600)
    assert june.suspended_interest_fen < before.suspended_interest_fen + 7_200
    assert list(audit_books(procedure.books)) == []


def test_a_cured_loan_accrues_again_and_leaves_nothing_suspended(procedure: Procedure, bad_loan: str) -> None:
    procedure.day = date(2026, 6, 20)
    overdue = procedure.account(bad_loan).overdue_fen
    procedure.deposit(bad_loan, overdue)
    procedure.advance(bad_loan)
    assert procedure.loan(bad_loan).dpd == 0
    end_months(procedure, date(2026, 7, 1))
    row = month_end_of(procedure, bad_loan, "2026-06")
    assert not row.non_accrual
    assert row.accrued_interest_fen > 0
    at_end = balances(procedure, date(2026, 6, 30))
    assert [at_end[account] for account in (SUSPENDED_INTEREST, SUSPENDED_PENALTY, MEMORANDUM_INTEREST)] == [0, 0, 0]
    assert list(audit_books(procedure.books)) == []


def test_a_bad_loan_that_only_falls_below_the_limit_stays_without_accrual(procedure: Procedure, bad_loan: str) -> None:
    procedure.day = date(2026, 6, 20)
    procedure.deposit(bad_loan, 230_000)
    procedure.advance(bad_loan)
    end_months(procedure, date(2026, 7, 5))
    row = month_end_of(procedure, bad_loan, "2026-06")
    assert (row.dpd, row.non_accrual) == (86, True)


def test_the_provision_follows_the_class_and_is_released_when_the_loan_ends(
    procedure: Procedure, bad_loan: str
) -> None:
    may = balances(procedure, date(2026, 5, 31))
    assert may[ALLOWANCES[Classification.SUBSTANDARD]] == -1_200_000 // 4
    assert may[ALLOWANCES[Classification.NORMAL]] == may[ALLOWANCES[Classification.SPECIAL_MENTION]] == 0
    april = balances(procedure, date(2026, 4, 30))
    assert april[ALLOWANCES[Classification.SPECIAL_MENTION]] == -1_200_000 // 50
    procedure.day = date(2026, 6, 20)
    procedure.deposit(bad_loan, procedure.account(bad_loan).overdue_fen)
    procedure.advance(bad_loan)
    prepayment = procedure.prepayment(bad_loan).payment_key
    assert prepayment is not None
    procedure.settle(prepayment)
    procedure.advance(bad_loan)
    assert procedure.loan(bad_loan).closed_on == procedure.day
    end_months(procedure, date(2026, 7, 1))
    june = balances(procedure, date(2026, 6, 30))
    assert june[PROVISION_EXPENSE] == 0
    assert june[ALLOWANCES[Classification.SUBSTANDARD]] == 0
    assert list(audit_books(procedure.books)) == []
    with procedure.books.read() as work:
        assert funds(work).balances


def test_a_loan_taken_over_is_not_ended_for_months_before_it_came(procedure: Procedure) -> None:
    first = procedure.running()
    procedure.day = date(2026, 2, 3)
    taken_over = procedure.running()
    with procedure.at() as work:
        # It had run elsewhere for months before its principal came into these books.
        found = work.loans.get(taken_over)
        found.disbursed_on = date(2025, 6, 5)
        work.session.add(found)
    with procedure.at(date(2026, 2, 20)) as work:
        order = MonthPageOrder(month="2026-01", day=date(2026, 2, 20))
        assert [one.figures.loan for one in look_at_page(work, order).loans] == [first]


def test_a_loan_that_ended_long_ago_is_looked_at_no_more(procedure: Procedure) -> None:
    loan, other = procedure.running(), procedure.running()
    prepayment = procedure.prepayment(loan).payment_key
    assert prepayment is not None
    procedure.settle(prepayment)
    procedure.advance(loan)
    procedure.day = FIRST_DUE
    procedure.collect(other)
    procedure.advance(other, StepKind.DUE)
    end_months(procedure, date(2026, 3, 1))
    assert month_end_of(procedure, loan, "2026-01").provision_fen == 0
    with pytest.raises(KeyError):
        month_end_of(procedure, loan, "2026-02")


def test_money_dated_back_into_an_ended_month_changes_the_next_one(procedure: Procedure) -> None:
    loan = procedure.running()
    procedure.day = FIRST_DUE + timedelta(days=20)
    procedure.advance(loan, StepKind.OVERDUE)
    end_months(procedure, date(2026, 3, 1))
    procedure.day = date(2026, 3, 2)
    procedure.deposit(loan, 103_943, booked_on=FIRST_DUE)
    procedure.advance(loan)
    # February stands as it was known, and the audit computes it as it was known.
    assert month_end_of(procedure, loan, "2026-02").dpd == 23
    assert list(audit_books(procedure.books)) == []


def test_a_loan_that_cannot_be_computed_is_a_task_for_finance_and_holds_up_no_other(procedure: Procedure) -> None:
    broken, sound = procedure.running(), procedure.running()
    with procedure.at() as work:
        body = {"id": "twice", "type": "disbursement", "date": "2026-01-20", "amount": "12000.00"}
        event = LoanEvent(
            key="twice",
            loan=broken,
            position=2,
            type="disbursement",
            date=date(2026, 1, 20),
            body=body,
            recorded_at=work.now,
        )
        # A guard refuses a second payout.
        with unguarded(work, "loan_event"):
            work.loans.add_event(event)
    for _ in range(2):
        assert end_months(procedure, FEBRUARY) == []
    assert month_end_of(procedure, sound, "2026-01").accrued_interest_fen > 0
    task = procedure.task(broken, TaskKind.TROUBLE)
    assert (task.role, "2026-01" in task.about) == (Role.FINANCE, True)
    with pytest.raises(MonthEndOutstanding, match=broken), procedure.at(FEBRUARY) as work:
        close_period(work, FINANCE, "2026-01")


def test_the_audit_finds_a_month_end_that_was_tampered_with(procedure: Procedure) -> None:
    loan = procedure.running()
    end_months(procedure, FEBRUARY)
    with procedure.at(FEBRUARY) as work:
        more = Line("more", MEMORANDUM_INTEREST, MEMORANDUM_CONTRA, 7)
        post_entries(work, [Entry(f"{loan}:accrual:2026-01", loan, JANUARY_ENDS, [more])])
    assert [(d.figure, d.ledger_fen, d.computed_fen) for d in audit_books(procedure.books)] == [("more 2026-01", 7, 0)]
