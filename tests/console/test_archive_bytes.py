"""Whichever single byte of an archived history or of its row is changed around the program, the run is named."""

import json
from collections.abc import Iterator

import pytest

from books.session import Books
from console.replay import prove_archive
from models.histories import RunContent, RunHistory
from models.run_events import RunEvents, read_events
from services import audit
from tests.books.flips import flipped, one_byte_another, put, stored, without_guards
from tests.books.migrated import books as books

LOAN, RUN = "L26000001", "0199a4c2-0000-7000-8000-000000000000"
STARTED = {
    "eventId": "1",
    "eventTime": "2026-01-05T01:02:03.456789Z",
    "eventType": "EVENT_TYPE_WORKFLOW_EXECUTION_STARTED",
    "workflowExecutionStartedEventAttributes": {"continuedExecutionRunId": "run-0"},
}
WORKED = {
    "eventId": "2",
    "eventTime": "2026-01-05T01:02:04Z",
    "eventType": "EVENT_TYPE_WORKFLOW_TASK_COMPLETED",
    "workflowTaskCompletedEventAttributes": {"workerVersion": {"buildId": "0.1.0+1f0c"}},
}
ENDED = {
    "eventId": "3",
    "eventTime": "2026-02-05T01:02:03Z",
    "eventType": "EVENT_TYPE_WORKFLOW_EXECUTION_CONTINUED_AS_NEW",
    "workflowExecutionContinuedAsNewEventAttributes": {"newExecutionRunId": "run-2"},
}
CONTENT = json.dumps({"events": [STARTED, WORKED, ENDED]}).encode()


def events() -> RunEvents:
    return read_events(RUN, CONTENT)


@pytest.fixture
def archived(books: Books) -> Books:
    """Books with one archived run between two others."""
    keep(books, [one.as_json() for one in events().versions])
    return books


def keep(books: Books, code_versions: list[object]) -> None:
    with books.begin() as work:
        row = RunHistory.of(LOAN, events(), CONTENT, work.now)
        row.code_versions = code_versions  # type: ignore[assignment]  # as another release kept them
        work.histories.add(row, RunContent.of(RUN, CONTENT))
        after = {"sha256": row.sha256, "events": row.events, "status": row.status}
        audit.record(work, audit.SYSTEM, "run_archived", loan=LOAN, subject=RUN, after=after)


def problems(books: Books) -> dict[str, str]:
    return {one.run_id: one.problem for one in prove_archive(books) if one.problem is not None}


def tried(books: Books, table: str, columns: list[str]) -> Iterator[tuple[str, object]]:
    with without_guards(books) as connection:
        for column in columns:
            was = stored(connection, table, "run_id", RUN, column)
            every = 1 if books.is_sqlite else 7
            for other in one_byte_another(was, is_sqlite=books.is_sqlite, every=every):
                with flipped(connection, table, "run_id", RUN, column, other) as taken:
                    if taken:
                        yield column, other


def test_every_byte_of_the_row_of_a_run_is_found_and_the_run_named(archived: Books) -> None:
    assert problems(archived) == {}
    columns = [name for name in RunHistory.model_fields if name != "run_id"]
    missed, seen = [], set()
    for column, other in tried(archived, "run_history", columns):
        seen.add(column)
        if RUN not in problems(archived):
            missed.append((column, other))
    assert missed == []
    assert seen == set(columns)
    assert problems(archived) == {}


def test_every_byte_of_a_history_is_found_and_the_run_named(archived: Books) -> None:
    missed = [one for one in tried(archived, "run_content", ["key_id", "sealed"]) if RUN not in problems(archived)]
    assert missed == []
    assert problems(archived) == {}


@pytest.mark.parametrize("table", ["run_history", "run_content"])
def test_every_byte_of_the_name_of_a_run_is_found_and_the_run_named(archived: Books, table: str) -> None:
    missed = []
    with without_guards(archived) as connection:
        for other in one_byte_another(RUN, is_sqlite=archived.is_sqlite):
            if put(connection, table, "run_id", RUN, "run_id", other):
                if RUN not in problems(archived):
                    missed.append(other)
                assert put(connection, table, "run_id", other, "run_id", RUN)
    assert missed == []
    assert problems(archived) == {}


def test_a_run_of_which_nothing_is_left_is_named(archived: Books) -> None:
    with without_guards(archived) as connection:
        connection.exec_driver_sql("DELETE FROM run_content")
        connection.exec_driver_sql("DELETE FROM run_history")
    assert problems(archived) == {RUN: "the audit log tells of its archiving, and it is gone"}


def test_a_run_whose_versions_were_kept_as_names_is_as_it_was(books: Books) -> None:
    keep(books, ["0.1.0+1f0c"])
    assert problems(books) == {}
    with without_guards(books) as connection:
        put(connection, "run_history", "run_id", RUN, "code_versions", '["0.1.0+1f0d"]')
    assert problems(books) == {RUN: "its row in the archive was changed: code_versions"}
