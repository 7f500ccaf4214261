"""`rebuild` leaves alone what the books closed."""

from datetime import date
from pathlib import Path

import pytest

from books.schema import migrate
from books.session import Books
from console import rebuild
from console.imports import import_applications
from console.seed import seed
from engine.client import connect
from engine.commands import LoanCommands
from models.loans import Stage
from models.staff import Actor, Role
from settings import Settings
from tests.api.serving import own_namespace
from tests.console.test_imports import as_json_lines, body


async def test_a_loan_that_closes_while_others_are_started_is_not_started(
    tmp_path: Path, temporal_server: str, monkeypatch: pytest.MonkeyPatch, namespace: str
) -> None:
    settings = Settings(database_url=f"sqlite:///{tmp_path / 'books.db'}")
    migrate(settings.database_url)
    books = Books(settings.database_url)
    seed(books, settings)
    file = as_json_lines(tmp_path / "a.jsonl", body(0), body(1))
    actor = Actor("integrator-demo", Role.INTEGRATOR)
    closing, running = import_applications(books, actor, file, date(2026, 1, 5), quiet=True).accepted
    commands = LoanCommands(await connect(temporal_server, namespace))
    listed = rebuild._running(books)
    with books.begin() as work:
        loan = work.loans.get(closing)
        loan.stage = Stage.WITHDRAWN
        work.session.add(loan)
    monkeypatch.setattr(rebuild, "_running", lambda _: listed)
    monkeypatch.setattr(rebuild, "compare_stages", nothing_differs)

    assert await rebuild.rebuild(books, commands) == [running]

    books.close()


async def nothing_differs(*_: object) -> list[rebuild.StageDifference]:
    """No worker runs here, which could answer where a workflow stands."""
    return []


@pytest.fixture
def namespace(temporal_server: str) -> str:
    return own_namespace(temporal_server)
