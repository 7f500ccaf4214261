"""Orders to the bank, as its interface takes them."""

from itertools import count

from simulators.records import PayingHabit, Person
from tests.simulators.running import PEOPLE

_numbers = count(1)


def holder(habit: PayingHabit = PayingHabit.REGULAR, *, skip: int = 0) -> Person:
    """A working person of this habit with an open account; `skip` gives another one."""
    fitting = [
        person
        for person in PEOPLE.people
        if person.paying_habit is habit and not person.account_closed and person.enrolment is None
    ]
    return fitting[skip]


def transfer(person: Person, amount_fen: int = 1000, **changes: object) -> dict[str, object]:
    """A fresh order to pay somebody."""
    return {
        "end_to_end_id": f"T-1:transfer:{next(_numbers)}",
        "to_account": person.account,
        "to_name": person.name,
        "amount_fen": amount_fen,
        "value_date": "2026-01-06",
        "purpose": "loan",
    } | changes


def debit(person: Person, amount_fen: int, on: str, **changes: object) -> dict[str, object]:
    """A fresh order to take money from somebody."""
    return {
        "end_to_end_id": f"T-1:debit:{next(_numbers)}",
        "from_account": person.account,
        "from_name": person.name,
        "amount_fen": amount_fen,
        "value_date": on,
        "purpose": "installment",
    } | changes
