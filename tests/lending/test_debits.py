"""The plan of debits: due dates always, arrears on the plan's days, and not more often in a month than it says."""

from datetime import date, timedelta

import pytest

from lending.account import LoanAccount
from lending.debits import DebitPlan, is_debit_day, next_retry
from lending.events import Event, EventType
from lending.servicing import service
from lending.terms import Terms

PAID_OUT = date(2026, 1, 5)
DUE = date(2026, 2, 5)
PLAN = DebitPlan(retry_days=(1, 4, 8), most_tries_a_month=3)


def account(day: date, paid_fen: int = 0, on: date = DUE) -> LoanAccount:
    terms = Terms.parse(
        {
            "principal": "12000.00",
            "annual_rate_percent": "12",
            "method": "level_payment",
            "n_periods": 3,
            "disbursement_date": PAID_OUT.isoformat(),
            "first_due_date": DUE.isoformat(),
        }
    )
    events = [Event("paid out", EventType.DISBURSEMENT, PAID_OUT, 1_200_000)]
    if paid_fen:
        events.append(Event("paid", EventType.REPAYMENT, on, paid_fen))
    return service(terms, events, day)


def drawn(plan: DebitPlan, first: date, days: int) -> list[int]:
    """Days after `first` on which a borrower who pays nothing is debited."""
    tries: list[date] = []
    for day in (first + timedelta(days=n) for n in range(days)):
        if is_debit_day(plan, account(day), day, tries):
            tries.append(day)
    return [(day - first).days for day in tries]


def test_nothing_is_drawn_before_the_due_date_nor_on_a_day_without_a_plan() -> None:
    assert not is_debit_day(PLAN, account(DUE - timedelta(days=1)), DUE - timedelta(days=1), [])
    assert is_debit_day(PLAN, account(DUE), DUE, [])
    assert not is_debit_day(PLAN, account(DUE + timedelta(days=2)), DUE + timedelta(days=2), [DUE])


def test_arrears_are_drawn_on_the_days_of_the_plan_until_the_month_has_had_its_tries() -> None:
    assert drawn(PLAN, DUE, 24) == [0, 1, 4]
    assert drawn(DebitPlan(retry_days=(1, 4, 8), most_tries_a_month=9), DUE, 24) == [0, 1, 4, 8]


def test_what_falls_due_is_drawn_however_often_the_month_was_tried() -> None:
    tries = [DUE + timedelta(days=n) for n in range(1, 20)]
    next_due = date(2026, 3, 5)
    assert is_debit_day(PLAN, account(next_due), next_due, [*tries, *(date(2026, 3, n) for n in range(1, 5))])


def test_an_installment_that_is_paid_is_not_drawn() -> None:
    paid = account(DUE, paid_fen=500_000)
    assert not is_debit_day(PLAN, paid, DUE, [])
    assert next_retry(PLAN, paid, DUE, []) is None


@pytest.mark.parametrize(("late", "then"), [(0, 1), (1, 4), (4, 8), (5, 8)])
def test_the_next_try_is_the_next_day_of_the_plan(late: int, then: int) -> None:
    day = DUE + timedelta(days=late)
    assert next_retry(PLAN, account(day), day, []) == DUE + timedelta(days=then)


def test_a_full_month_and_a_new_due_date_leave_no_try_to_announce() -> None:
    day = DUE + timedelta(days=1)
    assert next_retry(PLAN, account(day), day, [DUE, day]) == DUE + timedelta(days=4)
    assert next_retry(PLAN, account(DUE + timedelta(days=5)), DUE + timedelta(days=5), [DUE, day, day]) is None
    assert next_retry(DebitPlan(retry_days=(28, 29)), account(day), day, []) is None
