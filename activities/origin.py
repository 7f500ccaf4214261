"""Tells every act on the books which step of which workflow asked for it."""

from typing import Any

from temporalio import activity, workflow
from temporalio.api.common.v1 import Payload
from temporalio.worker import (
    ActivityInboundInterceptor,
    ExecuteActivityInput,
    Interceptor,
    StartActivityInput,
    StartLocalActivityInput,
    WorkflowInboundInterceptor,
    WorkflowInterceptorClassInput,
    WorkflowOutboundInterceptor,
)

from models.origin import Origin, acting_for

HEADER = "event"
"""Short, since ordinary activities keep it in the history; local ones leave no trace of it there."""


class OriginInterceptor(Interceptor):
    """Hands the step to the activity by a header, and to what the activity writes by `models.origin`."""

    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:
        """Around every activity."""
        return _Acting(next)

    def workflow_interceptor_class(self, input: WorkflowInterceptorClassInput) -> type[WorkflowInboundInterceptor]:  # noqa: ARG002
        """Around every workflow."""
        return _Asked


class _Asked(WorkflowInboundInterceptor):
    def init(self, outbound: WorkflowOutboundInterceptor) -> None:
        super().init(_Asking(outbound))


class _Asking(WorkflowOutboundInterceptor):
    def start_activity(self, input: StartActivityInput) -> workflow.ActivityHandle[Any]:
        input.headers = {**input.headers, HEADER: _length()}
        return super().start_activity(input)

    def start_local_activity(self, input: StartLocalActivityInput) -> workflow.ActivityHandle[Any]:
        input.headers = {**input.headers, HEADER: _length()}
        return super().start_local_activity(input)


def _length() -> Payload:
    # As long at a replay as it was at first, and no part of what a replay compares.
    return Payload(metadata={"encoding": b"json/plain"}, data=b"%d" % workflow.info().get_current_history_length())


class _Acting(ActivityInboundInterceptor):
    async def execute_activity(self, input: ExecuteActivityInput) -> Any:
        info = activity.info()
        told = input.headers.get(HEADER)
        with acting_for(
            Origin(
                workflow_id=info.workflow_id or "",
                run_id=info.workflow_run_id or "",
                activity_id=info.activity_id,
                # Asked for by a worker of before.
                event_id=int(told.data) if told is not None else None,
            )
        ):
            return await super().execute_activity(input)
