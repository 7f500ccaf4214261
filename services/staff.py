"""The people and machines of the lender: who is added, gets a new password, or may not come in any more."""

import re
import secrets
from datetime import timedelta

from books.session import UnitOfWork
from books.sign_in import KnownBy, secret_digest
from lending.errors import LendingError
from models.keys import STAFF_ID_PATTERN, given_id
from models.sign_in import StaffCredential
from models.staff import Actor, Role, Scope, Staff
from services import audit, standing
from services.passwords import hashed, one_time_password
from services.sign_in import STAFF_ROLES
from services.tasks import release_all

FIRST_SIGN_IN_WITHIN = timedelta(days=3)

DEMO_PERSONS = (
    ("agent-lin", "林小满（演示）", Role.AGENT, "manager-zhao"),
    ("agent-he", "何以宁（演示）", Role.AGENT, "manager-zhao"),
    ("agent-tang", "唐知夏（演示）", Role.AGENT, "manager-feng"),
    ("manager-zhao", "赵明远（演示）", Role.MANAGER, None),
    ("manager-feng", "冯守正（演示）", Role.MANAGER, None),
    ("risk-qian", "钱若水（演示）", Role.RISK, None),
    ("risk-shen", "沈知衡（演示）", Role.RISK, None),
    ("finance-sun", "孙立账（演示）", Role.FINANCE, None),
    ("finance-zhou", "周复核（演示）", Role.FINANCE, None),
    ("auditor-wei", "魏清源（演示）", Role.AUDITOR, None),
    ("admin-gu", "顾全（演示）", Role.ADMIN, None),
    ("integrator-demo", "演示接口", Role.INTEGRATOR, "manager-zhao"),
)
"""Id, name, role and manager of the people who come with a demonstration."""


class InvalidPerson(LendingError):
    """Nobody can be added like this."""

    code = "invalid_person"
    http_status = 422


class UnknownPerson(LendingError):
    """Nobody has this id."""

    code = "unknown_person"
    http_status = 404

    def __init__(self, staff_id: str) -> None:
        super().__init__(f"nobody has the id {given_id(staff_id, STAFF_ID_PATTERN)}")


def add_person(
    work: UnitOfWork, actor: Actor, staff_id: str, name: str, role: Role, manager_id: str | None = None
) -> str:
    """Adds a member of staff and returns the password for his first sign-in, good for three days and shown this once.

    Raises InvalidPerson.
    """
    if role not in STAFF_ROLES:
        raise InvalidPerson(f"a member of staff has one of the roles {', '.join(sorted(STAFF_ROLES))}")
    person = Staff(id=staff_id, name=name, role=role, manager_id=manager_id, key_hash=_nobodys_key())
    _check_new(work, person)
    credential = StaffCredential(staff_id=staff_id, password_hash="", set_at=work.now)
    password = _first_password(work, credential)
    known = KnownBy(credential.model_dump(exclude={"totp_secret"}))
    standing.enter(work, actor, "staff_added", person, known.mark(person.key_hash))
    work.session.add(credential)
    work.session.flush()
    return password


def add_machine(
    work: UnitOfWork, actor: Actor, client_id: str, name: str, scopes: frozenset[Scope], manager_id: str | None = None
) -> Staff:
    """Adds a machine account with these scopes; its manager's team sees what it enters. Raises InvalidPerson."""
    if not scopes:
        raise InvalidPerson(f"a machine account has at least one of the scopes {' '.join(sorted(Scope))}")
    account = Staff(
        id=client_id,
        name=name,
        role=Role.INTEGRATOR,
        manager_id=manager_id,
        key_hash=_nobodys_key(),
        scopes=" ".join(sorted(scopes)),
    )
    _check_new(work, account)
    standing.enter(work, actor, "client_added", account, KnownBy().mark(account.key_hash))
    return account


def give_password(work: UnitOfWork, actor: Actor, staff_id: str, *, new_authenticator: bool = False) -> str:
    """A password for one sign-in, after which he chooses his own; all his sessions end. Raises UnknownPerson.

    With `new_authenticator` he enrols another one, for the one he had is lost.
    """
    person = person_with(work, staff_id)
    if person.role not in STAFF_ROLES:
        raise InvalidPerson(f"{staff_id} does not sign in with a password")
    password = _new_password(work, staff_id, new_authenticator=new_authenticator)
    work.sign_in.end_sessions(work.now, staff_id=staff_id)
    after = {"new_authenticator": new_authenticator, "credential": standing.credential_of(work, staff_id)}
    audit.record(work, actor, "password_given", subject=staff_id, after=after)
    return password


def forget_identity(work: UnitOfWork, actor: Actor, staff_id: str, reason: str) -> None:
    """Lets the identity provider mean another one by a person from his next sign-in on, for he is another account
    there; all his sessions end. Raises UnknownPerson, and InvalidPerson without a reason or for who never came from it.
    """
    if not reason.strip():
        raise InvalidPerson("say why: it stands in the audit log")
    person = person_with(work, staff_id)
    work.staff.hold(person.id)
    if not work.sign_in.forget_identity(person.id):
        raise InvalidPerson(f"{staff_id} has not signed in by the identity provider")
    work.sign_in.end_sessions(work.now, staff_id=person.id)
    after = {"credential": standing.credential_of(work, person.id)}
    audit.record(work, actor, "provider_identity_forgotten", subject=person.id, after=after, reason=reason.strip())


def sign_out_everywhere(work: UnitOfWork, actor: Actor, staff_id: str) -> int:
    """Ends all sessions of a person and returns how many there were. Raises UnknownPerson."""
    ended = work.sign_in.end_sessions(work.now, staff_id=person_with(work, staff_id).id)
    audit.record(work, actor, "sessions_ended", subject=staff_id, after={"ended": ended})
    return ended


def sign_out_borrower(work: UnitOfWork, actor: Actor, number: str) -> int:
    """Ends all sessions of the borrower of a loan, who lost his phone or fears for it; returns how many there were.

    Raises UnknownLoan for a loan that the actor does not see.
    """
    loan = work.loans.seen_by(actor, number)
    ended = work.sign_in.end_sessions(work.now, customer_id=loan.customer_id)
    # About the person and not the loan, by which he was only found.
    after = {"ended": ended, "found_by": loan.number}
    audit.record(work, actor, "sessions_ended", subject=loan.customer_id, after=after)
    return ended


def disable(work: UnitOfWork, actor: Actor, staff_id: str) -> None:
    """Keeps a person or machine out from now on; sessions, tokens and secrets end, and what he had in his hands goes
    back to the roles that it waits for: now too of somebody who is disabled already. It works whatever somebody made of
    the books around us. Raises UnknownPerson.
    """
    _check_known(work, staff_id)
    work.staff.hold(staff_id)
    work.sign_in.end_sessions(work.now, staff_id=staff_id)
    work.sign_in.end_access(staff_id, work.now)
    standing.shut_out(work, actor, staff_id)
    release_all(work, actor, staff_id, f"{staff_id} was disabled")


def enable(work: UnitOfWork, actor: Actor, staff_id: str) -> None:
    """Lets a person in again, with the password that he had; a machine needs a new secret.

    Raises UnknownPerson, StandingNotProved.
    """
    _check_known(work, staff_id)
    standing.change(work, actor, "staff_enabled", staff_id, {"active": True})


def person_with(work: UnitOfWork, staff_id: str) -> Staff:
    """The person or machine with this id; UnknownPerson if there is none."""
    person = work.staff.get(staff_id)
    if person is None:
        raise UnknownPerson(staff_id)
    return person


def _check_known(work: UnitOfWork, staff_id: str) -> None:
    """Raises UnknownPerson. Looks at the row as it is stored, which somebody may have made unreadable."""
    if work.staff.as_stored(staff_id) is None:
        raise UnknownPerson(staff_id)


def check_manager(work: UnitOfWork, manager_id: str | None) -> None:
    """Refuses (InvalidPerson) whoever cannot have a team; None is nobody's team."""
    if manager_id is None:
        return
    manager = work.staff.get(manager_id)
    if manager is None or manager.role is not Role.MANAGER:
        raise InvalidPerson(f"{given_id(manager_id, STAFF_ID_PATTERN)} is not the id of a manager")


def _check_new(work: UnitOfWork, person: Staff) -> None:
    if re.fullmatch(STAFF_ID_PATTERN, person.id) is None:
        raise InvalidPerson("an id has 3 to 32 small letters, digits and hyphens, and begins with a letter")
    if not person.name.strip():
        raise InvalidPerson("a name is needed")
    check_manager(work, person.manager_id)
    if work.staff.get(person.id) is not None:
        raise InvalidPerson(f"{person.id} is somebody's id already")


def _nobodys_key() -> str:
    """The digest of a key that nobody knows: who is added here comes in by password or token."""
    return secret_digest(secrets.token_urlsafe(32))


def _first_password(work: UnitOfWork, credential: StaffCredential) -> str:
    password = one_time_password()
    credential.password_hash, credential.set_at = hashed(password), work.now
    credential.must_change, credential.valid_until = True, work.now + FIRST_SIGN_IN_WITHIN
    return password


def _new_password(work: UnitOfWork, staff_id: str, *, new_authenticator: bool = False) -> str:
    credential = work.sign_in.credential(staff_id) or StaffCredential(
        staff_id=staff_id, password_hash="", set_at=work.now
    )
    password = _first_password(work, credential)
    if new_authenticator:
        credential.totp_secret, credential.totp_confirmed_at, credential.totp_last_step = None, None, 0
        work.sign_in.replace_recovery_codes(staff_id, [], work.now)
    work.session.add(credential)
    work.session.flush()
    return password


def demo_key(staff_id: str) -> str:
    """The API key of a demo person: open to everybody, for demonstrations only."""
    return f"demo-{staff_id}"


def add_demo_persons(work: UnitOfWork) -> None:
    """Adds the demo persons that are not there yet."""
    # Managers first, for the others name them.
    for staff_id, name, role, manager in sorted(DEMO_PERSONS, key=lambda one: one[3] is not None):
        if work.staff.get(staff_id) is None:
            key = secret_digest(demo_key(staff_id))
            person = Staff(id=staff_id, name=name, role=role, manager_id=manager, key_hash=key)
            standing.enter(work, audit.SYSTEM, "staff_added", person, KnownBy().mark(key))
