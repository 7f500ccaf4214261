"""Queries on who is told of loans, and on what was sent."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, func, literal, or_, update
from sqlalchemy.orm import defer
from sqlmodel import Session, col, select
from sqlmodel.sql.expression import SelectOfScalar

from books.rows import write, write_many
from books.scope import loans_seen_by, scope_of
from models.audit import AuditEntry
from models.loans import Loan
from models.staff import Actor, Scope, Staff
from models.webhooks import Webhook, WebhookDelivery

_ENTRIES = (
    select(AuditEntry)
    .where(
        col(AuditEntry.id) > bindparam("after"),
        col(AuditEntry.act).in_(bindparam("acts", expanding=True)),
        col(AuditEntry.loan).is_not(None),
    )
    .order_by(col(AuditEntry.id))
    .limit(bindparam("most"))
)
_TOLD = select(WebhookDelivery.entry_id).where(
    col(WebhookDelivery.webhook_id) == bindparam("webhook"),
    col(WebhookDelivery.entry_id).in_(bindparam("entries", expanding=True)),
)
_DUE = (
    select(WebhookDelivery)
    .where(col(WebhookDelivery.webhook_id) == bindparam("webhook"), col(WebhookDelivery.not_before) <= bindparam("now"))
    .order_by(col(WebhookDelivery.not_before), col(WebhookDelivery.number))
    .limit(bindparam("most"))
    .with_for_update(skip_locked=True)
)

_IS_TOLD = (
    col(Webhook.removed_at).is_(None),
    col(Webhook.disabled_at).is_(None),
    select(Staff.id)
    .where(
        Staff.id == Webhook.owner_id,
        col(Staff.active),
        or_(
            col(Staff.scopes).is_(None),
            (literal(" ") + col(Staff.scopes) + literal(" ")).contains(f" {Scope.WEBHOOKS} "),
        ),
    )
    .exists(),
)
"""Neither the address nor the machine that it belongs to is disabled, and the machine still has the scope for it; one
without any scopes stated is not limited by them.
"""
_UNOPENED = tuple(defer(column, raiseload=False) for column in (Webhook.url, Webhook.secret, Webhook.old_secret))  # type: ignore[arg-type]  # columns
"""Opens what is sealed of an address when it is asked for, so that one that is damaged can still be counted, disabled
and removed.
"""


class WebhookBook:
    """Addresses that events are sent to, and what was sent."""

    def __init__(self, session: Session) -> None:
        self.session = session

    def add(self, webhook: Webhook) -> None:
        """Records an address."""
        write(self.session, webhook)

    def get(self, webhook_id: str, *, held: bool = False) -> Webhook | None:
        """One that was not removed; held, other writing units of work wait for it."""
        return self._one(select(Webhook).where(Webhook.id == webhook_id, col(Webhook.removed_at).is_(None)), held)

    def page(self, owner_id: str | None = None, limit: int = 100) -> list[Webhook]:
        """Those of an owner, or of everybody, oldest first."""
        query = select(Webhook).where(col(Webhook.removed_at).is_(None)).order_by(col(Webhook.id)).limit(limit)
        return list(self.session.exec(query if owner_id is None else query.where(Webhook.owner_id == owner_id)))

    def count_of(self, owner_id: str) -> int:
        """How many an owner has."""
        query = select(func.count()).where(Webhook.owner_id == owner_id, col(Webhook.removed_at).is_(None))
        return self.session.exec(query).one()

    def active(self) -> list[str]:
        """The ids of those that events are sent to; each is read by itself, for one of them may be damaged."""
        return list(self.session.exec(select(Webhook.id).where(*_IS_TOLD).order_by(col(Webhook.id)).limit(1000)))

    def failing_since(self, instant: datetime) -> list[str]:
        """The ids of those of them that took nothing since then."""
        query = select(Webhook.id).where(*_IS_TOLD, col(Webhook.failing_since) <= instant)
        return list(self.session.exec(query.order_by(col(Webhook.id)).limit(1000)))

    def told_of_events(self, webhook_id: str, *, held: bool = False) -> Webhook | None:
        """One of them; held, other writing units of work wait for it."""
        return self._one(select(Webhook).where(Webhook.id == webhook_id, *_IS_TOLD), held)

    def _one(self, query: SelectOfScalar[Webhook], held: bool) -> Webhook | None:
        query = query.options(*_UNOPENED)
        if held:
            query = query.with_for_update().execution_options(populate_existing=True)
        return self.session.exec(query).first()

    def entries(self, acts: Iterable[str], after: str, limit: int) -> list[AuditEntry]:
        """Audit entries about loans by these acts, those after the id `after`, in their order."""
        return list(self.session.exec(_ENTRIES, params={"after": after, "acts": list(acts), "most": limit}))

    def told(self, webhook_id: str, entries: Sequence[str]) -> set[str]:
        """Which of these audit entries an address was told of before."""
        return set(self.session.exec(_TOLD, params={"webhook": webhook_id, "entries": entries}))

    def seen(self, actor: Actor, loans: Iterable[str]) -> set[str]:
        """Which of these loans somebody may see."""
        query = select(Loan.number).where(col(Loan.number).in_(set(loans)), loans_seen_by(actor.role))
        return set(self.session.exec(query, params=scope_of(actor)))

    def put(self, deliveries: Sequence[Mapping[str, Any]]) -> None:
        """Records what is to be sent, with all columns of `WebhookDelivery`."""
        write_many(self.session, WebhookDelivery, deliveries)

    def due(self, webhook_id: str, now: datetime, limit: int) -> list[WebhookDelivery]:
        """What is to be sent to an address now, what waits longest first."""
        return list(self.session.exec(_DUE, params={"webhook": webhook_id, "now": now, "most": limit}))

    def delivery(self, delivery_id: str) -> WebhookDelivery | None:
        """One by id."""
        return self.session.get(WebhookDelivery, delivery_id)

    def deliveries(self, webhook_id: str, before: int | None, limit: int) -> list[WebhookDelivery]:
        """What was sent to an address, newest first, those below the number `before`."""
        query = select(WebhookDelivery).where(WebhookDelivery.webhook_id == webhook_id)
        if before is not None:
            query = query.where(col(WebhookDelivery.number) < before)
        return list(self.session.exec(query.order_by(col(WebhookDelivery.number).desc()).limit(limit)))

    def between(self, webhook_id: str, first: int, last: int) -> list[WebhookDelivery]:
        """What has the numbers from `first` to `last`."""
        query = select(WebhookDelivery).where(
            WebhookDelivery.webhook_id == webhook_id,
            col(WebhookDelivery.number) >= first,
            col(WebhookDelivery.number) <= last,
        )
        return list(self.session.exec(query.order_by(col(WebhookDelivery.number)).limit(1000)))

    def take_up(self, webhook_id: str, now: datetime) -> None:
        """Has everything sent again that was given up without having been taken."""
        self.session.execute(
            update(WebhookDelivery)
            .where(
                col(WebhookDelivery.webhook_id) == webhook_id,
                col(WebhookDelivery.not_before).is_(None),
                col(WebhookDelivery.delivered_at).is_(None),
            )
            .values(not_before=now, first_tried_at=None, attempts=0)
        )

    def waiting(self) -> int:
        """How many events are still to be sent to addresses that are told of events."""
        query = (
            select(func.count())
            .select_from(WebhookDelivery)
            .join(Webhook, col(Webhook.id) == col(WebhookDelivery.webhook_id))
            .where(col(WebhookDelivery.not_before).is_not(None), *_IS_TOLD)
        )
        return self.session.exec(query).one()

    def disabled(self) -> int:
        """How many addresses are disabled and were not removed."""
        query = select(func.count()).select_from(Webhook)
        return self.session.exec(
            query.where(col(Webhook.disabled_at).is_not(None), col(Webhook.removed_at).is_(None))
        ).one()
