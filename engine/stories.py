"""All runs of a loan, wherever they are: in the archive, still in the engine, or lost."""

import asyncio
from dataclasses import dataclass

from sqlalchemy.exc import DatabaseError

from books.session import Books, UnitOfWork
from engine.errors import EngineUnavailable
from engine.histories import NOT_OPENED, Histories
from lending.errors import LendingError
from models.histories import RunHistory
from models.keys import workflow_id
from models.run_events import HistoryDamaged, read_events
from models.staff import Actor
from services.permissions import Action, require
from services.timeline import FoundRun, RunSource


@dataclass(frozen=True)
class FoundRuns:
    """The runs of a loan. `engine_answered` is False if it is away: then an open run may be missing."""

    runs: list[FoundRun]
    engine_answered: bool


async def find_runs(books: Books, histories: Histories | None, loan: str) -> FoundRuns:
    """Every run of a loan, closed ones from the archive; what only the engine has is read from there.

    Without `histories` the engine counts as away.
    """
    runs, named = await asyncio.to_thread(_archived, books, loan)
    answered = histories is not None
    try:
        if histories is not None:
            await _add_live(runs, histories, loan, named)
    except EngineUnavailable:
        answered = False
    _add_missing(runs)
    return FoundRuns(list(runs.values()), answered)


def check_may_read(books: Books, actor: Actor, loan: str) -> None:
    """Refuses (NotAllowed, UnknownLoan) who may not read the whole life of a loan."""
    require(actor, Action.READ_AUDIT)
    with books.read() as work:
        work.loans.require_seen_by(actor, loan)


def _archived(books: Books, loan: str) -> tuple[dict[str, FoundRun], list[str]]:
    """The archived runs, and all that the audit log names."""
    with books.read() as work:
        runs = {row.run_id: opened(work, row) for row in work.histories.of_loan(loan)}
        return runs, work.histories.runs_named(loan)


def opened(work: UnitOfWork, row: RunHistory) -> FoundRun:
    """An archived run with its content, or with why that cannot be had as it should be."""
    try:
        kept = work.histories.content(row.run_id)
        if kept is not None:
            return FoundRun(row.run_id, RunSource.ARCHIVE, kept.open(row), row)
        problem = "the archive has no content of it"
    except LendingError as refusal:
        problem = str(refusal)
    except (DatabaseError, TypeError):
        # Whoever went around the program may have left something that no driver reads as a content.
        problem = f"the content of run {row.run_id} cannot be read"
    return FoundRun(row.run_id, RunSource.ARCHIVE, archived=row, problem=problem)


async def _add_live(runs: dict[str, FoundRun], histories: Histories, loan: str, named: list[str]) -> None:
    waiting = [*named, *await histories.runs_of(loan)]
    while waiting:
        run_id = waiting.pop()
        if run_id in runs:
            continue
        try:
            content = await histories.fetch(workflow_id(loan), run_id)
        except NOT_OPENED as refusal:
            runs[run_id] = FoundRun(run_id, RunSource.ENGINE, problem=str(refusal))
            continue
        if content is None:
            if run_id in named:
                problem = "the audit log names it, but neither the archive nor the engine has it"
                runs[run_id] = FoundRun(run_id, RunSource.MISSING, problem=problem)
            continue
        runs[run_id] = FoundRun(run_id, RunSource.ENGINE, content)
        try:
            previous = read_events(run_id, content).previous
        except HistoryDamaged:
            continue
        if previous is not None:
            waiting.append(previous)


def _add_missing(runs: dict[str, FoundRun]) -> None:
    """Runs that others name and nobody has."""
    for run in list(runs.values()):
        for other in _named(run):
            if other not in runs:
                problem = f"run {run.run_id} names it, but neither the archive nor the engine has it"
                runs[other] = FoundRun(other, RunSource.MISSING, problem=problem)


def _named(run: FoundRun) -> set[str]:
    if run.archived is not None:
        named = {run.archived.previous_run_id, run.archived.next_run_id}
    elif run.content is not None:
        try:
            events = read_events(run.run_id, run.content)
        except HistoryDamaged:
            return set()
        named = {events.previous, events.next}
    else:
        named = set()
    return {one for one in named if one}
