"""Recorded runs executed again in a process of their own: what is whole, damaged, different, or takes too long."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest

from books.errors import UnknownLoan
from engine import replaying
from engine.archivist import Archivist
from engine.histories import Histories
from engine.replaying import Limits, NothingToReplay, Replayed, Replays, replay_runs
from engine.stories import find_runs
from engine.versions import ROOT, code_version
from models.histories import ReplayOutcome
from models.run_events import read_events
from models.staff import Actor, Role
from services.errors import NotAllowed
from services.replay_proof import not_as_named, verdicts_named
from services.timeline import FoundRun, RunSource
from tests.histories.lives import LIVES
from tests.histories.storing import files_of
from tests.workflows import people
from tests.workflows.conftest import OpenOffice
from tests.workflows.harness import MANAGER

AUDITOR = Actor("auditor-wei", Role.AUDITOR)
WORKFLOW = "loan/L26000101"


def stored(life: str = "repaid_over_a_year") -> list[FoundRun]:
    """The runs of a recorded life."""
    contents = [path.read_bytes() for path in files_of(life)]
    return [FoundRun(str(read_events("", one).written_for), RunSource.ENGINE, one) for one in contents]


def named(content: dict[str, Any], run: str) -> None:
    """Gives a history another run to be the history of."""
    content["events"][0]["workflowExecutionStartedEventAttributes"]["originalExecutionRunId"] = run


def copies(number: int) -> list[FoundRun]:
    """So many runs alike, by the names 0, 1, 2 …"""
    first = stored()[0]

    def called(name: str) -> Callable[[dict[str, Any]], None]:
        return lambda content: named(content, name)

    return [replace(changed(first, called(f"{n}")), run_id=f"{n}") for n in range(number)]


def changed(run: FoundRun, change: Callable[[dict[str, Any]], None]) -> FoundRun:
    content = json.loads(run.content or b"")
    change(content)
    return replace(run, content=json.dumps(content).encode())


async def test_each_run_gets_its_own_verdict_whatever_the_others_come_to() -> None:
    """Of a version before, executed without the keys of this process: as recorded, with another command, garbled."""

    def rename(content: dict[str, Any]) -> None:
        named(content, "another")
        for event in content["events"]:
            if "activityTaskScheduledEventAttributes" in event:
                event["activityTaskScheduledEventAttributes"]["activityType"]["name"] = "ask_nobody"

    def garble(content: dict[str, Any]) -> None:
        named(content, "garbled")
        content["events"][0]["workflowExecutionStartedEventAttributes"]["input"]["payloads"][0]["data"] = "AAAA"

    first, second, third = stored()
    another = replace(changed(first, rename), run_id="another")
    garbled = replace(changed(first, garble), run_id="garbled")
    replayed = await replay_runs([another, first, garbled, second, third], WORKFLOW)
    outcomes = [one.outcome for one in replayed]
    assert outcomes == [
        ReplayOutcome.DIFFERS,
        ReplayOutcome.OK,
        ReplayOutcome.FAILED,
        ReplayOutcome.OK,
        ReplayOutcome.OK,
    ]
    assert "'ask_nobody' does not match activity type of activity command 'ask_register'" in str(replayed[0].sentence)
    assert [replayed[n].sentence for n in (1, 3, 4)] == [None] * 3


DAMAGE: dict[str, Callable[[dict[str, Any]], object]] = {
    "event 9 is missing": lambda content: content["events"].pop(8),
    "it is empty": lambda content: content["events"].clear(),
    "event 1 is missing": lambda content: content["events"].pop(0),
    "it cannot be read": lambda content: content.pop("events"),
    "its start does not say which run it is": lambda content: content["events"][0][
        "workflowExecutionStartedEventAttributes"
    ].pop("originalExecutionRunId"),
}


async def test_a_damaged_history_is_a_verdict_and_breaks_nothing() -> None:
    first = stored()[0]

    def damaging(damage: Callable[[dict[str, Any]], object]) -> Callable[[dict[str, Any]], None]:
        def change(content: dict[str, Any]) -> None:
            damage(content)

        return change

    damaged = [replace(changed(first, damaging(damage)), run_id=f"{n}") for n, damage in enumerate(DAMAGE.values())]
    lost = FoundRun("lost", RunSource.MISSING, problem="nobody has it")
    garbage = FoundRun("garbage", RunSource.ENGINE, b"\x00\xff{")
    replayed = await replay_runs([*damaged, lost, garbage], WORKFLOW)
    assert {one.outcome for one in replayed} == {ReplayOutcome.DAMAGED}
    sentences = [str(one.sentence) for one in replayed]
    assert [sentence.rpartition("damaged: ")[2] for sentence in sentences[: len(DAMAGE)]] == list(DAMAGE)
    assert sentences[len(DAMAGE)] == "nobody has it"


async def test_a_history_of_another_loan_or_run_is_no_history_of_this_one() -> None:
    first, second, _ = stored()

    def of_another_loan(content: dict[str, Any]) -> None:
        content["events"][0]["workflowExecutionStartedEventAttributes"]["workflowId"] = "loan/L26000999"

    foreign, twice = changed(first, of_another_loan), replace(first, run_id=second.run_id)
    renamed = replace(changed(first, lambda content: named(content, "some other")), run_id="a third")
    replayed = await replay_runs([foreign, twice, renamed], WORKFLOW)
    assert [(one.outcome, str(one.sentence).rpartition(": ")[2]) for one in replayed] == [
        (ReplayOutcome.DAMAGED, f"it is that of run {first.run_id} of loan/L26000999"),
        (ReplayOutcome.DAMAGED, f"it is that of run {first.run_id} of {WORKFLOW}"),
        (ReplayOutcome.DAMAGED, f"it is that of run some other of {WORKFLOW}"),
    ]
    assert [one.outcome for one in await replay_runs([foreign], "loan/L26000999")] == [ReplayOutcome.OK]


def test_a_run_that_was_reset_says_which_one_it_became() -> None:
    """As the engine writes it (`reset`): the events of the run before, and then a task that failed for that reason."""
    first = stored()[0]

    def reset(content: dict[str, Any]) -> None:
        failed = {"eventId": "9", "eventTime": "2026-01-05T00:00:00Z", "eventType": "EVENT_TYPE_WORKFLOW_TASK_FAILED"}
        content["events"][8:] = [failed | {"workflowTaskFailedEventAttributes": {"newRunId": "anew"}}]

    content = changed(first, reset).content or b""
    assert read_events("anew", content).written_for == "anew"
    assert read_events(first.run_id, first.content or b"").written_for == first.run_id


async def test_a_replay_that_stands_still_is_stopped_and_the_rest_is_taken_by_another_process(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # A history that the engine's own code cannot take: it would wait for ever.
    monkeypatch.setattr(replaying, "_problem", lambda *_: None)
    first, second, _ = stored()
    stuck = changed(first, lambda content: content["events"].clear())
    replayed = await replay_runs([stuck, second], WORKFLOW, Limits(seconds_a_run=15))
    assert replayed[0] == Replayed(first.run_id, ReplayOutcome.STOPPED, replaying.STOPPED)
    assert replayed[1].outcome is ReplayOutcome.OK


async def test_a_replay_without_memory_is_stopped() -> None:
    replayed = await replay_runs(stored(), WORKFLOW, Limits(memory_bytes=32 * 1024 * 1024))
    assert [one.outcome for one in replayed] == [ReplayOutcome.STOPPED] * 3


async def test_a_replay_that_takes_too_much_of_a_processor_is_stopped() -> None:
    def swell(content: dict[str, Any]) -> None:
        started = content["events"][0]["workflowExecutionStartedEventAttributes"]
        started["memo"] = {"fields": {f"{n}": {"metadata": {}} for n in range(150_000)}}

    # Only reading these takes longer than the second.
    swollen = [changed(run, swell) for run in stored()]
    replayed = await replay_runs(swollen, WORKFLOW, Limits(cpu_seconds=1))
    assert [one.outcome for one in replayed] == [ReplayOutcome.STOPPED] * 3
    assert [one.outcome for one in await replay_runs(swollen[:1], WORKFLOW)] == [ReplayOutcome.OK]


async def test_runs_are_divided_over_two_processes_and_told_in_their_order(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[int, list[str]]] = []
    in_process = replaying._in_process
    here = min(os.sched_getaffinity(0))

    async def watched(waiting: Sequence[dict[str, str]], processor: int, limits: Limits) -> list[Replayed] | None:
        asked.append((processor, [one["run"] for one in waiting]))
        return await in_process(waiting, here, limits)

    monkeypatch.setattr(replaying, "_in_process", watched)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1, 2})
    replayed = await replay_runs(copies(5), WORKFLOW)
    assert [(one.run_id, one.outcome) for one in replayed] == [(f"{n}", ReplayOutcome.OK) for n in range(5)]
    assert asked == [(0, ["0", "2", "4"]), (1, ["1", "3"])]
    asked.clear()
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0})
    assert [one.run_id for one in await replay_runs(copies(3), WORKFLOW)] == ["0", "1", "2"]
    assert asked == [(0, ["0", "1", "2"])]


def test_the_process_of_a_replay_loads_nothing_of_the_books() -> None:
    """It has no use for tables; they would be most of what it waits for before the first event."""
    asked = "import sys, replayer; print(*sys.modules)"
    loaded = subprocess.run((sys.executable, "-c", asked), cwd=ROOT, capture_output=True, text=True, check=True)
    modules = set(loaded.stdout.split())
    assert "workflows.loan" in modules
    ours = {name for name in modules if name.split(".")[0] in {"books", "services", "gateways"}}
    assert not ours | {"models.tables", "models.customers"} & modules


async def test_an_auditor_replays_every_run_of_a_loan_and_the_verdicts_are_kept(office: OpenOffice) -> None:
    async with office() as lender:
        loan = await lender.running("micro", people.earner(), term="3")
        histories = Histories(lender.engine.client)
        await Archivist(lender.books, histories).archive_loan(loan)
        verdicts = await Replays(lender.books, histories).replay(AUDITOR, loan)
        kept = lender.read(lambda work: work.histories.verdicts(loan))
        [entry] = lender.read(lambda work: [one for one in work.audit.page(limit=1000) if one.act == "loan_replayed"])
        runs = (await find_runs(lender.books, histories, loan)).runs
    assert [one.outcome for one in verdicts] == [ReplayOutcome.OK, ReplayOutcome.OK]
    assert [one.is_open for one in verdicts] == [False, True]
    assert {one.run_id for one in kept} == {one.run_id for one in runs}
    assert {one.code_version for one in kept} == {code_version()}
    assert (entry.actor_id, entry.subject, entry.loan) == (AUDITOR.id, loan, None)
    assert entry.after == verdicts_named(kept)
    assert entry.after["ok"] == 2
    # What is kept of a replay is proved by the entry of it.
    at = entry.at
    assert list(not_as_named(kept, [entry], None)) == []
    kept[0].outcome = ReplayOutcome.DIFFERS
    assert [one for one, _ in not_as_named(kept, [entry], None)] == [at]
    kept[0].outcome, kept[0].sentence = ReplayOutcome.OK, "another"
    assert [one for one, _ in not_as_named(kept, [entry], None)] == [at]
    assert [one for one, _ in not_as_named([], [entry], None)] == [at]
    assert [one for one, _ in not_as_named(kept, [], None)] == [at]


async def test_only_auditors_replay_and_only_what_there_is(office: OpenOffice) -> None:
    async with office() as lender:
        loan = await LIVES["knocked_out"](lender)
        replays = Replays(lender.books, Histories(lender.engine.client))
        with pytest.raises(NotAllowed):
            await replays.replay(MANAGER, loan)
        with pytest.raises(UnknownLoan):
            await replays.replay(AUDITOR, "L99000001")
        with lender.books.begin() as work:
            known = work.loans.get(loan).model_dump() | {"number": "L99000002"}
            work.write(type(work.loans.get(loan))(**known))
        with pytest.raises(NothingToReplay):
            await replays.replay(AUDITOR, "L99000002")
