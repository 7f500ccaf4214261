"""Servers that all test processes of one pytest share."""

import fcntl
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

from tests.servers.guard import SECONDS_TO_STOP, is_alive

ROOT = Path(__file__).resolve().parent.parent.parent
MEMORY = Path("/dev/shm")
BYTES_IN_MEMORY = 2 * 1024**3
LINES_OF_LOG_SHOWN = 20
SECONDS_TO_START = 60
SECONDS_BETWEEN_LOOKS = 0.05
# Held until the test process ends: a handle collected while its process runs raises a warning, which is an error here.
GUARDS: list[subprocess.Popen[bytes]] = []


class ServerDidNotStart(RuntimeError):
    """A server that the tests need ended or stayed silent; the message holds the end of its log."""


@dataclass(frozen=True, slots=True)
class SharedServers:
    """The folder in which the servers of one pytest live, and the process that they may not outlive."""

    folder: Path
    owner_pid: int

    @classmethod
    def create(cls, root: Path | None = None) -> "SharedServers":
        """For the pytest that a person started. The folder is open to PostgreSQL's own user."""
        folder = Path(tempfile.mkdtemp(prefix="loanwright-tests-", dir=root))
        folder.chmod(0o755)
        return cls(folder, os.getpid())

    @contextmanager
    def locked(self, name: str) -> Iterator[None]:
        """Only one test process at a time passes under this name."""
        with (self.folder / f"{name}.lock").open("w") as held:
            fcntl.flock(held, fcntl.LOCK_EX)
            yield

    def once(self, name: str, make: Callable[[], str]) -> str:
        """What the first test process made under this name, for instance a server's address."""
        made = self.folder / f"{name}.made"
        with self.locked(name):
            if not made.exists():
                made.write_text(make())
            return made.read_text()

    def run(
        self, name: str, command: Sequence[str | Path], is_ready: Callable[[], bool], *, user: str | None = None
    ) -> None:
        """Starts a server under guard and returns when it is ready; refuses with the end of its log otherwise."""
        log = self.folder / f"{name}.log"
        account = ["--user", user] if user is not None else []
        command = [*guard_command(self.owner_pid), "--folder", self.folder, *account, "--", *command]
        with log.open("wb") as output:
            guard = subprocess.Popen(
                command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True
            )
        GUARDS.append(guard)
        (self.folder / f"{name}.pid").write_text(str(guard.pid))
        give_up_at = time.monotonic() + SECONDS_TO_START
        while not is_ready():
            if guard.poll() is not None or time.monotonic() > give_up_at:
                tail = "\n".join(log.read_text(errors="replace").splitlines()[-LINES_OF_LOG_SHOWN:])
                raise ServerDidNotStart(f"{name} did not start; the end of its log:\n{tail}")
            time.sleep(SECONDS_BETWEEN_LOOKS)

    def stop(self) -> None:
        """Ends all servers and removes the folder."""
        guards = []
        for noted in self.folder.glob("*.pid"):
            with suppress(psutil.NoSuchProcess):
                guards.append(psutil.Process(int(noted.read_text())))
                guards[-1].terminate()
        give_up_at = time.monotonic() + SECONDS_TO_STOP + 2
        while any(is_alive(guard) for guard in guards) and time.monotonic() < give_up_at:
            time.sleep(SECONDS_BETWEEN_LOOKS)
        shutil.rmtree(self.folder, ignore_errors=True)


def folder_in_memory() -> Path | None:
    """Where files of tests are in memory, so that no commit waits for a disk; None where that would be too small.

    No test cuts the power, so none can tell the difference.
    """
    try:
        room = os.statvfs(MEMORY)
    except OSError:
        return None
    # Docker gives a container 64 MiB there, from which no program may be started.
    fits = min(room.f_bavail * room.f_frsize, psutil.virtual_memory().available) >= BYTES_IN_MEMORY
    return MEMORY if fits and not room.f_flag & os.ST_NOEXEC else None


def guard_command(owner_pid: int) -> list[str]:
    """The start of a command that runs another one under guard."""
    return [sys.executable, "-m", "tests.servers.guard", "--owner", str(owner_pid)]


def free_port() -> int:
    """A port on which nobody listens now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def listens(port: int) -> bool:
    """Whether somebody accepts connections there."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0
