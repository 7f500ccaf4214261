"""The servers that other tests build on: they answer, they are this session's own, and they leave nothing behind."""

import asyncio
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import psutil
import psycopg
import pytest
from temporalio.client import Client
from temporalio.testing import WorkflowEnvironment

from tests.servers.postgres import PostgresCluster
from tests.servers.shared import ROOT, ServerDidNotStart, SharedServers
from tests.servers.temporal import SEARCH_ATTRIBUTES


def plain(url: str) -> str:
    """What psycopg itself understands."""
    return url.replace("postgresql+psycopg://", "postgresql://")


def test_each_test_gets_an_empty_database_of_its_own(postgres_cluster: PostgresCluster, postgres_url: str) -> None:
    with psycopg.connect(plain(postgres_url)) as connection:
        connection.execute("CREATE TABLE loan (id int)")
    with postgres_cluster.database() as other, psycopg.connect(plain(other)) as connection:
        tables = connection.execute("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'").fetchone()
    assert tables == (0,)


def test_a_template_is_filled_once_and_copied(postgres_cluster: PostgresCluster) -> None:
    filled = []

    def fill(url: str) -> None:
        filled.append(url)
        with psycopg.connect(plain(url)) as connection:
            connection.execute("CREATE TABLE filled (id int)")

    name = f"template_{uuid.uuid4().hex}"
    for _ in range(2):
        template = postgres_cluster.template(name, fill)
        with postgres_cluster.database(template) as url, psycopg.connect(plain(url)) as connection:
            connection.execute("SELECT id FROM filled")
    assert len(filled) == 1


def test_a_database_with_an_open_connection_is_dropped_all_the_same(postgres_cluster: PostgresCluster) -> None:
    with postgres_cluster.database() as url:
        forgotten = psycopg.connect(plain(url))
    forgotten.close()
    with pytest.raises(psycopg.OperationalError, match="does not exist"):
        psycopg.connect(plain(url))


async def test_the_development_server_knows_the_search_attributes(temporal_server: str) -> None:
    client = await Client.connect(temporal_server)
    for name in SEARCH_ATTRIBUTES:
        assert (await client.count_workflows(f"{name} IS NULL")).count >= 0


def test_the_time_skipping_server_skips_time_in_one_event_loop_after_another(
    time_skipping_server: WorkflowEnvironment,
) -> None:
    async def skip() -> timedelta:
        before = await time_skipping_server.get_current_time()
        await time_skipping_server.sleep(timedelta(days=365))
        return await time_skipping_server.get_current_time() - before

    for _ in range(2):
        assert asyncio.run(skip()) >= timedelta(days=365)


def test_the_simulated_outside_world_asks_for_a_credential(simulator_server: str) -> None:
    asked = urllib.request.Request(f"{simulator_server}/identity/checks", data=b"{}", method="POST")
    with pytest.raises(urllib.error.HTTPError) as refusal:
        urllib.request.urlopen(asked, timeout=10)
    with refusal.value as answer:
        assert answer.code == 401


def test_a_server_that_does_not_start_shows_its_log(servers: SharedServers) -> None:
    command = [sys.executable, "-c", "raise SystemExit('no room for another loan')"]
    with pytest.raises(ServerDidNotStart, match="no room for another loan"):
        servers.run(f"broken-{uuid.uuid4().hex}", command, lambda: False)


INNER_TEST = """
import os, signal
from tests.servers.shared import SharedServers

def test_inner(servers, postgres_url, temporal_server, time_skipping_server, simulator_server):
    print("FOLDER", servers.folder)
    {ending}
"""


@pytest.mark.parametrize(
    ("ending", "exit_code"),
    [("pass", 0), ("os.kill(os.getpid(), signal.SIGKILL)", -signal.SIGKILL)],
    ids=["in good order", "killed"],
)
def test_no_server_and_no_folder_outlives_pytest(tmp_path: Path, ending: str, exit_code: int) -> None:
    inner = tmp_path / "test_inner.py"
    inner.write_text(INNER_TEST.format(ending=ending))
    command = [sys.executable, "-m", "pytest", "-q", "-s", "-p", "tests.conftest", "-p", "no:cacheprovider"]
    command += ["--rootdir", str(tmp_path), "-c", str(ROOT / "pyproject.toml"), str(inner)]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert ran.returncode == exit_code, ran.stdout + ran.stderr
    folder = Path(ran.stdout.partition("FOLDER ")[2].splitlines()[0])

    assert eventually(lambda: not folder.exists())
    assert eventually(lambda: not [line for line in command_lines() if str(folder) in line or str(tmp_path) in line])


def test_the_kernel_ends_a_server_whose_guard_is_killed(servers: SharedServers) -> None:
    name = f"guarded-{uuid.uuid4().hex}"
    servers.run(name, [sys.executable, "-c", f"import time; time.sleep(600)  # {name}"], lambda: running(name) != [])
    guard = int((servers.folder / f"{name}.pid").read_text())

    os.kill(guard, signal.SIGKILL)

    assert eventually(lambda: running(name) == [])


def running(name: str) -> list[str]:
    """Servers, without their guards, whose command contains the name."""
    return [line for line in command_lines() if name in line and "tests.servers.guard" not in line]


def command_lines() -> list[str]:
    """Of every process that has not ended."""
    return [
        " ".join(process.info["cmdline"] or [])
        for process in psutil.process_iter(["cmdline", "status"])
        if process.info["status"] != psutil.STATUS_ZOMBIE
    ]


def eventually(is_so: Callable[[], bool], seconds: float = 15) -> bool:
    """Whether it becomes so in time."""
    give_up_at = time.monotonic() + seconds
    while not is_so():
        if time.monotonic() > give_up_at:
            return False
        time.sleep(0.1)
    return True
