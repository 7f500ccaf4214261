"""Processes that a test kills and starts again."""

import ctypes
import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SECONDS_TO_START = 60
PR_SET_PDEATHSIG = 1
# Loaded here, since between fork and exec only calls that need no lock are safe.
PRCTL = ctypes.CDLL(None).prctl if sys.platform == "linux" else None


@dataclass
class Mortal:
    """One process of the house. It dies with the test process at the latest (Linux)."""

    name: str
    command: Sequence[str]
    log: Path
    ready: Callable[[], bool]
    environment: Mapping[str, str] = field(default_factory=dict)
    process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    def start(self) -> None:
        """Starts it and returns when it is ready."""
        with self.log.open("ab") as output:
            self.process = subprocess.Popen(
                list(self.command),
                cwd=ROOT,
                env={**os.environ, **self.environment},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
                preexec_fn=_die_with_parent,
            )
        deadline = time.monotonic() + SECONDS_TO_START
        while not self.ready():
            assert self.process.poll() is None, f"{self.name} ended: {self.tail()}"
            assert time.monotonic() < deadline, f"{self.name} did not come up: {self.tail()}"
            time.sleep(0.05)

    def kill(self) -> None:
        """Ends it with SIGKILL, in the middle of whatever it does."""
        assert self.process is not None
        assert self.process.poll() is None, f"{self.name} was dead before it was killed: {self.tail()}"
        self.process.kill()
        self.process.wait()

    def has_died(self) -> bool:
        """Whether it ended by itself."""
        return self.process is not None and self.process.poll() is not None

    def clear_away(self) -> None:
        """Ends it and all that it started, whatever its state."""
        if self.process is None:
            return
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def tail(self) -> str:
        """The end of its log."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-20:])


def python(*arguments: str) -> list[str]:
    """A command line of this Python."""
    return [sys.executable, *arguments]


def lasting_port() -> int:
    """A port that is free now and that no outgoing connection takes while its server is dead."""
    while True:
        # Below the range from which the kernel takes its own.
        port = random.randint(15_000, 31_000)
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port


def listens(port: int) -> bool:
    """Whether somebody accepts connections on a local port."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _die_with_parent() -> None:
    if PRCTL is not None:
        PRCTL(PR_SET_PDEATHSIG, signal.SIGKILL)
