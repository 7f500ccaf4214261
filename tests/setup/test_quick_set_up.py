"""What makes the tests quick changes nothing that a test can see."""

import os
import types
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import pytest
from fastapi import FastAPI
from sqlalchemy import text
from temporalio.client import Client

from books.session import Books
from settings import Settings
from tests.books.migrated import seeded_file
from tests.conftest import LONG, pytest_collection_modifyitems
from tests.console.running import loanwright
from tests.servers import shared
from tests.servers.serving import NOWHERE, served, with_known_routes
from tests.servers.shared import ROOT, SharedServers, folder_in_memory


def test_files_lie_in_memory_only_where_there_is_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shared, "BYTES_IN_MEMORY", 0)
    monkeypatch.setattr(shared, "MEMORY", tmp_path)
    assert folder_in_memory() == tmp_path
    monkeypatch.setattr(shared, "BYTES_IN_MEMORY", 2**60)
    assert folder_in_memory() is None
    monkeypatch.setattr(shared, "MEMORY", tmp_path / "missing")
    assert folder_in_memory() is None


def test_long_tests_lie_apart_and_none_is_among_the_last() -> None:
    names = [f"tests/a.py::test_{n}" for n in range(9)] + [f"{LONG[0]}::test_{n}" for n in range(3)]
    items = cast(list[pytest.Item], [types.SimpleNamespace(nodeid=name) for name in names])
    pytest_collection_modifyitems(items)
    assert sorted(item.nodeid for item in items) == sorted(names)
    assert [n for n, item in enumerate(items) if item.nodeid.startswith(LONG)] == [2, 5, 8]


def test_every_file_of_long_tests_is_there() -> None:
    assert [name for name in LONG if not (ROOT / name).exists()] == []


def test_books_that_share_compiled_statements_hold_rows_of_their_own(servers: SharedServers, tmp_path: Path) -> None:
    counted = []
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
        with seeded_file(servers, tmp_path / name) as books:
            with books.begin() as work:
                work.session.connection().execute(text("CREATE TABLE mine (id int)"))
            with books.read() as work:
                counted.append(len(work.loans.all_numbers()))
    assert counted == [0, 0]


def test_an_application_that_does_not_start_fails_the_test_at_once(servers: SharedServers, tmp_path: Path) -> None:
    def broken(_client: Client) -> Sequence[FastAPI]:
        raise ValueError("no room for another loan")

    def start(books: Books) -> None:
        with served(broken, 1, books, Settings(temporal_address=NOWHERE), with_worker=False):
            pass

    with seeded_file(servers, tmp_path) as books, pytest.raises(ValueError, match="no room"):
        start(books)


def test_applications_of_one_name_must_have_the_same_routes() -> None:
    def app(*paths: str) -> FastAPI:
        made = FastAPI(openapi_url=None)
        for path in paths:
            made.add_api_route(path, lambda: None)
        return made

    with_known_routes("of the test", app("/loans"))
    with pytest.raises(AssertionError, match="other routes"):
        with_known_routes("of the test", app("/loans", "/tasks"))


def test_the_command_has_a_process_and_an_environment_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOANWRIGHT_DAY_SECONDS", "never")
    ended = loanwright("seed")
    assert ended.code != 0
    assert "LOANWRIGHT_DAY_SECONDS" in ended.err
    fine: dict[str, Any] = {"LOANWRIGHT_DAY_SECONDS": "86400"}
    assert loanwright("--help", environment=fine).code == 0
    assert os.environ["LOANWRIGHT_DAY_SECONDS"] == "never"
