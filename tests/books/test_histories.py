"""The archive's tables: what the database refuses, what rotation may change, and what downgrade and upgrade leave."""

from datetime import UTC, datetime

import pytest
from alembic import command
from sqlalchemy import inspect, text
from sqlalchemy.exc import DBAPIError

from books.schema import alembic_config, migrate
from books.session import Books
from models.histories import ArchiveLook, ReplayOutcome, ReplayVerdict, RunContent, RunHistory
from models.run_events import CloseStatus, HistoryDamaged, digest
from models.sealing import SealBroken

CONTENT = b'{"events":[]}'
NOON = datetime(2026, 1, 5, 4, tzinfo=UTC)
TABLES = {"run_history", "run_content", "replay_verdict", "archive_look"}


def row(run_id: str = "run-1", sha256: str = digest(CONTENT)) -> RunHistory:
    return RunHistory(
        run_id=run_id,
        workflow_id="loan/L26000001",
        loan="L26000001",
        started_at=NOON,
        closed_at=NOON,
        status=CloseStatus.COMPLETED,
        events=1,
        size_bytes=len(CONTENT),
        sha256=sha256,
        code_versions=["0.1.0"],
        exported_at=NOON,
    )


@pytest.fixture
def archive(books: Books) -> Books:
    """Books with one archived run and one verdict on it."""
    with books.begin() as work:
        work.histories.add(row(), RunContent.of("run-1", CONTENT))
        work.histories.add_verdict(
            ReplayVerdict(
                loan="L26000001",
                run_id="run-1",
                events=1,
                code_version="0.1.0",
                outcome=ReplayOutcome.OK,
                replayed_by="auditor-wei",
                replayed_at=NOON,
            )
        )
    return books


def refused(books: Books, statement: str, why: str) -> None:
    with pytest.raises(DBAPIError, match=why), books.engine.begin() as connection:
        connection.execute(text(statement))


def test_what_is_archived_can_be_neither_changed_nor_removed(archive: Books) -> None:
    for table, column in (("run_history", "events = 2"), ("replay_verdict", "outcome = 'differs'")):
        refused(archive, f"UPDATE {table} SET {column}", "insert-only")
        refused(archive, f"DELETE FROM {table}", "insert-only")
    refused(archive, "DELETE FROM run_content", "sealed anew")
    refused(archive, "UPDATE run_content SET run_id = 'run-2'", "sealed anew")
    if not archive.is_sqlite:
        refused(archive, "TRUNCATE replay_verdict", "insert-only")
        refused(archive, "TRUNCATE run_content", "sealed anew")


def test_a_content_may_be_sealed_anew_and_opens_as_before(archive: Books) -> None:
    with archive.begin() as work:
        kept = work.histories.content("run-1")
        assert kept is not None
        before, again = kept.sealed, RunContent.of("run-1", CONTENT)
        kept.key_id, kept.sealed = again.key_id, again.sealed
        work.session.add(kept)
    with archive.read() as work:
        kept, archived = work.histories.content("run-1"), work.histories.get("run-1")
        assert kept is not None
        assert archived is not None
        assert kept.sealed != before
        assert kept.open(archived) == CONTENT


def test_a_content_opens_in_its_own_place_only(archive: Books) -> None:
    with archive.begin() as work:
        other = RunContent.of("run-1", CONTENT)
        work.histories.add(row("run-2"), RunContent(run_id="run-2", key_id=other.key_id, sealed=other.sealed))
    with archive.read() as work:
        kept, archived = work.histories.content("run-2"), work.histories.get("run-2")
        assert kept is not None
        assert archived is not None
        with pytest.raises(SealBroken, match="run-2"):
            kept.open(archived)


def test_another_content_than_was_archived_is_not_taken_for_it() -> None:
    with pytest.raises(HistoryDamaged, match="not the one that was archived"):
        RunContent.of("run-1", b"another").open(row())


def test_a_run_is_archived_once(archive: Books) -> None:
    with pytest.raises(DBAPIError), archive.begin() as work:
        work.histories.add(row(), RunContent.of("run-1", CONTENT))
    with archive.read() as work:
        assert work.histories.archived(["run-1", "run-2"]) == {"run-1"}
        assert [one.run_id for one in work.histories.of_loan("L26000001")] == ["run-1"]
        assert work.histories.page_as_stored(after="run-1") == []


def test_only_the_last_look_is_kept(archive: Books) -> None:
    for waiting in (3, 0):
        with archive.begin() as work:
            work.histories.note_look(ArchiveLook(looked_at=NOON, waiting=waiting))
    with archive.read() as work:
        look = work.histories.look()
        assert look is not None
        assert (look.waiting, look.oldest_closed_at) == (0, None)


def test_the_archive_comes_with_the_migration_and_goes_with_it(archive: Books) -> None:
    url = archive.url
    archive.engine.dispose()
    command.downgrade(alembic_config(url), "0026")
    assert not TABLES & set(inspect(archive.engine).get_table_names())
    archive.engine.dispose()
    migrate(url)
    with archive.begin() as work:
        work.histories.add(row(), RunContent.of("run-1", CONTENT))
    refused(archive, "UPDATE run_history SET events = 2", "insert-only")
