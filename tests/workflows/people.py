"""Who applies in these tests, and with which form; a test names what differs."""

from collections.abc import Callable, Iterator
from datetime import date
from itertools import cycle

from simulators.records import PayingHabit, Person, Vehicle
from simulators.registers import exposed, namesakes
from tests.simulators.running import PEOPLE


def _taking_turns(wanted: Callable[[Person], bool]) -> Iterator[Person]:
    # Who stands on a list is graded E whatever his record, and reminded on other days.
    listed = {person.index for person in (*exposed(PEOPLE), *namesakes(PEOPLE))}
    on_no_list = (person for person in PEOPLE.people if person.index not in listed)
    found = [person for person in on_no_list if wanted(person) and not person.account_closed]
    assert found
    return cycle(found)


def _pays(person: Person) -> bool:
    """Earns well, owes little and was never late: grade A for a small loan, and always money on the account.

    No salary comes on the 5th, the day on which the lenders open: what a payout changes is then the payout alone.
    """
    record = person.bureau
    spotless = record.overdue_count_24m == 0 and record.worst_dpd == 0 and not record.blacklisted
    regular = person.paying_habit is PayingHabit.REGULAR
    paid_later = person.account_habit.pay_day != 5
    owes_little = record.monthly_payment_fen * 5 <= person.monthly_income_fen
    return (
        regular and paid_later and person.enrolment is None and spotless and record.history_months >= 36 and owes_little
    )


def _studies(person: Person) -> bool:
    enrolment = person.enrolment
    regular = person.paying_habit is PayingHabit.REGULAR
    return regular and enrolment is not None and enrolment.full_time and enrolment.graduates_on == date(2026, 6, 30)


_earners = _taking_turns(_pays)
_students = _taking_turns(_studies)
_vehicles = cycle(
    vehicle
    for vehicle in PEOPLE.vehicles
    if vehicle.new and vehicle.price_fen < 15_000_000 and PEOPLE.dealer_by_name[vehicle.dealer].licensed
)


def earner() -> Person:
    """Somebody with a salary, a spotless record and money on the account every day."""
    return next(_earners)


def student() -> Person:
    """A full-time student who graduates on 2026-06-30 and earns soon after."""
    return next(_students)


def blacklisted() -> Person:
    """Somebody whom the bureau lists as a defaulter."""
    return next(person for person in PEOPLE.people if person.bureau.blacklisted)


def short_of_money() -> Person:
    """Somebody whose account seldom holds a whole installment, with a record that does not forbid a loan."""
    return next(person for person in PEOPLE.people if person.paying_habit is PayingHabit.PARTIAL and person.index == 5)


def application(product: str, person: Person, **changes: str) -> dict[str, object]:
    """The form of a good application, with these fields changed."""
    return {
        "name": person.name,
        "id_number": person.id_number,
        "mobile": person.mobile,
        "bank_card": person.account,
        **_FORMS[product](person),
        **changes,
    }


def _micro(person: Person) -> dict[str, object]:
    income = str(person.monthly_income_fen // 100)
    return {"amount": "6000", "term": "6", "purpose": "consumption", "monthly_income": income}


def _auto(_person: Person) -> dict[str, object]:
    vehicle = next(_vehicles)
    price = vehicle.price_fen // 100
    return {
        "amount": "20000",
        "term": "12",
        "vin": vehicle.vin,
        "vehicle_model": vehicle.model,
        "vehicle_price": str(price),
        "down_payment": str(price - 20_000),
        "dealer": vehicle.dealer,
        "condition": _condition(vehicle),
    }


def _condition(vehicle: Vehicle) -> str:
    if not vehicle.new:
        return "used"
    return "new_energy" if vehicle.new_energy else "new"


def _student(person: Person) -> dict[str, object]:
    assert person.enrolment is not None
    return {
        "amount": "12000",
        "term": "18",
        "school": person.enrolment.school,
        "degree": person.enrolment.degree,
        "tuition": "8000",
        "living_costs": "16000",
        "graduation_date": person.enrolment.graduates_on.isoformat(),
        "household_income": "60000",
    }


_FORMS: dict[str, Callable[[Person], dict[str, object]]] = {
    "micro": _micro,
    "auto": _auto,
    "student": _student,
    "student_long": _student,
}
