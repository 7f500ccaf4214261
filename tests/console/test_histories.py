"""`replay`, `audit histories`, `audit export` and `audit check`: an auditor at the operator's command."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from books.session import Books
from engine.client import connect
from engine.commands import LoanCommands
from models.attesting import signing_key
from models.chain import DailyRoot
from models.histories import RunContent, RunHistory
from models.run_events import read_events
from models.staff import Role
from services.audit import SYSTEM, record
from services.evidence import signed_files
from services.loans import order_from_books
from services.staff import add_demo_persons
from services.staff_changes import change_person
from tests.books.migrated import seeded_file
from tests.console.running import loanwright
from tests.histories.storing import files_of
from tests.servers.shared import SharedServers
from tests.servers.temporal import own_namespace
from tests.services.audit_log import seal, tamper
from tests.services.procedure import Procedure

RUN = files_of("knocked_out")[0]


def archive(books: Books, loan: str) -> None:
    """Puts a recorded run into the archive as if it were this loan's."""
    content = RUN.read_bytes()
    events = read_events("run-1", content)
    with books.begin() as work:
        row = RunHistory.of(loan, events, content, work.now)
        work.histories.add(row, RunContent.of("run-1", content))
        after = {"sha256": row.sha256, "events": row.events, "status": row.status}
        record(work, SYSTEM, "run_archived", loan=loan, subject="run-1", after=after)


@pytest.fixture
def namespace(temporal_server: str) -> str:
    return own_namespace(temporal_server)


async def test_an_auditor_replays_exports_and_checks_a_loan(
    servers: SharedServers, temporal_server: str, namespace: str, tmp_path: Path
) -> None:
    with seeded_file(servers, tmp_path) as books:
        loan = Procedure(books).graded()
        with books.read() as work:
            order = order_from_books(work, work.loans.get(loan))
        # No worker is there, so the run stays where it began.
        await LoanCommands(await connect(temporal_server, namespace)).start(order)
        environment = {
            "LOANWRIGHT_DATABASE_URL": books.url,
            "TEMPORAL_ADDRESS": temporal_server,
            "TEMPORAL_NAMESPACE": namespace,
        }
        _replay(loan, environment)
        _export_and_check(loan, tmp_path / "loan.zip", environment)


def _replay(loan: str, environment: Mapping[str, str]) -> None:
    replayed = loanwright("replay", loan, environment=environment)
    assert replayed.code == 0, replayed.err
    assert "ok" in replayed.out
    assert "(open)" in replayed.out
    assert "1 runs replayed by version 0.1.0+" in replayed.err
    unknown = loanwright("replay", "L99000001", environment=environment)
    assert (unknown.code, unknown.err.strip()) == (1, "there is no loan L99000001")
    refused = loanwright("replay", loan, "--actor", "finance-sun", environment=environment)
    assert refused.code == 1
    assert "may not" in refused.err


def _export_and_check(loan: str, file: Path, environment: Mapping[str, str]) -> None:
    exported = loanwright("audit", "export", loan, str(file), environment=environment)
    assert exported.code == 0, exported.err
    key = ("--public-key", signing_key().public)
    sound = loanwright("audit", "check", str(file), *key)
    assert sound.code == 0, sound.out + sound.err
    assert f"loan {loan}: 1 runs" in sound.err
    without = loanwright("audit", "check", str(file))
    assert without.code == 0
    assert "no public key was given" in without.err
    _compared_with_roots(file, key)
    content = file.read_bytes()
    place = content.index(b"postings.json")
    file.write_bytes(content[:60] + bytes([content[60] ^ 1]) + content[61:])
    assert loanwright("audit", "check", str(file), *key).code in (1, 2)
    file.write_bytes(content[:place])
    cut = loanwright("audit", "check", str(file), *key)
    assert (cut.code, "no bundle" in cut.err) == (2, True)
    gone = loanwright("audit", "check", str(file.with_name("none.zip")), *key)
    assert gone.code == 2


def _compared_with_roots(file: Path, key: tuple[str, str]) -> None:
    """Against an empty folder nothing is proved; against roots of another chain the bundle's seals are made up."""
    folder = file.parent / "roots"
    folder.mkdir()
    evidence = ("--evidence", str(folder))
    nothing = loanwright("audit", "check", str(file), *key, *evidence)
    assert (nothing.code, "holds no signed root" in nothing.err) == (1, True)
    day = datetime.now(UTC).date() + timedelta(days=9)
    root = DailyRoot(day, 10_000, "e" * 64, datetime.now(UTC) + timedelta(days=9))
    signed_files(folder, signing_key).deposit(root)
    made_up = loanwright("audit", "check", str(file), *key, *evidence)
    assert (made_up.code, "deposited" in made_up.out) == (1, True)
    (folder / f"audit-{day}.json").write_text("{}")
    none = loanwright("audit", "check", str(file), *key, *evidence)
    assert (none.code, "is no signed root" in none.err) == (1, True)


@pytest.mark.parametrize("damage", ["content", "type", "digest", "row", "day", "unreadable"])
def test_a_changed_history_is_found_and_named(servers: SharedServers, tmp_path: Path, damage: str) -> None:
    with seeded_file(servers, tmp_path) as books:
        loan = Procedure(books).graded()
        archive(books, loan)
        environment = {"LOANWRIGHT_DATABASE_URL": books.url}
        proved = loanwright("audit", "histories", environment=environment)
        assert (proved.code, proved.err.strip()) == (0, "1 archived histories are as they were taken over")
        statements = {
            "content": "UPDATE run_content SET sealed = CAST(substr(sealed, 2) || x'01' AS BLOB)",
            "type": "UPDATE run_content SET sealed = 'this is text'",
            "digest": "UPDATE audit_entry SET after = '{\"sha256\": \"0\"}' WHERE act = 'run_archived'",
            "row": "UPDATE run_history SET events = 5",
            "day": "UPDATE run_history SET closed_at = '2026-01-01 00:00:00.000000'",
            "unreadable": "UPDATE run_history SET started_at = 'never'",
        }
        with books.engine.begin() as connection:
            for name in (
                connection.execute(text("SELECT name FROM sqlite_master WHERE type = 'trigger'")).scalars().all()
            ):
                connection.execute(text(f"DROP TRIGGER {name}"))
            connection.execute(text(statements[damage]))
        found = loanwright("audit", "histories", environment=environment)
    assert found.code == 1
    assert loan in found.out
    assert "run-1" in found.out


def test_who_asks_has_to_be_said_where_there_are_several_auditors(servers: SharedServers, tmp_path: Path) -> None:
    with seeded_file(servers, tmp_path) as books:
        with books.begin() as work:
            add_demo_persons(work)
            change_person(work, SYSTEM, "risk-qian", "two are asked for", role=Role.AUDITOR)
        asked = loanwright("replay", "L26000001", environment={"LOANWRIGHT_DATABASE_URL": books.url})
    assert asked.code == 1
    assert "there are 2 auditors; say with --actor who asks" in asked.err


async def test_an_auditor_reads_the_life_of_a_loan(
    servers: SharedServers, temporal_server: str, namespace: str, tmp_path: Path
) -> None:
    with seeded_file(servers, tmp_path) as books:
        # What the engine had a part in would be missed in its history later, however slow this is.
        loan = Procedure(books).apply()
        with books.read() as work:
            order = order_from_books(work, work.loans.get(loan))
        await LoanCommands(await connect(temporal_server, namespace)).start(order)
        environment = {
            "LOANWRIGHT_DATABASE_URL": books.url,
            "TEMPORAL_ADDRESS": temporal_server,
            "TEMPORAL_NAMESPACE": namespace,
        }
        told = loanwright("audit", "loan", loan, "--as-of", "2026-01-05", environment=environment)
        assert (told.code, "history, books and bank fit together" in told.err) == (0, True), told.err
        entry = "application_submitted, not sealed yet"
        for said in ("open", "The application was entered", entry, "at the end of 2026-01-05"):
            assert said in told.out, told.out
        seal(books)
        tamper(books, "UPDATE audit_entry SET reason = 'another' WHERE act = 'application_submitted'")
        away = loanwright("audit", "loan", loan, environment=environment | {"TEMPORAL_ADDRESS": "127.0.0.1:9"})
        assert away.code == 1, away.err
        assert "there is no Temporal server" in away.err
        assert "entry_changed" in away.out
        assert "application_submitted, NOT THE SEALED ONE" in away.out
        assert away.out.index("entry_changed") < away.out.index("application_submitted")
        tamper(books, "UPDATE loan SET stage = 'x'")
        broken = loanwright("audit", "loan", loan, environment=environment)
        assert (broken.code, "row_unreadable" in broken.out, "Traceback" in broken.err) == (1, True, False), broken.err
        refused = loanwright("audit", "loan", loan, "--actor", "finance-sun", environment=environment)
        assert (refused.code, "may not" in refused.err) == (1, True)
        unknown = loanwright("audit", "loan", "L99000001", environment=environment)
        assert (unknown.code, unknown.err.strip()) == (1, "there is no loan L99000001")
