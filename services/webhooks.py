"""Telling integrators what happens to their loans: who wants to know, what is to be sent, and what became of it.

The audit log is what is told from: every act writes one entry, so that nothing has to be written twice and an act costs
nothing more because somebody listens.
"""

import base64
import ipaddress
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from books.session import UnitOfWork
from lending.errors import LendingError
from models.chain import first_id_at
from models.keys import new_id
from models.sealing import NOT_OPENED
from models.staff import Actor, Role
from models.tasks import TaskKind
from models.webhooks import LoanEvent, Webhook, WebhookDelivery
from services import audit
from services.loan_news import EVENT_OF, body_of, event_of, message
from services.permissions import Action, require
from services.tasks import open_task

MOST_A_MACHINE = 10
_OF_ALL = frozenset({Role.ADMIN, Role.AUDITOR})
SECRET_BYTES = 32
BOTH_SIGN = timedelta(days=1)
"""So long an old secret signs beside the new one."""
LATE = timedelta(minutes=2)
"""An entry's id is its time of birth, its commit comes later: no unit of work takes longer than this."""
PAGE = 500
LEASE = timedelta(seconds=60)
AT_ONCE = 5
"""How many events are under way to one address at the same time."""
PAUSES = tuple(timedelta(seconds=pause) for pause in (5, 30, 120, 600, 1_800, 3_600, 7_200, 14_400, 28_800))
"""How long an event waits after its first, second … failure; after the last one as long each time."""
TRIED_FOR = timedelta(days=3)
DISABLED_AFTER = timedelta(days=5)
"""An address that took nothing for so long is disabled, and a person is asked."""
GONE = 410


class UnknownWebhook(LendingError):
    """There is no such address, or it is somebody else's."""

    code = "unknown_webhook"
    http_status = 404

    def __init__(self) -> None:
        super().__init__("there is no such webhook or delivery")


class BadAddress(LendingError):
    """Events are not sent there."""

    code = "bad_webhook_address"
    http_status = 422

    def __init__(self, why: str) -> None:
        super().__init__(f"events cannot be sent there: {why}", fields={"url": why})


class TooManyWebhooks(LendingError):
    """A machine account has as many addresses as it may have."""

    code = "too_many_webhooks"
    http_status = 409

    def __init__(self) -> None:
        super().__init__(f"a machine account has at most {MOST_A_MACHINE} webhooks; remove one first")


# -- who wants to know -------------------------------------------------------------------------------------------------


def register(
    work: UnitOfWork, actor: Actor, url: str, events: list[LoanEvent], description: str, *, plain_http: bool
) -> tuple[Webhook, str]:
    """Has events sent to an address from now on; gives it with the secret that signs them, which is not shown again.

    `events` empty means all. `plain_http` allows addresses without encryption, for a demonstration. Raises BadAddress,
    TooManyWebhooks, and NotAllowed for anybody who is no machine account.
    """
    require(actor, Action.REGISTER_WEBHOOKS)
    _check_address(url, plain_http=plain_http)
    work.staff.hold(actor.id)
    if work.webhooks.count_of(actor.id) >= MOST_A_MACHINE:
        raise TooManyWebhooks
    secret = _new_secret()
    webhook = Webhook(
        owner_id=actor.id,
        url=url,
        events=sorted(set(events)),
        description=description,
        secret=secret,
        created_at=work.now,
        read_to=first_id_at(work.now),
    )
    work.webhooks.add(webhook)
    # The host alone: what stands behind it may be a secret.
    after = {"host": urlsplit(url).hostname, "events": webhook.events}
    audit.record(work, actor, "webhook_registered", subject=webhook.id, after=after)
    return webhook, secret


def webhooks_of(work: UnitOfWork, actor: Actor) -> list[Webhook]:
    """A machine's own addresses; all of them for administrators and auditors."""
    return work.webhooks.page(None if actor.role in _OF_ALL else actor.id)


def webhook_of(work: UnitOfWork, actor: Actor, webhook_id: str, *, held: bool = False) -> Webhook:
    """One of these; UnknownWebhook otherwise."""
    webhook = work.webhooks.get(webhook_id, held=held)
    if webhook is None or (actor.role not in _OF_ALL and webhook.owner_id != actor.id):
        raise UnknownWebhook
    return webhook


def renew_secret(work: UnitOfWork, actor: Actor, webhook_id: str) -> tuple[Webhook, str]:
    """A new secret; the old one signs beside it for a day, so that the receiver can change over, unless it is one that
    cannot be opened any more.
    """
    webhook = webhook_of(work, actor, webhook_id, held=True)
    try:
        webhook.old_secret, webhook.old_secret_ends = webhook.secret, work.now + BOTH_SIGN
    except NOT_OPENED:
        webhook.old_secret = webhook.old_secret_ends = None
    secret = webhook.secret = _new_secret()
    work.session.add(webhook)
    audit.record(work, actor, "webhook_secret_renewed", subject=webhook.id)
    return webhook, secret


def remove(work: UnitOfWork, actor: Actor, webhook_id: str) -> None:
    """Sends nothing there any more."""
    webhook = webhook_of(work, actor, webhook_id, held=True)
    webhook.removed_at = work.now
    work.session.add(webhook)
    audit.record(work, actor, "webhook_removed", subject=webhook.id)


def enable(work: UnitOfWork, actor: Actor, webhook_id: str) -> Webhook:
    """Takes a disabled address up again; what happened meanwhile is sent too, for as long as it is kept to be told."""
    webhook = webhook_of(work, actor, webhook_id, held=True)
    if webhook.disabled_at is not None:
        before = {"disabled_at": webhook.disabled_at.isoformat()}
        webhook.disabled_at = webhook.failing_since = None
        work.session.add(webhook)
        work.webhooks.take_up(webhook.id, work.now)
        audit.record(work, actor, "webhook_enabled", subject=webhook.id, before=before, after={"disabled_at": None})
    return webhook


def test(work: UnitOfWork, actor: Actor, webhook_id: str) -> WebhookDelivery:
    """Sends an event that tells of nothing, to see whether it arrives."""
    webhook = webhook_of(work, actor, webhook_id, held=True)
    entry_id = new_id()
    body = message(LoanEvent.TEST, work.now.isoformat(), {"webhook": webhook.id})
    row = _delivery(work, webhook, entry_id, LoanEvent.TEST, None, body)
    work.write(row)
    work.session.add(webhook)
    audit.record(work, actor, "webhook_tested", subject=webhook.id)
    return row


def replay(work: UnitOfWork, actor: Actor, webhook_id: str, first: int, last: int) -> int:
    """Sends the events with these numbers once more, under the ids that they had; says how many."""
    webhook = webhook_of(work, actor, webhook_id)
    found = work.webhooks.between(webhook.id, first, last)
    for row in found:
        row.not_before, row.first_tried_at, row.attempts, row.last_error = work.now, None, 0, None
        work.session.add(row)
    audit.record(
        work, actor, "webhook_replayed", subject=webhook.id, after={"from": first, "to": last, "events": len(found)}
    )
    return len(found)


def _check_address(url: str, *, plain_http: bool) -> None:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise BadAddress("it is no web address") from None
    if parts.scheme not in (("https", "http") if plain_http else ("https",)):
        raise BadAddress("it must begin with https://")
    if not parts.hostname or port == 0:
        raise BadAddress("it names no host")
    if parts.username or parts.password or parts.fragment:
        raise BadAddress("leave name, password and fragment out; the signature says that it is us")
    if not plain_http and _is_inside(parts.hostname):
        raise BadAddress("it is inside the house; they go to the internet only")


def _is_inside(host: str) -> bool:
    """Whether a host is seen to be inside; where a name leads is looked up at each sending."""
    try:
        return not ipaddress.ip_address(host).is_global
    except ValueError:
        name = host.rstrip(".")
        return "." not in name or name.endswith((".localhost", ".local", ".internal"))


def _new_secret() -> str:
    return "whsec_" + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()


# -- what is to be sent ------------------------------------------------------------------------------------------------


def collect(work: UnitOfWork, webhook_id: str, after: str | None = None) -> str | None:
    """Puts down what an address is still to be told, from the audit entries after `after` (None: from where all was
    looked at); gives the last entry that was looked at, None if there was none.

    Entries that are committed late have ids below others: whoever calls this looks at the last minutes again now and
    then, by giving no `after`.
    """
    webhook = work.webhooks.told_of_events(webhook_id, held=True)
    if webhook is None:
        return None
    entries = work.webhooks.entries(EVENT_OF, after or webhook.read_to, PAGE)
    if not entries:
        return None
    wanted = {
        entry.id: (entry, event)
        for entry in entries
        if (event := event_of(entry)) is not None and (not webhook.events or event in webhook.events)
    }
    told = work.webhooks.told(webhook.id, list(wanted))
    owner = Actor(id=webhook.owner_id, role=Role.INTEGRATOR)
    seen = work.webhooks.seen(owner, {entry.loan or "" for entry, _ in wanted.values()})
    rows = [
        _delivery(work, webhook, entry.id, event, entry.loan, body_of(event, entry))
        for entry, event in wanted.values()
        if entry.id not in told and entry.loan in seen
    ]
    work.webhooks.put([row.model_dump() for row in rows])
    settled = [entry.id for entry in entries if entry.id < first_id_at(work.now - LATE)]
    webhook.read_to = max([webhook.read_to, *settled])
    work.session.add(webhook)
    return entries[-1].id


def has_news(work: UnitOfWork, webhook_id: str, after: str | None) -> bool:
    """Whether `collect` would find an entry to look at; reads only, so that listening costs no writer anything."""
    webhook = work.webhooks.told_of_events(webhook_id)
    return webhook is not None and bool(work.webhooks.entries(EVENT_OF, after or webhook.read_to, 1))


def has_letters(work: UnitOfWork, webhook_id: str) -> bool:
    """Whether an event is due for an address."""
    return bool(work.webhooks.due(webhook_id, work.now, 1))


def _delivery(
    work: UnitOfWork, webhook: Webhook, entry_id: str, event: LoanEvent, loan: str | None, body: str
) -> WebhookDelivery:
    number, webhook.next_number = webhook.next_number, webhook.next_number + 1
    return WebhookDelivery(
        webhook_id=webhook.id,
        entry_id=entry_id,
        number=number,
        event=event,
        loan=loan,
        body=body,
        created_at=work.now,
        not_before=work.now,
    )


@dataclass(frozen=True)
class Letter:
    """An event on its way: where to, what, and the secrets that sign it."""

    delivery_id: str
    webhook_id: str
    url: str
    body: str
    secrets: tuple[str, ...]


def claim(work: UnitOfWork, webhook_id: str, limit: int = AT_ONCE) -> list[Letter]:
    """Takes events that are due for an address; nobody else gets them until the lease ends.

    Raises SealBroken and KeyMissing where address or secret cannot be opened: see `not_opened`.
    """
    webhook = work.webhooks.told_of_events(webhook_id)
    if webhook is None:
        return []
    url, signing = webhook.url, [webhook.secret]
    if webhook.old_secret_ends is not None and webhook.old_secret_ends > work.now and webhook.old_secret is not None:
        signing.append(webhook.old_secret)
    return [Letter(row.id, webhook_id, url, row.body, tuple(signing)) for row in _take(work, webhook_id, limit)]


def not_opened(work: UnitOfWork, webhook_id: str, code: str) -> None:
    """Counts what is due for an address that cannot be opened as not taken, with that code: it is tried again with the
    same pauses, and in the end disabled like any other that fails.
    """
    if work.webhooks.told_of_events(webhook_id) is not None:
        settle(work, webhook_id, [Sent(row.id, error=code) for row in _take(work, webhook_id, AT_ONCE)])


def _take(work: UnitOfWork, webhook_id: str, limit: int) -> list[WebhookDelivery]:
    found = work.webhooks.due(webhook_id, work.now, limit)
    for row in found:
        row.not_before = work.now + LEASE
        row.attempts += 1
        row.first_tried_at = row.first_tried_at or work.now
        work.session.add(row)
    return found


@dataclass(frozen=True)
class Sent:
    """What became of a letter: the receiver's status, or what went wrong before there was one."""

    delivery_id: str
    status: int | None = None
    error: str | None = None

    @property
    def is_delivered(self) -> bool:
        """Whether the receiver took it."""
        return self.status is not None and 200 <= self.status < 300


def settle(work: UnitOfWork, webhook_id: str, results: list[Sent]) -> None:
    """Writes down what became of letters. An address that says it is gone is disabled, and somebody is asked."""
    webhook = work.webhooks.get(webhook_id, held=True)
    if webhook is None:
        return
    for result in results:
        row = work.webhooks.delivery(result.delivery_id)
        if row is None:
            continue
        row.status, row.last_error = result.status, result.error
        if result.is_delivered:
            row.delivered_at, row.not_before = work.now, None
        else:
            row.not_before = _next_try(row, work.now)
        work.session.add(row)
    if any(result.is_delivered for result in results):
        webhook.failing_since = None
    elif results and webhook.failing_since is None:
        webhook.failing_since = work.now
    work.session.add(webhook)
    if webhook.disabled_at is None and any(result.status == GONE for result in results):
        _disable(work, webhook, "the receiver says that it is gone")


def fails_for_long(work: UnitOfWork) -> list[str]:
    """Addresses that took nothing for days, whether or not anything waits for them still; reads only."""
    return work.webhooks.failing_since(work.now - DISABLED_AFTER)


def give_up(work: UnitOfWork, webhook_id: str) -> None:
    """Disables such an address, and asks a person; one that took something meanwhile stays."""
    webhook = work.webhooks.told_of_events(webhook_id, held=True)
    if webhook is not None and _fails_for_long(webhook, work.now):
        _disable(work, webhook, "it took nothing for five days")


def _fails_for_long(webhook: Webhook, now: datetime) -> bool:
    return webhook.failing_since is not None and now - webhook.failing_since >= DISABLED_AFTER


def _next_try(row: WebhookDelivery, now: datetime) -> datetime | None:
    """When a letter that was not taken is tried again; None once it was tried for long enough."""
    began = row.first_tried_at or now
    after = now + PAUSES[min(row.attempts, len(PAUSES)) - 1]
    return after if after - began <= TRIED_FOR else None


def _disable(work: UnitOfWork, webhook: Webhook, why: str) -> None:
    webhook.disabled_at = work.now
    work.session.add(webhook)
    about = f"webhook {webhook.id} of {webhook.owner_id} is disabled: {why}"
    # For who may look at it and take it up again.
    task = open_task(work, None, TaskKind.TROUBLE, Role.ADMIN, work.today + timedelta(days=1), about)
    audit.record(
        work,
        audit.SYSTEM,
        "webhook_disabled",
        subject=webhook.id,
        before={"disabled_at": None},
        after={"why": why, "task": task.id},
    )
