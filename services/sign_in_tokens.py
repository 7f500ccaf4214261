"""Tokens with which people of the staff use the API: drawn at random, kept as digests beside their sessions.

Each was asked for with a second factor, lives for minutes, and acts as its holder does at the pages.
"""

import secrets
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from books.session import UnitOfWork
from books.sign_in import secret_digest
from lending.errors import LendingError
from models.sign_in import SessionState, SignInMethod, WebSession
from models.staff import Actor, Staff
from services import audit
from services.sign_in import Origin, SignInRefused, is_second_factor, may_come_in, refuse

LASTS = timedelta(minutes=15)
"""How long one is good unless the settings say otherwise."""
PERSON_MARK = "lwp_"
"""How a token of a person begins, so that it is known for one wherever it turns up."""


class PersonRefused(SignInRefused):
    """Id, password and code do not belong together, or the first sign-in is not done. Which of these is not said."""

    def __init__(self) -> None:
        super().__init__(
            "no member of staff has this id, this password and this code; the first sign-in is done at the pages"
        )


class SecondFactorNeeded(LendingError):
    """Somebody whom the identity provider let in without a second factor, as far as it says."""

    code = "second_factor_needed"
    http_status = 403

    def __init__(self) -> None:
        super().__init__("a token is for who signed in with a second factor; the identity provider did not say so")


@dataclass(frozen=True)
class PersonToken:
    """A token as it is handed out, once."""

    text: str = field(repr=False)
    seconds: int


def give_token(
    work: UnitOfWork, staff_id: str, checked_hash: str | None, code: str, origin: Origin, lasts: timedelta
) -> PersonToken | None:
    """A token for somebody whose password was right, with a code of his authenticator or a recovery code.

    None for a wrong code, where `checked_hash` is not the hash of his password any more, and for who may not come in or
    has yet to sign in at the pages. None is to be committed as well: the refusal is in the audit log.
    """
    # Held, so that who is disabled at this moment has no token that would be good again once he is enabled.
    work.staff.hold(staff_id)
    person = work.staff.get(staff_id)
    credential = work.sign_in.credential(staff_id)
    if person is None or not may_come_in(person) or credential is None or credential.password_hash != checked_hash:
        refuse(work, staff_id, origin, "password")
        return None
    if credential.must_change or credential.totp_confirmed_at is None:
        refuse(work, staff_id, origin, "first_sign_in")
        return None
    actor = Actor(person.id, person.role, address=origin.address)
    if not is_second_factor(work, credential, actor, code):
        return None
    return _issue(work, actor, SignInMethod.PASSWORD, origin, work.now + lasts)


def give_token_to_visitor(
    work: UnitOfWork, actor: Actor, session: WebSession, origin: Origin, lasts: timedelta
) -> PersonToken:
    """A token for who came from the identity provider; it ends with his session's day at the latest.

    Raises SecondFactorNeeded if the provider told of none, SignInRefused if the session ended or began otherwise.
    """
    work.staff.hold(actor.id)
    held = work.sign_in.hold_session(session.id)
    if held is None or held.ended_at is not None or held.method is not SignInMethod.PROVIDER:
        raise SignInRefused
    if not held.second_factor:
        raise SecondFactorNeeded
    return _issue(work, actor, SignInMethod.PROVIDER, origin, min(work.now + lasts, held.ends_at))


def holder_of(work: UnitOfWork, token: str) -> tuple[WebSession, Staff] | None:
    """What is kept of a token and who holds it; None for one that nobody has, or has any more."""
    found = work.sign_in.person_of_token(token, work.now) if token.startswith(PERSON_MARK) else None
    return found if found is not None and may_come_in(found[1]) else None


def _issue(work: UnitOfWork, actor: Actor, method: SignInMethod, origin: Origin, ends_at: datetime) -> PersonToken:
    text = PERSON_MARK + secrets.token_urlsafe(32)
    seconds = int((ends_at - work.now).total_seconds())
    work.session.add(
        WebSession(
            digest=secret_digest(text),
            staff_id=actor.id,
            method=method,
            state=SessionState.OPEN,
            second_factor=True,
            token_role=actor.role,
            address=origin.address[:64] if origin.address else None,
            browser=origin.browser,
            created_at=work.now,
            seen_at=work.now,
            # It ends when it ends, used or not.
            idle_seconds=seconds,
            ends_at=ends_at,
        )
    )
    work.session.flush()
    audit.record(work, actor, "token_issued", subject=actor.id, after={"method": method, "seconds": seconds})
    work.sign_in.forget_old(work.now)
    return PersonToken(text, seconds)
