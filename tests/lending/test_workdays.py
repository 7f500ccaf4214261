"""Due dates that keep to Chinese working days."""

from datetime import date

import pytest

from lending.schedules import build_schedule
from lending.servicing import service
from lending.terms import Terms
from lending.workdays import DayConvention, Workday, provisional, workday
from tests.lending.builders import event, terms_of


@pytest.mark.parametrize(
    ("day", "convention", "worked"),
    [
        # National Day 2025 lasts from 1 to 8 October; 11 October, a Saturday, is worked.
        ("2025-10-01", "following", "2025-10-09"),
        ("2025-10-01", "preceding", "2025-09-30"),
        ("2025-10-11", "following", "2025-10-11"),
        # 31 May 2025 is a Saturday, 2 June the last day of the Dragon Boat Festival.
        ("2025-05-31", "following", "2025-06-03"),
        ("2025-05-31", "modified_following", "2025-05-30"),
        ("2025-06-04", "modified_following", "2025-06-04"),
    ],
)
def test_a_day_off_gives_way_to_a_working_day(day: str, convention: str, worked: str) -> None:
    found = workday(date.fromisoformat(day), DayConvention(convention))
    assert found == Workday(date.fromisoformat(worked), is_provisional=False)


def test_years_without_announced_holidays_know_weekends_only_and_say_so() -> None:
    # 1 October 2090 is a Sunday.
    assert workday(date(2090, 10, 1), DayConvention.FOLLOWING) == Workday(date(2090, 10, 2), is_provisional=True)
    assert workday(date(2090, 10, 7), DayConvention.FOLLOWING).date == date(2090, 10, 9)
    assert workday(date(2090, 10, 3), DayConvention.PRECEDING) == Workday(date(2090, 10, 3), is_provisional=True)
    assert provisional([date(2025, 12, 31), date(2090, 1, 2)]) == [2]


def autumn(**changed: object) -> Terms:
    changed = {"business_days": "following"} | changed
    return terms_of(disbursement_date="2025-08-01", first_due_date="2025-09-01", n_periods=6, **changed)


def test_due_dates_keep_to_working_days_and_whole_periods_cost_the_same() -> None:
    moved, plain = build_schedule(autumn()), build_schedule(autumn(business_days=None))
    days = ["2025-09-01", "2025-10-09", "2025-11-03", "2025-12-01", "2026-01-04", "2026-02-02"]
    assert [row.due.isoformat() for row in moved.rows] == days
    assert [row[2:] for row in moved.rows] == [row[2:] for row in plain.rows]


def test_by_actual_days_interest_runs_to_the_day_that_is_worked() -> None:
    rows = build_schedule(autumn(day_count="actual/365", method="interest_only")).rows
    # 12,000 x 12 % over 38 days instead of 30, then 25 instead of 31.
    assert [row.interest for row in rows[1:3]] == [14_992, 9863]


def test_dates_once_found_stand_whatever_is_announced_later() -> None:
    terms = autumn()
    written = terms.to_json()
    assert written["first_due_date"] == "2025-09-01"
    assert Terms.parse(written) == terms
    later = written | {"due_dates": ["2025-09-01", "2025-10-08", *written["due_dates"][2:]]}  # type: ignore[index]
    assert Terms.parse(later).dues[1] == date(2025, 10, 8)


def test_installments_added_and_moved_keep_to_working_days_by_the_agreed_day() -> None:
    deferred = service(autumn(), [event("deferral", "2025-08-10", periods=2)], date(2025, 8, 10))
    # The last planned one is 2 February, for Sunday the first; from there it goes on by the first.
    assert [row.due.isoformat() for row in deferred.rows[5:]] == ["2026-02-02", "2026-03-02", "2026-04-01"]
    moved = event("reschedule", "2025-08-10", from_="2025-10-01", due="2025-10-15")
    dues = [row.due.isoformat() for row in service(autumn(), [moved], date(2025, 8, 10)).rows]
    assert dues[1:5] == ["2025-10-15", "2025-11-17", "2025-12-15", "2026-01-15"]
    backwards = service(autumn(business_days="preceding"), [moved], date(2025, 8, 10))
    # The second one was due on 30 September already: it is the third that moved, and the fourth keeps its day.
    assert [row.due.isoformat() for row in backwards.rows[2:4]] == ["2025-10-15", "2025-11-14"]
