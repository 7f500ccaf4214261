"""What a loan leaves in Temporal: events by kind, run by run."""

import asyncio
from collections import Counter
from collections.abc import Sequence

from temporalio.api.enums.v1 import EventType
from temporalio.client import Client

ENDED_FIRST_RUN_SECONDS = 30
WORKFLOW_TASKS = ("WORKFLOW_TASK_SCHEDULED", "WORKFLOW_TASK_STARTED", "WORKFLOW_TASK_COMPLETED")
"""How many there are depends on what happened to arrive together, and not on what was asked for."""


async def runs_of(client: Client, workflow_id: str) -> list[Counter[str]]:
    """The events of each run of a workflow by kind, the first run first."""
    runs: list[Counter[str]] = []
    run_id: str | None = await _first_run(client, workflow_id)
    while run_id:
        history = await client.get_workflow_handle(workflow_id, run_id=run_id).fetch_history()
        runs.append(Counter(EventType.Name(event.event_type).removeprefix("EVENT_TYPE_") for event in history.events))
        last = history.events[-1]
        run_id = last.workflow_execution_continued_as_new_event_attributes.new_execution_run_id or None
    return runs


async def _first_run(client: Client, workflow_id: str) -> str:
    description = await client.get_workflow_handle(workflow_id).describe()
    return description.raw_description.workflow_execution_info.first_run_id or description.run_id


async def originations(client: Client, workflow_ids: Sequence[str]) -> list[Counter[str]]:
    """The events of each workflow's first run."""
    found = await asyncio.gather(*(runs_of(client, one) for one in workflow_ids))
    return [runs[0] for runs in found]


def commands(events: Counter[str]) -> Counter[str]:
    """The events without those of workflow tasks: what the workflow asked for, and what came of it."""
    return Counter({kind: number for kind, number in events.items() if kind not in WORKFLOW_TASKS})
