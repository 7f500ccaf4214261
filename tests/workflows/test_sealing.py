"""The audit log is sealed by a Schedule of its own, by the clock on the wall."""

from datetime import timedelta

from engine.schedules import keep_schedules
from lending.calendar import BusinessClock
from models.keys import LOANS_QUEUE
from models.recurring import DailyOrder, Sealed
from services import audit
from services.audit_chain import seal, waiting
from services.audit_proof import verify
from tests.workflows.conftest import OpenOfficeWithDays
from tests.workflows.harness import RISK
from tests.workflows.schedules import drop_schedules


async def test_the_schedule_seals_every_minute_however_short_the_days_are(
    office_in_real_time: OpenOfficeWithDays,
) -> None:
    async with office_in_real_time(0.5) as lender:
        client = lender.engine.client
        with lender.books.begin() as work:
            seal(work)
        with lender.books.begin() as work:
            audit.record(work, RISK, "looked_around")
        await keep_schedules(client, lender.books.clock)
        try:
            handle = client.get_schedule_handle("seal-audit")
            assert (await handle.describe()).schedule.spec.intervals[0].every == timedelta(seconds=60)
            await handle.trigger()
            await lender.eventually(lambda: lender.read(waiting).count == 0, lambda: "the entry is not sealed")
        finally:
            await drop_schedules(client)
        assert lender.read(verify).findings == []


async def test_a_run_says_how_many_it_sealed_and_takes_few_events(office_in_real_time: OpenOfficeWithDays) -> None:
    async with office_in_real_time(60) as lender:
        with lender.books.begin() as work:
            seal(work)
        with lender.books.begin() as work:
            for _ in range(3):
                audit.record(work, RISK, "looked_around")
        order = DailyOrder(clock=BusinessClock())
        handle = await lender.engine.client.start_workflow(
            "SealAudit", order, id="seal-audit/by-hand", task_queue=LOANS_QUEUE, result_type=Sealed
        )
        assert await handle.result() == Sealed(sealed=3)
        assert len([event async for event in handle.fetch_history_events()]) <= 11
