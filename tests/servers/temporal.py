"""Temporal's servers: the development server shared by all test processes, and the time-skipping one of each."""

import asyncio
import os
import shlex
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

from google.protobuf.duration_pb2 import Duration
from temporalio.api.workflowservice.v1 import RegisterNamespaceRequest
from temporalio.client import Client
from temporalio.service import RPCError
from temporalio.testing import WorkflowEnvironment

from engine.converter import DATA_CONVERTER
from tests.servers.shared import ROOT, SharedServers, free_port, guard_command
from tools.servers import temporal_address, temporal_binary, test_server_binary

SEARCH_ATTRIBUTES = {"LoanStage": "Keyword", "LoanProduct": "Keyword", "LoanWaitsFor": "Keyword"}
STARTUP_TIMEOUT = timedelta(seconds=60)


def start_temporal(servers: SharedServers) -> str:
    """The address of a development server without a file behind it, or what TEMPORAL_ADDRESS says."""
    return temporal_address() or servers.once("temporal", lambda: _start(servers))


def _start(servers: SharedServers) -> str:
    address = f"127.0.0.1:{(port := free_port())}"
    command: list[str | Path] = [temporal_binary(), "server", "start-dev", "--headless", "--ip", "127.0.0.1"]
    command += ["--port", str(port), "--log-level", "error"]
    for name, kind in SEARCH_ATTRIBUTES.items():
        command += ["--search-attribute", f"{name}={kind}"]
    servers.run("temporal", command, lambda: asyncio.run(_answers(address)))
    return address


async def _answers(address: str) -> bool:
    """Connecting is possible a moment before the namespace is there; only counting asks for both."""
    try:
        client = await Client.connect(address)
        await client.count_workflows()
    except (RPCError, RuntimeError):
        return False
    return True


def own_namespace(address: str) -> str:
    """A new namespace: task queues and loan numbers of its own, though they are named as everybody's."""

    async def register() -> str:
        name = f"lender-{uuid.uuid4().hex}"
        client = await Client.connect(address)
        request = RegisterNamespaceRequest(namespace=name, workflow_execution_retention_period=Duration(seconds=86_400))
        await client.workflow_service.register_namespace(request)
        return name

    return asyncio.run(register())


@contextmanager
def time_skipping(folder: Path) -> Iterator[WorkflowEnvironment]:
    """A server whose clock jumps to the next timer. It may be used from one event loop after another."""
    program = folder / "temporal-test-server"
    guarded = shlex.join([*guard_command(os.getpid()), "--", str(test_server_binary())])
    program.write_text(f'#!/bin/sh\ncd {shlex.quote(str(ROOT))}\nexec {guarded} "$@"\n')
    program.chmod(0o755)
    environment = asyncio.run(
        WorkflowEnvironment.start_time_skipping(
            data_converter=DATA_CONVERTER,
            test_server_existing_path=str(program),
            test_server_startup_timeout=STARTUP_TIMEOUT,
        )
    )
    try:
        yield environment
    finally:
        asyncio.run(environment.shutdown())
        # The SDK's native part still closes down in a thread; a Python that ends meanwhile is aborted (exit code 134).
        time.sleep(0.3)
