"""The process tree: what dies is started again, and nothing outlives the end."""

import os
import signal
import socket
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from pathlib import Path

import psutil
import pytest

from console import processes
from console.processes import Child, NotReady, Tree, free_port, listens, one_at_a_time
from tests.console.running import ENVIRONMENT, ROOT, lives, wait_until
from tests.crash.mortal import lasting_port

SLEEPER = "import time; time.sleep(600)"
STUBBORN = """
import signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("up", flush=True)
time.sleep(600)
"""
PARENT = """
import subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
print(child.pid, flush=True)
time.sleep(600)
"""
FAREWELL = """
import signal, sys, time
def end(*_):
    with open(sys.argv[1], "a") as said: said.write(sys.argv[2])
    sys.exit()
signal.signal(signal.SIGTERM, end)
print("up", flush=True)
time.sleep(600)
"""


@pytest.fixture
def tree() -> Iterator[Tree]:
    found = Tree()
    yield found
    found.stop()


def child(folder: Path, name: str, code: str, *arguments: str) -> Child:
    """A child that runs some Python and is ready at once."""
    return Child(name, [sys.executable, "-c", code, *arguments], {}, folder / f"{name}.log", lambda: True)


def pid_of(one: Child) -> int:
    assert one.process is not None
    return one.process.pid


def said(one: Child) -> str:
    return one.log_file.read_text()


def has_said(one: Child, word: str) -> bool:
    return word in said(one)


def test_a_child_that_is_killed_is_started_again_and_counts_its_restarts(tree: Tree, tmp_path: Path) -> None:
    one = child(tmp_path, "one", SLEEPER)
    tree.start(one)
    tree.watch()
    first = pid_of(one)
    os.kill(first, signal.SIGKILL)
    wait_until(lambda: pid_of(one) != first and lives(pid_of(one)), "the child is started again")
    assert one.restarts == 1
    assert not lives(first)


def test_what_a_killed_child_had_started_ends_with_it(tree: Tree, tmp_path: Path) -> None:
    one = child(tmp_path, "one", PARENT)
    tree.start(one)
    wait_until(lambda: said(one) != "", "the child has a child")
    grandchild = int(said(one))
    tree.watch()
    first = pid_of(one)
    os.kill(first, signal.SIGKILL)
    wait_until(lambda: pid_of(one) != first, "the child is started again")
    wait_until(lambda: not lives(grandchild), "what it had started is gone")


def test_stop_ends_the_children_and_all_that_they_started(tree: Tree, tmp_path: Path) -> None:
    one, two = child(tmp_path, "one", SLEEPER), child(tmp_path, "two", PARENT)
    tree.start(one)
    tree.start(two)
    tree.watch()
    wait_until(lambda: said(two) != "", "the child has a child")
    pids = [pid_of(one), pid_of(two), int(said(two))]
    assert all(map(lives, pids))
    tree.stop()
    wait_until(lambda: not any(map(lives, pids)), "nothing is left")


def test_stop_ends_what_a_child_left_behind_that_died_before(tree: Tree, tmp_path: Path) -> None:
    one = child(tmp_path, "one", PARENT)
    tree.start(one)
    wait_until(lambda: said(one) != "", "the child has a child")
    os.kill(pid_of(one), signal.SIGKILL)
    wait_until(lambda: not lives(pid_of(one)), "the child is dead")
    tree.stop()
    wait_until(lambda: not lives(int(said(one))), "what it left behind is gone")


def test_the_last_child_that_was_started_ends_first(tree: Tree, tmp_path: Path) -> None:
    order = tmp_path / "order"
    for name in ("1", "2", "3"):
        one = child(tmp_path, name, FAREWELL, str(order), name)
        tree.start(one)
        wait_until(partial(has_said, one, "up"), "the child listens to signals")
    tree.stop()
    assert order.read_text() == "321"


def test_a_child_that_will_not_end_is_killed(tree: Tree, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "STOP_SECONDS", 0.3)
    one = child(tmp_path, "one", STUBBORN)
    tree.start(one)
    wait_until(lambda: "up" in said(one), "the child ignores SIGTERM")
    tree.stop()
    assert not lives(pid_of(one))


def test_a_child_that_ends_before_it_is_ready_is_reported_with_its_log(tree: Tree, tmp_path: Path) -> None:
    one = Child("one", [sys.executable, "-c", "raise SystemExit(3)"], {}, tmp_path / "one.log", lambda: False)
    with pytest.raises(NotReady, match=r"one did not come up; its log is .*one\.log"):
        tree.start(one)


def test_a_child_that_is_never_ready_is_reported_and_ended_with_the_rest(tree: Tree, tmp_path: Path) -> None:
    one = Child("one", [sys.executable, "-c", SLEEPER], {}, tmp_path / "one.log", lambda: False)
    with pytest.raises(NotReady):
        tree.start(one, timeout_seconds=0.2)
    tree.stop()
    assert not lives(pid_of(one))


def test_stop_in_the_pause_before_a_restart_starts_nothing(tree: Tree, tmp_path: Path) -> None:
    one = child(tmp_path, "one", "raise SystemExit(1)")
    one.restarts = 5
    tree.start(one)
    first = pid_of(one)
    tree.watch()
    wait_until(lambda: one.restarts == 6, "the watcher pauses before the restart")
    tree.stop()
    assert pid_of(one) == first


def test_an_api_whose_process_dies_serves_with_its_full_number_again(tree: Tree, tmp_path: Path) -> None:
    port, inner = lasting_port(), lasting_port()
    books = f"sqlite:///{tmp_path / 'books.db'}"
    environment = ENVIRONMENT | {"LOANWRIGHT_DATABASE_URL": books, "TEMPORAL_ADDRESS": "127.0.0.1:9"}
    serve = [sys.executable, str(ROOT / "cli.py"), "serve", "--port", str(port), "--inner-port", str(inner)]
    api = Child("api", [*serve, "--processes", "3"], environment, tmp_path / "api.log", listens(port))
    tree.start(api)
    tree.watch()
    wait_until(lambda: len(family(api)) == 3, "three processes serve")
    os.kill(pid_of(api), signal.SIGKILL)
    wait_until(lambda: api.restarts == 1 and len(family(api)) == 3, "three new processes serve")
    os.kill(max(family(api) - {pid_of(api)}), signal.SIGKILL)
    wait_until(lambda: api.restarts == 2 and len(family(api)) == 3, "three new processes serve again")
    wait_until(listens(port), "the API listens")


def family(one: Child) -> set[int]:
    """The processes of a child's group."""
    found = set()
    for pid in psutil.pids():
        with suppress(ProcessLookupError):
            if os.getpgid(pid) == pid_of(one) and lives(pid):
                found.add(pid)
    return found


def test_a_port_that_is_taken_is_replaced_by_a_free_one() -> None:
    wanted = lasting_port()
    assert free_port(wanted) == wanted
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", wanted))
        taken.listen()
        assert free_port(wanted) != wanted


def test_a_child_is_not_ready_while_somebody_else_listens_on_its_port(tree: Tree, tmp_path: Path) -> None:
    """What is sent to that port would otherwise go to a stranger, such as another Loanwright's bank."""
    with socket.socket() as stranger:
        stranger.bind(("127.0.0.1", 0))
        stranger.listen()
        port = stranger.getsockname()[1]
        one = Child("one", [sys.executable, "-c", SLEEPER], {}, tmp_path / "one.log", listens(port), port)
        with pytest.raises(NotReady):
            tree.start(one, timeout_seconds=0.5)


def test_a_child_that_listens_itself_is_ready(tree: Tree, tmp_path: Path) -> None:
    port = lasting_port()
    serve = [sys.executable, "-m", "http.server", "--bind", "127.0.0.1", str(port)]
    tree.start(Child("one", serve, {}, tmp_path / "one.log", listens(port), port))
    assert tree.children[0].listens()


def test_trees_choose_their_ports_one_after_the_other() -> None:
    order: list[str] = []

    def second() -> None:
        with one_at_a_time():
            order.append("second")

    with ThreadPoolExecutor(1) as pool:
        with one_at_a_time():
            later = pool.submit(second)
            time.sleep(0.2)
            order.append("first")
        later.result(timeout=10)
    assert order == ["first", "second"]
