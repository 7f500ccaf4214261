"""The desk that sends events: each address for itself, and nothing lost while one is away."""

import asyncio
from collections.abc import Callable

from activities.webhooks import NewsDesk
from books.session import Books
from gateways.webhooks import WebhookGateway
from models.webhooks import Webhook
from services import webhooks
from tests.gateways.receiving import Receiver, receiving
from tests.services.damage import damage_one
from tests.services.procedure import INTEGRATOR, Procedure

PATIENCE = 20.0


def told_at(books: Books, receiver: Receiver) -> tuple[Webhook, str]:
    """Has the events of the demo machine's loans sent to a receiver."""
    with books.begin() as work:
        return webhooks.register(work, INTEGRATOR, f"{receiver.url}/in", [], "", plain_http=True)


async def until(desk: NewsDesk, is_so: Callable[[], bool]) -> None:
    """Lets the desk look until something is so."""
    async with asyncio.timeout(PATIENCE):
        while not is_so():
            await desk.look()
            await asyncio.sleep(0.02)


async def test_events_arrive_signed_and_once(books: Books, procedure: Procedure) -> None:
    async with receiving() as receiver, WebhookGateway(inner_allowed=True) as gateway:
        _, secret = told_at(books, receiver)
        desks = [NewsDesk(books, gateway), NewsDesk(books, gateway)]
        loans = [await asyncio.to_thread(procedure.apply) for _ in range(3)]
        await asyncio.gather(*(until(desk, lambda: len(receiver.received) >= 3) for desk in desks))
        await asyncio.gather(*(desk.finish() for desk in desks))
        data = [event["data"] for event in receiver.verified(secret)]
        assert sorted(one["loan"] for one in data if isinstance(one, dict)) == loans
        assert len(set(receiver.ids)) == 3


async def test_an_address_that_is_slow_or_dead_holds_up_no_other(books: Books, procedure: Procedure) -> None:
    async with receiving() as slow, receiving() as quick, WebhookGateway(inner_allowed=True) as gateway:
        slow.delay_seconds = 60
        told_at(books, slow)
        told_at(books, quick)
        desk = NewsDesk(books, gateway)
        for number in range(1, 8):
            await asyncio.to_thread(procedure.apply)
            await until(desk, lambda number=number: len(quick.received) == number)  # type: ignore[misc]
        # What is under way to the slow one is bounded.
        assert 0 < len(slow.received) <= webhooks.AT_ONCE


async def test_an_address_that_cannot_be_opened_holds_up_no_other(books: Books, procedure: Procedure) -> None:
    async with receiving() as damaged, receiving() as whole, WebhookGateway(inner_allowed=True) as gateway:
        (webhook, _), _ = told_at(books, damaged), told_at(books, whole)
        damage_one(books, "webhook", "secret", webhook.id)
        desk = NewsDesk(books, gateway)
        for number in range(1, 4):
            await asyncio.to_thread(procedure.apply)
            await until(desk, lambda number=number: len(whole.received) == number)  # type: ignore[misc]
        await desk.finish()
        assert not damaged.received
        with books.read() as work:
            (row, *_) = work.webhooks.deliveries(webhook.id, None, 10)[::-1]
            kept = work.webhooks.get(webhook.id)
        assert kept is not None
        assert (row.last_error, kept.failing_since is None, kept.disabled_at) == ("seal_broken", False, None)


async def test_a_desk_that_stops_sends_what_is_under_way_and_begins_nothing_more(
    books: Books, procedure: Procedure
) -> None:
    async with receiving() as receiver, WebhookGateway(inner_allowed=True) as gateway:
        receiver.delay_seconds = 0.5
        told_at(books, receiver)
        for _ in range(3 * webhooks.AT_ONCE):
            await asyncio.to_thread(procedure.apply)
        desk = NewsDesk(books, gateway)
        working = asyncio.create_task(desk.run())
        await until(desk, lambda: bool(receiver.received))
        working.cancel()
        await asyncio.gather(working, return_exceptions=True)
        assert len(receiver.received) == webhooks.AT_ONCE


async def test_what_was_not_taken_comes_again_under_the_same_id(books: Books, procedure: Procedure) -> None:
    async with receiving() as receiver, WebhookGateway(inner_allowed=True) as gateway:
        receiver.status = 503
        webhook, secret = told_at(books, receiver)
        desk = NewsDesk(books, gateway)
        await asyncio.to_thread(procedure.apply)
        await until(desk, lambda: len(receiver.received) == 1)
        await desk.finish()
        receiver.status = 200
        with books.begin() as work:
            # Its pause is over.
            (row,) = work.webhooks.deliveries(webhook.id, None, 10)
            assert (row.status, row.last_error, row.delivered_at) == (503, "refused", None)
            row.not_before = work.now
            work.session.add(row)
        await until(desk, lambda: len(receiver.received) == 2)
        await desk.finish()
        assert receiver.ids[0] == receiver.ids[1]
        assert len(receiver.verified(secret)) == 2
        with books.read() as work:
            assert work.webhooks.deliveries(webhook.id, None, 10)[0].delivered_at is not None


async def test_an_address_that_fails_for_days_is_disabled_though_nothing_waits_for_it(books: Books) -> None:
    async with receiving() as receiver, WebhookGateway(inner_allowed=True) as gateway:
        webhook, _ = told_at(books, receiver)
        with books.begin() as work:
            row = work.webhooks.get(webhook.id)
            assert row is not None
            row.failing_since = work.now - webhooks.DISABLED_AFTER
            work.session.add(row)
        await NewsDesk(books, gateway).look()
        with books.read() as work:
            assert work.webhooks.disabled() == 1
        assert not receiver.received
