"""Orders to the bank, as its interface takes them."""

from itertools import count
from typing import Any

from simulators.records import Dealer, PayingHabit, Person
from tests.simulators.running import PEOPLE, Outside

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


def debit(person: Person | Dealer, amount_fen: int, on: str, **changes: object) -> dict[str, object]:
    """A fresh order to take money from somebody."""
    return {
        "end_to_end_id": f"T-1:debit:{next(_numbers)}",
        "from_account": person.account,
        "from_name": person.name,
        "amount_fen": amount_fen,
        "value_date": on,
        "purpose": "installment",
    } | changes


def draw(outside: Outside, person: Person | Dealer, amount_fen: int, on: str, **changes: object) -> Any:
    """The receipt of a debit under a mandate of that person, entered once."""
    signed_on = "2026-01-01"
    mandate = {"account": person.account, "name": person.name, "signed_on": signed_on, "document_sha256": "a" * 64}
    entered = outside.answer("POST", "/bank/mandates", mandate | {"key": f"T-1:{person.account}"})
    under = {"mandate_id": entered["mandate_id"], "mandate_signed_on": signed_on}
    return outside.answer("POST", "/bank/debits", debit(person, amount_fen, on, **under | changes))
