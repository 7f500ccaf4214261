"""What happens on an account by itself."""

from datetime import date

from simulators.bank.habits import movements
from simulators.records import AccountHabit

FAR = date(2200, 12, 31)


def seen(habit: AccountHabit, balance_fen: int, after: date, until: date) -> list[tuple[str, int, str]]:
    return [(str(m.on), m.amount_fen, m.kind) for m in movements(habit, balance_fen, after, until)]


def test_salary_comes_on_each_pay_day_after_the_first_and_up_to_the_last_date() -> None:
    habit = AccountHabit(10, 500, date(2026, 1, 1), FAR, None, 0)
    assert seen(habit, 0, date(2026, 1, 10), date(2026, 3, 10)) == [
        ("2026-02-10", 500, "salary"),
        ("2026-03-10", 500, "salary"),
    ]


def test_what_is_above_the_kept_amount_is_spent_days_after_pay_day() -> None:
    habit = AccountHabit(25, 500, date(2026, 1, 1), FAR, 9, 100)
    assert seen(habit, 300, date(2026, 1, 5), date(2026, 2, 20)) == [
        ("2026-01-25", 500, "salary"),
        ("2026-02-03", -700, "living"),
    ]


def test_spending_is_not_forgotten_when_the_pay_day_lies_before_the_dates_asked_for() -> None:
    habit = AccountHabit(25, 500, date(2026, 1, 1), FAR, 9, 100)
    assert seen(habit, 800, date(2026, 1, 30), date(2026, 2, 3)) == [("2026-02-03", -700, "living")]


def test_nothing_is_spent_of_less_than_the_kept_amount() -> None:
    habit = AccountHabit(25, 500, date(2026, 3, 1), FAR, 9, 100)
    assert seen(habit, 60, date(2026, 1, 5), date(2026, 2, 20)) == []


def test_salary_stops_with_the_job() -> None:
    habit = AccountHabit(10, 500, date(2026, 1, 1), date(2026, 2, 10), None, 0)
    assert seen(habit, 0, date(2026, 1, 1), date(2026, 6, 1)) == [("2026-01-10", 500, "salary")]


def test_the_steps_do_not_depend_on_how_often_one_looks() -> None:
    habit = AccountHabit(20, 500, date(2026, 1, 1), FAR, 7, 50)
    at_once = seen(habit, 0, date(2026, 1, 1), date(2026, 12, 31))
    step_by_step: list[tuple[str, int, str]] = []
    for month in range(1, 12):
        balance_fen = sum(amount_fen for _, amount_fen, _ in step_by_step)
        step_by_step += seen(habit, balance_fen, date(2026, month, 1), date(2026, month + 1, 1))
    step_by_step += seen(habit, sum(a for _, a, _ in step_by_step), date(2026, 12, 1), date(2026, 12, 31))
    assert step_by_step == at_once
