"""What a borrower said by himself, by telephone, at a visit or in writing: entered by whoever heard it."""

from datetime import date, timedelta

from books.session import UnitOfWork
from lending.errors import LendingError
from models.loans import Loan
from models.notices import Contact, ReplyChannel
from models.staff import Actor
from models.words import LONGEST_WORDS, storable
from services import audit
from services.permissions import Action, require

LATEST_DAYS = 30
"""So many days later something that was said may still be entered."""


class InvalidContact(LendingError):
    """Nothing is said, or the day is none on which it can have been."""

    code = "invalid_contact"
    http_status = 422


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
        direction="in",
        text=text.strip(),
        at=work.now if on == work.today else work.clock.opens_at(on),
    )
    work.write(contact)
    after = {"channel": channel.value, "on": on.isoformat()}
    audit.record(work, actor, "reply_entered", loan=loan.number, subject=contact.id, after=after)
    return contact
