"""The end of a month as its schedule lives it: every business day, once a month, with months that were missed."""

import asyncio
import uuid
from datetime import date, timedelta

import pytest
from temporalio.client import Client, ScheduleOverlapPolicy
from temporalio.service import RPCError

import engine.schedules
from engine.schedules import SCHEDULES, SHORTEST_SECONDS, keep_schedules, tend_schedules
from lending.calendar import BusinessClock
from models.keys import LOANS_QUEUE
from models.periods import LoanMonthEnd
from models.recurring import DailyOrder, DueMonth
from tests.workflows import people
from tests.workflows.conftest import OpenOffice, OpenOfficeWithDays
from tests.workflows.harness import Office
from tests.workflows.schedules import drop_schedules


async def month_end(lender: Office) -> DueMonth:
    """What the schedule starts."""
    answer: DueMonth = await lender.engine.client.execute_workflow(
        "MonthEnd",
        DailyOrder(clock=lender.books.clock),
        id=f"month-end/{uuid.uuid4().hex}",
        task_queue=LOANS_QUEUE,
        result_type=DueMonth,
    )
    return answer


def month_ends(lender: Office, loan: str) -> list[LoanMonthEnd]:
    return lender.read(lambda work: work.periods.month_ends_of(loan))


async def test_a_month_is_ended_once_it_is_over_and_missed_months_are_made_up_for(office: OpenOffice) -> None:
    async with office() as lender:
        loan = await lender.running("micro", people.earner())
        await lender.until(date(2026, 1, 31))
        await month_end(lender)
        assert month_ends(lender, loan) == []

        await lender.until(date(2026, 2, 1))
        for _ in range(2):
            assert (await month_end(lender)).month is None
            assert [one.month for one in month_ends(lender, loan)] == ["2026-01"]

        await lender.until(date(2026, 5, 2))
        await month_end(lender)
        ends = month_ends(lender, loan)
        assert [one.month for one in ends] == ["2026-01", "2026-02", "2026-03", "2026-04"]
        assert all(one.accrued_interest_fen > 0 for one in ends)
        assert [one.dpd for one in ends] == [0, 0, 0, 0]


async def schedules(client: Client) -> list[str]:
    """The ids of all schedules, once the engine lists those that were just made."""
    for _ in range(100):
        found = [one.id async for one in await client.list_schedules()]
        if len(found) >= len(SCHEDULES):
            break
        await asyncio.sleep(0.1)
    return sorted(found)


async def test_the_schedule_ends_the_months_of_a_running_lender(office_in_real_time: OpenOfficeWithDays) -> None:
    async with office_in_real_time(0.5) as lender:
        client = lender.engine.client
        await keep_schedules(client, lender.books.clock)
        try:
            loan = await lender.running("micro", people.earner())
            await lender.eventually(lambda: bool(month_ends(lender, loan)), lambda: f"{loan} has no month-end")
        finally:
            await drop_schedules(client)
        assert month_ends(lender, loan)[0].month == "2026-01"
        # Nothing may write while the books are checked.
        await lender.engine.client.get_workflow_handle(f"loan/{loan}").terminate()


async def test_schedules_are_made_once_and_follow_the_table_but_stay_paused(
    office_in_real_time: OpenOfficeWithDays,
) -> None:
    async with office_in_real_time(60) as lender:
        client = lender.engine.client
        await keep_schedules(client, BusinessClock())
        try:
            handle = client.get_schedule_handle("month-end")
            real = (await handle.describe()).schedule.spec.intervals[0]
            # A real business day opens at midnight in Shanghai, which is 16:00 UTC.
            assert (real.every, real.offset) == (timedelta(days=1), timedelta(hours=16))
            await handle.pause(note="the auditors are here")

            await keep_schedules(client, lender.books.clock)
            assert await schedules(client) == sorted(job.id for job in SCHEDULES)
            description = await handle.describe()
            short = description.schedule.spec.intervals[0]
            assert short.every == timedelta(seconds=60)
            opens = lender.books.clock.opens_at(date(2026, 1, 5)).timestamp()
            assert short.offset == timedelta(seconds=int(opens) % 60)
            assert description.schedule.policy.overlap is ScheduleOverlapPolicy.SKIP
            assert (description.schedule.state.paused, description.schedule.state.note) == (
                True,
                "the auditors are here",
            )

            await keep_schedules(client, BusinessClock(0.05, lender.books.clock.anchor_instant, date(2026, 1, 5)))
            shortest = (await handle.describe()).schedule.spec.intervals[0]
            assert shortest.every == timedelta(seconds=SHORTEST_SECONDS)
        finally:
            await drop_schedules(client)


async def test_an_engine_that_lost_its_schedules_gets_them_again(
    office_in_real_time: OpenOfficeWithDays, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine.schedules, "LOOK_AGAIN_SECONDS", 0.2)
    async with office_in_real_time(60) as lender:
        client = lender.engine.client
        tending = asyncio.create_task(tend_schedules(client, lender.books.clock))
        try:
            for _ in range(2):
                await exists(client)
                await drop_schedules(client)
            await exists(client)
        finally:
            tending.cancel()
            await asyncio.gather(tending, return_exceptions=True)
            await drop_schedules(client)


async def exists(client: Client) -> None:
    """Returns once every schedule is there."""
    for job in SCHEDULES:
        for attempt in range(100):
            try:
                await client.get_schedule_handle(job.id).describe()
                break
            except RPCError:
                assert attempt < 99
                await asyncio.sleep(0.1)
