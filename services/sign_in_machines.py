"""Machine accounts: a client id and a secret give a token for ten minutes, good for some scopes.

Tokens are drawn at random and kept as digests, not signed: to disable an account then ends them at once.
"""

import secrets
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from hmac import compare_digest

from books.session import UnitOfWork
from books.sign_in import secret_digest
from lending.errors import LendingError
from models.sign_in import AccessToken, ClientSecret
from models.staff import Actor, Role, Scope, Staff
from services import audit
from services.standing import credential_of

LASTS = timedelta(minutes=10)
TOKEN_MARK = "lwt_"  # noqa: S105 how every one begins
"""How a token begins, so that it is known for one wherever it turns up."""
SECRET_MARK = "lws_"  # noqa: S105 how every one begins
MOST_SECRETS = 2
CHANGE_OVER = timedelta(days=7)


class WrongClient(LendingError):
    """Client id and secret do not belong together, or the account is disabled. Which of these is not said."""

    code = "wrong_client"
    http_status = 401

    def __init__(self) -> None:
        super().__init__("no machine account has this client id and this secret")


class UnknownScope(LendingError):
    """A scope that there is not, or that the account does not have."""

    code = "invalid_scope"
    http_status = 422

    def __init__(self, account: str, having: Iterable[Scope]) -> None:
        self.account = account
        super().__init__(f"ask for some of the scopes of the account: {' '.join(sorted(having))}")


class TooManySecrets(LendingError):
    """Two secrets of an account are good already."""

    code = "too_many_secrets"
    http_status = 409

    def __init__(self) -> None:
        super().__init__("two secrets of this account are good now; wait until the older one has ended")


@dataclass(frozen=True)
class Token:
    """A token as it is handed out, once."""

    text: str = field(repr=False)
    scopes: frozenset[Scope]
    seconds: int


def scopes_of(spelled: str | None) -> frozenset[Scope]:
    """Scopes as they are written down, with spaces. Raises ValueError for one that there is not."""
    return frozenset(Scope(one) for one in (spelled or "").split())


def issue_token(
    work: UnitOfWork, client_id: str, secret: str, wanted: str | None, address: str | None
) -> Token | WrongClient:
    """A token for the wanted scopes, or for all that the account has. Raises UnknownScope.

    A wrong secret is **returned** and not raised, for its entry in the audit log must be committed. An unknown id costs
    the same queries.
    """
    account = work.staff.account(client_id)
    good = work.sign_in.secrets_of(client_id, work.now)
    digest = secret_digest(secret)
    matches = [compare_digest(one.secret_hash, digest) for one in good]
    if account is None or not account.active or account.role is not Role.INTEGRATOR or not any(matches):
        subject = account.id if account else None
        actor = Actor(account.id, account.role) if account else audit.STRANGER
        actor = replace(actor, address=address)
        audit.record(work, actor, "token_refused", subject=subject, reason="wrong_client", refused=True)
        return WrongClient()
    having = scopes_of(account.scopes)
    scopes = _wanted(account.id, wanted, having)
    text = TOKEN_MARK + secrets.token_urlsafe(32)
    work.session.add(
        AccessToken(
            digest=secret_digest(text),
            staff_id=account.id,
            scopes=_spelled(scopes),
            created_at=work.now,
            ends_at=work.now + LASTS,
        )
    )
    actor = Actor(account.id, account.role, address=address)
    audit.record(work, actor, "token_issued", subject=account.id, after={"scopes": sorted(scopes)})
    work.sign_in.forget_old(work.now)
    return Token(text, scopes, int(LASTS.total_seconds()))


def holder_of(work: UnitOfWork, token: str) -> tuple[Staff, frozenset[Scope], datetime] | None:
    """The account that holds a token, what the token is good for, and until when."""
    found = work.sign_in.holder_of_token(token, work.now) if token.startswith(TOKEN_MARK) else None
    if found is None:
        return None
    account, kept = found
    return account, scopes_of(kept.scopes), kept.ends_at


def add_secret(work: UnitOfWork, actor: Actor, account: Staff, overlap: timedelta = CHANGE_OVER) -> str:
    """A new secret of an account, shown this once. The one before it ends after `overlap`; without any, as for one that
    is out, all tokens end with it. Raises TooManySecrets.
    """
    # Held until the end: secrets asked for at the same moment are counted one after the other.
    work.staff.hold(account.id)
    good = work.sign_in.secrets_of(account.id, work.now)
    if len(good) >= MOST_SECRETS and overlap > timedelta():
        raise TooManySecrets
    if overlap <= timedelta():
        work.sign_in.end_access(account.id, work.now)
    for one in good:
        one.ends_at = min(one.ends_at or work.now + overlap, work.now + overlap)
        work.session.add(one)
    text = SECRET_MARK + secrets.token_urlsafe(32)
    work.session.add(ClientSecret(staff_id=account.id, secret_hash=secret_digest(text), created_at=work.now))
    ends = max((one.ends_at.isoformat() for one in good if one.ends_at), default=None)
    after = {"others_end": ends, "credential": credential_of(work, account.id)}
    audit.record(work, actor, "client_secret_added", subject=account.id, after=after)
    return text


def _wanted(account: str, wanted: str | None, having: frozenset[Scope]) -> frozenset[Scope]:
    try:
        scopes = scopes_of(wanted) or having
    except ValueError:
        raise UnknownScope(account, having) from None
    if not scopes <= having:
        raise UnknownScope(account, having)
    return scopes


def _spelled(scopes: Iterable[Scope]) -> str:
    return " ".join(sorted(scopes))
