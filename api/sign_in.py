"""Who asks: the holder of the token that came with the request, or of an open key in a demonstration."""

import asyncio
import time
from collections import OrderedDict
from dataclasses import dataclass

from books.session import Books
from books.sign_in import secret_digest
from lending.errors import LendingError
from models.staff import Actor, Role
from services.absences import stood_in_for
from services.permissions import MAY_DECIDE
from services.sign_in import NOTED_EVERY
from services.sign_in_machines import holder_of
from services.sign_in_tokens import PERSON_MARK
from services.sign_in_tokens import holder_of as person_of

KEPT_SECONDS = 5.0
"""How long a holder is believed without asking the books; a token that is ended works this much longer at most."""
KEPT_HOLDERS = 1000
LONGEST_KEY = 200


class NotSignedIn(LendingError):
    """The request names nobody, or nobody we know."""

    code = "not_signed_in"
    http_status = 401

    def __init__(self, *, key_given: bool) -> None:
        self.key_given = key_given
        super().__init__(
            "this token is not known or no longer good; ask for a new one at /api/v1/auth/token"
            if key_given
            else "send a token in the header `Authorization: Bearer <token>`; /api/v1/auth/token gives you one"
        )


@dataclass(frozen=True)
class _Holder:
    actor: Actor
    until: float


class SignIn:
    """Finds the holder of a token, in the books or among those who asked a moment ago. Used from one event loop.

    `demo_keys` lets in who shows one of the open keys of a demonstration.
    """

    def __init__(self, books: Books, *, demo_keys: bool) -> None:
        self._books = books
        self._demo_keys = demo_keys
        self._holders: OrderedDict[str, _Holder] = OrderedDict()

    async def actor(self, authorization: str) -> Actor:
        """The holder of the token in an Authorization header; NotSignedIn if there is none."""
        scheme, _, key = authorization.partition(" ")
        key = key.strip()
        if scheme.lower() != "bearer" or not 0 < len(key) <= LONGEST_KEY:
            raise NotSignedIn(key_given=bool(key))
        digest = secret_digest(key)
        kept = self._holders.get(digest)
        if kept is not None and kept.until > time.monotonic():
            return kept.actor
        found = await asyncio.to_thread(self._look_up, key)
        self._holders.pop(digest, None)
        if found is None:
            raise NotSignedIn(key_given=True)
        actor, seconds = found
        self._holders[digest] = _Holder(actor, time.monotonic() + min(KEPT_SECONDS, seconds))
        if len(self._holders) > KEPT_HOLDERS:
            self._holders.popitem(last=False)
        return actor

    def _look_up(self, key: str) -> tuple[Actor, float] | None:
        """The holder, and how many seconds his token is still good for."""
        if key.startswith(PERSON_MARK):
            return self._person(key)
        # Names are not asked for here; what somebody damaged of them keeps nobody out.
        with self._books.read() as work, work.showing():
            held = holder_of(work, key)
            if held is not None:
                account, scopes, ends_at = held
                return Actor(id=account.id, role=account.role, scopes=scopes), (ends_at - work.now).total_seconds()
            holder = work.staff.by_key(key) if self._demo_keys else None
            away = stood_in_for(work, holder.id, work.today) if holder and holder.role in MAY_DECIDE else ()
        if holder is None:
            return None
        # A borrower acts under his customer id, so that his acts read the same whatever access he used.
        is_borrower = holder.role is Role.BORROWER
        actor = Actor(
            id=holder.customer_id or holder.id if is_borrower else holder.id,
            role=holder.role,
            customer_id=holder.customer_id,
            stands_in_for=away,
        )
        return actor, KEPT_SECONDS

    def _person(self, token: str) -> tuple[Actor, float] | None:
        with self._books.read() as work, work.showing():
            found = person_of(work, token)
            if found is None:
                return None
            held, person = found
            actor = Actor(id=person.id, role=person.role, stands_in_for=stood_in_for(work, person.id, work.today))
            seconds = (held.ends_at - work.now).total_seconds()
            was_noted = held.seen_at + NOTED_EVERY >= work.now
        if not was_noted:
            with self._books.begin() as work:
                work.sign_in.seen(held.id, work.now)
        return actor, seconds
