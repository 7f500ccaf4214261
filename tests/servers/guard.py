"""Ends a server with its owner, however the owner ends: `python -m tests.servers.guard --owner PID -- COMMAND`.

The owner is the pytest that a person started, not the worker that happened to need the server first. Should the guard
itself be killed, the kernel ends the server (Linux).
"""

import argparse
import ctypes
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil

SECONDS_BETWEEN_LOOKS = 0.25
# Nothing of a test is worth waiting for longer, and Temporal waits for clients that are still connected.
SECONDS_TO_STOP = 2
PR_SET_PDEATHSIG = 1


def guard(owner_pid: int, command: list[str], *, user: str | None, folder: Path | None) -> int:
    """Runs the command until it ends or the owner is gone; in the latter case the folder is removed as well."""
    # Loaded here, since between fork and exec only calls that need no lock are safe.
    prctl = ctypes.CDLL(None).prctl if sys.platform == "linux" else None

    def before_exec() -> None:
        # A shell that runs pytest in the background lets it ignore SIGINT, which is what stops the servers.
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        if prctl is not None:
            prctl(PR_SET_PDEATHSIG, signal.SIGKILL)

    try:
        owner = psutil.Process(owner_pid)
    except psutil.NoSuchProcess:
        return 1
    account = {"user": user, "group": user, "extra_groups": []} if user is not None else {}
    server = subprocess.Popen(command, start_new_session=True, preexec_fn=before_exec, **account)  # type: ignore[call-overload]
    try:
        while server.poll() is None and is_alive(owner):
            time.sleep(SECONDS_BETWEEN_LOOKS)
    finally:
        _stop(server)
        if folder is not None and not is_alive(owner):
            shutil.rmtree(folder, ignore_errors=True)
    return int(server.returncode)


def is_alive(process: psutil.Process) -> bool:
    """Whether this very process still runs; one that ended and was not yet waited for does not."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _stop(server: "subprocess.Popen[bytes]") -> None:
    """Asks with SIGINT, on which PostgreSQL drops its clients and stops at once; then kills what is left."""
    if server.poll() is None:
        server.send_signal(signal.SIGINT)
        try:
            server.wait(SECONDS_TO_STOP)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()
    try:
        os.killpg(server.pid, signal.SIGKILL)
    except ProcessLookupError:
        return


def main() -> int:
    """Reads the arguments; a SIGTERM to the guard stops the server in good order."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--owner", type=int, required=True)
    parser.add_argument("--user")
    parser.add_argument("--folder", type=Path)
    parser.add_argument("command", nargs="+")
    given = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    return guard(given.owner, given.command, user=given.user, folder=given.folder)


if __name__ == "__main__":
    sys.exit(main())
