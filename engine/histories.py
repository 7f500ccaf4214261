"""Histories of runs as the engine has them: listed, fetched, their payloads opened."""

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest
from temporalio.client import Client, WorkflowHistory
from temporalio.service import RPCError, RPCStatusCode

from engine.codec import opened_history
from engine.errors import EngineUnavailable
from models.keys import loan_of, workflow_id
from models.sealing import KeyMissing, SealBroken

LOAN_RUNS = "WorkflowType = 'Loan'"
"""Runs of which a history is kept for good. The other workflows are jobs that leave what they did in the books."""
QUICK = timedelta(seconds=10)
NOT_OPENED = (KeyMissing, SealBroken)
"""Why the payloads of a history stay sealed."""


@dataclass(frozen=True)
class ClosedRun:
    """A run that ended, as the engine lists it."""

    workflow_id: str
    run_id: str
    closed_at: datetime


class Histories:
    """What the engine tells of its runs."""

    def __init__(self, client: Client) -> None:
        self.client = client

    async def closed_since(self, since: datetime) -> AsyncIterator[ClosedRun]:
        """All runs of loans that closed after an instant, as far as the engine lists them yet."""
        after = since.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        query = f"{LOAN_RUNS} AND ExecutionStatus != 'Running' AND CloseTime > '{after}'"
        async for found in self.client.list_workflows(query, page_size=1000):
            if found.close_time is not None:
                yield ClosedRun(found.id, found.run_id, found.close_time)

    async def retention(self) -> timedelta | None:
        """How long the engine keeps a closed run, None if it does not say."""
        request = DescribeNamespaceRequest(namespace=self.client.namespace)
        try:
            described = await self.client.workflow_service.describe_namespace(request, timeout=QUICK)
        except RPCError as error:
            if error.status is RPCStatusCode.UNIMPLEMENTED:
                return None
            raise
        kept: timedelta = described.config.workflow_execution_retention_ttl.ToTimedelta()
        return kept or None

    async def runs_of(self, loan: str) -> list[str]:
        """The newest run of a loan and those that the engine lists; empty if it has none. Raises EngineUnavailable.

        What it lists may lag behind, and its test server lists nothing: each run names the one that it continues.
        """
        runs: list[str] = []
        try:
            described = await self.client.get_workflow_handle(workflow_id(loan)).describe(rpc_timeout=QUICK)
            runs.append(described.run_id)
            async for one in self.client.list_workflows(f"WorkflowId = '{workflow_id(loan)}'"):
                if one.run_id not in runs:
                    runs.append(one.run_id)
        except RPCError as error:
            if error.status not in (RPCStatusCode.NOT_FOUND, RPCStatusCode.UNIMPLEMENTED):
                raise EngineUnavailable(loan) from error
        except RuntimeError as error:
            # A client that connects lazily and cannot.
            raise EngineUnavailable(loan) from error
        return runs

    async def fetch(self, workflow: str, run_id: str) -> bytes | None:
        """The history of a run as JSON, its payloads opened; None if the engine does not have it any more.

        That of an open run is what has happened so far. Raises EngineUnavailable, and NOT_OPENED where it stays sealed.
        """
        try:
            history = await self.client.get_workflow_handle(workflow, run_id=run_id).fetch_history()
        except (RPCError, RuntimeError) as error:
            if isinstance(error, RPCError) and error.status is RPCStatusCode.NOT_FOUND:
                return None
            raise EngineUnavailable(loan_of(workflow)) from error
        return written(opened_history(history))


def written(history: WorkflowHistory) -> bytes:
    """A history as it is archived: the engine's JSON form of it, always the same bytes for the same history."""
    return json.dumps(history.to_json_dict(), ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode()
