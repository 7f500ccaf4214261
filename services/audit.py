"""The audit log: one entry with every act, and one for every refusal."""

from typing import Any

from books.session import UnitOfWork
from models.messages import Sender
from models.origin import whence
from models.staff import Actor, Role
from models.words import leads_to_person, without_numbers
from services.errors import PersonalReason

SYSTEM = Actor(id="system", role=Role.SYSTEM)
STRANGER = Actor(id="unknown", role=Role.STRANGER)


def actor_of(sender: Sender) -> Actor:
    """The acting person as a command carried him through the workflow."""
    return Actor(
        id=sender.actor_id,
        role=sender.role,
        # A borrower acts under his customer id.
        customer_id=sender.actor_id if sender.role is Role.BORROWER else None,
        address=sender.address,
        request_id=sender.request_id,
    )


def sender_of(actor: Actor) -> Sender:
    """The acting person as a command carries him through the workflow."""
    return Sender(actor_id=actor.id, role=actor.role, address=actor.address, request_id=actor.request_id)


def who(actor: Actor) -> dict[str, Any]:
    """The columns of an entry that say who acted, and from where: he himself, or the request or command under way."""
    where = whence()
    address = actor.address or where.address
    return {
        "actor_id": actor.id,
        "role": actor.role,
        "address": address[:64] if address else None,
        "request_id": actor.request_id or where.request_id,
    }


def record(
    work: UnitOfWork,
    actor: Actor,
    act: str,
    *,
    loan: str | None = None,
    subject: str | None = None,
    before: dict[str, Any] | None = None,
    after: dict[str, Any] | None = None,
    reason: str | None = None,
    refused: bool = False,
) -> str:
    """Appends an entry to the audit log in the caller's unit of work; returns its id. Values must not be personal.

    PersonalReason for somebody's own words that hold a number which leads to a person: nothing of the act stays. Of a
    refusal, and of what the system says itself, such a number is left out.
    """
    if reason is not None and leads_to_person(reason):
        if not refused and actor.role not in (Role.SYSTEM, Role.STRANGER):
            raise PersonalReason
        reason = without_numbers(reason)
    return work.audit.add(
        at=work.now,
        **who(actor),
        act=act,
        loan=loan,
        subject=subject,
        before=before,
        after=after,
        reason=reason[:500] if reason else reason,
        refused=refused,
    )
