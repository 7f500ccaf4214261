"""Personal values are masked on every page and in every answer; whoever needs one in full says why, and is recorded."""

from collections.abc import Mapping
from datetime import timedelta
from enum import StrEnum

from books.session import UnitOfWork
from lending.errors import LendingError
from models.customers import Customer
from models.loans import Loan
from models.staff import Actor
from models.words import storable
from services import audit
from services.permissions import Action, require

REVEALED = "personal_value_shown"
LEAST_REASON = 5
MOST_AN_HOUR = 30
"""More than a person needs who looks after customers; whoever wants more copies them."""


class Revealed(StrEnum):
    """What is masked and can be shown."""

    ID_NUMBER = "id_number"
    MOBILE = "mobile"
    ACCOUNT = "account"


ASKS_FOR: Mapping[Revealed, Action] = {
    Revealed.ID_NUMBER: Action.REVEAL_PERSONS,
    Revealed.MOBILE: Action.REVEAL_PERSONS,
    # Finance looks into payments that went astray.
    Revealed.ACCOUNT: Action.REVEAL_ACCOUNTS,
}


class ReasonMissing(LendingError):
    """Nobody sees a personal value without a reason."""

    code = "reason_missing"
    http_status = 422

    def __init__(self) -> None:
        super().__init__(
            "say why you need to see it", fields={"reason": f"at least {LEAST_REASON} letters, without personal data"}
        )


class TooManyReveals(LendingError):
    """Somebody has seen as many personal values within an hour as anybody may."""

    code = "too_many_reveals"
    http_status = 429

    def __init__(self) -> None:
        super().__init__(f"at most {MOST_AN_HOUR} values an hour are shown to one person; go on later")


def reveal(work: UnitOfWork, actor: Actor, loan: Loan, field: Revealed, reason: str) -> str:
    """A personal value of a loan's borrower in full. `loan` is one that the actor sees.

    Recorded with the reason, never with the value. Raises NotAllowed, ReasonMissing, TooManyReveals.
    """
    require(actor, ASKS_FOR[field])
    if len(reason.strip()) < LEAST_REASON or not storable(reason):
        raise ReasonMissing
    # Held until the end: values asked for at the same moment are counted one after the other.
    work.staff.hold(actor.id)
    if work.audit.count_since(actor.id, REVEALED, work.now - timedelta(hours=1)) >= MOST_AN_HOUR:
        raise TooManyReveals
    customer = work.customers.get(loan.customer_id)
    value = _value(work, customer, loan, field) if customer is not None else ""
    audit.record(work, actor, REVEALED, loan=loan.number, subject=field, reason=reason.strip())
    return value


def _value(work: UnitOfWork, customer: Customer, loan: Loan, field: Revealed) -> str:
    if field is Revealed.ACCOUNT:
        return work.customers.borrower(loan.number).account or ""
    return customer.id_number if field is Revealed.ID_NUMBER else customer.mobile
