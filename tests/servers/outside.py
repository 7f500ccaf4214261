"""The simulated outside world as one server for all test processes."""

import sys
from pathlib import Path

from tests.servers.shared import SharedServers, free_port, listens


def start_simulators(servers: SharedServers) -> str:
    """The base address of registers, bank and SMS gateway."""
    return servers.once("simulators", lambda: _start(servers))


def _start(servers: SharedServers) -> str:
    data = servers.folder / "simulators"
    data.mkdir()
    port = free_port()
    command: list[str | Path] = [sys.executable, "-m", "simulators", "--port", str(port), "--data-dir", data]
    servers.run("simulators", command, lambda: listens(port))
    return f"http://127.0.0.1:{port}"
