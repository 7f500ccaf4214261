"""Who is away from when to when, and who stands in for him: entered once, ends by itself."""

from collections.abc import Mapping
from datetime import date

from books.session import UnitOfWork
from lending.errors import LendingError
from models.absences import Absence
from models.staff import Actor, Role, Staff
from models.words import LONGEST_WORDS, storable
from services import audit
from services.errors import NotAllowed
from services.permissions import MAY_DECIDE

LONGEST_DAYS = 366


class InvalidAbsence(LendingError):
    """The absence cannot be entered as asked for."""

    code = "invalid_absence"
    http_status = 422


class DeputyAway(LendingError):
    """The deputies of several absences would stand in for each other in a circle."""

    code = "deputy_away"
    http_status = 409

    def __init__(self) -> None:
        super().__init__(
            "in that time this deputy is away himself and handed his work to the same person; name another"
        )


class UnknownAbsence(LendingError):
    """No such absence that this person may see."""

    code = "unknown_absence"
    http_status = 404

    def __init__(self) -> None:
        super().__init__("there is no such absence, or it is over")


def enter(
    work: UnitOfWork, actor: Actor, staff_id: str, deputy_id: str, from_on: date, to_on: date, reason: str
) -> Absence:
    """Enters that somebody is away, and who stands in for him: a colleague who may decide all that he may.

    Entered by himself, by his manager or by an administrator (NotAllowed). Refused (InvalidAbsence) without a reason,
    with a deputy who could not do his work, for days that are over or more than a year, and where he is away already;
    DeputyAway where deputies would stand in for each other in a circle.
    """
    person, deputy = work.staff.get(staff_id), work.staff.get(deputy_id)
    if person is None or not person.active or not is_above(actor, person):
        raise NotAllowed("an absence is entered by who is away, by his manager or by an administrator")
    _check(work, person, deputy, from_on, to_on, reason)
    # Held until the end: absences entered at the same moment see each other, also those that would close a circle.
    work.outbox.hold("absences")
    known = [one for one in work.absences.from_day(from_on) if one.from_on <= to_on]
    if any(one.staff_id == staff_id for one in known):
        raise InvalidAbsence(
            "he is away already in that time", fields={"from": "overlaps another absence; call that one off first"}
        )
    if _leads_to(deputy_id, staff_id, known):
        raise DeputyAway
    absence = Absence(
        staff_id=staff_id,
        deputy_id=deputy_id,
        from_on=from_on,
        to_on=to_on,
        reason=reason.strip(),
        entered_by=actor.id,
        entered_at=work.now,
    )
    work.write(absence)
    audit.record(
        work,
        actor,
        "absence_entered",
        subject=absence.id,
        after={"of": staff_id, "deputy": deputy_id, "from": from_on.isoformat(), "to": to_on.isoformat()},
        reason=absence.reason,
    )
    return absence


def _check(work: UnitOfWork, person: Staff, deputy: Staff | None, from_on: date, to_on: date, reason: str) -> None:
    wrong = {}
    if person.role not in MAY_DECIDE:
        raise InvalidAbsence(f"the role {person.role} holds no tasks", fields={"who": "needs no deputy"})
    if deputy is None or not deputy.active or deputy.id == person.id or deputy.role not in MAY_DECIDE[person.role]:
        wrong["deputy"] = "must be an active colleague of the same role or above"
    if not from_on <= to_on:
        wrong["to"] = "is not before the first day"
    elif to_on < work.today:
        wrong["to"] = "is not over"
    elif (to_on - from_on).days >= LONGEST_DAYS:
        wrong["to"] = f"is at most {LONGEST_DAYS} days after the first"
    if not reason.strip() or not storable(reason.strip()) or len(reason.strip()) > LONGEST_WORDS:
        wrong["reason"] = f"say why, in 1 to {LONGEST_WORDS} characters"
    if wrong:
        raise InvalidAbsence("the absence is not complete", fields=wrong)


def _leads_to(start: str, end: str, known: list[Absence]) -> bool:
    """Whether the work of one could come to another through these absences. Days are not told apart: better too
    careful than a circle on a single day.
    """
    reached, ahead = set[str](), [start]
    while ahead:
        person = ahead.pop()
        if person == end:
            return True
        if person not in reached:
            reached.add(person)
            ahead += [one.deputy_id for one in known if one.staff_id == person]
    return False


def call_off(work: UnitOfWork, actor: Actor, absence_id: str) -> Absence:
    """Ends an absence before its time, or before it began; by the same people who may enter it."""
    absence = work.absences.get(absence_id)
    if absence is None or absence.called_off_at is not None or absence.to_on < work.today:
        raise UnknownAbsence
    person = work.staff.get(absence.staff_id)
    if person is None or not is_above(actor, person):
        raise NotAllowed("an absence is called off by who is away, by his manager or by an administrator")
    absence.called_off_by = actor.id
    absence.called_off_at = work.now
    work.session.add(absence)
    audit.record(work, actor, "absence_called_off", subject=absence.id, after={"of": absence.staff_id})
    return absence


def is_above(actor: Actor, person: Staff) -> bool:
    """Whether an absence of this person is for the actor to enter."""
    return actor.id == person.id or person.manager_id == actor.id or actor.role is Role.ADMIN


def deputy_of(work: UnitOfWork, staff_id: str, day: date) -> str:
    """Who does the work of somebody on a day: himself, or the first of his deputies who is there."""
    return _present(staff_id, work.absences.deputies(day))


def stood_in_for(work: UnitOfWork, staff_id: str, day: date) -> tuple[str, ...]:
    """For whom somebody does the work on a day, himself not counted; for nobody while he is away himself."""
    deputies = work.absences.deputies(day)
    return tuple(sorted(away for away in deputies if away != staff_id and _present(away, deputies) == staff_id))


def _present(staff_id: str, deputies: Mapping[str, str]) -> str:
    """The end of the chain of deputies; the person himself where it runs in a circle, so that nothing gets lost."""
    person, passed = staff_id, {staff_id}
    while person in deputies:
        person = deputies[person]
        if person in passed:
            return staff_id
        passed.add(person)
    return person
