"""The sealed books are proved every day by a Schedule of its own, and when an auditor asks."""

import asyncio
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

import worker
from activities import proving
from books.audit import EntryFilter
from books.session import Books
from engine.proving import ask_for_proof
from engine.schedules import keep_schedules
from lending.calendar import BusinessClock
from models.audit import AuditEntry
from models.keys import LOANS_QUEUE
from models.proving import AuditVerdict
from models.recurring import DailyOrder, Proved
from models.staff import Actor, Role
from services.audit_chain import seal
from services.errors import NotAllowed
from services.proving import ProvedJustNow
from tests.services.audit_log import tamper
from tests.workflows.conftest import OpenOfficeWithDays
from tests.workflows.harness import ADMIN, Office
from tests.workflows.schedules import drop_schedules

AUDITOR = Actor("auditor-wei", Role.AUDITOR, address="192.0.2.9", request_id="req-9")


def newest(lender: Office) -> list[AuditVerdict]:
    """All verdicts, the newest first."""
    found: list[AuditVerdict] = lender.read(lambda work: work.proving.newest(None, 50))
    return found


def entries(lender: Office) -> list[AuditEntry]:
    """What the audit log says of proofs, the newest first."""
    found: list[AuditEntry] = lender.read(lambda work: work.audit.newest(EntryFilter(act="audit_verified"), None, 50))
    return found


async def test_the_schedule_proves_every_day_however_short_the_days_are(
    office_in_real_time: OpenOfficeWithDays,
) -> None:
    async with office_in_real_time(0.5) as lender:
        client = lender.engine.client
        with lender.books.begin() as work:
            seal(work)
        await keep_schedules(client, lender.books.clock)
        try:
            handle = client.get_schedule_handle("prove-audit")
            assert (await handle.describe()).schedule.spec.intervals[0].every == timedelta(days=1)
            await handle.trigger()
            await lender.eventually(lambda: len(newest(lender)) == 1, lambda: "nothing was proved")
        finally:
            await drop_schedules(client)
        (verdict,) = newest(lender)
        assert (verdict.is_whole, verdict.asked_by, verdict.findings) == (True, "system", [])
        assert verdict.seals >= 1
        (entry,) = entries(lender)
        assert (entry.workflow_id or "").startswith("prove-audit/run")
        assert (entry.run_id, entry.event_id is not None) == (verdict.run_id, True)


async def test_what_was_changed_is_found_and_the_run_is_short(office_in_real_time: OpenOfficeWithDays) -> None:
    async with office_in_real_time(60) as lender:
        with lender.books.begin() as work:
            seal(work)
        tamper(lender.books, "UPDATE audit_entry SET reason = 'another' WHERE id = (SELECT min(id) FROM audit_entry)")
        handle = await lender.engine.client.start_workflow(
            "ProveAudit",
            # What the Schedule hands over.
            DailyOrder(clock=BusinessClock()),
            id="prove-audit/by-hand",
            task_queue=LOANS_QUEUE,
            result_type=Proved,
        )
        done = await handle.result()
        (verdict,) = newest(lender)
        assert done == Proved(verdict=verdict.id, differences=1)
        assert verdict.run_id == handle.result_run_id
        assert [one["kind"] for one in verdict.findings] == ["entry_changed"]
        assert len([event async for event in handle.fetch_history_events()]) <= 11


async def test_who_asks_joins_the_proof_that_is_under_way(office_in_real_time: OpenOfficeWithDays) -> None:
    async with office_in_real_time(60) as lender:
        client = lender.engine.client
        with pytest.raises(NotAllowed):
            await ask_for_proof(lender.books, client, ADMIN)
        # One that waits for nobody's queue, as one does that the Schedule started before there was a worker.
        held = await client.start_workflow(
            "ProveAudit", DailyOrder(clock=BusinessClock()), id="prove-audit/run-held", task_queue="nobody"
        )

        async def listed() -> bool:
            return [one.id async for one in client.list_workflows("WorkflowType = 'ProveAudit'")].count(held.id) == 1

        try:
            # The engine lists it a moment after it has begun.
            give_up_at = datetime.now(UTC) + timedelta(seconds=20)
            while not await listed():
                assert datetime.now(UTC) < give_up_at
                await asyncio.sleep(0.2)
            assert await ask_for_proof(lender.books, client, AUDITOR) == held.result_run_id
            assert newest(lender) == []
        finally:
            await held.terminate()


async def test_who_asked_is_named_and_asks_not_again_at_once(office_in_real_time: OpenOfficeWithDays) -> None:
    async with office_in_real_time(60) as lender:
        client = lender.engine.client
        with lender.books.begin() as work:
            seal(work)
        runs = await asyncio.gather(*(ask_for_proof(lender.books, client, AUDITOR) for _ in range(3)))
        await lender.eventually(lambda: newest(lender) != [], lambda: "nothing was proved")
        verdict = newest(lender)[-1]
        assert verdict.run_id in runs
        assert verdict.asked_by == "auditor-wei"
        entry = entries(lender)[-1]
        assert (entry.actor_id, entry.role, entry.address, entry.request_id) == (
            *("auditor-wei", "auditor"),
            *("192.0.2.9", "req-9"),
        )
        with pytest.raises(ProvedJustNow):
            await ask_for_proof(lender.books, client, AUDITOR)


async def test_a_worker_that_is_told_to_stop_waits_for_no_proof(
    office_in_real_time: OpenOfficeWithDays, monkeypatch: pytest.MonkeyPatch
) -> None:
    began = threading.Event()

    def of_a_large_log(books: Books, _evidence: object, between: Callable[[], object]) -> None:
        began.set()
        with books.read(of_one_moment=True) as work:
            for _ in range(2_000):
                work.seals.last()
                time.sleep(0.05)
                between()

    monkeypatch.setattr(proving, "prove", of_a_large_log)
    monkeypatch.setattr(worker, "STOP_PATIENCE", timedelta(seconds=1))
    async with office_in_real_time(60) as lender:
        await lender.engine.client.start_workflow(
            "ProveAudit", DailyOrder(clock=BusinessClock()), id="prove-audit/long", task_queue=LOANS_QUEUE
        )
        await lender.eventually(began.is_set, lambda: "no proof began")
        told_at = time.monotonic()
    assert time.monotonic() - told_at < 15
