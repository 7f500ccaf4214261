"""Queries on how people and machines show who they are, and on who is signed in."""

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, bindparam, delete, inspect, or_, update
from sqlmodel import Session, SQLModel, col, select

from books.customers import blind_index
from books.stored import flag, instant, stored
from models.customers import Customer
from models.sign_in import (
    AccessToken,
    ClientSecret,
    ProviderIdentity,
    ProviderRequest,
    RecoveryCode,
    SessionState,
    SignInCode,
    StaffCredential,
    TryCount,
    WebSession,
)
from models.staff import Staff
from models.standing import credential_mark

KEPT = timedelta(days=90)
"""How long a session that ended is shown to nobody and kept for questions."""
FORGOTTEN_AT_ONCE = 200
PASSWORD = ("password_hash", "must_change", "valid_until", "totp_confirmed_at")
"""What of a credential somebody is known by."""

_OPEN = (
    col(WebSession.digest) == bindparam("digest"),
    col(WebSession.ended_at).is_(None),
    col(WebSession.ends_at) > bindparam("now"),
)
_SESSION = (
    select(WebSession, Staff)
    .join(Staff, col(Staff.id) == col(WebSession.staff_id), isouter=True)
    .where(*_OPEN, col(WebSession.token_role).is_(None))
)
_TOKEN = (
    select(WebSession, Staff)
    .join(Staff, col(Staff.id) == col(WebSession.staff_id))
    # Whoever has another role by now asks for another token.
    .where(*_OPEN, col(WebSession.token_role) == col(Staff.role), col(Staff.active).is_(True))
)
_SEEN = update(WebSession).where(col(WebSession.id) == bindparam("session_id")).values(seen_at=bindparam("now"))
_NEWEST_CODE = (
    select(SignInCode)
    .where(col(SignInCode.visitor_digest) == bindparam("visitor"))
    .order_by(col(SignInCode.asked_at).desc(), col(SignInCode.id).desc())
    .limit(1)
    .with_for_update()
)
_UNSENT = (
    select(SignInCode, Customer)
    .join(Customer, col(Customer.id) == col(SignInCode.customer_id))
    .where(col(SignInCode.id).in_(bindparam("ids", expanding=True)), col(SignInCode.code).is_not(None))
)
_FORGET_CODE = (
    update(SignInCode)
    .where(col(SignInCode.id) == bindparam("code_id"), col(SignInCode.code).is_not(None))
    .values(code=None, sent_at=bindparam("now"))
)
_HOLDER = (
    select(Staff, AccessToken)
    .join(Staff, col(Staff.id) == col(AccessToken.staff_id))
    .where(
        col(AccessToken.digest) == bindparam("digest"),
        col(AccessToken.ends_at) > bindparam("now"),
        col(Staff.active).is_(True),
    )
)


def secret_digest(secret: str) -> str:
    """How a long random secret is stored, be it a key, a token or what a cookie holds: its SHA-256.

    A slow hash would add nothing.
    """
    return hashlib.sha256(secret.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class UnsentSignInCode:
    """A code on its way."""

    expires_at: datetime
    digits: str = field(repr=False)
    mobile: str = field(repr=False)


@dataclass
class KnownBy:
    """By what somebody is known: credential, unused recovery codes, secrets of a machine with their ends, and who he is
    at the identity provider, as a digest.
    """

    password: dict[str, Any] | None = None
    codes: list[str] = field(default_factory=list)
    secrets: list[tuple[str, datetime | None]] = field(default_factory=list)
    identity: str | None = None
    is_readable: bool = True

    def mark(self, key_hash: object) -> str:
        """The digest of all of it, with the hash of the key. ValueError if some of it cannot be read."""
        if not (self.is_readable and isinstance(key_hash, str)):
            raise ValueError("by what somebody is known cannot be read")
        return credential_mark(key_hash, self.password, self.codes, self.secrets, self.identity)


@contextmanager
def _unreadable_of(known: KnownBy) -> Iterator[None]:
    """Notes of somebody that in the block something could not be read."""
    try:
        yield
    except ValueError:
        known.is_readable = False


def _digest(kept: object) -> str:
    if not isinstance(kept, str):
        raise ValueError("no text")
    return kept


class SignInBook:
    """Credentials, sessions, codes and tokens."""

    def __init__(self, session: Session) -> None:
        self.session = session

    def credential(self, staff_id: str) -> StaffCredential | None:
        """By what somebody is known, kept from other writers: no code works twice."""
        query = select(StaffCredential).where(StaffCredential.staff_id == staff_id).with_for_update()
        return self.session.exec(query).first()

    def password_of(self, staff_id: str) -> tuple[str | None, datetime | None]:
        """The hash of somebody's password and, of a one-time password, until when it is good."""
        query = select(StaffCredential.password_hash, StaffCredential.valid_until)
        found = self.session.exec(query.where(StaffCredential.staff_id == staff_id)).first()
        return found if found is not None else (None, None)

    def known_by(self, staff_ids: Sequence[str]) -> dict[str, KnownBy]:
        """By what each of these is known; nothing sealed is opened. What cannot be read keeps no other from being told:
        whose it is has no mark.
        """
        known = {staff_id: KnownBy() for staff_id in staff_ids}
        for staff_id, *row in self._of_each(StaffCredential, PASSWORD, staff_ids):
            with _unreadable_of(known[staff_id]):
                password, must_change, *instants = row
                valid_until, confirmed_at = (None if at is None else instant(at) for at in instants)
                known[staff_id].password = dict(
                    zip(PASSWORD, (_digest(password), flag(must_change), valid_until, confirmed_at), strict=True)
                )
        unused = col(RecoveryCode.used_at).is_(None)
        for staff_id, digest in self._of_each(RecoveryCode, ("code_hash",), staff_ids, unused):
            with _unreadable_of(known[staff_id]):
                known[staff_id].codes.append(_digest(digest))
        for staff_id, digest, ends_at in self._of_each(ClientSecret, ("secret_hash", "ends_at"), staff_ids):
            with _unreadable_of(known[staff_id]):
                known[staff_id].secrets.append((_digest(digest), None if ends_at is None else instant(ends_at)))
        for staff_id, digest in self._of_each(ProviderIdentity, ("identity_digest",), staff_ids):
            with _unreadable_of(known[staff_id]):
                known[staff_id].identity = _digest(digest)
        return known

    def _of_each(
        self, table: type[SQLModel], names: Sequence[str], staff_ids: Sequence[str], *which: ColumnElement[bool]
    ) -> Sequence[Any]:
        """Whose each row is, and these columns of it as they are stored."""
        columns = inspect(table).local_table.c
        wanted = (columns[name] for name in ("staff_id", *names))
        return stored(self.session, wanted, columns.staff_id.in_(staff_ids), *which)

    def replace_recovery_codes(self, staff_id: str, hashes: Sequence[str], now: datetime) -> None:
        """Gives somebody these recovery codes and no others."""
        self.session.exec(delete(RecoveryCode).where(col(RecoveryCode.staff_id) == staff_id))
        self.session.add_all(RecoveryCode(code_hash=one, staff_id=staff_id, created_at=now) for one in hashes)
        self.session.flush()

    def use_recovery_code(self, staff_id: str, code_hash: str, now: datetime) -> bool:
        """Whether this was an unused recovery code of his; it is used up by now."""
        used = self.session.exec(
            update(RecoveryCode)
            .where(
                col(RecoveryCode.code_hash) == code_hash,
                col(RecoveryCode.staff_id) == staff_id,
                col(RecoveryCode.used_at).is_(None),
            )
            .values(used_at=now)
        )
        return used.rowcount == 1

    def recovery_codes_left(self, staff_id: str) -> int:
        """How many recovery codes somebody has not used."""
        query = select(RecoveryCode.code_hash).where(
            RecoveryCode.staff_id == staff_id, col(RecoveryCode.used_at).is_(None)
        )
        return len(self.session.exec(query).all())

    def session_with(self, digest: str, now: datetime) -> tuple[WebSession, Staff | None] | None:
        """The session that a cookie names and its person, unless it ended; also one that was idle too long."""
        return self.session.exec(_SESSION, params={"digest": digest, "now": now}).first()

    def person_of_token(self, token: str, now: datetime) -> tuple[WebSession, Staff] | None:
        """What is kept of a person's token and that person, unless it ended or he may not act any more."""
        return self.session.exec(_TOKEN, params={"digest": secret_digest(token), "now": now}).first()

    def hold_session(self, session_id: str) -> WebSession | None:
        """A session as it is now, kept from other writers: nobody ends it before this unit of work is over."""
        query = select(WebSession).where(WebSession.id == session_id).with_for_update()
        return self.session.exec(query, execution_options={"populate_existing": True}).first()

    def seen(self, session_id: str, now: datetime) -> None:
        """Notes that the holder of a session or token did something."""
        self.session.connection().execute(_SEEN, {"session_id": session_id, "now": now})

    def sessions_of(self, staff_id: str | None, customer_id: str | None, now: datetime) -> list[WebSession]:
        """The sessions and tokens of somebody that have not ended, newest first."""
        whose = WebSession.staff_id == staff_id if staff_id is not None else WebSession.customer_id == customer_id
        query = (
            select(WebSession)
            .where(whose, col(WebSession.ended_at).is_(None), WebSession.ends_at > now)
            .order_by(col(WebSession.created_at).desc())
        )
        return list(self.session.exec(query))

    def end_sessions(
        self,
        now: datetime,
        *,
        staff_id: str | None = None,
        customer_id: str | None = None,
        only: str | None = None,
        but: str | None = None,
        state: SessionState | None = None,
    ) -> int:
        """Ends the sessions of somebody, his tokens too: all, `only` this one, or all `but` this one.

        Of a `state` alone if one is given. Returns how many.
        """
        whose = (
            col(WebSession.staff_id) == staff_id if staff_id is not None else col(WebSession.customer_id) == customer_id
        )
        ending = update(WebSession).where(whose, col(WebSession.ended_at).is_(None), col(WebSession.ends_at) > now)
        if only is not None:
            ending = ending.where(col(WebSession.id) == only)
        if but is not None:
            ending = ending.where(col(WebSession.id) != but)
        if state is not None:
            ending = ending.where(col(WebSession.state) == state)
        return self.session.exec(ending.values(ended_at=now)).rowcount

    def identity_of(self, staff_id: str) -> ProviderIdentity | None:
        """Whom the identity provider means by somebody, once he has signed in there."""
        return self.session.get(ProviderIdentity, staff_id)

    def holder_of_identity(self, identity_digest: str) -> str | None:
        """The id of the person whom the identity provider means by this."""
        query = select(ProviderIdentity.staff_id).where(ProviderIdentity.identity_digest == identity_digest)
        return self.session.exec(query).first()

    def forget_identity(self, staff_id: str) -> bool:
        """Whether it was known whom the identity provider means by somebody; it is not from now on."""
        forgotten = delete(ProviderIdentity).where(col(ProviderIdentity.staff_id) == staff_id)
        return self.session.exec(forgotten).rowcount == 1

    def take_request(self, state_digest: str) -> ProviderRequest | None:
        """The visitor who was sent to the provider with this state; an answer to it is taken once."""
        taken = self.session.exec(
            delete(ProviderRequest).where(col(ProviderRequest.state_digest) == state_digest).returning(ProviderRequest)
        ).first()
        return taken[0] if taken is not None else None

    def newest_code(self, visitor_digest: str) -> SignInCode | None:
        """The code that was asked for last from this browser, kept from other writers: no two tries count as one."""
        return self.session.exec(_NEWEST_CODE, params={"visitor": visitor_digest}).first()

    def customers_with(self, mobile_index: str) -> list[str]:
        """The ids of the known customers with a mobile, by its digest, the oldest first; not whom one only stated."""
        is_known = col(Customer.confirmed_at).is_not(None)
        query = select(Customer.id).where(Customer.mobile_index == mobile_index, is_known).order_by(col(Customer.id))
        return list(self.session.exec(query))

    def unsent_codes(self, code_ids: Sequence[str]) -> dict[str, UnsentSignInCode]:
        """Those of these codes that are for a customer and not forgotten yet, by id.

        Only where the customer's mobile, opened, is the one that was asked for: digests lie in clear.
        """
        found = self.session.exec(_UNSENT, params={"ids": list(code_ids)})
        return {
            code.id: UnsentSignInCode(code.expires_at, code.code or "", who.mobile)
            for code, who in found
            if blind_index(who.mobile) == code.mobile_index
        }

    def forget_code(self, code_id: str, now: datetime) -> None:
        """Takes the digits of a code that was sent out of the books."""
        self.session.connection().execute(_FORGET_CODE, {"code_id": code_id, "now": now})

    def secrets_of(self, staff_id: str, now: datetime) -> list[ClientSecret]:
        """The secrets of a machine account that are good now, newest first."""
        query = select(ClientSecret).where(ClientSecret.staff_id == staff_id).order_by(col(ClientSecret.id).desc())
        return [one for one in self.session.exec(query) if one.ends_at is None or one.ends_at > now]

    def holder_of_token(self, token: str, now: datetime) -> tuple[Staff, AccessToken] | None:
        """The active machine account that a token was given to, unless the token has ended."""
        return self.session.exec(_HOLDER, params={"digest": secret_digest(token), "now": now}).first()

    def end_tokens(self, staff_id: str) -> None:
        """Ends all tokens of a machine account; its secrets stay good."""
        self.session.exec(delete(AccessToken).where(col(AccessToken.staff_id) == staff_id))

    def end_access(self, staff_id: str, now: datetime) -> None:
        """Ends all tokens and all secrets of a machine account."""
        self.end_tokens(staff_id)
        self.session.exec(
            update(ClientSecret)
            .where(
                col(ClientSecret.staff_id) == staff_id,
                or_(col(ClientSecret.ends_at).is_(None), col(ClientSecret.ends_at) > now),
            )
            .values(ends_at=now)
        )

    def forget_old(self, now: datetime) -> None:
        """Removes some of what nobody can use any more; what somebody holds at the moment is left for the next time.

        To be called after all else that waits for rows: so no two wait for each other.
        """
        ended: tuple[tuple[Any, Any, datetime], ...] = (
            (ProviderRequest.state_digest, ProviderRequest.ends_at, now),
            (AccessToken.digest, AccessToken.ends_at, now),
            (TryCount.key, TryCount.ends_at, now),
            (SignInCode.id, SignInCode.expires_at, now - timedelta(days=1)),
            (WebSession.id, WebSession.ends_at, now - KEPT),
        )
        for key, ends_at, before in ended:
            some = select(key).where(ends_at < before).limit(FORGOTTEN_AT_ONCE).with_for_update(skip_locked=True)
            self.session.exec(delete(key.class_).where(key.in_(some)).execution_options(synchronize_session=False))
