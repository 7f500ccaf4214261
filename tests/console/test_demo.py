"""`loanwright demo`: what it leaves alone, and what its scripted people say."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from pathlib import Path

import aiohttp
import pytest

from books.schema import migrate
from books.session import Books
from console.callers import ApiRefused
from console.demo import MARK, DemoPlan, demo
from console.people import MADE_UP_RATES, MADE_UP_RATES_ON, ScriptedPeople
from console.seed import seed
from console.up import Addresses
from lending.calendar import BusinessClock
from models.limits import LimitStatus
from models.staff import Role
from models.tasks import Task, TaskKind, TaskStatus
from services.limit_changes import limit_states
from services.tasks import open_task
from settings import Settings
from tests.api.serving import serving
from tests.books.migrated import migrated_file
from tests.console.running import loanwright
from tests.crash.mortal import lasting_port
from tests.servers.shared import SharedServers


class Began(Exception):
    """The demonstration emptied its folder and would start its processes now."""


def begins(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs the demonstration up to the moment at which its processes would start."""

    def stop(*_: object) -> None:
        raise Began

    monkeypatch.delenv("LOANWRIGHT_DATABASE_URL", raising=False)
    monkeypatch.setattr("console.demo.bring_up", stop)
    monkeypatch.setattr("console.demo.signal.signal", lambda *_: None)
    with pytest.raises(Began):
        demo(DemoPlan(folder, 8080, 0.5, 1, Path("examples/applications.csv"), stay=False))


def names(folder: Path) -> set[str]:
    return {entry.name for entry in folder.iterdir()}


@pytest.mark.parametrize("name", ["loanwright.db", ".profile", "logs/api.log"])
def test_a_folder_that_no_demo_made_is_refused_and_stays_as_it_is(tmp_path: Path, name: str) -> None:
    file = tmp_path / name
    file.parent.mkdir(exist_ok=True)
    file.write_text("dear to somebody")
    ended = loanwright("demo", "--data-dir", str(tmp_path))
    assert (ended.code, ended.out) == (1, "")
    assert "give a new folder with --data-dir" in ended.err
    assert file.read_text() == "dear to somebody"
    assert names(tmp_path) == {name.partition("/")[0]}


def test_a_new_folder_an_empty_one_and_that_of_an_earlier_demo_are_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "empty").mkdir()
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "kept").touch()
    for folder in (tmp_path / "new", tmp_path / "empty"):
        begins(folder, monkeypatch)
        (folder / "loanwright.db").touch()
        (folder / "logs").mkdir()
        (folder / "link").symlink_to(elsewhere)
        begins(folder, monkeypatch)
        assert names(folder) == {"lock", MARK}
    assert names(elsewhere) == {"kept"}


def test_a_database_from_the_environment_is_refused(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'books.db'}"
    ended = loanwright("demo", "--data-dir", str(tmp_path / "new"), environment={"LOANWRIGHT_DATABASE_URL": url})
    assert (ended.code, ended.out) == (1, "")
    assert "unset LOANWRIGHT_DATABASE_URL" in ended.err
    assert names(tmp_path) == set()


@pytest.mark.parametrize("command", ["demo", "up"])
def test_an_engine_that_does_not_answer_is_named_before_anything_is_emptied(tmp_path: Path, command: str) -> None:
    for name in (MARK, "cash.html"):
        (tmp_path / name).touch()
    address = f"127.0.0.1:{lasting_port()}"
    environment = {"TEMPORAL_ADDRESS": address}
    ended = loanwright(command, "--data-dir", str(tmp_path), environment=environment)
    assert (ended.code, ended.out) == (1, "")
    assert f"no Temporal server at {address}" in ended.err
    assert names(tmp_path) == {MARK, "cash.html"}


@pytest.fixture
def books(servers: SharedServers, tmp_path: Path) -> Iterator[Books]:
    settings = Settings(database_url=migrated_file(servers, tmp_path))
    found = Books(settings.database_url)
    seed(found, settings)
    yield found
    found.close()


@contextmanager
def scripted(books: Books) -> Iterator[tuple[ScriptedPeople, asyncio.Runner]]:
    """The scripted people before a served API."""
    with serving(books) as api, asyncio.Runner() as runner:
        addresses = Addresses(api.url, api.inner_url, "", None, "", Path())

        async def people() -> ScriptedPeople:
            return ScriptedPeople(aiohttp.ClientSession(), books, addresses, Settings())

        found = runner.run(people())
        try:
            yield found, runner
        finally:
            runner.run(found.session.close())


def test_scripted_people_finish_the_follow_ups_that_are_theirs(books: Books) -> None:
    with books.begin() as work:
        task = open_task(work, None, TaskKind.UNMATCHED_MONEY, Role.FINANCE, date(2026, 1, 5), "no loan of this number")
    with scripted(books) as (people, runner):
        runner.run(people._finance())
    with books.read() as work:
        after = work.session.get_one(Task, task.id)
        assert after.status is TaskStatus.DONE


def test_the_made_up_rates_are_entered_by_one_of_risk_and_put_in_force_by_the_other(tmp_path: Path) -> None:
    settings = Settings(database_url=f"sqlite:///{tmp_path / 'november.db'}")
    migrate(settings.database_url)
    books = Books(settings.database_url)
    books.set_clock(BusinessClock(3600, datetime.now(UTC), MADE_UP_RATES_ON))
    seed(books, settings)
    with scripted(books) as (people, runner):
        for _ in range(2):
            runner.run(people._publish_rates())
            people.done.clear()
    with books.read() as work:
        entered = [one for one in limit_states(work) if one.row.get("on") == MADE_UP_RATES_ON.isoformat()]
    assert {(one.status, one.proposed_by, one.decided_by) for one in entered} == {
        (LimitStatus.IN_FORCE, "risk-qian", "risk-shen")
    }
    assert {one.row["tenor"]: one.row["percent"] for one in entered} == MADE_UP_RATES
    assert all("made up" in one.reason for one in entered)
    books.close()


def test_a_refusal_that_is_no_race_ends_the_script_and_one_that_is_does_not(books: Books) -> None:
    with scripted(books) as (people, runner):
        nothing = people._post("integrator-demo", "/loans/L20260001/acceptance", {"no": "such field"})
        with pytest.raises(ApiRefused, match=r"answered 4\d\d"):
            runner.run(people._unless_refused(nothing))

        async def refused(status: int) -> None:
            raise ApiRefused("/tasks", status, "task_closed")

        for status in (409, 429, 503):
            runner.run(people._unless_refused(refused(status)))
        for status in (400, 401, 403, 404, 422):
            with pytest.raises(ApiRefused):
                runner.run(people._unless_refused(refused(status)))


def test_a_failed_duty_ends_all_that_the_people_do(books: Books, monkeypatch: pytest.MonkeyPatch) -> None:
    with scripted(books) as (people, runner):

        async def slip() -> None:
            await people._get("risk-qian", "/tasks?limit=0")

        monkeypatch.setattr(people, "_borrowers", slip)
        with pytest.raises(ApiRefused, match="answered 422"):
            runner.run(asyncio.wait_for(people.act(), 20))


def test_help_says_what_becomes_of_the_folder() -> None:
    assert "EMPTIED" in loanwright("demo", "--help").out
