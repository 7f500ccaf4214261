"""What was said with a borrower; what he said by himself is entered by whoever heard it, and read by few."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from books.session import UnitOfWork
from lending.errors import LendingError
from models.loans import Loan
from models.notices import Contact, ReplyChannel
from models.staff import Actor
from models.words import LONGEST_WORDS, storable
from services import audit
from services.permissions import STAFF, Action, allows, require

LATEST_DAYS = 30
"""So many days later something that was said may still be entered."""
READ = "replies_read"
INCOMING = "in"


class InvalidContact(LendingError):
    """Nothing is said, or the day is none on which it can have been."""

    code = "invalid_contact"
    http_status = 422


@dataclass(frozen=True)
class Told:
    """A contact as somebody may read it: `text` is None where a borrower's words are not for him."""

    id: str
    at: datetime
    channel: str
    direction: str
    template: str | None
    text: str | None


def contacts_of(work: UnitOfWork, loan: Loan) -> list[Told]:
    """What was said about a loan, newest first: of what the borrower said the channel and the day, not the words."""
    return [_told(one, with_words=one.direction != INCOMING) for one in work.customers.contacts(loan.number)]


def read_contacts(work: UnitOfWork, actor: Actor, loan: Loan) -> list[Told]:
    """The same with the borrower's words, for who may read them. `loan` is one that the actor sees.

    That one of the staff read them is recorded, once a look; a borrower reads his own.
    """
    if not allows(actor, Action.SEE_REPLIES):
        return contacts_of(work, loan)
    found = work.customers.contacts(loan.number)
    replies = sum(one.direction == INCOMING for one in found)
    if replies and actor.role in STAFF:
        audit.record(work, actor, READ, loan=loan.number, after={"replies": replies})
    return [_told(one, with_words=True) for one in found]


def _told(contact: Contact, *, with_words: bool) -> Told:
    return Told(
        id=contact.id,
        at=contact.at,
        channel=contact.channel,
        direction=contact.direction,
        template=contact.template,
        text=contact.text if with_words else None,
    )


def enter_reply(
    work: UnitOfWork, actor: Actor, loan: Loan, channel: ReplyChannel, on: date, text: str, command: str
) -> Contact:
    """Keeps what the borrower said about a loan on a business date, as a contact that came in.

    It answers the messages of the week before it, on all of his loans: see `unanswered_3m` in `lending/behaviour.py`.
    What was said stays sealed for him; the audit log keeps who entered it, the channel and the day. The same `command`
    again is the same contact. Raises NotAllowed, InvalidContact.
    """
    require(actor, Action.ENTER_REPLIES)
    wrong = {}
    if not text.strip() or not storable(text):
        wrong["text"] = f"1 to {LONGEST_WORDS} characters"
    if not work.today - timedelta(days=LATEST_DAYS) <= on <= work.today:
        wrong["on"] = f"today, or a day of the last {LATEST_DAYS}"
    if wrong:
        raise InvalidContact("what the borrower said, and on which day", fields=wrong)
    # Held until the commit: of the same form sent twice at once, the second finds the first.
    work.loans.get(loan.number)
    key = f"{loan.number}:reply:{command}"
    before = work.customers.contact(key)
    if before is not None:
        return before
    contact = Contact(
        key=key,
        customer_id=loan.customer_id,
        loan=loan.number,
        channel=channel.value,
        direction=INCOMING,
        text=text.strip(),
        at=work.now if on == work.today else work.clock.opens_at(on),
    )
    work.write(contact)
    after = {"channel": channel.value, "on": on.isoformat()}
    audit.record(work, actor, "reply_entered", loan=loan.number, subject=contact.id, after=after)
    return contact
