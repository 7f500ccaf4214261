"""A tree of processes on this machine: started in order, restarted when one dies, ended together."""

import fcntl
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

import psutil
import structlog

log = structlog.get_logger()

LOCK = "lock"
"""The file in a data folder by which one tree keeps it to itself."""
STOP_SECONDS = 15
QUIET_SECONDS = 60
"""A child that ran this long before it died is restarted at once; sooner, after a growing pause."""


class NotReady(RuntimeError):
    """Something that a command needs is not there or did not come up; the sentence says what to do."""


@dataclass
class Child:
    """A process that is kept running."""

    name: str
    command: Sequence[str]
    environment: Mapping[str, str]
    log_file: Path
    ready: Callable[[], bool]
    port: int | None = None
    """Where it is to listen: it is not ready before it does so itself, for the port may be somebody else's."""
    process: subprocess.Popen[bytes] | None = None
    holds: int | None = None
    started_at: float = 0.0
    restarts: int = 0
    output: IO[bytes] | None = field(default=None, repr=False)

    def start(self) -> None:
        """Starts the process with its output in its log file."""
        self.log_file.parent.mkdir(parents=True, exist_ok=True)
        if self.output is None:
            self.output = self.log_file.open("ab")
        self.process = subprocess.Popen(
            list(self.command),
            env={**os.environ, **self.environment},
            stdin=subprocess.DEVNULL,
            stdout=self.output,
            stderr=subprocess.STDOUT,
            # A group of its own: Ctrl-C reaches the parent only, which then ends the children in order.
            start_new_session=True,
            # Whoever of the tree still lives keeps the folder to itself.
            pass_fds=() if self.holds is None else (self.holds,),
        )
        self.started_at = time.monotonic()

    def listens(self) -> bool:
        """Whether the process itself, and nobody else, listens on its port; True for one that has none."""
        if self.port is None or self.process is None:
            return self.port is None
        try:
            found = psutil.Process(self.process.pid).net_connections("inet")
        except psutil.NoSuchProcess:
            return False
        return any(one.status == psutil.CONN_LISTEN and one.laddr.port == self.port for one in found)

    def stop(self) -> None:
        """Asks the process to end, and insists when it does not."""
        process = self.process
        if process is not None and process.poll() is None:
            _signal_group(process, signal.SIGTERM)
            try:
                process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                _signal_group(process, signal.SIGKILL)
                process.wait()
        self.clear_group()
        if self.output is not None:
            self.output.close()
            self.output = None

    def clear_group(self) -> None:
        """Ends what a dead process left behind: a forked sibling would hold its port against the next one."""
        if self.process is not None:
            _signal_group(self.process, signal.SIGKILL)


class Tree:
    """The children in their order of start."""

    def __init__(self, folder: Path | None = None) -> None:
        self.lock = _lock(folder) if folder else None
        self.children: list[Child] = []
        self._stopping = threading.Event()
        self._watcher: threading.Thread | None = None

    def start(self, child: Child, timeout_seconds: float = 60) -> None:
        """Starts a child and waits until it is ready; NotReady if it is not in time."""
        child.holds = self.lock.fileno() if self.lock else None
        child.start()
        self.children.append(child)
        deadline = time.monotonic() + timeout_seconds
        while not (child.listens() and child.ready()):
            ended = child.process is not None and child.process.poll() is not None
            if ended or time.monotonic() > deadline:
                raise NotReady(f"{child.name} did not come up; its log is {child.log_file}")
            time.sleep(0.05)

    def watch(self) -> None:
        """From now on restarts children that die."""
        self._watcher = threading.Thread(target=self._watch, name="watch", daemon=True)
        self._watcher.start()

    def stop(self) -> None:
        """Ends all children, the last started first."""
        self._stopping.set()
        if self._watcher is not None:
            self._watcher.join()
        for child in reversed(self.children):
            child.stop()
        if self.lock is not None:
            self.lock.close()

    def _watch(self) -> None:
        while not self._stopping.wait(0.2):
            for child in self.children:
                if child.process is not None and child.process.poll() is not None:
                    self._restart(child)

    def _restart(self, child: Child) -> None:
        lived = time.monotonic() - child.started_at
        child.restarts = 0 if lived > QUIET_SECONDS else child.restarts + 1
        log.warning("process_died", name=child.name, code=child.process.returncode if child.process else None)
        child.clear_group()
        if self._stopping.wait(min(0.2 * 2**child.restarts, 10.0)):
            return
        child.start()


@contextmanager
def one_at_a_time() -> Iterator[None]:
    """Trees of one user choose their ports one after the other, so that two never choose the same."""
    with (Path(tempfile.gettempdir()) / f"loanwright-{os.getuid()}.starting").open("wb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield


def _lock(folder: Path) -> IO[bytes]:
    """Keeps a data folder to one tree; NotReady if another one, or what is left of it, still works there."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        held = (folder / LOCK).open("ab")
    except OSError as error:
        raise NotReady(f"{folder} cannot hold the data ({error.strerror}); give another --data-dir") from error
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        held.close()
        raise NotReady(f"another Loanwright still works in {folder}; end it first or give another folder") from error
    return held


def is_at_work(folder: Path) -> bool:
    """Whether a tree works in a data folder now."""
    try:
        with (folder / LOCK).open("rb") as held:
            fcntl.flock(held, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False


def python(*arguments: str) -> list[str]:
    """A command line of this Python."""
    return [sys.executable, *arguments]


def free_port(wanted: int) -> int:
    """The wanted port if nobody listens there, else one that is free."""
    for port in (wanted, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            found: int = probe.getsockname()[1]
            return found
    raise NotReady("there is no free port on this machine")


def answers(url: str) -> Callable[[], bool]:
    """Whether an address answers at all, with whatever status."""

    def ask() -> bool:
        try:
            with urllib.request.urlopen(url, timeout=1):  # noqa: S310 an address of our own processes
                return True
        except urllib.error.HTTPError:
            return True
        except OSError:
            return False

    return ask


def listens(port: int) -> Callable[[], bool]:
    """Whether somebody listens on a local port."""

    def ask() -> bool:
        with socket.socket() as probe:
            probe.settimeout(0.5)
            return probe.connect_ex(("127.0.0.1", port)) == 0

    return ask


def _signal_group(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    try:
        os.killpg(process.pid, number)
    except ProcessLookupError:
        return
