"""What somebody is, in versions: each with its audit entry, which the database demands before the row changes."""

from typing import Any

from books.session import UnitOfWork
from models.staff import Actor, Staff
from models.standing import StaffStanding
from services import audit


def enter(work: UnitOfWork, actor: Actor, act: str, person: Staff, credential: str) -> None:
    """Adds somebody who is not there yet, with the first version of what he is. `credential` is the mark of by what he
    will be known when the unit of work ends.
    """
    first = StaffStanding(
        staff_id=person.id,
        version=1,
        role=person.role,
        manager_id=person.manager_id,
        customer_id=person.customer_id,
        scopes=person.scopes,
        active=person.active,
        entry_id="",
    )
    after = said(first) | {"credential": credential}
    first.entry_id = audit.record(work, actor, act, subject=person.id, after=after)
    work.write(first)
    work.session.add(person)
    work.session.flush()


def change(
    work: UnitOfWork,
    actor: Actor,
    act: str,
    person: Staff,
    changes: dict[str, Any],
    *,
    credential: str | None = None,
    reason: str | None = None,
) -> None:
    """Makes the next version of what somebody is, `changes` being columns of it. What does not change is taken from the
    version before and not from the row: what was written into that around us is not vouched for.
    """
    work.staff.hold(person.id)
    was = work.staff.standing(person.id)
    if was is None:
        raise LookupError(f"{person.id} has no standing")
    now = StaffStanding(**(was.model_dump() | changes | {"version": was.version + 1}))
    after = said(now) | ({"credential": credential} if credential is not None else {})
    entry = audit.record(work, actor, act, subject=person.id, before=said(was), after=after, reason=reason)
    work.write(StaffStanding(**(now.model_dump() | {"entry_id": entry})))
    for name, value in changes.items():
        setattr(person, name, value)
    work.session.add(person)
    work.session.flush()


def said(standing: StaffStanding) -> dict[str, Any]:
    """What an audit entry says of a standing, under the names that the database compares."""
    return {
        "role": standing.role,
        "manager": standing.manager_id,
        "customer": standing.customer_id,
        "scopes": standing.scopes,
        "active": standing.active,
    }


def credential_of(work: UnitOfWork, staff_id: str) -> str:
    """The mark of by what somebody is known now, to be written into the audit entry of the act that changed it.

    Held until the end: of two such acts at the same moment the later entry is about what both left behind.
    """
    work.session.flush()
    work.staff.hold(staff_id)
    return work.sign_in.known_by([staff_id])[staff_id].mark(work.staff.key_hash(staff_id))
