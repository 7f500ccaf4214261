"""`loanwright audit loan`: the life of a loan for auditors, as their page shows it."""

import asyncio
from collections.abc import Iterator
from datetime import datetime
from typing import Annotated

import typer
from rich.table import Column, Table

from books.session import Books
from console.acting import ready_books
from console.connections import BooksDir, connect_engine, of_folder
from console.processes import NotReady
from console.replay import Auditor, LoanArgument, auditor
from console.screen import out, say
from engine.histories import Histories
from engine.stories import FoundRuns, check_may_read, find_runs
from lending.money import yuan
from models.chain import spelled
from models.staff import Actor
from services.loan_audit import LoanAudit, look, turn
from services.timeline import StoryLine, ToldRun
from services.timeline_days import DayState
from services.timeline_proofs import Proven
from settings import Settings, settings

LINES_A_TABLE = 500


def loan_command(
    loan: LoanArgument,
    as_of: Annotated[
        datetime | None, typer.Option("--as-of", formats=["%Y-%m-%d"], help="how it stood at the end of this day")
    ] = None,
    actor: Auditor = None,
    data_dir: BooksDir = None,
) -> None:
    """Tell the life of a loan: its runs, what happened with engine, audit log, ledger and bank side by side; end with 1
    if anything does not fit.
    """
    books = ready_books(data_dir)
    with books.read() as work:
        person = auditor(work, actor)
    found = asyncio.run(_found(books, of_folder(settings(), data_dir), person, loan))
    day = as_of.date() if as_of is not None else None
    with books.read(of_one_moment=True) as work:
        seen = look(
            work, loan, found.runs, engine_answered=found.engine_answered, as_of=day, after=0, limit=LINES_A_TABLE
        )
    _head(seen)
    _lines(seen)
    while seen.next is not None:
        with books.read() as work:
            seen = turn(work, seen, seen.next, LINES_A_TABLE)
        _lines(seen)
    raise typer.Exit(1 if seen.differences else 0)


async def _found(books: Books, configured: Settings, person: Actor, loan: str) -> FoundRuns:
    check_may_read(books, person, loan)
    try:
        histories = Histories(await connect_engine(configured))
    except NotReady as away:
        say.print(f"{away}; what only the engine has is missing here", style="yellow", soft_wrap=True)
        histories = None
    return await find_runs(books, histories, loan)


def _head(seen: LoanAudit) -> None:
    """What stands before the lines."""
    if seen.differences:
        wrong = Table(Column("what does not fit", no_wrap=True), "about", "in detail", title="differences")
        for one in seen.differences:
            wrong.add_row(one.kind, one.subject, one.sentence)
        out.print(wrong)
    else:
        say.print("history, books and bank fit together")
    if seen.day is not None:
        out.print(_day(seen.day))
    runs = Table(Column("run", no_wrap=True), "source", "ended", "events", "versions of the code", "executed again")
    for run in seen.story.runs:
        verdict = seen.verdicts.get(run.found.run_id)
        again = f"{verdict.outcome} by {verdict.code_version}" if verdict is not None else ""
        runs.add_row(run.found.run_id, run.found.source, *_ended(run), "\n".join(_versions(run)), again)
    out.print(runs)


def _ended(run: ToldRun) -> tuple[str, str]:
    archived, events = run.found.archived, run.events
    if archived is not None:
        return f"{archived.status} {spelled(archived.closed_at)}", str(archived.events)
    if events is None:
        return run.problem or "", ""
    return (f"{events.closed_as} {spelled(events.last.at)}" if events.closed_as else "open"), str(len(events.events))


def _versions(run: ToldRun) -> Iterator[str]:
    for one in run.versions:
        since = f" since event {one.first_event}, {spelled(one.at)}" if one.at is not None else ""
        yield f"{one.version}{since}"


def _day(day: DayState) -> Table:
    title = f"at the end of {day.day}"
    # A table that is narrower than its title breaks it.
    table = Table("", "", title=title, show_header=False, min_width=len(title))
    table.add_row("stage", day.stage or "not applied for yet")
    if day.terms is not None:
        table.add_row("terms", f"version {day.terms.version}")
    if day.account is not None:
        table.add_row("outstanding", yuan(day.account.outstanding.borrower_total))
        table.add_row("principal outstanding", yuan(day.account.principal_outstanding_fen))
        table.add_row("overdue", f"{yuan(day.account.overdue_fen)}, {day.account.dpd} days")
        table.add_row("credit", yuan(day.account.credit_fen))
    for code, fen in sorted(day.ledger.items()):
        table.add_row(f"account {code}", yuan(fen))
    for task in day.open_tasks:
        table.add_row("open task", f"{task.kind} of {task.role}, due {task.due_on}")
    return table


def _lines(seen: LoanAudit) -> None:
    table = Table("", "when", "what", "who", "engine", "audit log", "ledger", "bank", title="what happened")
    for n, line in enumerate(seen.lines, seen.after + 1):
        table.add_row(
            str(n),
            f"{line.day}\n{spelled(line.at)}",
            "\n".join(_what(line)),
            "\n".join(_who(line)),
            "\n".join(f"{one.id} {one.type}" for one in line.events),
            "\n".join(_proof(seen.proofs[one.id]) for one in line.entries),
            "\n".join(f"{one.debit} to {one.credit} {yuan(one.amount_fen)}" for one in line.postings),
            "\n".join(_bank(line)),
        )
    out.print(table)


def _what(line: StoryLine) -> Iterator[str]:
    yield line.words.en
    if line.outcome != "done":
        yield f"({line.outcome})"
    if line.reason:
        yield line.reason


def _who(line: StoryLine) -> Iterator[str]:
    if line.actor_id:
        yield f"{line.actor_id} ({line.role})" if line.role else line.actor_id
    if line.approved_by and line.approved_by != line.actor_id:
        yield f"approved by {line.approved_by}"


def _proof(proven: Proven) -> str:
    stands = {None: "not sealed yet", True: f"seal {proven.seal_no}", False: "NOT THE SEALED ONE"}
    return f"{proven.entry.act}, {stands[proven.intact]}"


def _bank(line: StoryLine) -> Iterator[str]:
    for order in line.payments:
        yield f"{order.kind} {yuan(order.settled_fen or order.amount_fen)} {order.status} {order.bank_reference or ''}"
    for one in line.bank:
        yield f"reported {one.direction} {yuan(one.amount_fen)} {one.reference}"
