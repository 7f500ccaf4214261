"""Servers for the tests, started when first asked for. A test whose server is missing fails and says how to get it."""

import asyncio
import gc
import inspect
import os
from collections.abc import Iterator
from operator import itemgetter
from pathlib import Path
from typing import Any

import pytest
from temporalio.testing import WorkflowEnvironment

from tests.servers.outside import start_simulators
from tests.servers.postgres import PostgresCluster, start_postgres
from tests.servers.shared import SharedServers, folder_in_memory
from tests.servers.temporal import start_temporal, time_skipping

SERVERS = pytest.StashKey[SharedServers]()
LONG = (
    "tests/console/test_histories.py",
    "tests/console/test_portfolio.py",
    "tests/console/test_up.py",
    "tests/crash/",
    "tests/services/test_changed_lives.py",
    "tests/setup/test_server_fixtures.py",
    "tests/web/test_at_work.py",
    "tests/workflows/test_archive.py",
    "tests/workflows/test_event_counts.py",
    "tests/workflows/test_help.py",
    "tests/workflows/test_long_loans.py",
    "tests/workflows/test_month_end.py",
    "tests/workflows/test_payout.py",
    "tests/workflows/test_rebuild.py",
    "tests/workflows/test_replays.py",
    "tests/workflows/test_takeover.py",
)
"""Where tests take many seconds. Most of them only wait: for a killed process, for a business day."""
RARELY = (100_000, 50, 100)
"""How many objects come into being between two looks for what nobody holds any more, and so on for the older ones."""
LONG_IN = 0.7
"""The part of the run, from its beginning, in which the long tests lie."""


def pytest_configure(config: pytest.Config) -> None:
    """The pytest that a person started owns the servers; its workers are told where they are."""
    # The tests live with made-up people; what is closed without a demonstration has tests of its own.
    os.environ.setdefault("LOANWRIGHT_DEMO", "true")
    told = getattr(config, "workerinput", None)
    if told is None:
        root = folder_in_memory()
        config.stash[SERVERS] = SharedServers.create(root)
        if root is not None:
            os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(root))
    else:
        config.stash[SERVERS] = SharedServers(Path(told["servers_folder"]), told["servers_owner_pid"])


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Called by xdist for each worker, before it starts."""
    servers = node.config.stash[SERVERS]
    node.workerinput["servers_folder"] = str(servers.folder)
    node.workerinput["servers_owner_pid"] = servers.owner_pid


def pytest_unconfigure(config: pytest.Config) -> None:
    """The last thing that pytest does."""
    servers = config.stash[SERVERS]
    if servers.owner_pid == os.getpid():
        servers.stop()


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Long tests lie apart, those of each place evenly: others have the processors while one waits, and none is
    among the last.
    """
    others = [item for item in items if not item.nodeid.startswith(LONG)]
    places = [(n / len(others), item) for n, item in enumerate(others)]
    for name in LONG:
        found = [item for item in items if item.nodeid.startswith(name)]
        places += [((n + 0.5) / len(found) * LONG_IN, item) for n, item in enumerate(found)]
    items[:] = [item for _, item in sorted(places, key=itemgetter(0))]


def pytest_collection_finish() -> None:
    """What is loaded by now stays to the end. To look through all of it again and again for what nobody holds any more
    took a seventh of the processor's time.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(*RARELY)


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """An `async def` test runs in an event loop of its own; fixtures are ordinary functions."""
    if not inspect.iscoroutinefunction(pyfuncitem.function):
        return None
    wanted = inspect.signature(pyfuncitem.obj).parameters
    asyncio.run(pyfuncitem.obj(**{name: pyfuncitem.funcargs[name] for name in wanted}))
    return True


@pytest.fixture(scope="session")
def servers(pytestconfig: pytest.Config) -> SharedServers:
    """For fixtures that share something else between the test processes."""
    return pytestconfig.stash[SERVERS]


@pytest.fixture(scope="session")
def postgres_cluster(servers: SharedServers) -> PostgresCluster:
    """A PostgreSQL cluster in which tests make databases and templates."""
    return start_postgres(servers)


@pytest.fixture
def postgres_url(postgres_cluster: PostgresCluster) -> Iterator[str]:
    """The address of an empty database of this test alone."""
    with postgres_cluster.database() as url:
        yield url


@pytest.fixture(scope="session")
def temporal_server(servers: SharedServers) -> str:
    """The address of a Temporal server with real time; task queues and workflow ids must be this test's own."""
    return start_temporal(servers)


@pytest.fixture(scope="session")
def time_skipping_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WorkflowEnvironment]:
    """Temporal's time-skipping server of this test process. Its clock only goes forward, from test to test as well."""
    with time_skipping(tmp_path_factory.mktemp("time-skipping")) as environment:
        yield environment


@pytest.fixture(scope="session")
def simulator_server(servers: SharedServers) -> str:
    """The base address of the simulated registers, bank and SMS gateway; shared, so use people of your own."""
    return start_simulators(servers)
