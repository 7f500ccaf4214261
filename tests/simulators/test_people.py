"""The made-up people: valid in form, unique, the same for the same seed, and nobody real."""

from datetime import date

import pytest
from stdnum import luhn
from stdnum.cn import ric

from simulators.numbers import vin, vin_check_digit
from simulators.people import TooManyPeople, population
from simulators.records import PayingHabit

ALL = population()


def test_the_same_seed_gives_the_same_people() -> None:
    assert population(3, 50) == population(3, 50)
    assert population(3, 50).people != population(4, 50).people


def test_a_person_does_not_depend_on_how_many_there_are() -> None:
    assert population(3, 20).people == population(3, 50).people[:20]


@pytest.mark.parametrize("count", [0, 10_001])
def test_a_population_beyond_the_made_up_numbers_is_refused(count: int) -> None:
    with pytest.raises(TooManyPeople):
        population(1, count)


def test_every_id_number_is_valid_and_says_birth_date_and_sex() -> None:
    for person in ALL.people:
        assert ric.validate(person.id_number) == person.id_number
        assert ric.get_birth_date(person.id_number) == person.born
        assert (int(person.id_number[16]) % 2 == 1) == (person.sex == "male")


def test_every_id_number_names_a_whole_province_which_no_real_one_does() -> None:
    assert all(person.id_number[2:6] == "0000" for person in ALL.people)


def test_every_mobile_is_of_the_made_up_range() -> None:
    assert all(person.mobile.startswith("1990000") and len(person.mobile) == 11 for person in ALL.people)


def test_every_account_passes_luhn() -> None:
    accounts = [p.account for p in ALL.people] + [d.account for d in ALL.dealers] + [s.account for s in ALL.schools]
    assert all(luhn.is_valid(account) and len(account) == 16 for account in accounts)
    assert len(set(accounts)) == len(accounts)


def test_the_vin_check_digit_is_that_of_the_standards_example() -> None:
    assert vin_check_digit("1M8GDM9A0KP042788") == "X"
    assert vin_check_digit("11111111111111111") == "1"


def test_every_vin_has_17_characters_and_its_check_digit() -> None:
    for vehicle in ALL.vehicles:
        assert len(vehicle.vin) == 17
        assert vin_check_digit(vehicle.vin) == vehicle.vin[8]
    assert vin(1, "CYE51", 2026) != vin(2, "CYE51", 2026)


def test_identifiers_are_unique_even_in_the_largest_population() -> None:
    people = population(1, 10_000).people
    for identifiers in ([p.id_number for p in people], [p.mobile for p in people], [p.account for p in people]):
        assert len(set(identifiers)) == len(people)
    assert len({vehicle.vin for vehicle in ALL.vehicles}) == len(ALL.vehicles)


def test_most_people_always_have_money_and_some_of_each_other_habit_exist() -> None:
    habits = [person.paying_habit for person in ALL.people]
    assert habits.count(PayingHabit.REGULAR) > 0.8 * len(habits)
    assert all(habits.count(habit) > 30 for habit in PayingHabit)
    assert any(person.account_closed for person in ALL.people)


def test_students_study_on_the_base_date_and_some_graduate_within_the_year() -> None:
    students = [person for person in ALL.people if person.enrolment and person.enrolment.full_time]
    assert 600 < len(students) < 900
    for student in students:
        assert student.enrolment is not None
        assert student.enrolment.started <= ALL.base_date < student.enrolment.graduates_on
        assert student.account_habit.paid_from > student.enrolment.graduates_on
    assert sum(s.enrolment.graduates_on <= date(2027, 1, 5) for s in students if s.enrolment) > 100


def test_part_time_students_exist() -> None:
    assert any(person.enrolment and not person.enrolment.full_time for person in ALL.people)


def test_nobody_borrows_without_a_history() -> None:
    for person in ALL.people:
        record = person.bureau
        assert record.overdue_count_24m <= record.history_months
        assert record.history_months > 0 or (record.debt_fen, record.open_loans, record.blacklisted) == (0, 0, False)
        assert record.history_months <= 12 * (ALL.base_date.year - person.born.year - 17)


def test_who_pays_late_now_has_been_overdue_more_often() -> None:
    def mean(habit: PayingHabit) -> float:
        counts = [p.bureau.overdue_count_24m for p in ALL.people if p.paying_habit is habit]
        return sum(counts) / len(counts)

    assert mean(PayingHabit.LATE) > 2 * mean(PayingHabit.REGULAR)


def test_vehicles_are_new_or_have_owner_and_plate() -> None:
    for vehicle in ALL.vehicles:
        assert vehicle.new == (vehicle.owner_id_number is None) == (vehicle.plate is None)
        assert vehicle.dealer in ALL.dealer_by_name
        assert vehicle.price_fen > 0
        assert vehicle.owner_id_number is None or vehicle.owner_id_number in ALL.person_by_id
    assert any(vehicle.mortgaged for vehicle in ALL.vehicles)
    assert any(not dealer.licensed for dealer in ALL.dealers)


def test_a_printed_person_shows_no_identifier() -> None:
    person = ALL.people[0]
    printed = repr(person)
    assert all(secret not in printed for secret in (person.name, person.id_number, person.mobile, person.account))
