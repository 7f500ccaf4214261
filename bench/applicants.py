"""Applications of made-up people whom the registers know and the rules do not refuse."""

from collections.abc import Iterator
from itertools import count
from typing import Any

from simulators.people import population
from simulators.records import PayingHabit, Person, Population

CONSENT = "2026-01"
Body = dict[str, Any]


def made_up_population() -> Population:
    """The population that the simulators start with by default."""
    return population()


def microloans(people: Population, *, term: int = 6) -> Iterator[Body]:
    """An application each for all working people with a clean record and a steady account."""
    for person in people.people:
        if _is_sound(person) and person.enrolment is None and person.monthly_income_fen >= 500_000:
            yield microloan(person, term=term)


def microloan(person: Person, *, term: int = 6, amount: int = 6000) -> Body:
    """A microloan application of anybody."""
    stated = max(person.monthly_income_fen // 100, 1000)
    form = {"amount": str(amount), "term": str(term), "purpose": "consumption", "monthly_income": str(stated)}
    return _body("micro", person, form)


def student_loan(people: Population, *, term: int) -> Body:
    """An application of a full-time student who graduates next year."""
    for person in people.people:
        studies = person.enrolment
        if studies is None or not studies.full_time or person.account_closed:
            continue
        # Next year: a loan of three years then has a year left to be paid back.
        if studies.graduates_on.year == people.base_date.year + 1:
            form = {
                "amount": "8000",
                "term": str(term),
                "school": studies.school,
                "degree": studies.degree.value,
                "tuition": "6000",
                "living_costs": "6000",
                "graduation_date": studies.graduates_on.isoformat(),
                "household_income": "50000",
            }
            return _body("student", person, form)
    raise LookupError("nobody studies in this population")


def car_loan(people: Population, *, term: int) -> Body:
    """An application for a new car at a licensed dealer by the best earner with a clean record."""
    buyer = max((person for person in people.people if _is_sound(person)), key=lambda person: person.monthly_income_fen)
    licensed = {dealer.name for dealer in people.dealers if dealer.licensed}
    car = min((car for car in people.vehicles if car.new and car.dealer in licensed), key=lambda car: car.price_fen)
    price = car.price_fen // 100
    form = {
        "amount": str(price - price * 6 // 10),
        "term": str(term),
        "vin": car.vin,
        "vehicle_model": car.model,
        "condition": "new_energy" if car.new_energy else "new",
        "vehicle_price": str(price),
        "down_payment": str(price * 6 // 10),
        "dealer": car.dealer,
    }
    return _body("auto", buyer, form)


def anybody(people: Population, wanted: int) -> list[Body]:
    """Well-formed applications of this many different people, whatever the registers say about them."""
    grown_up = (person for person in people.people if person.born.year <= people.base_date.year - 19)
    return [microloan(person) for person, _ in zip(grown_up, range(wanted), strict=False)]


def keys(prefix: str) -> Iterator[str]:
    """Idempotency keys that never repeat in one process."""
    return (f"{prefix}-{n}" for n in count(1))


def _is_sound(person: Person) -> bool:
    record = person.bureau
    is_steady = person.paying_habit is PayingHabit.REGULAR and not person.account_closed
    owes_little = record.monthly_payment_fen * 5 <= person.monthly_income_fen and record.history_months >= 12
    return is_steady and owes_little and record.overdue_count_24m == 0 and not record.blacklisted


def _body(product: str, person: Person, form: dict[str, str]) -> Body:
    who = {"name": person.name, "id_number": person.id_number, "mobile": person.mobile, "bank_card": person.account}
    return {"product": product, "consent": CONSENT, "form": {**who, **form}}
