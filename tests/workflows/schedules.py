"""Schedules that a test made in an engine that others use after it."""

from temporalio.client import Client

from engine.schedules import SCHEDULES


async def drop_schedules(client: Client) -> None:
    """Takes every one of them out."""
    for job in SCHEDULES:
        await client.get_schedule_handle(job.id).delete()
