"""What a failed activity says of itself: to the engine, which keeps it, and to the log of the SDK."""

from concurrent.futures import BrokenExecutor
from typing import Any

import structlog
from temporalio import activity
from temporalio.exceptions import ApplicationError, FailureError
from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput, Interceptor

from lending.errors import LendingError
from services.faults import kind_and_place

log = structlog.get_logger()

IN_OUR_WORDS = LendingError | FailureError | BrokenExecutor
"""Errors whose sentences were written to be read by anybody. By the last the worker learns that it has no threads."""


class FaultInterceptor(Interceptor):
    """Lets no sentence out that was not written to be read: what it quotes, a person's data too, would lie in the log,
    and in the workflow's history for as long as that is kept. Whether it is tried again stays as it was.
    """

    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:
        """Around every activity."""
        return _Careful(next)


class _Careful(ActivityInboundInterceptor):
    async def execute_activity(self, input: ExecuteActivityInput) -> Any:
        try:
            return await super().execute_activity(input)
        except Exception as error:
            if isinstance(error, IN_OUR_WORDS):
                _cut(error)
                raise
            kind, frames = kind_and_place(error)
            info = activity.info()
            log.error(
                "activity_failed", activity=info.activity_type, workflow=info.workflow_id, error=kind, frames=frames
            )
            raise ApplicationError(kind, type=kind) from None


def _cut(error: BaseException) -> None:
    """Takes off the causes of an error from the first one on that has other words than ours."""
    while (cause := error.__cause__ or (None if error.__suppress_context__ else error.__context__)) is not None:
        if not isinstance(cause, IN_OUR_WORDS):
            error.__cause__, error.__suppress_context__ = None, True
            return
        error = cause
