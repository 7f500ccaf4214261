"""Webhooks: who is told of what happens to his loans, what was sent, and sending it once more."""

from datetime import datetime
from typing import Annotated
from urllib.parse import urlsplit

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, Field

from api.context import Acting, Context, Looking
from api.problems import refusals
from api.shapes import LARGEST_NUMBER, Asked, Limit
from models.keys import ID_PATTERN
from models.staff import Actor, Role
from models.webhooks import LoanEvent, Webhook, WebhookDelivery
from models.words import WORDS_PATTERN
from services import webhooks

router = APIRouter(tags=["webhooks"])

WebhookId = Annotated[str, Path(pattern=ID_PATTERN, description="the webhook's id")]


class WebhookBody(Asked):
    """Where events are sent to, and which; all of them if none is named."""

    url: Annotated[str, Field(min_length=8, max_length=500, pattern=r"^[!-~]+$", examples=["https://example.com/in"])]
    events: Annotated[list[LoanEvent], Field(default_factory=list, max_length=len(LoanEvent))]
    description: Annotated[str, Field(default="", max_length=200, pattern=WORDS_PATTERN + "|^$")]


class WebhookView(BaseModel):
    """An address that events are sent to."""

    id: str
    owner_id: str
    url: str
    events: list[LoanEvent]
    description: str
    created_at: datetime
    old_secret_ends: datetime | None
    failing_since: datetime | None
    disabled_at: datetime | None


class WebhookWithSecret(WebhookView):
    """The same with the secret that signs what is sent. It is not shown again."""

    secret: str


class WebhooksView(BaseModel):
    """All addresses of the asking machine; for administrators those of all, for auditors the hosts of all."""

    items: list[WebhookView]


class DeliveryView(BaseModel):
    """An event that was sent, or is to be."""

    id: str
    number: int
    event: LoanEvent
    loan: str | None
    created_at: datetime
    attempts: int
    next_try_at: datetime | None
    delivered_at: datetime | None
    status: int | None
    error: str | None


class DeliveriesView(BaseModel):
    """Events of an address, newest first; `before` asks for those that follow."""

    items: list[DeliveryView]
    before: int | None


class ReplayBody(Asked):
    """Numbers of the first and the last event to be sent once more, at most a thousand."""

    first: Annotated[int, Field(ge=1, le=LARGEST_NUMBER)]
    last: Annotated[int, Field(ge=1, le=LARGEST_NUMBER)]


class ReplayView(BaseModel):
    """How many events are sent once more."""

    events: int


@router.post("/webhooks", status_code=201, responses=refusals(403, 409))
def register_webhook(body: WebhookBody, actor: Acting, context: Context) -> WebhookWithSecret:
    """Has events of the machine's loans sent to an address, signed after Standard Webhooks with the given secret."""
    with context.books.begin() as work:
        found, secret = webhooks.register(
            work, actor, body.url, body.events, body.description, plain_http=context.webhooks_inside
        )
        return _with_secret(found, secret)


@router.get("/webhooks", responses=refusals(403))
def list_webhooks(actor: Acting, look: Looking) -> WebhooksView:
    """Where events are sent to."""
    with look() as work:
        return WebhooksView(items=[_seen_by(actor, one) for one in webhooks.webhooks_of(work, actor)])


@router.delete("/webhooks/{webhook}", status_code=204, responses=refusals(403, 404))
def remove_webhook(webhook: WebhookId, actor: Acting, context: Context) -> None:
    """Sends nothing there any more."""
    with context.books.begin() as work:
        webhooks.remove(work, actor, webhook)


@router.post("/webhooks/{webhook}/secret", responses=refusals(403, 404))
def renew_webhook_secret(webhook: WebhookId, actor: Acting, context: Context) -> WebhookWithSecret:
    """A new secret. For a day both sign, so that the receiver can change over."""
    with context.books.begin() as work:
        return _with_secret(*webhooks.renew_secret(work, actor, webhook))


@router.post("/webhooks/{webhook}/enable", responses=refusals(403, 404))
def enable_webhook(webhook: WebhookId, actor: Acting, context: Context) -> WebhookView:
    """Takes an address up again that was disabled; what it missed is sent to it."""
    with context.books.begin() as work:
        return _view(webhooks.enable(work, actor, webhook))


@router.post("/webhooks/{webhook}/test", status_code=202, responses=refusals(403, 404))
def test_webhook(webhook: WebhookId, actor: Acting, context: Context) -> DeliveryView:
    """Sends an event that tells of nothing."""
    with context.books.begin() as work:
        return _delivery(webhooks.test(work, actor, webhook))


@router.get("/webhooks/{webhook}/deliveries", responses=refusals(403, 404))
def list_deliveries(
    webhook: WebhookId,
    actor: Acting,
    look: Looking,
    before: Annotated[int | None, Query(ge=1, le=LARGEST_NUMBER, description="events below this number")] = None,
    limit: Limit = 50,
) -> DeliveriesView:
    """What was sent to an address and what became of it."""
    with look() as work:
        owned = webhooks.webhook_of(work, actor, webhook)
        found = work.webhooks.deliveries(owned.id, before, limit)
        after = found[-1].number if len(found) == limit else None
        return DeliveriesView(items=[_delivery(one) for one in found], before=after)


@router.post("/webhooks/{webhook}/replay", status_code=202, responses=refusals(403, 404))
def replay_events(webhook: WebhookId, body: ReplayBody, actor: Acting, context: Context) -> ReplayView:
    """Sends events once more, under the ids that they had: a receiver that remembers ids loses and doubles nothing."""
    with context.books.begin() as work:
        return ReplayView(events=webhooks.replay(work, actor, webhook, body.first, body.last))


def _view(one: Webhook) -> WebhookView:
    return WebhookView.model_validate(one, from_attributes=True)


def _seen_by(actor: Actor, one: Webhook) -> WebhookView:
    """An auditor is shown the host, as in the log: what stands behind it may be a secret."""
    view = _view(one)
    if actor.role is Role.AUDITOR:
        parts = urlsplit(view.url)
        view.url = f"{parts.scheme}://{parts.hostname}"
    return view


def _with_secret(one: Webhook, secret: str) -> WebhookWithSecret:
    return WebhookWithSecret(**_view(one).model_dump(), secret=secret)


def _delivery(one: WebhookDelivery) -> DeliveryView:
    return DeliveryView.model_validate(one.model_dump() | {"next_try_at": one.not_before, "error": one.last_error})
