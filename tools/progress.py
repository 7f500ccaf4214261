"""Slow steps with a sign of life: elapsed seconds on a terminal, a line every 15 seconds elsewhere."""

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

LINES_SHOWN_ON_FAILURE = 30
SECONDS_BETWEEN_LINES = 15.0


class StepFailed(Exception):
    """A set-up step ended badly; the message holds the end of its output and, where known, the way out."""


def say(line: str) -> None:
    """One line to the person who waits."""
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()


def run_step(
    title: str,
    command: Sequence[str | Path],
    *,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    timeout_seconds: float | None = None,
    seconds_between_lines: float = SECONDS_BETWEEN_LINES,
) -> None:
    """Runs a command quietly and shows that time passes; refuses with the end of its output if it fails or is late."""
    on_terminal = sys.stderr.isatty()
    started = time.monotonic()
    if not on_terminal:
        say(f"{title} …")
    with tempfile.TemporaryFile() as output:
        try:
            process = subprocess.Popen(
                [str(part) for part in command],
                cwd=cwd,
                env=None if env is None else {**os.environ, **env},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        except OSError as refusal:
            raise StepFailed(f"{title} failed: {refusal}") from refusal
        try:
            while process.poll() is None:
                elapsed = time.monotonic() - started
                if timeout_seconds is not None and elapsed > timeout_seconds:
                    raise StepFailed(f"{title} was given up after {elapsed:.0f} s")
                if on_terminal:
                    sys.stderr.write(f"\r{title} … {elapsed:.0f} s ")
                    sys.stderr.flush()
                _wait(process, 0.5 if on_terminal else seconds_between_lines, timeout_seconds, elapsed)
                if not on_terminal and process.poll() is None:
                    say(f"{title} … {time.monotonic() - started:.0f} s")
        finally:
            _end(process)
        elapsed = time.monotonic() - started
        if process.returncode != 0:
            output.seek(0)
            tail = output.read().decode(errors="replace").splitlines()[-LINES_SHOWN_ON_FAILURE:]
            raise StepFailed("\n".join([f"{title} failed (exit code {process.returncode}):", *tail]))
        say(f"{chr(13) if on_terminal else ''}{title}: done in {elapsed:.1f} s")


def _wait(process: subprocess.Popen[bytes], seconds: float, timeout_seconds: float | None, elapsed: float) -> None:
    if timeout_seconds is not None:
        seconds = min(seconds, timeout_seconds - elapsed + 0.01)
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        return


def _end(process: subprocess.Popen[bytes]) -> None:
    """Ends the command with all that it started: a compiler must not go on after Ctrl-C."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
