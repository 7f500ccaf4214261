"""What the jobs that a Schedule starts once a business day have in common."""

from datetime import timedelta
from typing import TypeVar

from temporalio import workflow
from temporalio.common import RetryPolicy

from models.messages import Message

BOOKS_RETRY = RetryPolicy(initial_interval=timedelta(seconds=1), maximum_interval=timedelta(minutes=1))

Result = TypeVar("Result", bound=Message)


async def on_books(activity: str, order: Message, result_type: type[Result]) -> Result:
    """An activity on the books of many loans: ordinary, not local, since it may take longer than a workflow task."""
    result: Result = await workflow.execute_activity(
        activity,
        order,
        start_to_close_timeout=timedelta(minutes=2),
        retry_policy=BOOKS_RETRY,
        result_type=result_type,
    )
    return result
