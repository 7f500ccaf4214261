"""Erasing a customer's personal data after the legal period: his key is destroyed, sums and postings stay.

Anti-Money Laundering Law (2024 revision), article 34: what identifies a customer is kept for at least ten years after
the end of the business relation, and his transactions for ten years after their end.
Personal Information Protection Law, article 47: what is kept beyond such a period is erased.
"""

from dataclasses import dataclass
from datetime import date

from books.erasure import ErasureBook
from books.sealing import vault_of
from books.session import UnitOfWork
from lending.duedates import Period, PeriodUnit, shift
from lending.errors import LendingError
from models.keys import ID_PATTERN, given_id
from models.loans import CLOSED
from models.staff import Actor
from services import audit
from services.data_keys import digest_columns
from services.errors import NotAllowed
from services.permissions import Action, require

LEAST_REASON = 10
"""Letters of a reason that says something."""


class UnknownCustomer(LendingError):
    """Nobody has this id."""

    code = "unknown_customer"
    http_status = 404

    def __init__(self, customer_id: str) -> None:
        super().__init__(f"there is no customer {given_id(customer_id, ID_PATTERN)}")


class NotErasable(LendingError):
    """The data is still needed, or was erased before."""

    code = "not_erasable"
    http_status = 409


class InvalidErasure(LendingError):
    """Nobody erases anything without saying why."""

    code = "invalid_erasure"
    http_status = 422


@dataclass(frozen=True)
class Erasure:
    """What was erased."""

    customer_id: str
    loans: tuple[str, ...]
    ended_on: date


def erase(
    work: UnitOfWork, actor: Actor, second: Actor, customer_id: str, reason: str, *, retention_years: int
) -> Erasure:
    """Destroys the key of a customer's data, with the digests and tokens that he is found by.

    Two people do it together. Refuses (NotErasable) while a loan of his is open or one that he co-signed, and until so
    many years have passed since the last loan was closed and the last money moved; InvalidErasure without a reason,
    UnknownCustomer, NotAllowed. What is left: sums, dates, decisions and their free texts, postings, the audit log, all
    under ids that lead to nobody.
    """
    require(actor, Action.ERASE_CUSTOMERS)
    require(second, Action.AGREE_TO_ERASURES)
    if actor.id == second.id:
        raise NotAllowed("a second person has to agree to an erasure")
    if len(reason.strip()) < LEAST_REASON:
        raise InvalidErasure("say why the data is erased", fields={"reason": f"at least {LEAST_REASON} letters"})
    work.customers.hold(customer_id)
    customer, key = work.customers.get(customer_id), work.data_keys.held(customer_id)
    if customer is None or key is None:
        raise UnknownCustomer(customer_id)
    if key.wrapped is None:
        raise NotErasable(f"the data of customer {customer_id} was erased before")
    if customer.known_as is not None:
        raise NotErasable(f"this is customer {customer.known_as}, with whose loans its data is kept: erase that one")
    book = ErasureBook(work.session)
    loans = book.loans(customer_id)
    is_open = next((loan.number for loan in loans if loan.stage not in CLOSED), None) or book.co_signed(customer)
    if is_open is not None:
        raise NotErasable(f"loan {is_open} is still open")
    numbers = [loan.number for loan in loans]
    days = [work.clock.business_date(customer.created_at), *(loan.closed_on or loan.applied_on for loan in loans)]
    ended_on = max([*days, *([last] if (last := book.last_booking(numbers)) else [])])
    erasable_on = shift(ended_on, Period(PeriodUnit.YEAR), retention_years, ended_on.day)
    if work.today < erasable_on:
        raise NotErasable(f"the law asks for this data until {erasable_on.isoformat()}")
    # What applications stated before it was known who was meant goes with him, and what lies under its keys.
    stated = book.stated_as(customer_id)
    for one in (customer, *stated):
        book.erase(one, numbers if one is customer else [], digest_columns())
        one.tags = []
        own_key = work.data_keys.held(one.id)
        if own_key is not None:
            own_key.wrapped, own_key.destroyed_at = None, work.now
            work.session.add(own_key)
        work.session.add(one)
    audit.record(
        work,
        actor,
        "customer_erased",
        subject=customer_id,
        reason=reason,
        after={"second": second.id, "loans": len(loans), "ended_on": ended_on.isoformat()},
    )
    for one in (customer, *stated):
        vault_of(work.session).forget(one.id)
    return Erasure(customer_id, tuple(numbers), ended_on)
