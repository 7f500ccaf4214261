"""Every proof leaves a verdict, and what it finds is somebody's task."""

import json
import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from temporalio.testing import ActivityEnvironment

from activities.proving import ProvingActs
from books.audit import EntryFilter
from books.seals import POSTINGS
from books.session import Books
from models.attesting import SigningKey
from models.audit import AuditEntry
from models.chain import DailyRoot
from models.messages import Sender
from models.proving import AuditVerdict
from models.recurring import ProofOrder
from models.staff import Role
from models.tasks import Task, TaskKind, TaskStatus
from services import tasks
from services.audit import SYSTEM
from services.audit_findings import Finding, FindingKind
from services.errors import NotAllowed
from services.evidence import evidence_in, signed_files
from services.proving import (
    FINDINGS_KEPT,
    ProvedJustNow,
    UnknownVerification,
    check_may_ask,
    keep,
    prove,
    standing,
    verification,
    verifications,
)
from tests.services.audit_log import seal, tamper, write
from tests.services.procedure import ADMIN, AGENT, AUDITOR, FINANCE, RISK

DAY = date(2026, 1, 5)
NEW, OLD = SigningKey("new", bytes(range(32))), SigningKey("old", bytes(range(1, 33)))


def proved(books: Books, run: str, *, now: datetime | None = None) -> AuditVerdict:
    """A proof under this run, kept."""
    found = prove(books)
    with books.begin(now) as work:
        return keep(work, SYSTEM, found, run_id=run, code_version="0+test", day=DAY)


def open_tasks(books: Books) -> list[Task]:
    with books.read() as work:
        return [one for one in work.tasks.page(AUDITOR) if one.kind is TaskKind.TROUBLE]


def entries_of(books: Books, act: str) -> list[AuditEntry]:
    with books.read() as work:
        return work.audit.newest(EntryFilter(act=act), None, 50)


@pytest.fixture
def sealed(books: Books) -> list[str]:
    """Three sealed entries, and a sealed posting."""
    ids = write(books, 3)
    seal(books)
    seal(books, of=POSTINGS)
    return ids


@pytest.mark.usefixtures("sealed")
def test_a_whole_log_is_told_as_whole_with_what_was_looked_at(books: Books) -> None:
    verdict = proved(books, "run-1")

    with books.read() as work:
        head = work.seals.last()
        kept = verification(work, AUDITOR, verdict.id)
    assert head is not None
    assert kept.model_dump() == verdict.model_dump()
    assert (kept.is_whole, kept.findings, kept.task_id) == (True, [], None)
    assert (kept.seals, kept.postings, kept.unsealed, kept.unsealed_postings) == (2, 1, 0, 0)
    assert kept.entries >= 3
    assert (kept.head_no, kept.head_hash, kept.roots) == (head.no, head.hash, None)
    (entry,) = entries_of(books, "audit_verified")
    assert (entry.actor_id, entry.subject, entry.id) == ("system", verdict.id, kept.entry_id)
    said = entry.after or {}
    assert (said["whole"], said["entries"], said["head_hash"]) == (True, kept.entries, head.hash)
    assert open_tasks(books) == []


def test_a_changed_byte_is_named_recorded_and_one_person_s_task(books: Books, sealed: list[str]) -> None:
    tamper(books, f"UPDATE audit_entry SET reason = 'looked at everythinG' WHERE id = '{sealed[1]}'")
    first = proved(books, "run-1")

    assert (first.differences, first.is_whole) == (1, False)
    (finding,) = first.findings
    assert (finding["kind"], finding["entry"], finding["seal"]) == ("entry_changed", sealed[1], 1)
    assert sealed[1] in finding["sentence"]
    (entry,) = entries_of(books, "audit_verified")
    assert (entry.after or {})["differences"] == 1
    (task,) = open_tasks(books)
    assert (task.id, task.role, task.loan) == (first.task_id, Role.ADMIN, None)
    assert (entry.after or {})["task_id"] == task.id
    assert first.id in task.about

    second = proved(books, "run-2")
    (task,) = open_tasks(books)
    assert second.task_id == first.task_id == task.id
    assert second.id in task.about
    assert second.digest == first.digest
    assert len(entries_of(books, "audit_verified")) == 2


def test_what_somebody_has_looked_into_is_asked_again_only_if_there_is_more(books: Books, sealed: list[str]) -> None:
    tamper(books, f"UPDATE audit_entry SET reason = 'x' WHERE id = '{sealed[0]}'")
    proved(books, "run-1")
    (task,) = open_tasks(books)
    with books.begin() as work:
        tasks.finish(work, ADMIN, work.tasks.get(task.id), "a test of the restored copy")

    assert proved(books, "run-2").task_id == task.id
    assert open_tasks(books) == []
    tamper(books, f"UPDATE audit_entry SET reason = 'x' WHERE id = '{sealed[2]}'")
    third = proved(books, "run-3")
    (again,) = open_tasks(books)
    assert (third.task_id, third.differences) == (again.id, 2)
    assert again.id != task.id


def test_differences_that_are_gone_leave_the_open_task_to_a_person(books: Books, sealed: list[str]) -> None:
    tamper(books, f"UPDATE audit_entry SET refused = true WHERE id = '{sealed[0]}'")
    proved(books, "run-1")
    tamper(books, f"UPDATE audit_entry SET refused = false WHERE id = '{sealed[0]}'")

    (task,) = open_tasks(books)
    whole = proved(books, "run-2")
    assert (whole.is_whole, whole.task_id) == (True, task.id)
    tamper(books, f"UPDATE audit_entry SET refused = true WHERE id = '{sealed[0]}'")
    assert proved(books, "run-3").task_id == task.id
    assert [one.id for one in open_tasks(books)] == [task.id]


def test_a_run_has_one_verdict_however_often_it_is_tried(books: Books, sealed: list[str]) -> None:
    first = proved(books, "run-1")
    tamper(books, f"UPDATE audit_entry SET reason = 'x' WHERE id = '{sealed[0]}'")
    assert proved(books, "run-1").id == first.id
    assert len(entries_of(books, "audit_verified")) == 1
    assert open_tasks(books) == []


@pytest.mark.usefixtures("sealed")
@pytest.mark.parametrize("change", ["UPDATE audit_verdict SET differences = 0", "DELETE FROM audit_verdict"])
def test_a_verdict_stays_as_it_was_given(books: Books, change: str) -> None:
    proved(books, "run-1")
    with pytest.raises(DBAPIError, match="insert-only"), books.engine.begin() as connection:
        connection.execute(text(change))


def test_many_differences_are_counted_and_the_first_are_kept(books: Books) -> None:
    write(books, FINDINGS_KEPT + 5)
    seal(books)
    tamper(books, "UPDATE audit_entry SET reason = 'x' WHERE act = 'approval_decided'")
    verdict = proved(books, "run-1")
    assert (verdict.differences, len(verdict.findings)) == (FINDINGS_KEPT + 5, FINDINGS_KEPT)
    tamper(books, f"UPDATE audit_entry SET reason = 'xy' WHERE id > '{verdict.findings[-1]['entry']}'")
    assert proved(books, "run-2").digest == verdict.digest
    tamper(books, "DELETE FROM audit_entry WHERE id = (SELECT max(id) FROM audit_entry WHERE act = 'approval_decided')")
    assert proved(books, "run-3").digest != verdict.digest


def test_whatever_somebody_left_in_place_of_a_name_can_be_kept_and_shown() -> None:
    odd: list[object] = [b"\xff\x00", "a\x00b\ud800", "x" * 1_000_000, 0.5, None, "中"]
    for one in odd:
        told = Finding(FindingKind.ENTRY_ADDED, one, one, f"{one!s}", one, one).as_json()  # type: ignore[arg-type]  # as SQLite keeps it
        assert (told["seal"], told["entry"], told["posting"], told["staff"]) == (None, None, None, None)
        assert told["sentence"].encode().decode().isprintable()
        assert len(json.dumps(told)) < 4_000


def test_what_is_written_while_a_proof_reads_is_no_difference(books: Books, sealed: list[str]) -> None:
    """Sealed, and given another role, between two looks of the proof: it sees all or nothing of it."""
    done: list[bool] = []

    def write_meanwhile() -> None:
        if not done:
            done.append(True)
            writer = threading.Thread(target=lambda: (write(books, 3), seal(books)))
            writer.start()
            writer.join()

    found = prove(books, between=write_meanwhile)
    assert done
    assert found.findings == []
    assert (found.proof.seals, found.proof.unsealed) == (2, 0)
    assert prove(books).proof.entries >= found.proof.entries + 3
    assert sealed


def acts(books: Books, folder: Path | None = None, *keys: SigningKey) -> ProvingActs:
    return ProvingActs(books, "0+test", folder, tuple(key.public for key in keys))


def run(acts: ProvingActs, order: ProofOrder | None = None) -> AuditVerdict:
    """The verdict of the activity, as a worker runs it; with how often it said that it is alive."""
    environment = ActivityEnvironment()
    environment.info = replace(environment.info, workflow_run_id=f"run-{datetime.now(UTC).timestamp()}")
    done = environment.run(acts.prove_audit, order or ProofOrder(day=DAY))
    with acts.books.read() as work:
        verdict = work.proving.get(done.verdict)
    assert verdict is not None
    assert verdict.differences == done.differences
    return verdict


@pytest.mark.usefixtures("sealed")
def test_it_is_compared_with_what_lies_outside_under_keys_of_before_too(books: Books, tmp_path: Path) -> None:
    with books.read() as work:
        first, head = work.seals.get(1), work.seals.last()
    assert first is not None
    assert head is not None
    roots = [
        DailyRoot(date(2026, 3, 2), first.no, first.hash, first.sealed_at),
        DailyRoot(date(2026, 3, 3), head.no, head.hash, head.sealed_at),
    ]
    for root, key in zip(roots, (OLD, NEW), strict=True):
        signed_files(tmp_path, lambda key=key: key).deposit(root)  # type: ignore[misc]  # the key of its day

    whole = run(acts(books, tmp_path, NEW, OLD))
    assert (whole.roots, whole.differences) == (2, 0)
    (one,) = run(acts(books, tmp_path, NEW)).findings
    assert (one["kind"], "audit-2026-03-02.json" in one["sentence"]) == ("deposit_unreadable", True)
    signed_files(tmp_path, lambda: NEW).deposit(DailyRoot(date(2026, 3, 4), head.no, "e" * 64, head.sealed_at))
    (other,) = run(acts(books, tmp_path, NEW, OLD)).findings
    assert (other["kind"], other["seal"]) == ("not_as_deposited", head.no)
    # A folder that is not there is told, and the rest is proved.
    assert run(acts(books, tmp_path / "unmounted", NEW)).roots is None
    assert run(acts(books)).roots is None
    assert evidence_in(tmp_path, (OLD.public,)).roots == (roots[0],)


@pytest.mark.usefixtures("sealed")
def test_it_stands_under_the_name_of_who_asked(books: Books) -> None:
    asked = Sender(actor_id="auditor-wei", role=Role.AUDITOR, address="192.0.2.9", request_id="req-9")
    verdict = run(acts(books), ProofOrder(day=DAY, asked_by=asked))
    (entry,) = entries_of(books, "audit_verified")
    assert verdict.asked_by == "auditor-wei"
    assert (entry.actor_id, entry.role, entry.address, entry.request_id) == (
        *("auditor-wei", "auditor"),
        *("192.0.2.9", "req-9"),
    )


@pytest.mark.usefixtures("sealed")
def test_a_long_proof_says_again_and_again_that_it_is_alive(books: Books) -> None:
    beats: list[object] = []
    environment = ActivityEnvironment()
    environment.on_heartbeat = lambda *_: beats.append(True)
    environment.run(acts(books).prove_audit, ProofOrder(day=DAY))
    # Once for the page of seals, once for what is unsealed of each book, once before people.
    assert len(beats) == 4


def test_the_next_one_may_be_asked_for_when_as_long_has_passed_as_the_last_took(books: Books) -> None:
    def prove_for(minutes: int, until: datetime) -> None:
        found = replace(prove(books), began_at=until - timedelta(minutes=minutes))
        with books.begin(until) as work:
            keep(work, SYSTEM, found, run_id=str(minutes), code_version="", day=DAY)

    def ask(at: datetime) -> None:
        with books.begin(at) as work:
            check_may_ask(work, AUDITOR)

    noon, minute = datetime.now(UTC), timedelta(minutes=1)
    ask(noon)
    for took, pause in ((1, 5), (60, 60)):
        noon += timedelta(hours=5)
        prove_for(took, noon)
        with pytest.raises(ProvedJustNow) as refused:
            ask(noon + (pause - 1) * minute)
        assert refused.value.seconds == 60
        ask(noon + pause * minute)


def test_only_auditors_ask_and_read(books: Books) -> None:
    for actor in (AGENT, RISK, FINANCE, ADMIN):
        with books.read() as work:
            asked: tuple[Callable[[], object], ...] = (
                partial(check_may_ask, work, actor),
                partial(verifications, work, actor),
                partial(verification, work, actor, "f" * 32),
            )
            for one in asked:
                with pytest.raises(NotAllowed):
                    one()
    with books.read() as work, pytest.raises(UnknownVerification):
        verification(work, AUDITOR, "f" * 32)


def test_how_long_nothing_was_proved_counts_from_the_first_seal_on(books: Books) -> None:
    with books.read() as work:
        assert (standing(work).age_seconds, standing(work).is_too_old) == (None, False)
    write(books)
    seal(books)
    with books.read() as work:
        work.now += timedelta(days=2, minutes=1)
        assert standing(work).last is None
        assert standing(work).is_too_old
        assert (standing(work).age_seconds or 0) > 2 * 86_400
    verdict = proved(books, "run-1")
    with books.read() as work:
        assert not standing(work).is_too_old
        work.now = verdict.began_at + timedelta(days=2, seconds=1)
        assert (standing(work).age_seconds, standing(work).is_too_old) == (2 * 86_400 + 1, True)


@pytest.mark.usefixtures("sealed")
def test_a_task_about_it_can_be_finished_by_an_administrator_alone(books: Books, sealed: list[str]) -> None:
    tamper(books, f"UPDATE audit_entry SET reason = 'x' WHERE id = '{sealed[0]}'")
    verdict = proved(books, "run-1")
    assert verdict.task_id is not None
    for actor in (AUDITOR, RISK, FINANCE):
        with books.begin() as work, pytest.raises(NotAllowed):
            tasks.finish(work, actor, work.tasks.get(verdict.task_id), "done")
    with books.begin() as work:
        assert tasks.finish(work, ADMIN, work.tasks.get(verdict.task_id), "done").status is TaskStatus.DONE
