"""The namespace in the engine: made, or brought to its settings, until it serves."""

import asyncio
import time
from datetime import timedelta

from google.protobuf.duration_pb2 import Duration
from temporalio.api.namespace.v1 import NamespaceConfig
from temporalio.api.workflowservice.v1 import (
    DescribeNamespaceRequest,
    RegisterNamespaceRequest,
    UpdateNamespaceRequest,
)
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from console.connections import connect_engine
from console.processes import NotReady
from settings import Settings

SECONDS_TO_SERVE = 60
PAUSE_SECONDS = 0.5
_NOT_OURS = (RPCStatusCode.PERMISSION_DENIED, RPCStatusCode.UNAUTHENTICATED, RPCStatusCode.UNIMPLEMENTED)


async def keep_namespace(settings: Settings) -> str:
    """Makes the namespace or lengthens how long it keeps ended runs, waits until it serves, and says what was done.

    A longer retention stays: what somebody decided to keep is never cut short here. Loanwright uses no search
    attributes of its own, so none are added. NotReady if the cluster cannot be reached or does not let us.
    """
    client = await connect_engine(settings)
    name, wanted = settings.temporal_namespace, timedelta(days=settings.temporal_retention_days)
    try:
        kept = await _retention(client, name)
        if kept is None:
            await _register(client, name, wanted)
            done = f"the namespace {name} was made; it keeps ended runs for {wanted.days} days"
        elif kept < wanted:
            await _lengthen(client, name, wanted)
            done = f"the namespace {name} keeps ended runs for {wanted.days} days now, before for {_days(kept)}"
        else:
            done = f"the namespace {name} is there and keeps ended runs for {_days(kept)}"
        await _serves(client)
    except RPCError as error:
        raise NotReady(_why(error, settings)) from error
    return done


async def _retention(client: Client, name: str) -> timedelta | None:
    """How long ended runs are kept, or None if there is no such namespace."""
    try:
        found = await client.workflow_service.describe_namespace(DescribeNamespaceRequest(namespace=name))
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND:
            return None
        raise
    return found.config.workflow_execution_retention_ttl.ToTimedelta()


async def _register(client: Client, name: str, retention: timedelta) -> None:
    request = RegisterNamespaceRequest(
        namespace=name, description="Loanwright", workflow_execution_retention_period=_duration(retention)
    )
    try:
        await client.workflow_service.register_namespace(request)
    except RPCError as error:
        # Somebody else made it at this moment, with the same command.
        if error.status is not RPCStatusCode.ALREADY_EXISTS:
            raise


async def _lengthen(client: Client, name: str, retention: timedelta) -> None:
    config = NamespaceConfig(workflow_execution_retention_ttl=_duration(retention))
    await client.workflow_service.update_namespace(UpdateNamespaceRequest(namespace=name, config=config))


async def _serves(client: Client) -> None:
    """Returns once workflows of the namespace can be asked for; a new one is known everywhere some seconds later."""
    give_up_at = time.monotonic() + SECONDS_TO_SERVE
    while True:
        try:
            await client.count_workflows()
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND or time.monotonic() > give_up_at:
                raise
            await asyncio.sleep(PAUSE_SECONDS)
        else:
            return


def _why(error: RPCError, settings: Settings) -> str:
    asked = f"the namespace {settings.temporal_namespace} at {settings.temporal_address}"
    if error.status in _NOT_OURS:
        return (
            f"{asked} cannot be made or changed from here (the cluster says {error.status.name}); make it there by hand"
        )
    return f"{asked} cannot be set up ({error.status.name}: {error.message}); look at the cluster and try again"


def _duration(given: timedelta) -> Duration:
    made = Duration()
    made.FromTimedelta(given)
    return made


def _days(given: timedelta) -> str:
    return f"{given.total_seconds() / 86_400:g} days"
