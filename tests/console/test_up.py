"""`loanwright up`: one command brings everything up, keeps it up and takes it down."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import date
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from books.session import Books
from console.connections import books_of, of_folder
from services.staff import demo_key
from settings import Settings
from tests.console.running import ENVIRONMENT, ROOT, lives, loanwright, wait_until
from tests.crash.house import SOUND, micro_application
from tests.crash.mortal import lasting_port

INTEGRATOR = {"Authorization": f"Bearer {demo_key('integrator-demo')}"}


@contextmanager
def up(folder: Path, *options: str, **settings: str) -> Iterator[subprocess.Popen[str]]:
    """The command at work; whatever is left of it afterwards is killed."""
    environment = {name: value for name, value in os.environ.items() if name != "TEMPORAL_ADDRESS"} | settings
    ports = ["--port", str(lasting_port())]
    with (folder / "up.log").open("w") as log:
        process = subprocess.Popen(
            [sys.executable, str(ROOT / "cli.py"), "up", *ports, "--data-dir", str(folder), *options],
            env=environment | ENVIRONMENT,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        )
    try:
        yield process
    finally:
        left = psutil.Process(process.pid).children(recursive=True) if process.poll() is None else []
        process.kill()
        process.communicate()
        for one in left:
            with suppress(psutil.NoSuchProcess):
                one.kill()


def ready_line(process: subprocess.Popen[str], folder: Path) -> dict[str, Any]:
    """The one line on standard output, as soon as everything is usable."""
    assert process.stdout is not None
    line = process.stdout.readline()
    assert line, (folder / "up.log").read_text()
    said: dict[str, Any] = json.loads(line)
    return said


def family(process: subprocess.Popen[str]) -> dict[int, str]:
    """All processes below the command, with their command lines."""
    found = {}
    for one in psutil.Process(process.pid).children(recursive=True):
        # One that is just ending has no command line any more.
        with suppress(psutil.NoSuchProcess):
            found[one.pid] = " ".join(one.cmdline())
    return found


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_up_says_when_it_is_usable_lends_and_leaves_nothing_behind(
    tmp_path: Path, number: signal.Signals, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("TEMPORAL_ADDRESS", raising=False)
    with up(tmp_path) as process:
        said = ready_line(process, tmp_path)
        assert said == {"ready": True, "url": said["url"]}
        with httpx.Client(base_url=said["url"], headers=INTEGRATOR, timeout=20) as caller:
            assert caller.get("/", headers={"Authorization": ""}, follow_redirects=True).status_code == 200
            entered = caller.post(
                "/api/v1/applications", json=micro_application(SOUND[0]), headers={"Idempotency-Key": "first"}
            )
            assert entered.status_code == 202, entered.text
            loan = entered.json()["loan"]
            wait_until(lambda: stage(caller, loan) == "approval", "the application is graded")
            assert len(family(process)) == 4
            worker = next(pid for pid, command in family(process).items() if command.endswith("cli.py worker"))
            os.kill(worker, signal.SIGKILL)
            wait_until(lambda: not lives(worker) and len(family(process)) == 4, "the worker is back")
            entered = caller.post(
                "/api/v1/applications", json=micro_application(SOUND[1]), headers={"Idempotency-Key": "second"}
            )
            wait_until(lambda: stage(caller, entered.json()["loan"]) == "approval", "the new worker works")
        engine = of_folder(Settings(), tmp_path).temporal_address
        pids = list(family(process))
        process.send_signal(number)
        rest, _ = process.communicate(timeout=60)
        assert process.returncode == 0
        assert rest == ""
        assert not any(map(lives, pids))
    assert of_folder(Settings(), tmp_path).temporal_address == Settings().temporal_address
    log = (tmp_path / "up.log").read_text()
    assert f"Temporal      {engine}, namespace default" in log
    assert f"loanwright audit stages --data-dir {tmp_path}" in log
    assert "process_died" in log
    assert "Traceback" not in log


def test_up_takes_the_length_of_the_day_from_the_setting_and_says_when_the_books_keep_another(tmp_path: Path) -> None:
    with up(tmp_path, "--start-date", "2026-01-05", LOANWRIGHT_DAY_SECONDS="3600") as process:
        ready_line(process, tmp_path)
        assert "these books keep" not in (tmp_path / "up.log").read_text()
        agreed = loanwright("audit", "stages", "--data-dir", str(tmp_path), environment={"TEMPORAL_ADDRESS": ""})
        assert (agreed.code, agreed.out) == (0, ""), agreed
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=60)
    books = Books(books_of(tmp_path))
    assert (books.clock.day_seconds, books.clock.anchor_date) == (3600, date(2026, 1, 5))
    books.close()
    with up(tmp_path) as process:
        ready_line(process, tmp_path)
        assert "days of 3600 s from 2026-01-05 on" in (tmp_path / "up.log").read_text()


def stage(caller: httpx.Client, loan: str) -> str:
    """Where the API has a loan."""
    answer = caller.get(f"/api/v1/loans/{loan}")
    assert answer.is_success, answer.text
    return str(answer.json()["stage"])
