"""Executing recorded runs again against today's code: apart from this process, and what came of it kept."""

import asyncio
import contextlib
import json
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

from books.session import Books
from engine.histories import Histories
from engine.stories import check_may_read, find_runs
from engine.versions import ROOT, code_version
from lending.errors import LendingError
from models.histories import ReplayOutcome, ReplayVerdict
from models.keys import workflow_id
from models.run_events import HistoryDamaged, digest, read_events
from models.staff import Actor
from services import audit
from services.replay_proof import REPLAYED, verdicts_named
from services.timeline import FoundRun

PROGRAM = (sys.executable, "-m", "replayer")
"""Started and not imported: nothing of it, and nothing that a history does to it, is in this process."""
MEMORY_BYTES = 1024 * 1024 * 1024
CPU_SECONDS = 120
MOST_PROCESSES = 2
"""A loan's runs are divided over so many, each on a processor of its own."""
START_SECONDS = 120.0
SECONDS_A_RUN = 30.0
LONGEST_LINE = 1024 * 1024
STOPPED = "the replay took more time or memory than it was given"


class NothingToReplay(LendingError):
    """The loan has no run."""

    code = "nothing_to_replay"
    http_status = 409

    def __init__(self, loan: str) -> None:
        super().__init__(f"loan {loan} has no run yet, neither in the archive nor in the engine")


@dataclass(frozen=True)
class Replayed:
    """What became of one run: how it ended, and in words what was wrong; the seconds are a processor's."""

    run_id: str
    outcome: ReplayOutcome
    sentence: str | None = None
    seconds: float = 0.0


@dataclass(frozen=True)
class Limits:
    """What the process of a replay may take."""

    memory_bytes: int = MEMORY_BYTES
    cpu_seconds: int = CPU_SECONDS
    start_seconds: float = START_SECONDS
    seconds_a_run: float = SECONDS_A_RUN


class Replays:
    """Replays of whole loans, one at a time: each takes a processor or two for itself."""

    def __init__(self, books: Books, histories: Histories) -> None:
        self.books = books
        self.histories = histories
        self._turn = asyncio.Semaphore(1)

    async def replay(self, actor: Actor, loan: str) -> list[ReplayVerdict]:
        """Executes every run of a loan again, the open one as far as it has come; keeps and returns a verdict on each.

        Refused: whoever may not (NotAllowed), an unknown loan, and one without a run (NothingToReplay).
        """
        await asyncio.to_thread(check_may_read, self.books, actor, loan)
        found = (await find_runs(self.books, self.histories, loan)).runs
        if not found:
            raise NothingToReplay(loan)
        async with self._turn:
            replayed = await replay_runs(found, workflow_id(loan))
        return await asyncio.to_thread(_keep, self.books, actor, loan, found, replayed)


async def replay_runs(runs: Sequence[FoundRun], workflow: str, limits: Limits | None = None) -> list[Replayed]:
    """Executes runs again, in processes of their own. A history that is not whole is not executed but told of.

    If a process dies or stands still, the run that it was at has that verdict, and another process takes the rest.
    """
    limits = limits or Limits()
    verdicts: dict[str, Replayed] = {}
    waiting: list[dict[str, str]] = []
    for run in runs:
        problem = _problem(run, workflow)
        if problem is not None:
            verdicts[run.run_id] = Replayed(run.run_id, ReplayOutcome.DAMAGED, problem)
        else:
            waiting.append({"run": run.run_id, "workflow": workflow, "history": _text(run.content or b"")})
    processors = sorted(os.sched_getaffinity(0))[:MOST_PROCESSES]
    shares = [waiting[n :: len(processors)] for n in range(len(processors))]
    answered = await asyncio.gather(
        *(_share(share, processor, limits) for share, processor in zip(shares, processors, strict=True))
    )
    verdicts |= {one.run_id: one for one in chain.from_iterable(answered)}
    return [verdicts[run.run_id] for run in runs]


async def _share(waiting: Sequence[dict[str, str]], processor: int, limits: Limits) -> list[Replayed]:
    """The verdicts on some runs by one process at a time, which stays on one processor."""
    verdicts: list[Replayed] = []
    while waiting:
        answered = await _in_process(waiting, processor, limits)
        # One that did not even load the code will not do so for the next run either.
        stopped = waiting if answered is None else waiting[len(answered) :][:1]
        told = [*(answered or ()), *(Replayed(one["run"], ReplayOutcome.STOPPED, STOPPED) for one in stopped)]
        verdicts += told
        waiting = waiting[len(told) :]
    return verdicts


def _text(content: bytes) -> str:
    """A whole history as it goes to the process, which alone takes it apart: by the encodings that JSON is read in."""
    return content.decode(json.detect_encoding(content), "surrogatepass")


def _problem(run: FoundRun, workflow: str) -> str | None:
    """Why a run of a workflow cannot be executed again as what it is, None if it can."""
    if run.content is None:
        return run.problem or "its history cannot be had"
    try:
        events = read_events(run.run_id, run.content)
    except HistoryDamaged as damage:
        return str(damage)
    archived = run.archived
    if archived is not None and (events.closed_as is not archived.status or len(events.events) != archived.events):
        return str(HistoryDamaged(run.run_id, f"{archived.events} events were archived, it has {len(events.events)}"))
    if events.written_for is None:
        return str(HistoryDamaged(run.run_id, "its start does not say which run it is"))
    # Old engines do not write the workflow's id into the history.
    named = events.workflow_id or workflow
    if named != workflow or events.written_for != run.run_id:
        return str(HistoryDamaged(run.run_id, f"it is that of run {events.written_for} of {named}"))
    return None


async def _in_process(asked: Sequence[dict[str, str]], processor: int, limits: Limits) -> list[Replayed] | None:
    """The answers of a new process as far as it came, None if it never came to be ready."""
    process = await asyncio.create_subprocess_exec(
        *PROGRAM,
        str(limits.memory_bytes),
        str(limits.cpu_seconds),
        str(processor),
        cwd=ROOT,
        # Nothing of what this process knows by its settings: neither keys nor addresses.
        env={"PATH": os.environ.get("PATH", ""), "HOME": str(Path.home()), "RUST_BACKTRACE": "0"},
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        limit=LONGEST_LINE,
    )
    feeding = asyncio.create_task(_feed(process, asked))
    answers: list[Replayed] = []
    try:
        if await _next(process, limits.start_seconds) is None:
            return None
        for one in asked:
            answer = await _next(process, limits.seconds_a_run)
            if answer is None or answer.get("run") != one["run"]:
                break
            outcome = ReplayOutcome(answer["outcome"])
            answers.append(Replayed(one["run"], outcome, answer["sentence"], float(answer["seconds"])))
    finally:
        feeding.cancel()
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()
    return answers


async def _feed(process: asyncio.subprocess.Process, asked: Sequence[dict[str, str]]) -> None:
    stdin = process.stdin
    if stdin is None:
        return
    with contextlib.suppress(ConnectionError):
        for one in asked:
            stdin.write(json.dumps(one).encode() + b"\n")
            await stdin.drain()
        stdin.close()


async def _next(process: asyncio.subprocess.Process, seconds: float) -> dict[str, Any] | None:
    if process.stdout is None:
        return None
    try:
        async with asyncio.timeout(seconds):
            line = await process.stdout.readline()
        answer = json.loads(line) if line else None
    except (TimeoutError, ValueError):
        return None
    return answer if isinstance(answer, dict) else None


def _keep(
    books: Books, actor: Actor, loan: str, runs: Sequence[FoundRun], replayed: Sequence[Replayed]
) -> list[ReplayVerdict]:
    verdicts = []
    with books.begin() as work:
        for run, one in zip(runs, replayed, strict=True):
            verdict = ReplayVerdict(
                loan=loan,
                run_id=run.run_id,
                history_sha256=digest(run.content) if run.content is not None else None,
                events=_size(run),
                is_open=run.archived is None and run.content is not None and _is_open(run),
                code_version=code_version(),
                outcome=one.outcome,
                sentence=one.sentence[:500] if one.sentence else None,
                replayed_by=actor.id,
                replayed_at=work.now,
            )
            work.histories.add_verdict(verdict)
            verdicts.append(verdict)
        # Under the loan as subject: that somebody looked is no part of the loan's own life.
        audit.record(work, actor, REPLAYED, subject=loan, after=verdicts_named(verdicts))
    return verdicts


def _size(run: FoundRun) -> int:
    try:
        return len(read_events(run.run_id, run.content or b"").events)
    except HistoryDamaged:
        return run.archived.events if run.archived else 0


def _is_open(run: FoundRun) -> bool:
    try:
        return read_events(run.run_id, run.content or b"").closed_as is None
    except HistoryDamaged:
        return False
