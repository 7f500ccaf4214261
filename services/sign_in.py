"""Signing in at the pages: passwords and second factors of the staff, and the sessions of everybody."""

import json
import secrets
from dataclasses import dataclass, replace
from datetime import timedelta

from books.session import UnitOfWork
from books.sign_in import secret_digest
from books.staff import Account
from lending.errors import LendingError
from models.identity_provider import ProvidedIdentity
from models.sign_in import ProviderIdentity, SessionState, SignInMethod, StaffCredential, WebSession
from models.staff import Actor, Role, Staff
from services import audit
from services.permissions import TABLE, Action
from services.second_factor import is_code, new_recovery_codes, new_secret, use_recovery_code
from services.standing import credential_of

STAFF_ROLES = TABLE[Action.USE_DESK]
"""Who works at the pages. Machines come with a token, borrowers with a code."""
HALF_WAY = timedelta(minutes=10)
"""How long somebody may take from his password to the end of the sign-in."""
NOTED_EVERY = timedelta(minutes=1)
"""How exactly it is known when somebody was here last: to write it down would cost more than most clicks."""


@dataclass(frozen=True)
class Span:
    """How long a session lasts: without an act of its holder, and at most."""

    idle: timedelta
    most: timedelta


STAFF_SPAN = Span(timedelta(minutes=30), timedelta(hours=12))
BORROWER_SPAN = Span(timedelta(minutes=15), timedelta(hours=2))


class SignInRefused(LendingError):
    """Id and password do not belong together, or the person may not come in. Which of these is not said."""

    code = "sign_in_refused"
    http_status = 422

    def __init__(self, sentence: str = "no member of staff has this id and this password") -> None:
        super().__init__(sentence)


class ForeignIdentity(SignInRefused):
    """The identity provider means somebody else by this id than at the first sign-in. `holder` is who that is here."""

    code = "foreign_identity"

    def __init__(self, holder: str | None) -> None:
        self.holder = holder
        super().__init__(
            "the identity provider means somebody else by your id than at your first sign-in; if you are new there, an "
            "administrator lets you in again (loanwright staff forget-identity)"
        )


class CodeRefused(LendingError):
    """Not the code that the authenticator shows, or one that was used before."""

    code = "second_factor_refused"
    http_status = 422

    def __init__(self) -> None:
        super().__init__("the authenticator shows another code now, or this one was used already")


@dataclass(frozen=True)
class Origin:
    """From where somebody comes: his address, and what he looks with."""

    address: str | None = None
    browser: str | None = None


def kept_hash(work: UnitOfWork, staff_id: str) -> str | None:
    """The hash of somebody's password; None if he may not come in with one. An unknown id costs the same queries."""
    account = work.staff.account(staff_id)
    kept, valid_until = work.sign_in.password_of(staff_id)
    if account is None or not may_come_in(account):
        return None
    return None if valid_until is not None and valid_until <= work.now else kept


def may_come_in(person: Staff | Account) -> bool:
    """Whether a person works here and at the pages."""
    return person.active and person.role in STAFF_ROLES


def refuse(work: UnitOfWork, staff_id: str, origin: Origin, reason: str) -> None:
    """Keeps a failed sign-in of the staff in the audit log. An id that nobody has is not kept: it may be a password."""
    account = work.staff.account(staff_id)
    actor = Actor(account.id, account.role, address=origin.address) if account else _nobody(origin)
    audit.record(work, actor, "sign_in_refused", subject=account.id if account else None, reason=reason, refused=True)


def enter_with_password(
    work: UnitOfWork, staff_id: str, checked_hash: str | None, origin: Origin
) -> tuple[str, SessionState]:
    """Begins the session of somebody whose password was right; returns what his cookie holds and what is asked next.

    `checked_hash` is what the password was compared with. Raises SignInRefused if it is not the hash any more, for the
    comparison takes long enough for an administrator to change it, or if the person was disabled meanwhile.
    """
    credential = work.sign_in.credential(staff_id)
    if credential is None or credential.password_hash != checked_hash:
        raise SignInRefused
    return _begin_staff(work, staff_id, SignInMethod.PASSWORD, _next_state(credential, second_factor=False), origin)


def enter_from_provider(work: UnitOfWork, identity: ProvidedIdentity, origin: Origin) -> str:
    """Begins the session of somebody whom the identity provider knows; refused (SignInRefused) if we do not, and
    (ForeignIdentity) if it means another person by this id than before.
    """
    begun, _ = _begin_staff(
        work,
        identity.staff_id,
        SignInMethod.PROVIDER,
        SessionState.OPEN,
        origin,
        second_factor=identity.second_factor,
    )
    _keep_identity(work, identity, origin)
    return begun


def _keep_identity(work: UnitOfWork, identity: ProvidedIdentity, origin: Origin) -> None:
    """Keeps at the first sign-in whom the provider means by somebody, and refuses (ForeignIdentity) another one later.

    A name can be changed at the provider, and whoever changed his own to a colleague's would come in as that one.
    """
    person = work.staff.get(identity.staff_id)
    if person is None:
        raise SignInRefused
    digest = secret_digest(json.dumps([identity.issuer, identity.subject]))
    kept = work.sign_in.identity_of(person.id)
    if kept is not None and kept.identity_digest == digest:
        return
    holder = work.sign_in.holder_of_identity(digest)
    if kept is not None or holder is not None:
        raise ForeignIdentity(holder)
    work.write(ProviderIdentity(staff_id=person.id, identity_digest=digest, bound_at=work.now))
    actor = Actor(person.id, person.role, address=origin.address)
    after = {"credential": credential_of(work, person.id)}
    audit.record(work, actor, "provider_identity_kept", subject=person.id, after=after)


def enter_demo(work: UnitOfWork, staff_id: str, origin: Origin) -> str:
    """Begins the session of a demo person, whom everybody may be."""
    return _begin_staff(work, staff_id, SignInMethod.DEMO, SessionState.OPEN, origin)[0]


def enter_borrower(work: UnitOfWork, customer_id: str, method: SignInMethod, origin: Origin) -> str:
    """Begins the session of a borrower who has shown that he is one."""
    actor = Actor(customer_id, Role.BORROWER, customer_id, origin.address)
    begun = _begin(work, actor, method, SessionState.OPEN, origin, BORROWER_SPAN)
    audit.record(work, actor, "signed_in", subject=customer_id, after={"method": method})
    return begun


def show_code(work: UnitOfWork, session: WebSession, code: str, origin: Origin) -> tuple[str, SessionState] | None:
    """Goes on with a code of the authenticator, or a recovery code; None if it is neither.

    None is to be committed as well: the refusal is in the audit log.
    """
    credential = _credential(work, session)
    actor = _actor(work, session, origin)
    if not is_second_factor(work, credential, actor, code):
        return None
    state = _next_state(credential, second_factor=True)
    if state is not SessionState.OPEN:
        # Not signed in yet, which has an entry of its own.
        audit.record(work, actor, "second_factor_given", subject=actor.id)
    return _go_on(work, session, state, actor, second_factor=True)


def is_second_factor(work: UnitOfWork, credential: StaffCredential, actor: Actor, code: str) -> bool:
    """Whether this is a code of his authenticator or a recovery code. It is used up; what is neither is recorded."""
    given = code.strip()
    if is_code(credential, given, work.now):
        work.session.add(credential)
        return True
    if not use_recovery_code(work, credential.staff_id, given):
        audit.record(work, actor, "second_factor_refused", subject=actor.id, reason="code", refused=True)
        return False
    left = work.sign_in.recovery_codes_left(actor.id)
    after = {"left": left, "credential": credential_of(work, actor.id)}
    audit.record(work, actor, "recovery_code_used", subject=actor.id, after=after)
    return True


def choose_password(
    work: UnitOfWork, session: WebSession, password_hash: str, origin: Origin
) -> tuple[str, SessionState]:
    """Gives the holder of a session a new password; his other sessions end."""
    credential, actor = _credential(work, session), _actor(work, session, origin)
    # Held before the sessions are, as in all acts on a person: no two wait for each other.
    work.staff.hold(actor.id)
    credential.password_hash = password_hash
    credential.must_change, credential.valid_until, credential.set_at = False, None, work.now
    work.session.add(credential)
    work.sign_in.end_sessions(work.now, staff_id=actor.id, but=session.id)
    audit.record(work, actor, "password_changed", subject=actor.id, after={"credential": credential_of(work, actor.id)})
    state = SessionState.OPEN if session.state is SessionState.OPEN else None
    return _go_on(
        work,
        session,
        state or _next_state(credential, second_factor=session.second_factor),
        actor,
        second_factor=session.second_factor,
    )


def authenticator_secret(work: UnitOfWork, session: WebSession) -> str:
    """The secret that an authenticator is to be enrolled with. Raises SignInRefused once one is enrolled."""
    return _unenrolled(work, session).totp_secret or ""


def enrol(work: UnitOfWork, session: WebSession, code: str, origin: Origin) -> tuple[str, list[str]] | None:
    """Confirms the authenticator with its first code. Returns what the cookie holds from then on, and recovery codes;
    None for a wrong code, which is to be committed as well: the refusal is in the audit log.

    His other sessions end. Raises SignInRefused once an authenticator is enrolled.
    """
    credential, actor = _unenrolled(work, session), _actor(work, session, origin)
    if not is_code(credential, code.strip(), work.now):
        audit.record(work, actor, "second_factor_refused", subject=actor.id, reason="enrolment", refused=True)
        return None
    work.staff.hold(actor.id)
    credential.totp_confirmed_at = work.now
    work.session.add(credential)
    codes = new_recovery_codes(work, actor.id)
    work.sign_in.end_sessions(work.now, staff_id=actor.id, but=session.id)
    after = {"credential": credential_of(work, actor.id)}
    audit.record(work, actor, "second_factor_enrolled", subject=actor.id, after=after)
    begun, _ = _go_on(work, session, SessionState.OPEN, actor, second_factor=True)
    return begun, codes


def fresh_recovery_codes(work: UnitOfWork, actor: Actor) -> list[str]:
    """Ten new recovery codes of the actor; those from before are worth nothing any more."""
    work.staff.hold(actor.id)
    codes = new_recovery_codes(work, actor.id)
    after = {"credential": credential_of(work, actor.id)}
    audit.record(work, actor, "recovery_codes_renewed", subject=actor.id, after=after)
    return codes


def session_of(work: UnitOfWork, given: str) -> tuple[WebSession, Staff | None] | None:
    """The session whose id a cookie holds, with its person; None if it ended or was idle too long."""
    found = work.sign_in.session_with(secret_digest(given), work.now)
    if found is None:
        return None
    session, person = found
    if session.seen_at + timedelta(seconds=session.idle_seconds) <= work.now:
        return None
    if session.staff_id is not None and (person is None or not may_come_in(person)):
        return None
    return session, person


def sign_out(work: UnitOfWork, actor: Actor | None, session: WebSession, origin: Origin) -> None:
    """Ends a session, also of a member of staff who is half-way in and acts for nobody yet (`actor` None)."""
    _end(work, actor or _actor(work, session, origin), "signed_out", only=session.id)


def end_session(work: UnitOfWork, actor: Actor, session_id: str) -> None:
    """Ends one of the actor's own sessions; one of somebody else stays as it is."""
    _end(work, actor, "session_ended", only=session_id)


def end_others(work: UnitOfWork, actor: Actor, session: WebSession) -> None:
    """Ends all of the actor's sessions but this one."""
    _end(work, actor, "sessions_ended", but=session.id)


def own_sessions(work: UnitOfWork, actor: Actor) -> list[WebSession]:
    """Where the actor is signed in now, and his tokens, newest first."""
    return [
        one
        for one in work.sign_in.sessions_of(None if actor.customer_id else actor.id, actor.customer_id, work.now)
        if one.seen_at + timedelta(seconds=one.idle_seconds) > work.now
    ]


def _end(work: UnitOfWork, actor: Actor, act: str, *, only: str | None = None, but: str | None = None) -> None:
    staff_id = None if actor.customer_id else actor.id
    ended = work.sign_in.end_sessions(work.now, staff_id=staff_id, customer_id=actor.customer_id, only=only, but=but)
    audit.record(work, actor, act, subject=actor.id, after={"ended": ended})


def _begin_staff(
    work: UnitOfWork,
    staff_id: str,
    method: SignInMethod,
    state: SessionState,
    origin: Origin,
    *,
    second_factor: bool = False,
) -> tuple[str, SessionState]:
    # Held, so that who is disabled at this moment has no session that would be good again once he is enabled.
    work.staff.hold(staff_id)
    person = work.staff.get(staff_id)
    if person is None or not may_come_in(person):
        raise SignInRefused
    actor = Actor(person.id, person.role, address=origin.address)
    if state is SessionState.ENROLMENT:
        _offer_authenticator(work, staff_id)
    begun = _begin(work, actor, method, state, origin, STAFF_SPAN, second_factor=second_factor)
    act = "signed_in" if state is SessionState.OPEN else "password_accepted"
    audit.record(work, actor, act, subject=actor.id, after={"method": method})
    return begun, state


def _begin(
    work: UnitOfWork,
    actor: Actor,
    method: SignInMethod,
    state: SessionState,
    origin: Origin,
    span: Span,
    *,
    second_factor: bool = False,
) -> str:
    given = secrets.token_urlsafe(32)
    lasts = span.most if state is SessionState.OPEN else HALF_WAY
    work.session.add(
        WebSession(
            digest=secret_digest(given),
            staff_id=None if actor.customer_id else actor.id,
            customer_id=actor.customer_id,
            method=method,
            state=state,
            second_factor=second_factor,
            address=origin.address[:64] if origin.address else None,
            browser=origin.browser,
            created_at=work.now,
            seen_at=work.now,
            idle_seconds=int(span.idle.total_seconds()),
            ends_at=work.now + lasts,
        )
    )
    work.session.flush()
    work.sign_in.forget_old(work.now)
    return given


def _go_on(
    work: UnitOfWork, session: WebSession, state: SessionState, actor: Actor, *, second_factor: bool
) -> tuple[str, SessionState]:
    """The session with a new id, so that one that was known before is worth nothing afterwards."""
    held = work.session.get_one(WebSession, session.id)
    was_open = held.state is SessionState.OPEN
    given = secrets.token_urlsafe(32)
    held.digest, held.state, held.second_factor, held.seen_at = secret_digest(given), state, second_factor, work.now
    if state is SessionState.OPEN and not was_open:
        held.ends_at = work.now + STAFF_SPAN.most
        audit.record(work, actor, "signed_in", subject=actor.id, after={"method": held.method})
    if state is SessionState.ENROLMENT:
        _offer_authenticator(work, actor.id, but=held.id)
    work.session.add(held)
    work.session.flush()
    return given, state


def _next_state(credential: StaffCredential, *, second_factor: bool) -> SessionState:
    if credential.totp_confirmed_at is not None and not second_factor:
        return SessionState.SECOND_FACTOR
    if credential.must_change:
        return SessionState.NEW_PASSWORD
    return SessionState.OPEN if credential.totp_confirmed_at is not None else SessionState.ENROLMENT


def _offer_authenticator(work: UnitOfWork, staff_id: str, *, but: str | None = None) -> None:
    """A new secret for each enrolment that begins, and an end to those begun before (all `but` this session).

    Whoever else knows the password could otherwise enrol the same authenticator as its owner, who would not notice.
    """
    credential = work.sign_in.credential(staff_id)
    if credential is not None and credential.totp_confirmed_at is None:
        work.sign_in.end_sessions(work.now, staff_id=staff_id, but=but, state=SessionState.ENROLMENT)
        credential.totp_secret = new_secret()
        work.session.add(credential)
        work.session.flush()


def _credential(work: UnitOfWork, session: WebSession) -> StaffCredential:
    credential = work.sign_in.credential(session.staff_id or "")
    # Looked up again under the lock: another session may have ended this one since the request began.
    held = work.session.get(WebSession, session.id)
    if credential is None or held is None or held.ended_at is not None:
        raise SignInRefused
    return credential


def _unenrolled(work: UnitOfWork, session: WebSession) -> StaffCredential:
    credential = _credential(work, session)
    if credential.totp_confirmed_at is not None:
        raise SignInRefused
    return credential


def _actor(work: UnitOfWork, session: WebSession, origin: Origin) -> Actor:
    person = work.staff.get(session.staff_id or "")
    if person is None:
        raise SignInRefused
    return Actor(person.id, person.role, address=origin.address)


def _nobody(origin: Origin) -> Actor:
    return replace(audit.STRANGER, address=origin.address)
