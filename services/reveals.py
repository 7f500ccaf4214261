"""Personal values are masked on every page and in every answer; whoever needs one in full says why, and is recorded."""

from collections.abc import Mapping
from datetime import timedelta
from enum import StrEnum

from books.session import UnitOfWork
from lending.errors import LendingError
from models.columns import Erased
from models.customers import Customer
from models.loans import Loan
from models.staff import Actor
from models.words import storable
from services import audit
from services.paper_words import masked_name
from services.permissions import STAFF, Action, allows, require

REVEALED = "personal_value_shown"
LEAST_REASON = 5
MOST_AN_HOUR = 30
"""More than a person needs who looks after customers; whoever wants more copies them."""
VIEWED = "document_viewed"
MOST_DOCUMENTS_AN_HOUR = 120
"""Two a minute for a whole hour is more than anybody reads. One that was opened within the hour counts once."""


class Part(StrEnum):
    """What somebody saw of a document that was handed in."""

    FILE = "file"
    PAGES = "pages"
    FIELDS = "fields"
    FIELDS_IN_FULL = "fields in full"


CONTENT = frozenset({Part.FILE, Part.PAGES, Part.FIELDS_IN_FULL})
"""What shows numbers as they stand on the document."""


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


class TooManyDocumentsOpened(LendingError):
    """Somebody has opened as many customers' documents within an hour as anybody may."""

    code = "too_many_documents_opened"
    http_status = 429

    def __init__(self) -> None:
        super().__init__(f"at most {MOST_DOCUMENTS_AN_HOUR} documents an hour are opened for one person; go on later")


def shown_name(actor: Actor, name: str) -> str:
    """The name of a customer or party as this person sees it: in full, or its first character (张三 is 张*)."""
    return name if isinstance(name, Erased) or allows(actor, Action.SEE_NAMES) else masked_name(name)


def open_document(work: UnitOfWork, actor: Actor, loan: str, document_id: str, part: Part, **after: str) -> None:
    """Has somebody see this part of a document that was handed in, which is recorded; staff within their bound.

    Raises NotAllowed for who has no business with it, and TooManyDocumentsOpened.
    """
    require(actor, Action.OPEN_DOCUMENTS)
    if part in CONTENT and actor.role in STAFF:
        # As with values: documents opened at the same moment are counted one after the other.
        work.staff.hold(actor.id)
        others = work.audit.others_seen(actor.id, VIEWED, CONTENT, document_id, work.now - timedelta(hours=1))
        if others >= MOST_DOCUMENTS_AN_HOUR:
            raise TooManyDocumentsOpened
    audit.record(work, actor, VIEWED, loan=loan, subject=document_id, after={**after, "part": part})


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
