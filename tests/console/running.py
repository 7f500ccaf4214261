"""The operator's command as a process, and what it leaves behind."""

import json
import multiprocessing
import os
import runpy
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from console.screen import out, say
from tests.servers.recorded import every_act_recorded

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 60.0
ENVIRONMENT = {
    # Bytecode on disk halves the start of a process.
    "PYTHONDONTWRITEBYTECODE": "",
    # Sentences on one line.
    "COLUMNS": "400",
}
LOADED = multiprocessing.get_context("forkserver")
LOADED.set_forkserver_preload(["cli"])


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def answer(self) -> Any:
        """Its JSON answer."""
        return json.loads(self.out)


def loanwright(*arguments: str, stdin: str = "", environment: Mapping[str, str] | None = None) -> Ended:
    """Runs the command to its end, in a process of its own; fails if it wrote anything without an audit entry.

    The process is forked from one that has loaded the command's libraries, which takes them two seconds.
    """
    with tempfile.TemporaryDirectory() as folder:
        files = [Path(folder) / name for name in ("in", "out", "err", "silent")]
        files[0].write_text(stdin, encoding="utf-8")
        settings = {**os.environ, **ENVIRONMENT, **(environment or {})}
        process = LOADED.Process(target=_command, args=(arguments, settings, files))
        process.start()
        process.join(PATIENCE)
        if process.exitcode is None:
            process.kill()
            process.join()
            raise AssertionError(f"not in {PATIENCE:g} s: loanwright {' '.join(arguments)}")
        code = process.exitcode
        process.close()
        *said, silent = (file.read_text(encoding="utf-8") if file.exists() else "" for file in files[1:])
        assert not silent, silent
        return Ended(code, *said)


def _command(arguments: Sequence[str], environment: Mapping[str, str], files: Sequence[Path]) -> None:
    os.environ.clear()
    os.environ.update(environment)
    for descriptor, file in enumerate(files[:3]):
        opened = os.open(file, os.O_RDWR | os.O_CREAT)
        os.dup2(opened, descriptor)
        os.close(opened)
    sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115 they stay open until the process ends
    sys.stdout = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
    sys.stderr = open(2, "w", encoding="utf-8", errors="backslashreplace", closefd=False)  # noqa: SIM115
    # They were loaded in another environment, whose width they took.
    for screen in (say, out):
        screen.width = int(environment["COLUMNS"])
    sys.argv = [str(ROOT / "cli.py"), *arguments]
    silent: list[str] = []
    try:
        with every_act_recorded(silent, everywhere=True):
            runpy.run_path(sys.argv[0], run_name="__main__")
    finally:
        if silent:
            files[3].write_text("\n".join(silent), encoding="utf-8")


def wait_until(happened: Callable[[], bool], what: str) -> None:
    """Waits for something; fails when it takes too long."""
    deadline = time.monotonic() + PATIENCE
    while not happened():
        assert time.monotonic() < deadline, f"not in {PATIENCE:g} s: {what}"
        time.sleep(0.02)


def lives(pid: int) -> bool:
    """Whether a process runs; one that ended and was not yet waited for does not."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
