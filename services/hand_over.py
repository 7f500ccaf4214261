"""Customers of one agent become another's: those of somebody who left, or does something else here now."""

from typing import NamedTuple

from books.session import UnitOfWork
from models.staff import Actor, Role
from models.words import LONGEST_WORDS, storable
from services import audit
from services.staff import InvalidPerson, person_with

AT_ONCE = 500
"""Customers that one act hands over; whoever has more is asked about again."""


class HandedOver(NamedTuple):
    """How many customers one act gave to another agent, and whether there are more."""

    customers: int
    more: bool


def hand_over(work: UnitOfWork, actor: Actor, from_id: str, to_id: str, reason: str) -> HandedOver:
    """Gives customers of one person, at most AT_ONCE, to an agent: they and their loans are in his team from now on.

    Tasks stay where they are; what waits for a sales agent waits for him. Raises UnknownPerson, and InvalidPerson
    without a reason, to whoever is no active agent, and for somebody who looks after nobody.
    """
    reason = reason.strip()
    if not reason or not storable(reason):
        raise InvalidPerson(f"say why, in 1 to {LONGEST_WORDS} characters: it stands in the audit log")
    if from_id == to_id:
        raise InvalidPerson("customers are handed over to somebody else")
    for staff_id in (from_id, to_id):
        person_with(work, staff_id)
    # Held until the end: whoever is disabled at this moment is so before or after, and is given nobody afterwards.
    work.staff.hold(to_id)
    account = work.staff.account(to_id)
    if account is None or not account.active or account.role is not Role.AGENT:
        raise InvalidPerson(f"{to_id} is no agent who may come in, and looks after no customers")
    customers = work.customers.held_of_owner(from_id, AT_ONCE + 1)
    if not customers:
        raise InvalidPerson(f"{from_id} looks after no customer")
    given = customers[:AT_ONCE]
    work.customers.give_to(given, to_id)
    after = {"owner": to_id, "customers": given}
    audit.record(
        work, actor, "customers_handed_over", subject=from_id, before={"owner": from_id}, after=after, reason=reason
    )
    return HandedOver(len(given), len(customers) > AT_ONCE)
