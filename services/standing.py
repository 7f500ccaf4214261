"""What somebody is, in versions: each with its audit entry, which the database demands before the row changes."""

from contextlib import suppress
from typing import Any

from books.session import UnitOfWork
from books.staff import WHO
from books.stored import mapping
from lending.errors import LendingError
from models.staff import Actor, Role, Staff
from models.standing import STANDING_ACTS, StaffStanding
from services import audit

NAMES = {column: name for name, column in WHO.items()}
NOBODY = {"role": Role.STRANGER.value, "manager": None, "customer": None, "scopes": None}
"""Somebody of whom no act said what he is."""


class StandingNotProved(LendingError):
    """What the books say somebody is was written around the application."""

    code = "standing_not_proved"
    http_status = 409

    def __init__(self, staff_id: str) -> None:
        super().__init__(
            f"what the books say {staff_id} is, is not what the last act about him said, so nothing is built on it: "
            "`loanwright audit verify` names what was changed; to disable him is possible, and makes them say it again"
        )


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
    work: UnitOfWork, actor: Actor, act: str, staff_id: str, changes: dict[str, Any], *, reason: str | None = None
) -> None:
    """Makes the next version of what somebody is, `changes` being columns of it. What does not change is taken from the
    version before, which has to be what its audit entry says, as the row has to be what that version says: what was
    written into either around us is not vouched for, and becomes no part of an entry. Raises StandingNotProved.
    """
    work.staff.hold(staff_id)
    was, row = _proved(work, staff_id), work.staff.as_stored(staff_id)
    if was is None or row is None or row.who != was:
        raise StandingNotProved(staff_id)
    now = was | {NAMES[column]: value for column, value in changes.items()}
    _make(work, actor, act, staff_id, was, now, {}, reason)


def shut_out(work: UnitOfWork, actor: Actor, staff_id: str) -> None:
    """Keeps somebody out from now on, whatever was made of his row or of his standing around us: both say again what
    the last act about him said that can be read. Of whom no act ever said anything is a stranger from now on.
    """
    work.staff.hold(staff_id)
    was = _proved(work, staff_id) or _last_said(work, staff_id)
    now, known = (was or NOBODY) | {"active": False}, {}
    if now["role"] == Role.INTEGRATOR:
        # A machine's secrets end; by what a person is known stays as it was proved before. What cannot be read has no
        # mark, and is found as long as it stands.
        with suppress(ValueError):
            known = {"credential": credential_of(work, staff_id)}
    _make(work, actor, "staff_disabled", staff_id, was, now, known)


def _make(
    work: UnitOfWork,
    actor: Actor,
    act: str,
    staff_id: str,
    was: dict[str, Any] | None,
    now: dict[str, Any],
    known: dict[str, str],
    reason: str | None = None,
) -> None:
    """Writes entry and version, and makes the row say all of it."""
    entry = audit.record(work, actor, act, subject=staff_id, before=was, after=now | known, reason=reason)
    columns = {WHO[name]: value for name, value in now.items()} | {"role": Role(now["role"])}
    version = work.staff.next_version(staff_id)
    work.write(StaffStanding(staff_id=staff_id, version=version, entry_id=entry, **columns))
    work.staff.put(staff_id, columns)
    work.session.flush()


def _proved(work: UnitOfWork, staff_id: str) -> dict[str, Any] | None:
    """What the newest version says somebody is, if that is what its entry says of him."""
    newest = work.staff.standing(staff_id)
    entry = work.audit.as_stored(newest.entry_id) if newest is not None and isinstance(newest.entry_id, str) else None
    if newest is None or entry is None or entry.subject != staff_id or entry.act not in STANDING_ACTS:
        return None
    told = who(entry.after) if entry.refused == 0 else None
    return told if newest.who == told else None


def _last_said(work: UnitOfWork, staff_id: str) -> dict[str, Any] | None:
    """What the last act about somebody said of him that can be read."""
    said = [one for act in STANDING_ACTS for one in work.audit.of_act_as_stored(act) if one.subject == staff_id]
    ours = sorted((one for one in said if isinstance(one.id, str)), key=lambda one: str(one.id), reverse=True)
    return next(filter(None, (who(one.after) for one in ours)), None)


def who(kept: object) -> dict[str, Any] | None:
    """What a document of an audit entry, as it is stored, says somebody is. None for one that cannot be read, that says
    less, as those of before there were versions, or that says what nobody can be.
    """
    try:
        told = mapping(kept)
        Role(told["role"])
        return {name: told[name] for name in WHO}
    except (TypeError, ValueError, KeyError):
        return None


def said(standing: StaffStanding) -> dict[str, Any]:
    """What an audit entry says of a standing, under the names that the database compares."""
    return {name: getattr(standing, column) for name, column in WHO.items()}


def credential_of(work: UnitOfWork, staff_id: str) -> str:
    """The mark of by what somebody is known now, to be written into the audit entry of the act that changed it.

    Held until the end: of two such acts at the same moment the later entry is about what both left behind. Raises
    ValueError if it cannot be read.
    """
    work.session.flush()
    work.staff.hold(staff_id)
    person = work.staff.as_stored(staff_id)
    return work.sign_in.known_by([staff_id])[staff_id].mark(person.key_hash if person is not None else None)
