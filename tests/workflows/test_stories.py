"""The story of a loan, told from history, books and bank: whole lives, and what is found when somebody meddled."""

import base64
import json
import re
import shutil
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from books.session import Books
from engine.archivist import Archivist
from engine.histories import Histories
from engine.stories import FoundRuns, find_runs
from models.histories import RunHistory
from models.keys import new_id
from models.loans import Stage
from models.origin import Origin, acting_for
from models.payments import PaymentKind, PaymentStatus
from models.run_events import digest
from services import audit
from services.audit_chain import seal
from services.story_differences import differences
from services.story_kinds import DifferenceKind, StoryDifference
from services.timeline import FoundRun, RunSource, Story, tell
from services.timeline_proofs import prove
from services.timeline_steps import StepKind
from tests.histories.lives import LIVES
from tests.workflows import people
from tests.workflows.conftest import OpenOffice
from tests.workflows.harness import RISK, Office

TRIGGER = "SELECT name FROM sqlite_master WHERE type = 'trigger'"


async def runs_of(lender: Office, loan: str, *, archived: bool = True) -> FoundRuns:
    """The loan's runs, the closed ones from the archive."""
    histories = Histories(lender.engine.client)
    if archived:
        await Archivist(lender.books, histories).archive_loan(loan)
    return await find_runs(lender.books, histories, loan)


def told(books: Books, loan: str, found: FoundRuns) -> tuple[Story, list[StoryDifference]]:
    """The loan's story, and what does not fit in it."""
    with books.read() as work:
        # What is only just happening is told of later.
        work.now += timedelta(minutes=5)
        story = tell(work, loan, found.runs, engine_answered=found.engine_answered)
        return story, differences(work, story)


@pytest.mark.parametrize("life", LIVES)
async def test_every_life_is_told_without_a_difference(office: OpenOffice, life: str) -> None:
    async with office() as lender:
        loan = await LIVES[life](lender)
        await lender.eventually_closed(loan)
        story, found = told(lender.books, loan, await runs_of(lender, loan))
    assert found == []
    assert {run.found.source for run in story.runs} == {RunSource.ARCHIVE}
    assert all(run.read is not None and run.read.counted for run in story.runs)
    assert [line.code for line in story.lines if "–" in line.words.zh and line.step and not line.step.sentence] == []
    # Every entry, posting and movement of the loan stands in exactly one place, or beside a command as its proof.
    commands = (StepKind.UPDATE, StepKind.SIGNAL)
    acts = [line for line in story.lines if line.step is None or line.step.kind not in commands]
    assert sorted(one.id for line in acts for one in line.entries) == sorted(one.id for one in story.facts.entries)
    assert sorted(one.id for line in acts for one in line.postings) == sorted(one.id for one in story.facts.postings)


async def test_what_a_job_for_many_loans_did_is_no_run_of_the_loan(office: OpenOffice) -> None:
    async with office() as lender:
        loan = await lender.running("micro", people.earner(), term="3")
        job = Origin("deadlines/2026-01-06", "a-run-of-the-job", "1")
        with acting_for(job), lender.books.begin(await lender.engine.now()) as work:
            audit.record(work, audit.SYSTEM, "task_reminded", loan=loan)
        found = await runs_of(lender, loan)
        _, wrong = told(lender.books, loan, found)
    assert "a-run-of-the-job" not in {run.run_id for run in found.runs}
    assert wrong == []


async def test_each_line_shows_events_entries_postings_and_the_bank_side_by_side(office: OpenOffice) -> None:
    async with office() as lender:
        loan = await lender.running("micro", people.earner(), term="3")
        await lender.until(lender.loan(loan).next_due or lender.loan(loan).applied_on)
        story, found = told(lender.books, loan, await runs_of(lender, loan))
    assert found == []
    lines = {line.code: line for line in story.lines}
    decided = lines["local.record_decision"]
    assert (decided.actor_id, decided.approved_by) == (RISK.id, RISK.id)
    assert "approval_decided" in {one.act for one in decided.entries}
    assert lines["update.decide"].entries
    collected = lines["activity.collect"]
    assert [one.type for one in collected.events] == [
        "ACTIVITY_TASK_SCHEDULED",
        "ACTIVITY_TASK_STARTED",
        "ACTIVITY_TASK_COMPLETED",
    ]
    [order] = collected.payments
    assert (order.kind, order.status) == (PaymentKind.INSTALLMENT, PaymentStatus.SETTLED)
    booked = lines["local.advance_account"]
    assert {one.entry for one in booked.postings} >= {order.key}
    assert lines["act.application_submitted"].events == []
    # The open run is read from the engine as far as it has come.
    assert [run.found.source for run in story.runs] == [RunSource.ARCHIVE, RunSource.ENGINE]


# -- meddling ----------------------------------------------------------------------------------------------------------

Meddle = Callable[[Books, str, list[FoundRun]], Sequence[FoundRun] | None]


def sql(statement: str) -> Meddle:
    """Changes the books behind the program's back."""

    def meddle(books: Books, loan: str, _: list[FoundRun]) -> None:
        with books.engine.begin() as connection:
            for name in connection.execute(text(TRIGGER)).scalars().all():
                connection.execute(text(f"DROP TRIGGER {name}"))
            connection.execute(text("PRAGMA defer_foreign_keys = ON"))
            changed = connection.execute(text(statement.replace(":loan", f"'{loan}'").replace(":id", f"'{new_id()}'")))
            assert changed.rowcount > 0, statement

    return meddle


def without_last_run(_: Books, __: str, runs: list[FoundRun]) -> Sequence[FoundRun]:
    last = runs[-1]
    return [*runs[:-1], replace(last, source=RunSource.MISSING, content=None, archived=None, problem="nobody has it")]


def shortened(_: Books, __: str, runs: list[FoundRun]) -> Sequence[FoundRun]:
    """The last event of a closed run is cut off."""
    content = json.loads(runs[0].content or b"")
    content["events"].pop()
    return [replace(runs[0], content=json.dumps(content).encode()), *runs[1:]]


def ended_later(_: Books, __: str, runs: list[FoundRun]) -> Sequence[FoundRun]:
    """As whoever changes the row of an archived run has it."""
    kept = runs[0].archived
    assert kept is not None
    later = RunHistory(**(kept.model_dump() | {"closed_at": kept.closed_at + timedelta(days=1)}))
    return [replace(runs[0], archived=later), *runs[1:]]


def with_a_gap(_: Books, __: str, runs: list[FoundRun]) -> Sequence[FoundRun]:
    content = json.loads(runs[0].content or b"")
    del content["events"][7]
    return [replace(runs[0], content=json.dumps(content).encode()), *runs[1:]]


def with_another_actor(_: Books, __: str, runs: list[FoundRun]) -> Sequence[FoundRun]:
    """Somebody else is written into a decision of a run that is still in the engine."""
    content = json.loads(runs[0].content or b"")
    changed = json.dumps(content)
    for found in set(re.findall(r'"data": "([A-Za-z0-9+/=]+)"', changed)):
        said = base64.b64decode(found)
        if b'"actor_id":"risk-qian"' in said:
            other = base64.b64encode(said.replace(b"risk-qian", b"risk-li")).decode()
            changed = changed.replace(found, other)
    return [FoundRun(runs[0].run_id, RunSource.ENGINE, changed.encode()), *runs[1:]]


AN_INSTANT = "'2026-01-09 01:02:03.000004'"
MEDDLING: dict[str, tuple[Meddle, set[DifferenceKind]]] = {
    "a run is lost": (without_last_run, {DifferenceKind.RUN_MISSING}),
    "a run is truncated": (shortened, {DifferenceKind.RUN_NOT_AS_ARCHIVED}),
    "an event is cut out": (with_a_gap, {DifferenceKind.RUN_DAMAGED}),
    "an actor is exchanged": (with_another_actor, {DifferenceKind.ACTOR_WITHOUT_ENTRY}),
    "the last effects are removed": (
        sql(
            "DELETE FROM effect WHERE loan = :loan AND n >= "
            "(SELECT n FROM effect WHERE loan = :loan AND act = 'book_payout')"
        ),
        {DifferenceKind.EVENT_WITHOUT_EFFECT, DifferenceKind.STAGE_DIFFERS},
    ),
    "an effect is added": (
        sql(
            "INSERT INTO effect (key, loan, n, act, result, at) "
            f"VALUES ('planted', :loan, 900, 'advance', '{{}}', {AN_INSTANT})"
        ),
        {DifferenceKind.EFFECT_WITHOUT_EVENT},
    ),
    "a posting is added": (
        sql(
            "INSERT INTO posting (id, key, entry, loan, debit, credit, amount_fen, about, value_date, booking_date, "
            "booked_at) VALUES (:id, 'k', 'e', :loan, '1001', '2001', 5, 'x', '2026-01-09', '2026-01-09', "
            f"{AN_INSTANT})"
        ),
        {DifferenceKind.POSTING_WITHOUT_ACT, DifferenceKind.POSTING_DIFFERS},
    ),
    "the payout's posting is over a fen more": (
        sql("UPDATE posting SET amount_fen = amount_fen + 1 WHERE loan = :loan AND credit = '1001'"),
        {DifferenceKind.POSTING_CHANGED, DifferenceKind.POSTING_DIFFERS},
    ),
    "the payout's posting is said to be the owners' money": (
        sql("UPDATE posting SET credit = '3001' WHERE loan = :loan AND credit = '1001'"),
        {DifferenceKind.POSTING_CHANGED, DifferenceKind.POSTING_DIFFERS},
    ),
    "a posting says that it is about something else": (
        sql("UPDATE posting SET about = 'x' WHERE loan = :loan AND credit = '1001'"),
        {DifferenceKind.POSTING_CHANGED},
    ),
    "the payout's posting is removed": (
        sql("DELETE FROM posting WHERE loan = :loan AND credit = '1001'"),
        {DifferenceKind.POSTING_DIFFERS},
    ),
    "the deposit's posting is removed": (
        sql("DELETE FROM posting WHERE loan = :loan AND about = 'deposit'"),
        {DifferenceKind.POSTING_DIFFERS},
    ),
    "the approver is exchanged": (
        sql("UPDATE decision SET decided_by = 'risk-li' WHERE loan = :loan"),
        {DifferenceKind.APPROVER_WITHOUT_ENTRY},
    ),
    "the entry of the approval is removed": (
        sql("DELETE FROM audit_entry WHERE loan = :loan AND act = 'approval_decided'"),
        {DifferenceKind.APPROVER_WITHOUT_ENTRY, DifferenceKind.ACTOR_WITHOUT_ENTRY},
    ),
    "the approver's role is exchanged": (
        sql("UPDATE decision SET decided_as = 'manager' WHERE loan = :loan"),
        {DifferenceKind.DECISION_DIFFERS},
    ),
    "the outcome is exchanged": (
        sql("UPDATE decision SET outcome = 'refuse' WHERE loan = :loan"),
        {DifferenceKind.DECISION_DIFFERS},
    ),
    "the reason is exchanged": (
        sql("UPDATE decision SET reason = 'another' WHERE loan = :loan"),
        {DifferenceKind.DECISION_DIFFERS},
    ),
    "the approved amount is exchanged": (
        sql("UPDATE decision SET amount_fen = 5 WHERE loan = :loan"),
        {DifferenceKind.DECISION_DIFFERS},
    ),
    "the rule that fired is exchanged": (
        sql("UPDATE decision SET fired_row = fired_row + 1 WHERE loan = :loan"),
        {DifferenceKind.DECISION_DIFFERS},
    ),
    "the rate is lowered": (
        sql("UPDATE terms SET body = json_set(body, '$.annual_rate_percent', '0.01') WHERE loan = :loan"),
        {DifferenceKind.TERMS_DIFFER},
    ),
    "the terms name another decision day": (
        sql("UPDATE terms SET effective_from = '2025-12-31' WHERE loan = :loan"),
        {DifferenceKind.TERMS_DIFFER},
    ),
    "there is another version of the terms": (
        sql(
            "INSERT INTO terms (id, loan, version, decision_id, effective_from, body, created_at) "
            "SELECT :id, loan, version + 1, decision_id, effective_from, json_set(body, '$.allocation_order', "
            'json(\'["principal","interest","fee","penalty"]\')), created_at FROM terms WHERE loan = :loan '
            "ORDER BY version DESC LIMIT 1"
        ),
        {DifferenceKind.TERMS_DIFFER},
    ),
    "a word in an order is none": (
        sql("UPDATE payment SET status = 'x' WHERE loan = :loan AND kind = 'deposit'"),
        {
            DifferenceKind.ROW_UNREADABLE,
            DifferenceKind.PAYMENT_DIFFERS,
            DifferenceKind.POSTING_DIFFERS,
            DifferenceKind.BANK_ENTRY_WITHOUT_ORDER,
        },
    ),
    "the payout is taken out of the account": (
        sql("DELETE FROM loan_event WHERE loan = :loan AND type = 'disbursement'"),
        {DifferenceKind.PAYMENT_DIFFERS, DifferenceKind.EVENT_DIFFERS},
    ),
    "the deposit is taken out of the account": (
        sql("DELETE FROM loan_event WHERE loan = :loan AND type = 'repayment'"),
        {DifferenceKind.POSTING_DIFFERS, DifferenceKind.EVENT_DIFFERS},
    ),
    "the payout's event is of another day": (
        sql("UPDATE loan_event SET date = '2026-01-01' WHERE loan = :loan AND type = 'disbursement'"),
        {DifferenceKind.EVENT_DIFFERS},
    ),
    "a run is said to have ended at another time": (ended_later, {DifferenceKind.RUN_NOT_AS_ARCHIVED}),
    "the deposit's order is removed": (
        sql("DELETE FROM payment WHERE loan = :loan AND kind = 'deposit'"),
        {DifferenceKind.POSTING_DIFFERS, DifferenceKind.PAYMENT_DIFFERS, DifferenceKind.BANK_ENTRY_WITHOUT_ORDER},
    ),
    "an order is over a fen more": (
        sql("UPDATE payment SET amount_fen = amount_fen + 1 WHERE loan = :loan AND kind = 'disbursement'"),
        {DifferenceKind.PAYMENT_DIFFERS},
    ),
    "an order moved a fen more": (
        sql("UPDATE payment SET settled_fen = settled_fen + 1 WHERE loan = :loan AND kind = 'deposit'"),
        {DifferenceKind.PAYMENT_DIFFERS, DifferenceKind.BANK_AMOUNT_DIFFERS, DifferenceKind.POSTING_DIFFERS},
    ),
    "an order names another movement of the bank": (
        sql("UPDATE payment SET bank_reference = 'another' WHERE loan = :loan AND kind = 'deposit'"),
        {DifferenceKind.PAYMENT_DIFFERS, DifferenceKind.BANK_ENTRY_WITHOUT_ORDER},
    ),
    "a document's digest is changed": (
        sql(
            "UPDATE document SET sha256 = CASE WHEN sha256 LIKE 'f%' THEN '0' ELSE 'f' END || substr(sha256, 2) "
            "WHERE loan = :loan"
        ),
        {DifferenceKind.DOCUMENT_DIFFERS},
    ),
    "the entry of a document is removed": (
        sql("DELETE FROM audit_entry WHERE loan = :loan AND act = 'paper_issued'"),
        {DifferenceKind.DOCUMENT_DIFFERS},
    ),
    "a payment is undone": (
        sql("UPDATE payment SET status = 'declined' WHERE loan = :loan AND kind = 'disbursement'"),
        {DifferenceKind.PAYMENT_DIFFERS},
    ),
    "a payment is removed": (
        sql("DELETE FROM payment WHERE loan = :loan AND kind = 'disbursement'"),
        {DifferenceKind.EVENT_WITHOUT_EFFECT, DifferenceKind.PAYMENT_DIFFERS, DifferenceKind.POSTING_DIFFERS},
    ),
    "the stage is set by hand": (
        sql("UPDATE loan SET stage = 'settled' WHERE number = :loan"),
        {DifferenceKind.STAGE_DIFFERS},
    ),
    "an audit entry is changed": (
        sql("UPDATE audit_entry SET reason = 'another' WHERE loan = :loan AND act = 'approval_decided'"),
        {DifferenceKind.ENTRY_CHANGED, DifferenceKind.DECISION_DIFFERS},
    ),
    "the actor's audit entry is removed": (
        sql("DELETE FROM audit_entry WHERE loan = :loan AND act = 'contract_accepted'"),
        {DifferenceKind.ACTOR_WITHOUT_ENTRY},
    ),
    "an audit entry names another step": (
        sql("UPDATE audit_entry SET activity_id = '77' WHERE loan = :loan AND act = 'loan_paid_out'"),
        {DifferenceKind.ENTRY_WITHOUT_EVENT, DifferenceKind.ENTRY_CHANGED},
    ),
    "the archived digest is changed": (
        sql("UPDATE audit_entry SET after = '{\"sha256\": \"0\"}' WHERE loan = :loan AND act = 'run_archived'"),
        {DifferenceKind.RUN_NOT_AS_ARCHIVED, DifferenceKind.ENTRY_CHANGED},
    ),
}


async def test_what_somebody_meddled_with_is_found_and_named(office: OpenOffice, tmp_path: Path) -> None:
    async with office() as lender:
        loan = await lender.running("micro", people.earner(), term="3")
        running = lender.loan(loan)
        assert (running.stage, running.disbursed_on is not None) == (Stage.REPAYMENT, True)
        await lender.deposit(5_000, f"for {loan}", running.disbursed_on or running.applied_on)
        await lender.eventually(lambda: lender.read(lambda work: not work.payments.to_book(loan)), lambda: "not booked")
        found = await runs_of(lender, loan)
        with lender.books.begin() as work:
            seal(work)
        assert told(lender.books, loan, found)[1] == []
        named = {}
        for what, (meddle, _) in MEDDLING.items():
            copy = tmp_path / "meddled.db"
            with lender.books.engine.begin() as connection:
                connection.execute(text("SELECT 1"))
            shutil.copy(lender.books.url.removeprefix("sqlite:///"), copy)
            for part in ("-wal", "-shm"):
                shutil.copy(lender.books.url.removeprefix("sqlite:///") + part, f"{copy}{part}")
            books = Books(f"sqlite:///{copy}")
            runs = meddle(books, loan, found.runs)
            after = FoundRuns(list(runs), True) if runs is not None else found
            story, differences_found = told(books, loan, after)
            named[what] = {one.kind for one in differences_found}
            assert {line.approved_by for line in story.lines} <= {None, RISK.id}, what
            books.close()
    assert named == {what: kinds for what, (_, kinds) in MEDDLING.items()}


async def test_an_entry_on_the_line_is_proven_by_its_seal_and_a_changed_one_is_not(office: OpenOffice) -> None:
    async with office() as lender:
        loan = await lender.offered("micro", people.earner())
        with lender.books.begin() as work:
            seal(work)
        sql("UPDATE audit_entry SET reason = 'another' WHERE loan = :loan AND act = 'approval_decided'")(
            lender.books, loan, []
        )
        with lender.books.read() as work:
            entries = work.histories.facts(loan).entries
            proven = prove(work, entries)
    changed = [one.entry.act for one in proven.values() if one.intact is not True]
    assert changed == ["approval_decided"]
    assert all(one.seal_no == 1 for one in proven.values())


async def test_an_archived_history_with_a_changed_byte_is_shown_as_damaged(office: OpenOffice) -> None:
    async with office() as lender:
        loan = await LIVES["knocked_out"](lender)
        await lender.eventually_closed(loan)
        sound = await runs_of(lender, loan)
        sql("UPDATE run_content SET sealed = CAST(substr(sealed, 1, 40) || x'00' || substr(sealed, 42) AS BLOB)")(
            lender.books, loan, []
        )
        broken = await find_runs(lender.books, Histories(lender.engine.client), loan)
        _, found = told(lender.books, loan, broken)
    [run] = sound.runs
    assert run.archived is not None
    assert run.archived.sha256 == digest(run.content or b"")
    assert [(one.kind, one.subject) for one in found] == [(DifferenceKind.RUN_DAMAGED, run.run_id)]
