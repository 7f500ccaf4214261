"""The next day on which something happens to a loan by itself."""

from datetime import date

import pytest

from lending.delinquency import DayThatMatters, Milestones, Occasion, days_past_due, next_day_that_matters
from tests.lending.builders import account, event, terms_of

LOAN = terms_of(method="equal_principal", n_periods=2)
WATCH = Milestones(reminder_days_before=(3, 1), overdue_days=(1, 30))
PAID = event("repayment", "2024-02-01", amount="6120")


def following(day: str, *events: str) -> list[tuple[str, str, int | None]]:
    """All days that matter from a day on, nothing being paid but what the events say."""
    state = account(LOAN, [PAID] if events else [], day)
    days = []
    after = date.fromisoformat(day)
    for _ in range(10):
        found = next_day_that_matters(state, after, WATCH)
        if found is None:
            break
        days.append((found.date.isoformat(), found.why.value, found.n))
        after = found.date
    return days


def test_an_unpaid_loan_is_reminded_due_and_overdue_by_its_oldest_arrears() -> None:
    assert following("2024-01-01") == [
        ("2024-01-29", "reminder", 1),
        ("2024-01-31", "reminder", 1),
        ("2024-02-01", "due", 1),
        ("2024-02-02", "overdue", 1),
        ("2024-02-27", "reminder", 2),
        ("2024-02-29", "reminder", 2),
        ("2024-03-01", "due", 2),
        ("2024-03-02", "overdue", 1),
    ]


def test_a_paid_installment_wakes_nobody() -> None:
    assert following("2024-02-01", "paid")[0] == ("2024-02-27", "reminder", 2)


def test_a_day_that_matters_lies_strictly_after_the_day_asked_from() -> None:
    state = account(LOAN, [], "2024-01-01")
    assert next_day_that_matters(state, date(2024, 1, 31), WATCH) == DayThatMatters(date(2024, 2, 1), Occasion.DUE, 1)
    assert next_day_that_matters(state, date(2024, 2, 1), WATCH) == DayThatMatters(
        date(2024, 2, 2), Occasion.OVERDUE, 1
    )


def test_a_due_date_comes_before_a_milestone_and_a_reminder_of_the_same_day() -> None:
    state = account(LOAN, [], "2024-01-01")
    watch = Milestones(reminder_days_before=(29,), overdue_days=(29,))
    found = next_day_that_matters(state, date(2024, 2, 2), watch)
    assert found == DayThatMatters(date(2024, 3, 1), Occasion.DUE, 2)


@pytest.mark.parametrize("ending", ["settlement", "write_off"])
def test_an_ended_loan_sleeps(ending: str) -> None:
    state = account(LOAN, [event(ending, "2024-01-10")], "2024-01-10")
    assert next_day_that_matters(state, date(2024, 1, 10), WATCH) is None


def test_a_due_date_that_only_the_state_pays_matters_without_a_reminder() -> None:
    terms = terms_of(method="interest_only", n_periods=3, subsidised_until="2024-02-15")
    state = account(terms, [], "2024-01-01")
    assert next_day_that_matters(state, date(2024, 1, 1), WATCH) == DayThatMatters(date(2024, 2, 1), Occasion.DUE, 1)
    assert next_day_that_matters(state, date(2024, 2, 1), WATCH) == DayThatMatters(
        date(2024, 2, 27), Occasion.REMINDER, 2
    )


def test_days_past_due_never_count_backwards() -> None:
    assert [days_past_due(date(2024, 2, 1), date(2024, 2, day)) for day in (1, 2)] == [0, 1]
    assert days_past_due(date(2024, 2, 1), date(2024, 1, 1)) == 0
