"""Who works here as something else from now on: another role, another team, other scopes of a machine."""

from typing import Any

from books.session import UnitOfWork
from models.staff import Actor, Role, Scope, Staff
from services import standing
from services.errors import NotAllowed
from services.sign_in import STAFF_ROLES
from services.staff import InvalidPerson, check_manager, person_with
from services.tasks import release_all

NEEDED = STAFF_ROLES - {Role.AGENT}
"""Roles whose work nobody else may do: somebody has to stay in each. What agents enter, borrowers may enter too."""


class LastOfRole(InvalidPerson):
    """Nobody would be left in a role that has work of its own."""

    code = "last_of_role"
    http_status = 409

    def __init__(self, staff_id: str, role: Role) -> None:
        super().__init__(f"{staff_id} is the only {role} who may come in: give somebody else that role first")


class TeamWithoutManager(InvalidPerson):
    """A manager still has a team."""

    code = "team_without_manager"
    http_status = 409

    def __init__(self, staff_id: str, count: int) -> None:
        super().__init__(f"{count} are in the team of {staff_id}: give each of them another manager first")


def change_person(
    work: UnitOfWork,
    actor: Actor,
    staff_id: str,
    reason: str,
    *,
    role: Role | None = None,
    manager_id: str | None = None,
    no_manager: bool = False,
) -> None:
    """Gives a member of staff another role, another manager or none; all his sessions and tokens end. With another
    role, what he had in his hands goes back to the roles that it waits for.

    Raises UnknownPerson, NotAllowed for one's own role and team, InvalidPerson for what cannot be, LastOfRole,
    TeamWithoutManager and StandingNotProved.
    """
    person = _another(work, actor, staff_id)
    if person.role not in STAFF_ROLES:
        raise InvalidPerson(f"{staff_id} is no member of staff")
    changes = _to_team(work, person, manager_id, no_manager=no_manager)
    if role is not None and role is not person.role:
        if role not in STAFF_ROLES:
            raise InvalidPerson(f"a member of staff has one of the roles {', '.join(sorted(STAFF_ROLES))}")
        _spare(work, person)
        changes["role"] = role
    _make(work, actor, person, changes, reason)
    if "role" in changes:
        release_all(work, actor, staff_id, f"{staff_id} was given another role")


def change_machine(
    work: UnitOfWork,
    actor: Actor,
    client_id: str,
    reason: str,
    *,
    scopes: frozenset[Scope] = frozenset(),
    manager_id: str | None = None,
    no_manager: bool = False,
) -> None:
    """Gives a machine account these scopes instead of its own, another manager or none; all its tokens end.

    Its secrets stay good. Raises UnknownPerson, InvalidPerson, StandingNotProved.
    """
    account = _another(work, actor, client_id)
    if account.role is not Role.INTEGRATOR:
        raise InvalidPerson(f"{client_id} is no machine account")
    changes = _to_team(work, account, manager_id, no_manager=no_manager)
    spelled = " ".join(sorted(scopes))
    if scopes and spelled != account.scopes:
        changes["scopes"] = spelled
    _make(work, actor, account, changes, reason)


def _another(work: UnitOfWork, actor: Actor, staff_id: str) -> Staff:
    if actor.id == staff_id:
        raise NotAllowed("nobody changes his own role, team or scopes: another administrator does")
    return person_with(work, staff_id)


def _to_team(work: UnitOfWork, person: Staff, manager_id: str | None, *, no_manager: bool) -> dict[str, Any]:
    if manager_id is not None and no_manager:
        raise InvalidPerson("either another manager, or none")
    if manager_id == person.id:
        raise InvalidPerson("nobody is in a team of his own")
    check_manager(work, manager_id)
    changes = (manager_id is not None or no_manager) and manager_id != person.manager_id
    return {"manager_id": manager_id} if changes else {}


def _spare(work: UnitOfWork, person: Staff) -> None:
    """Refuses to take away the last one of a role, or a manager whose team would be nobody's."""
    # All of the role are held: of the last two, one after the other is asked about.
    if person.role in NEEDED and work.staff.hold_role(person.role) == [person.id]:
        raise LastOfRole(person.id, person.role)
    if person.role is Role.MANAGER and (count := work.staff.team_of(person.id)):
        raise TeamWithoutManager(person.id, count)


def _make(work: UnitOfWork, actor: Actor, person: Staff, changes: dict[str, Any], reason: str) -> None:
    if not reason.strip():
        raise InvalidPerson("say why: it stands in the audit log")
    if not changes:
        raise InvalidPerson(f"{person.id} is that already")
    work.staff.hold(person.id)
    work.sign_in.end_sessions(work.now, staff_id=person.id)
    work.sign_in.end_tokens(person.id)
    standing.change(work, actor, "staff_changed", person.id, changes, reason=reason.strip())
