"""Replaying a loan and proving the archive of histories, from the operator's command."""

import asyncio
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any

import typer
from rich.table import Column, Table
from sqlalchemy.exc import DatabaseError

from books.histories import Archiving
from books.session import Books, UnitOfWork
from console.acting import ready_books, staff_member
from console.connections import BooksDir, connect_engine, of_folder
from console.screen import out, say
from engine.histories import Histories
from engine.replaying import Replays
from engine.stories import opened
from models.histories import ReplayOutcome, ReplayVerdict
from models.run_events import HistoryDamaged, digest, read_events
from models.staff import Actor, Role
from services.archive_proof import differing_as_stored
from services.errors import NotAllowed
from settings import settings

PAGE = 200


@dataclass(frozen=True)
class ProvedRun:
    """An archived run, and what is wrong with it, if anything is."""

    run_id: str
    loan: str
    problem: str | None


LoanArgument = Annotated[str, typer.Argument(help="number of the loan")]
Auditor = Annotated[
    str | None, typer.Option("--actor", help="id of the auditor who asks; not needed where there is one auditor only")
]


def replay_command(loan: LoanArgument, actor: Auditor = None, data_dir: BooksDir = None) -> None:
    """Execute every recorded run of a loan again by today's code; keep the verdicts; end with 1 if one differs."""
    books = ready_books(data_dir)
    with books.read() as work:
        person = auditor(work, actor)

    async def replay() -> list[ReplayVerdict]:
        client = await connect_engine(of_folder(settings(), data_dir))
        return await Replays(books, Histories(client)).replay(person, loan)

    verdicts = asyncio.run(replay())
    table = Table(Column("run", no_wrap=True), "events", "verdict", "what was wrong")
    for one in verdicts:
        table.add_row(one.run_id, f"{one.events}{' (open)' if one.is_open else ''}", one.outcome, one.sentence or "")
    out.print(table)
    say.print(f"{len(verdicts)} runs replayed by version {verdicts[0].code_version}")
    raise typer.Exit(0 if all(one.outcome is ReplayOutcome.OK for one in verdicts) else 1)


def histories_command(data_dir: BooksDir = None) -> None:
    """Open every archived history and compare it with what was archived; end with 1 if one is damaged or changed."""
    table = Table(Column("loan", no_wrap=True), Column("run", no_wrap=True), "what is wrong")
    proved = 0
    books = ready_books(data_dir)
    for run in prove_archive(books):
        proved += 1
        if run.problem is not None:
            table.add_row(run.loan, run.run_id, run.problem)
    if table.row_count:
        out.print(table)
        raise typer.Exit(1)
    say.print(f"{proved} archived histories are as they were taken over")


def auditor(work: UnitOfWork, actor_id: str | None) -> Actor:
    """The person with this id, or the only auditor there is. Raises NotAllowed."""
    if actor_id is not None:
        return staff_member(work, actor_id)
    auditors = [one for one in work.staff.all(Role.AUDITOR) if one.active]
    if len(auditors) != 1:
        raise NotAllowed(f"there are {len(auditors)} auditors; say with --actor who asks")
    return Actor(auditors[0].id, Role.AUDITOR)


def prove_archive(books: Books) -> Iterator[ProvedRun]:
    """Every run that is archived, or was by the audit log, with what is wrong with its row or its history."""
    after: str | bytes = ""
    while True:
        with books.read(of_one_moment=True) as work:
            page = work.histories.page_as_stored(after, PAGE)
            told = work.histories.archivings([kept["run_id"] for kept in page])
            for kept in page:
                problem = _problem(work, kept, told.get(str(kept["run_id"])))
                yield ProvedRun(str(kept["run_id"]), str(kept["loan"]), problem)
        if not page:
            break
        after = page[-1]["run_id"]
    yield from _gone(books)


def _gone(books: Books) -> Iterator[ProvedRun]:
    after = ""
    while True:
        with books.read(of_one_moment=True) as work:
            told = work.histories.archivings_after(after, PAGE)
            kept = work.histories.archived(one.run_id for one in told)
        for one in told:
            if one.run_id not in kept:
                yield ProvedRun(one.run_id, str(one.loan), "the audit log tells of its archiving, and it is gone")
        if not told:
            return
        after = told[-1].id


def _problem(work: UnitOfWork, kept: Mapping[str, Any], told: Archiving | None) -> str | None:
    try:
        row = work.histories.get(kept["run_id"])
    except (ValueError, LookupError, TypeError, DatabaseError):
        row = None
    if row is None:
        return "its row in the archive cannot be read"
    run = opened(work, row)
    if run.content is None:
        return run.problem
    try:
        events = read_events(row.run_id, run.content)
    except HistoryDamaged as damage:
        return str(damage)
    if told is None:
        return "the audit log has no word of its archiving"
    if told.sha256 != digest(run.content):
        return "the audit log names another digest"
    wrong = differing_as_stored(work.histories, kept, row, events, run.content, told)
    return f"its row in the archive was changed: {', '.join(wrong)}" if wrong else None
