"""Portfolio-wide jobs as Temporal Schedules: one interval of business days each, no calendar."""

import asyncio
import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, timedelta

import structlog
from temporalio.client import (
    Client,
    Schedule,
    ScheduleActionStartWorkflow,
    ScheduleAlreadyRunningError,
    ScheduleIntervalSpec,
    ScheduleOverlapPolicy,
    SchedulePolicy,
    ScheduleSpec,
    ScheduleUpdate,
    ScheduleUpdateInput,
)
from temporalio.service import RPCError

from lending.calendar import BusinessClock
from models.keys import LOANS_QUEUE
from models.recurring import DailyOrder

log = structlog.get_logger()

SHORTEST_SECONDS = 5
"""Demonstrations have days of half a second; a job that catches up need not be started on each of them."""
SOME_DAY = date(2026, 1, 5)
"""Real days all open at the same hour."""
CATCH_UP = timedelta(days=1)
"""How late a start may be made up for after the engine was away; the jobs themselves look for what they missed."""
RETRY_SECONDS = 5
LOOK_AGAIN_SECONDS = 600


@dataclass(frozen=True)
class Recurring:
    """A job: its schedule's id, the workflow it starts, every how many business days, and on which queue.

    One that goes by the wall's clock has `every_seconds` instead of days.
    """

    id: str
    workflow: str
    every: int
    queue: str
    every_seconds: int | None = None


SCHEDULES = (
    Recurring("month-end", "MonthEnd", 1, LOANS_QUEUE),
    Recurring("collateral", "CollateralWatch", 1, LOANS_QUEUE),
    Recurring("behaviour", "BehaviourScores", 1, LOANS_QUEUE),
    Recurring("reconciliation", "Reconciliation", 1, LOANS_QUEUE),
    Recurring("deadlines", "Deadlines", 1, LOANS_QUEUE),
    Recurring("seal-audit", "SealAudit", 0, LOANS_QUEUE, every_seconds=60),
    Recurring("prove-audit", "ProveAudit", 0, LOANS_QUEUE, every_seconds=24 * 3600),
)
"""Each starts its workflow with a `DailyOrder`; a start is left out while the one before is still at work."""


async def tend_schedules(client: Client, clock: BusinessClock) -> None:
    """Keeps the schedules until cancelled, also in an engine that lost them; trouble with them holds up no loan."""
    while True:
        try:
            await keep_schedules(client, clock)
        except RPCError as error:
            log.warning("schedules_not_kept", status=error.status.name)
            await asyncio.sleep(RETRY_SECONDS)
        else:
            await asyncio.sleep(LOOK_AGAIN_SECONDS)


async def keep_schedules(client: Client, clock: BusinessClock) -> None:
    """Makes every schedule of the table, or brings one that is there to what the table says."""
    for job in SCHEDULES:
        wanted = _schedule(job, clock)
        try:
            await client.create_schedule(job.id, wanted)
        except ScheduleAlreadyRunningError:
            await client.get_schedule_handle(job.id).update(_replacing(wanted))


def _replacing(wanted: Schedule) -> Callable[[ScheduleUpdateInput], ScheduleUpdate]:
    def update(given: ScheduleUpdateInput) -> ScheduleUpdate:
        # Somebody may have paused it and noted why: that stays.
        return ScheduleUpdate(replace(wanted, state=given.description.schedule.state))

    return update


def _schedule(job: Recurring, clock: BusinessClock) -> Schedule:
    # The engine counts intervals in whole seconds, from 1970 on; the offset begins them when a business day opens.
    length = job.every_seconds or math.ceil(clock.length_of(job.every).total_seconds())
    seconds = max(length, SHORTEST_SECONDS)
    opening = clock.opens_at(clock.anchor_date or SOME_DAY).timestamp()
    interval = ScheduleIntervalSpec(timedelta(seconds=seconds), offset=timedelta(seconds=int(opening) % seconds))
    return Schedule(
        action=ScheduleActionStartWorkflow(
            job.workflow, DailyOrder(clock=clock), id=f"{job.id}/run", task_queue=job.queue
        ),
        spec=ScheduleSpec(intervals=[interval]),
        policy=SchedulePolicy(overlap=ScheduleOverlapPolicy.SKIP, catchup_window=CATCH_UP),
    )
