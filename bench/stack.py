"""Everything that is measured, as processes of their own, and what each of them costs in CPU."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil
from rich.console import Console

from books.session import Books
from console.processes import Child, Tree, free_port, listens, python
from console.up import ROOT, Addresses, Plan, bring_up
from lending.calendar import REAL_DAY_SECONDS
from simulators.people import DEFAULT_BASE_DATE

API = "/api/v1"


@dataclass(frozen=True)
class Stack:
    """A whole Loanwright that runs, with its Temporal server and its outside world."""

    tree: Tree
    addresses: Addresses
    books: Books
    folder: Path

    @property
    def api(self) -> str:
        """The base address of the JSON API."""
        return self.addresses.web + API


@contextmanager
def running_stack(
    console: Console, *, day_seconds: float = REAL_DAY_SECONDS, api_processes: int = 1, sealed: bool = True
) -> Iterator[Stack]:
    """Brings everything up as `loanwright up` does, in a folder of its own, and ends it with the block.

    Without `sealed`, worker and API neither seal nor open anything. After a failure the folder with the logs stays, and
    is named.
    """
    folder = Path(tempfile.mkdtemp(prefix="loanwright-bench-"))
    tree = Tree() if sealed else _PlainTree()
    try:
        plan = Plan(folder, free_port(0), day_seconds, DEFAULT_BASE_DATE, api_processes=api_processes)
        addresses, _settings, books = bring_up(tree, plan, console)
        try:
            yield Stack(tree, addresses, books, folder)
        finally:
            books.close()
    except BaseException:
        console.print(f"logs are in {folder / 'logs'}", style="yellow")
        raise
    else:
        # On the way out by an error the processes are ended below, before anybody looks at the logs.
        tree.stop()
        shutil.rmtree(folder, ignore_errors=True)
    finally:
        tree.stop()


class _PlainTree(Tree):
    """Starts our own processes as `bench.plain` has them: without seals."""

    def start(self, child: Child, timeout_seconds: float = 60) -> None:
        """The same child, but for how it is started."""
        if (cli := str(ROOT / "cli.py")) in child.command:
            place = list(child.command).index(cli)
            child.command = [*child.command[:place], "-m", "bench.plain", *child.command[place + 1 :]]
            child.environment = {**child.environment, "PYTHONPATH": str(ROOT)}
        super().start(child, timeout_seconds)


@dataclass(frozen=True)
class YardstickAddresses:
    """Where the yardstick's API and its outside world are."""

    api: str
    outside: str


def start_yardstick(stack: Stack) -> YardstickAddresses:
    """Starts the yardstick's worker, edge and outside world beside a stack, on the same Temporal server."""
    folder = stack.folder / "yardstick"
    folder.mkdir()
    outside_port, edge_port = free_port(0), free_port(0)
    edge = f"http://127.0.0.1:{edge_port}{API}"
    outside = python("-m", "simulators", "--port", str(outside_port), "--data-dir", str(folder / "outside"))
    outside += ["--notice-url", f"{edge}/bank/notices"]
    common = ["--temporal", stack.addresses.temporal, "--file", str(folder / "yardstick.db")]
    worker = python("-m", "bench.yardstick", "worker", *common, "--outside", f"http://127.0.0.1:{outside_port}")
    serve = python("-m", "bench.yardstick", "edge", *common, "--port", str(edge_port))
    # Bytecode on disk, as the measured stack has it.
    environment = {"PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": ""}
    logs = stack.addresses.log_folder
    stack.tree.start(
        Child("yardstick-outside", outside, environment, logs / "yardstick-outside.log", listens(outside_port))
    )
    stack.tree.start(Child("yardstick-worker", worker, environment, logs / "yardstick-worker.log", lambda: True))
    stack.tree.start(Child("yardstick-edge", serve, environment, logs / "yardstick-edge.log", listens(edge_port)))
    return YardstickAddresses(edge, f"http://127.0.0.1:{outside_port}")


class CpuMeter:
    """CPU seconds that the processes of a tree, and this process as `driver`, have spent since the last reading."""

    def __init__(self, tree: Tree) -> None:
        self._tree = tree
        self._before = self._spent()

    def read(self) -> dict[str, float]:
        """Seconds by process, user and system together; a process counts with its children."""
        now = self._spent()
        spent = {name: seconds - self._before.get(name, 0.0) for name, seconds in now.items()}
        self._before = now
        return spent

    def _spent(self) -> dict[str, float]:
        own = psutil.Process(os.getpid()).cpu_times()
        spent = {"driver": own.user + own.system}
        for child in self._tree.children:
            if child.process is not None and child.process.poll() is None:
                spent[child.name] = _seconds(psutil.Process(child.process.pid))
        return spent


def _seconds(process: psutil.Process) -> float:
    total = 0.0
    for one in (process, *process.children(recursive=True)):
        try:
            times = one.cpu_times()
        except psutil.NoSuchProcess:
            continue
        total += times.user + times.system
    return total
