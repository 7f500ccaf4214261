"""Builds the made-up people and all that the registers say about them, from a seed."""

from datetime import date, timedelta
from random import Random

from lending.errors import LendingError
from simulators.numbers import MOST_PEOPLE, account_number, id_number, mobile_number, vin
from simulators.records import (
    AccountHabit,
    BureauRecord,
    Dealer,
    Degree,
    Enrolment,
    Household,
    PayingHabit,
    Person,
    Population,
    School,
    Sex,
    Vehicle,
)
from simulators.vocabulary import (
    CAR_MODELS,
    CIRCUMSTANCES,
    CITIES,
    DEALER_NAMES,
    DEALER_SUFFIX,
    FEMALE_CHARACTERS,
    MALE_CHARACTERS,
    OCCUPATIONS,
    SCHOOLS,
    SURNAMES,
)

DEFAULT_SEED = 2026
DEFAULT_PEOPLE = 3000
DEFAULT_BASE_DATE = date(2026, 1, 5)

_YUAN = 100
_ORDINARY_KM_A_YEAR = 15_000
_STUDENT_SHARE = 0.25
_FAR = date(2200, 12, 31)
_FIRST_DEALER = 800_000_000
_FIRST_SCHOOL = 810_000_000
_YEARS_OF_STUDY = {Degree.ASSOCIATE: 3, Degree.BACHELOR: 4, Degree.MASTER: 3, Degree.DOCTOR: 4}
_AGE_AT_START = {Degree.ASSOCIATE: 18, Degree.BACHELOR: 18, Degree.MASTER: 22, Degree.DOCTOR: 25}


class TooManyPeople(LendingError):
    """The population asked for has no people or more than there are made-up numbers."""

    code = "too_many_people"
    http_status = 422


def population(
    seed: int = DEFAULT_SEED, count: int = DEFAULT_PEOPLE, base_date: date = DEFAULT_BASE_DATE
) -> Population:
    """The population of a seed as of `base_date`: always the same, and person n does not depend on `count`.

    Refused: a count below 1 or above 10,000, as the range of mobile numbers has no more.
    """
    if not 1 <= count <= MOST_PEOPLE:
        raise TooManyPeople(f"a population has 1 to {MOST_PEOPLE} people, not {count}")
    people = tuple(_person(Random(f"{seed}:person:{index}"), index, base_date) for index in range(count))
    dealers = _dealers()
    return Population(
        seed=seed,
        base_date=base_date,
        people=people,
        dealers=dealers,
        schools=tuple(School(name, account_number(_FIRST_SCHOOL + n)) for n, name in enumerate(SCHOOLS)),
        vehicles=tuple(
            _vehicle(Random(f"{seed}:vehicle:{serial}"), serial, people, dealers, base_date)
            for serial in range(max(20, count // 3))
        ),
    )


def _person(rng: Random, index: int, base_date: date) -> Person:
    male = rng.random() < 0.5
    is_student = rng.random() < _STUDENT_SHARE
    enrolment = _enrolment(rng, base_date, full_time=is_student) if is_student or rng.random() < 0.03 else None
    if is_student and enrolment is not None:
        age_at_start = _AGE_AT_START[enrolment.degree] + rng.randrange(2)
        born = date(enrolment.started.year - age_at_start, rng.randint(1, 12), rng.randint(1, 28))
        occupation, income_fen = "学生", rng.choice((0, 0, 0, 600, 900, 1200)) * _YUAN
    else:
        work = rng.choice(OCCUPATIONS)
        born = date(base_date.year - rng.randint(22, 60), rng.randint(1, 12), rng.randint(1, 28))
        occupation, income_fen = work.name, rng.randrange(work.least, work.most, 50) * _YUAN
    habit = rng.choices(list(PayingHabit), weights=(85, 8, 4, 3))[0]
    opening_fen, account_habit = _account(rng, base_date, habit, income_fen, enrolment if is_student else None)
    return Person(
        index=index,
        name=_name(rng, male=male),
        id_number=id_number(index, born, male=male),
        sex=Sex.MALE if male else Sex.FEMALE,
        born=born,
        mobile=mobile_number(index),
        account=account_number(index),
        account_closed=rng.random() < 0.01,
        opening_balance_fen=opening_fen,
        occupation=occupation,
        monthly_income_fen=income_fen,
        household=_household(rng, income_fen, is_student=is_student),
        bureau=_bureau_record(rng, habit, income_fen, age=base_date.year - born.year, is_student=is_student),
        enrolment=enrolment,
        paying_habit=habit,
        account_habit=account_habit,
    )


def _name(rng: Random, *, male: bool) -> str:
    characters = MALE_CHARACTERS if male else FEMALE_CHARACTERS
    return rng.choice(SURNAMES) + "".join(rng.sample(characters, rng.choice((1, 2, 2))))


def _enrolment(rng: Random, base_date: date, *, full_time: bool) -> Enrolment:
    degree = rng.choices(list(Degree), weights=(30, 50, 16, 4))[0]
    years = _YEARS_OF_STUDY[degree]
    first_autumn = base_date.year if base_date.month >= 9 else base_date.year - 1
    started = date(first_autumn - rng.randrange(years), 9, 1)
    return Enrolment(rng.choice(SCHOOLS), full_time, degree, started, date(started.year + years, 6, 30))


def _account(
    rng: Random, base_date: date, habit: PayingHabit, income_fen: int, enrolment: Enrolment | None
) -> tuple[int, AccountHabit]:
    """Opening balance and habit of the account; a student's salary begins after graduation."""
    pay_day = rng.choice((5, 8, 10, 15, 20, 25))
    paid_from = base_date
    if enrolment is not None:
        income_fen = rng.randrange(4500, 9500, 100) * _YUAN
        paid_from = enrolment.graduates_on + timedelta(days=rng.randint(20, 90))
    inflow_fen = income_fen * 6 // 10
    match habit:
        case PayingHabit.REGULAR:
            opening_fen = 3000 * _YUAN if enrolment else 6 * income_fen
            return opening_fen, AccountHabit(pay_day, inflow_fen, paid_from, _FAR, None, 0)
        case PayingHabit.LATE:
            return 200 * _YUAN, AccountHabit(pay_day, inflow_fen, paid_from, _FAR, rng.randint(5, 9), 100 * _YUAN)
        case PayingHabit.PARTIAL:
            return 300 * _YUAN, AccountHabit(pay_day, inflow_fen // 8, paid_from, _FAR, 27, 50 * _YUAN)
        case PayingHabit.BROKE:
            stops = base_date + timedelta(days=rng.randint(60, 240))
            return 100 * _YUAN, AccountHabit(pay_day, inflow_fen, paid_from, stops, 15, 0)


def _household(rng: Random, income_fen: int, *, is_student: bool) -> Household:
    size = rng.choice((2, 3, 3, 4, 4, 5))
    others_fen = rng.randrange(8_000, 160_000, 500) * _YUAN
    has_circumstance = rng.random() < (0.25 if is_student else 0.08)
    circumstances = tuple(rng.sample(CIRCUMSTANCES, rng.choice((1, 1, 2)))) if has_circumstance else ()
    return Household(size, 12 * income_fen + others_fen, circumstances)


def _bureau_record(rng: Random, habit: PayingHabit, income_fen: int, *, age: int, is_student: bool) -> BureauRecord:
    """A record that fits the habit: who pays late now has paid late before, if he ever borrowed."""
    history_months = 0 if is_student or rng.random() < 0.08 else rng.randint(3, 12 * min(20, age - 21))
    if history_months == 0:
        return BureauRecord(0, 0, 0, 0, 0, 0, blacklisted=False)
    most_overdue = {PayingHabit.REGULAR: 1, PayingHabit.LATE: 6, PayingHabit.PARTIAL: 5, PayingHabit.BROKE: 9}[habit]
    overdue_count = min(history_months, rng.randint(0, most_overdue) if rng.random() < 0.6 else 0)
    worst_dpd = min(180, overdue_count * rng.randint(3, 25))
    open_loans = rng.choice((0, 0, 1, 1, 2, 3, 5))
    payment_fen = sum(rng.randrange(5, 16) * income_fen // 100 for _ in range(open_loans))
    return BureauRecord(
        overdue_count_24m=overdue_count,
        worst_dpd=worst_dpd,
        open_loans=open_loans,
        debt_fen=payment_fen * rng.randint(6, 48),
        monthly_payment_fen=payment_fen,
        history_months=history_months,
        blacklisted=rng.random() < (0.005 if habit is PayingHabit.REGULAR else 0.08),
    )


def _dealers() -> tuple[Dealer, ...]:
    """Thirty dealers; every tenth has lost his licence."""
    names = [f"{city}{name}{DEALER_SUFFIX}" for city in CITIES for name in DEALER_NAMES[:3]]
    return tuple(Dealer(name, n % 10 != 9, account_number(_FIRST_DEALER + n)) for n, name in enumerate(names))


def _vehicle(
    rng: Random, serial: int, people: tuple[Person, ...], dealers: tuple[Dealer, ...], base_date: date
) -> Vehicle:
    model = rng.choice(CAR_MODELS)
    dealer = rng.choice(dealers)
    if rng.random() < 0.65:
        number = vin(serial, model.code, base_date.year)
        return Vehicle(number, model.name, model.new_energy, model.price * _YUAN, dealer.name, None, None, None, False)
    years = rng.randint(1, 8)
    registered = date(base_date.year - years, rng.randint(1, 12), rng.randint(1, 28))
    price_fen = model.price * _YUAN * (100 - 10 * years) // 100
    mileage_km = Random(f"{serial}:mileage").randrange(6_000, 26_000, 100) * years
    return Vehicle(
        vin=vin(serial, model.code, registered.year),
        model=model.name,
        new_energy=model.new_energy,
        price_fen=price_fen,
        dealer=dealer.name,
        plate=f"测A{serial:05d}",
        owner_id_number=rng.choice(people).id_number,
        first_registered=registered,
        mortgaged=rng.random() < 0.15,
        mileage_km=mileage_km,
        valuation_fen=_valuation(price_fen, mileage_km // years),
    )


def _valuation(price_fen: int, km_a_year: int) -> int:
    """What a used vehicle is worth: the price already fell by its age, and falls half a percent more for every
    thousand kilometres a year beyond an ordinary use; one that was driven less is worth as much more.
    """
    beyond = (km_a_year - _ORDINARY_KM_A_YEAR) // 1_000
    return price_fen * (1_000 - 5 * beyond) // 1_000
