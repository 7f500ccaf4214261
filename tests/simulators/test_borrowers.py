"""Borrowers of the past: always the same, nobody's, and with the model's own truth in what became of them."""

from collections import Counter
from collections.abc import Callable
from datetime import date, timedelta

import pytest

from console.scorecard_history import is_made_up
from simulators.borrowers import MOST_BORROWERS, PastBorrower, TooManyBorrowers, borrowers
from simulators.numbers import id_number

UNTIL = date(2026, 1, 5)
COUNT = 6_000
PEOPLE = list(borrowers(COUNT, UNTIL))


def default_rate(belongs: Callable[[PastBorrower], bool]) -> float:
    """The share of those who belong that defaulted."""
    fates = [one.defaulted_on is not None for one in PEOPLE if belongs(one)]
    return sum(fates) / len(fates)


def arrears(one: PastBorrower) -> int:
    found: int = one.answers["bureau"].get("overdue_count_24m", 0)
    return found


def test_the_same_arguments_give_the_same_borrowers_and_another_seed_others() -> None:
    again = list(borrowers(COUNT, UNTIL))[:50]
    assert again == PEOPLE[:50]
    assert [one.form for one in borrowers(50, UNTIL, seed=1)] != [one.form for one in PEOPLE[:50]]


def test_they_apply_one_after_the_other_and_twelve_months_before_the_end() -> None:
    days = [one.applied_on for one in PEOPLE]
    assert days == sorted(days)
    assert UNTIL - timedelta(days=30 * 31 + 370) < days[0]
    assert days[-1] < UNTIL - timedelta(days=365)
    assert all(one.defaulted_on is None or one.defaulted_on < UNTIL for one in PEOPLE)
    assert all(one.written_off_on is None or one.written_off_on < UNTIL for one in PEOPLE)


def test_nobody_holds_their_numbers_and_nobody_of_the_living_either() -> None:
    numbers = [one.id_number for one in PEOPLE]
    assert len(set(numbers)) == COUNT
    assert all(is_made_up(number) for number in numbers)
    living = {id_number(index, date(1990, 1, 1), male=True)[:6] for index in range(10_000)}
    assert living.isdisjoint({number[:6] for number in numbers})


def test_who_defaults_is_more_than_ninety_days_late_and_nobody_else_is() -> None:
    assert all((one.worst_dpd > 90) == (one.defaulted_on is not None) for one in PEOPLE)
    assert all(one.defaulted_on is not None for one in PEOPLE if one.written_off_on is not None)


def test_defaults_come_as_often_as_their_chances_say() -> None:
    expected = sum(one.chance for one in PEOPLE)
    assert abs(sum(one.defaulted_on is not None for one in PEOPLE) - expected) < 0.1 * expected


def test_arrears_debts_and_a_short_record_lead_to_default() -> None:
    assert default_rate(lambda one: arrears(one) >= 3) > 2 * default_rate(lambda one: arrears(one) == 0)
    stated = [one.form["amount"] / one.form["monthly_income"] for one in PEOPLE]
    middle = sorted(stated)[COUNT // 2]
    assert default_rate(lambda one: one.form["amount"] / one.form["monthly_income"] > middle) > default_rate(
        lambda one: one.form["amount"] / one.form["monthly_income"] <= middle
    )


def test_sex_bears_on_default_through_income_alone() -> None:
    def is_man(one: PastBorrower) -> bool:
        return int(one.id_number[16]) % 2 == 1

    assert abs(default_rate(is_man) - default_rate(lambda one: not is_man(one))) < 0.03


def test_later_months_are_worse_than_earlier_ones() -> None:
    months = Counter(one.applied_on.year * 12 + one.applied_on.month for one in PEOPLE)
    middle = sorted(months)[len(months) // 2]

    def is_late(one: PastBorrower) -> bool:
        return one.applied_on.year * 12 + one.applied_on.month >= middle

    assert default_rate(is_late) > default_rate(lambda one: not is_late(one))


@pytest.mark.parametrize(("count", "months"), [(0, 30), (MOST_BORROWERS + 1, 30), (10, 0)])
def test_no_borrowers_too_many_or_no_months_are_refused(count: int, months: int) -> None:
    with pytest.raises(TooManyBorrowers):
        next(borrowers(count, UNTIL, months=months))
