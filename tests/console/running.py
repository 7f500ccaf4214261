"""The operator's command as a process, and what it leaves behind."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 60.0
ENVIRONMENT = {
    # Bytecode on disk halves the start of a process.
    "PYTHONDONTWRITEBYTECODE": "",
    # Sentences on one line.
    "COLUMNS": "400",
}


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
    """Runs the command to its end."""
    done = subprocess.run(
        [sys.executable, str(ROOT / "cli.py"), *arguments],
        env={**os.environ, **ENVIRONMENT, **(environment or {})},
        input=stdin,
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=PATIENCE,
        check=False,
    )
    return Ended(done.returncode, done.stdout, done.stderr)


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
