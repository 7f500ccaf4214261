"""A closed month takes no more postings: what comes late is booked in the first open one, with its own value date."""

import threading
from datetime import date, timedelta

import pytest

from console.audits import audit_books
from lending.errors import LendingError
from models.ledger import BANK, SUSPENSE, UNALLOCATED
from models.months import Month
from models.staff import Actor
from services.errors import NotAllowed
from services.ledger import post
from services.periods import (
    EarlierPeriodOpen,
    InvalidMonth,
    MonthEndOutstanding,
    PeriodClosed,
    PeriodNotOver,
    close_period,
)
from services.reports import trial_balance
from tests.services.month_ends import end_months
from tests.services.procedure import ADMIN, AUDITOR, FINANCE, RISK, Procedure

JANUARY_ENDS = date(2026, 1, 31)
FEBRUARY = date(2026, 2, 1)


def close(procedure: Procedure, month: str = "2026-01", *, day: date = FEBRUARY, actor: Actor = FINANCE) -> None:
    with procedure.at(day) as work:
        close_period(work, actor, month)


def test_finance_closes_a_month_that_is_over_and_the_audit_log_says_so(procedure: Procedure) -> None:
    procedure.running()
    end_months(procedure, FEBRUARY)
    close(procedure)
    with procedure.books.read() as work:
        (entry,) = [one for one in work.audit.page(limit=1000) if one.act == "period_closed"]
        closed = work.periods.last_closed()
    assert (entry.actor_id, entry.subject, entry.after) == (FINANCE.id, "2026-01", {"open_from": "2026-02-01"})
    assert closed is not None
    assert (closed.month, closed.closed_by) == ("2026-01", FINANCE.id)


@pytest.mark.parametrize("actor", [RISK, ADMIN, AUDITOR], ids=lambda actor: actor.role)
def test_nobody_but_finance_closes_a_month(procedure: Procedure, actor: Actor) -> None:
    with pytest.raises(NotAllowed):
        close(procedure, actor=actor)


@pytest.mark.parametrize("month", ["2026-13", "2026-1", "January", "2026-01-31", "", "2026W01"])
def test_a_month_is_written_year_and_month(procedure: Procedure, month: str) -> None:
    with pytest.raises(InvalidMonth) as refusal:
        close(procedure, month)
    assert set(refusal.value.fields) == {"month"}


def test_a_month_is_not_closed_before_its_end(procedure: Procedure) -> None:
    with pytest.raises(PeriodNotOver):
        close(procedure, day=JANUARY_ENDS)


def test_a_month_is_not_closed_while_an_earlier_one_is_open_nor_twice(procedure: Procedure) -> None:
    march = date(2026, 3, 1)
    with pytest.raises(EarlierPeriodOpen, match="2026-01"):
        close(procedure, "2026-02", day=march)
    with pytest.raises(PeriodClosed):
        close(procedure, "2025-12", day=march)
    close(procedure, "2026-01", day=march)
    with pytest.raises(PeriodClosed):
        close(procedure, "2026-01", day=march)
    close(procedure, "2026-02", day=march)


def test_a_month_is_not_closed_before_its_end_is_posted_for_every_loan(procedure: Procedure) -> None:
    procedure.running()
    with pytest.raises(MonthEndOutstanding):
        close(procedure)
    end_months(procedure, FEBRUARY)
    close(procedure)


def test_what_is_dated_back_into_a_closed_month_is_booked_in_the_open_one(procedure: Procedure) -> None:
    loan = procedure.running()
    end_months(procedure, FEBRUARY)
    close(procedure)
    with procedure.books.read() as work:
        before = trial_balance(work, JANUARY_ENDS)
    procedure.day = date(2026, 2, 3)
    procedure.deposit(loan, 5_000, booked_on=date(2026, 1, 20))
    procedure.advance(loan)
    with procedure.books.read() as work:
        (posting,) = [one for one in work.ledger.of_loan(loan) if (one.debit, one.credit) == (BANK, UNALLOCATED)]
        assert (posting.value_date, posting.booking_date) == (date(2026, 1, 20), FEBRUARY)
        assert trial_balance(work, JANUARY_ENDS) == before
        assert trial_balance(work, FEBRUARY) != before
    assert list(audit_books(procedure.books)) == []


def test_in_an_open_month_a_posting_is_booked_on_its_value_date(procedure: Procedure) -> None:
    loan = procedure.running()
    procedure.day = FEBRUARY
    procedure.deposit(loan, 5_000, booked_on=date(2026, 1, 20))
    procedure.advance(loan)
    with procedure.books.read() as work:
        assert all(one.booking_date == one.value_date for one in work.ledger.of_loan(loan))


def stray(procedure: Procedure, entered: threading.Event, leave: threading.Event) -> None:
    """A posting dated 31 January that is written and, for a while, not committed."""
    with procedure.at(JANUARY_ENDS) as work:
        post(
            work,
            entry="late",
            line="money",
            debit=BANK,
            credit=SUSPENSE,
            amount_fen=77,
            about="late",
            value_date=JANUARY_ENDS,
            loan=None,
        )
        entered.set()
        assert leave.wait(10)


def test_a_posting_that_is_just_being_written_is_in_the_month_before_it_closes(procedure: Procedure) -> None:
    entered, leave = threading.Event(), threading.Event()
    failures: list[BaseException] = []

    def guarded(act: threading.Thread) -> threading.Thread:
        act.start()
        return act

    def closing() -> None:
        try:
            close(procedure)
        except LendingError as refusal:
            failures.append(refusal)

    writer = guarded(threading.Thread(target=stray, args=(procedure, entered, leave)))
    assert entered.wait(10)
    closer = guarded(threading.Thread(target=closing))
    closer.join(0.5)
    assert closer.is_alive()
    leave.set()
    writer.join(10)
    closer.join(10)
    assert not failures
    with procedure.books.read() as work:
        (suspense,) = [line for line in trial_balance(work, JANUARY_ENDS).lines if line.code == SUSPENSE]
        assert suspense.credit_balance == 77
        assert work.periods.last_closed() is not None


def test_a_posting_that_waited_for_the_closing_is_booked_after_it(procedure: Procedure) -> None:
    entered, leave = threading.Event(), threading.Event()
    leave.set()
    with procedure.at(FEBRUARY) as work:
        close_period(work, FINANCE, "2026-01")
        writer = threading.Thread(target=stray, args=(procedure, entered, leave))
        writer.start()
        assert not entered.wait(0.5)
    writer.join(10)
    with procedure.books.read() as work:
        assert all(line.code != SUSPENSE for line in trial_balance(work, JANUARY_ENDS).lines)
        (suspense,) = [line for line in trial_balance(work, FEBRUARY).lines if line.code == SUSPENSE]
    assert suspense.credit_balance == 77


def test_the_trial_balance_of_any_day_is_even_and_names_what_moved(procedure: Procedure) -> None:
    procedure.running()
    end_months(procedure, FEBRUARY)
    with procedure.books.read() as work:
        before, opened, later = (trial_balance(work, day) for day in (date(2026, 1, 4), date(2026, 1, 5), JANUARY_ENDS))
    assert before.lines == ()
    assert {line.code: (line.debit_balance, line.credit_balance) for line in opened.lines} == {
        "1001": (50_000_000_000 - 1_200_000, 0),
        "1101": (1_200_000, 0),
        "3001": (0, 50_000_000_000),
    }
    (principal,) = [line for line in opened.lines if line.code == "1101"]
    assert (principal.name_en, principal.name_zh, principal.kind, principal.parent) == (
        "Loan principal",
        "贷款本金",
        "asset",
        "11",
    )
    for one in (opened, later):
        assert one.debit_balances == one.credit_balances > 0
    assert {line.code for line in later.lines} > {"1106", "4001", "2202", "1911", "5101"}


def test_months_follow_each_other_over_the_years() -> None:
    december = Month.parse("2025-12")
    assert (str(december.next), str(december.before)) == ("2026-01", "2025-11")
    assert Month.parse("2028-02").last == date(2028, 2, 29)
    assert Month.of(date(2026, 1, 31)).next == Month(date(2026, 2, 1))
    assert december < december.next
    assert Month.parse("2026-01").last + timedelta(days=1) == Month.parse("2026-02").first
