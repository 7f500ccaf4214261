"""The operator's command `loanwright`."""

import asyncio
import json
import math
import os
import signal
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer
import uvloop
from rich.table import Table

from books.session import Books
from console import (
    bundles,
    early_warnings,
    keys,
    limits,
    listings,
    loan_audits,
    logs,
    memory,
    policies,
    replay,
    scorecards,
    seals,
    staff,
)
from console.acting import command_address, keep_refusal, ready_books, staff_member
from console.audits import audit_books
from console.callers import ApiRefused
from console.connections import BooksDir, connect_engine, migrate_books, of_folder, open_books, reach_given_engine
from console.demo import DemoPlan, demo
from console.imports import import_applications
from console.ledger import close, read_rules, revise, trial_balance_table
from console.namespace import keep_namespace
from console.portfolio import PortfolioReport, import_portfolio
from console.processes import NotReady
from console.rebuild import compare_stages, rebuild
from console.ring import hold_index_keys, take_ring
from console.screen import out, say
from console.seed import load_products, seed
from console.serve import listen, serve
from console.up import Plan, other_calendar, up, wanted_clock
from engine.commands import LoanCommands
from lending.calendar import REAL_DAY_SECONDS
from lending.errors import LendingError
from lending.money import yuan
from lending.operations import InvalidCase, run_cases
from models.origin import NOWHERE, Whence, coming_from
from models.staff import Actor
from services.reports import trial_balance
from services.takeover_check import DifferencePolicy
from settings import InvalidSetting, Settings, require_own_secrets, settings
from tools.servers import ServerMissing
from worker import work

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Loanwright: a loan back office on durable workflows.",
)
audits = typer.Typer(no_args_is_help=True, help="Prove that books, engine and computation agree.")
app.add_typer(audits, name="audit")
audits.command("verify")(seals.verify_command)
audits.command("evidence")(seals.evidence_command)
audits.command("histories")(replay.histories_command)
audits.command("loan")(loan_audits.loan_command)
audits.command("export")(bundles.export_command)
audits.command("check")(bundles.check_command)
app.command("replay")(replay.replay_command)
ledger = typer.Typer(no_args_is_help=True, help="Close months, and change accounts and rules from a day on.")
app.add_typer(ledger, name="ledger")
app.add_typer(policies.app, name="policies")
app.add_typer(limits.commands, name="limits")
app.add_typer(early_warnings.app, name="warnings")
app.add_typer(listings.commands, name="screening")
app.add_typer(scorecards.app, name="scorecard")
app.add_typer(staff.people, name="staff")
app.add_typer(staff.machines, name="clients")
app.add_typer(keys.commands, name="keys")
app.command("erase")(keys.erase_command)

SERVING = frozenset({"up", "demo", "serve", "worker"})
"""Commands that write what others ask for."""
MOST_SHOWN = 40
"""Differences of a portfolio that are shown on the screen."""


def _number(value: float | None) -> float | None:
    # Not a number is neither below the least nor above the most.
    if value is not None and math.isnan(value):
        raise typer.BadParameter("this is not a number")
    return value


DataDir = Annotated[Path, typer.Option("--data-dir", file_okay=False, help="folder of databases and logs")]
DAY_SECONDS: dict[str, Any] = {"min": 0.05, "max": REAL_DAY_SECONDS, "callback": _number}
ApplicationsFile = Annotated[Path, typer.Argument(help="a .csv file with a header, or a .jsonl file, as UTF-8")]
FinanceActor = Annotated[str, typer.Option("--actor", help="id of the person of finance who acts")]
CasesFile = Annotated[str, typer.Argument(help="a JSON file with a case or a list of cases; - reads standard input")]
OuterPort = Annotated[
    int, typer.Option("--port", min=1, max=65_534, help="port of API and pages; the next one is for health and metrics")
]


@app.command("up")
def up_command(
    port: OuterPort = 8080,
    data_dir: DataDir = Path("data"),
    day_seconds: Annotated[
        float | None,
        typer.Option(
            "--day-seconds",
            help="length of a business day in new books (default: LOANWRIGHT_DAY_SECONDS, else 86400)",
            **DAY_SECONDS,
        ),
    ] = None,
    start_date: Annotated[
        datetime | None,
        typer.Option(
            "--start-date",
            formats=["%Y-%m-%d"],
            help="first business date in new books whose day is shortened (default: LOANWRIGHT_START_DATE, else today)",
        ),
    ] = None,
    workers: Annotated[int, typer.Option(min=1, max=16, help="number of worker processes")] = 1,
    api_processes: Annotated[int, typer.Option(min=1, max=16, help="number of processes for API and pages")] = 1,
) -> None:
    """Run everything on this machine, until Ctrl-C."""
    configured = settings()
    length = configured.day_seconds if day_seconds is None else day_seconds
    if start_date is not None and length >= REAL_DAY_SECONDS:
        raise typer.BadParameter("real days begin today; shorten them with --day-seconds", param_hint="--start-date")
    start = configured.start_date if start_date is None else start_date.date()
    logs.set_up(configured.log_level)
    reach_given_engine(configured)
    up(Plan(data_dir, port, length, start, workers, api_processes))


@app.command("demo")
def demo_command(
    data_dir: Annotated[
        Path,
        typer.Option(
            "--data-dir",
            file_okay=False,
            help="folder of databases and logs: a new or empty one, or an earlier demo's, WHICH IS EMPTIED FIRST; "
            "any other is refused",
        ),
    ] = Path("data/demo"),
    port: OuterPort = 8080,
    day_seconds: Annotated[float, typer.Option("--day-seconds", help="length of a business day", **DAY_SECONDS)] = 0.5,
    months: Annotated[int, typer.Option(min=1, max=36, help="how many months of business days to live through")] = 12,
    applications: Annotated[Path, typer.Option(help="file of applications")] = Path("examples/applications.csv"),
    stay: Annotated[bool, typer.Option(help="stay up afterwards, until Ctrl-C")] = False,
) -> None:
    """Live through a year of lending in minutes, with made-up people and in books of its own."""
    reach_given_engine(settings())
    logs.set_up("error")
    raise typer.Exit(demo(DemoPlan(data_dir, port, day_seconds, months, applications, stay or sys.stdin.isatty())))


@app.command("worker")
def worker_command() -> None:
    """Run a worker and a dispatcher on the configured engine and books."""
    uvloop.run(_work())


async def _work() -> None:
    configured = settings()
    require_own_secrets(configured)
    logs.set_up(configured.log_level)
    load_products(configured)
    books = Books(configured.database_url)
    take_ring(books)
    hold_index_keys(books)
    client = await connect_engine(configured)
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    memory.settle()
    await work(configured, client, books, stop)
    books.close()


@app.command("serve")
def serve_command(
    host: Annotated[str, typer.Option(help="address to listen at")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65_535, help="port of API and pages")] = 8080,
    inner_port: Annotated[int, typer.Option(min=1, max=65_535, help="port of health and metrics")] = 8081,
    processes: Annotated[int, typer.Option(min=1, max=16, help="number of processes for API and pages")] = 1,
) -> None:
    """Serve API and pages."""
    configured = settings()
    require_own_secrets(configured)
    logs.set_up(configured.log_level)
    outer, inner = listen(host, port), listen(host, inner_port)
    # A sibling that dies before it serves ends the others too; from then on `serve` listens for that.
    signal.signal(signal.SIGCHLD, lambda *_: sys.exit(1))
    children: list[int] = []
    first = True
    while first and len(children) < processes - 1:
        child = os.fork()
        first = child != 0
        children = [*children, child] if first else []
    if not first:
        inner.close()
    try:
        uvloop.run(serve(configured, outer, inner if first else None, children))
    finally:
        for child in children:
            os.kill(child, signal.SIGTERM)
            os.waitpid(child, 0)


@app.command("migrate")
def migrate_command() -> None:
    """Bring the database to the newest version."""
    migrate_books(settings())
    say.print("the books are up to date")


@app.command("namespace")
def namespace_command(data_dir: BooksDir = None) -> None:
    """Make the engine's namespace, or bring it to its settings; done again it changes nothing."""
    say.print(asyncio.run(keep_namespace(of_folder(settings(), data_dir))))


@app.command("seed")
def seed_command() -> None:
    """Migrate, then add products' rules, opening balance, business day and demo persons that are not there yet."""
    configured = settings()
    require_own_secrets(configured)
    migrate_books(configured)
    books = Books(configured.database_url)
    kept = books.set_clock(wanted_clock(configured.day_seconds, configured.start_date))
    if sentence := other_calendar(kept, configured.day_seconds, configured.start_date):
        say.print(sentence, style="yellow", soft_wrap=True)
    seed(books, configured)
    say.print("the books are seeded")


@app.command("schedule")
def schedule_command(file: CasesFile) -> None:
    """Compute schedules; a case that names no operation is one."""
    _run_operation("schedule", file)


@app.command("apr")
def apr_command(file: CasesFile) -> None:
    """Compute annual percentage rates; a case that names no operation is one."""
    _run_operation("apr", file)


def _run_operation(operation: str, file: str) -> None:
    try:
        cases: Any = json.loads(sys.stdin.read() if file == "-" else Path(file).read_text(encoding="utf-8"))
    except OSError as error:
        say.print(f"{file} cannot be read: {error.strerror}", style="red")
        raise typer.Exit(1) from error
    except (ValueError, RecursionError) as error:
        say.print(f"{file} is not JSON: {error}", style="red")
        raise typer.Exit(1) from error
    several = isinstance(cases, list)
    listed = cases if several else [cases]
    results = run_cases([{"operation": operation, **one} if isinstance(one, dict) else one for one in listed])
    other = "apr" if operation == "schedule" else "schedule"
    # A list may hold both kinds; a single case of the other kind was meant for the other command.
    if not several and isinstance(cases, dict) and cases.get("operation") == other:
        detail = f"is {other}; compute it with `loanwright {other}`"
        results = [{"error": {"code": InvalidCase.code, "field": "operation", "detail": detail}}]
    typer.echo(json.dumps(results if several else results[0], ensure_ascii=False, indent=1))
    raise typer.Exit(1 if any("error" in one for one in results) else 0)


@app.command("import")
def import_command(
    file: ApplicationsFile,
    actor: Annotated[str, typer.Option(help="id of the person or machine that enters them")] = "integrator-demo",
    portfolio: Annotated[bool, typer.Option("--portfolio", help="the file holds running loans to take over")] = False,
    approved_by: Annotated[
        str | None, typer.Option("--approved-by", help="with --portfolio: id of the risk lead who approved the file")
    ] = None,
    differences: Annotated[
        DifferencePolicy,
        typer.Option(help="with --portfolio: what becomes of a loan whose figures differ from what we compute"),
    ] = DifferencePolicy.REFUSE,
    data_dir: BooksDir = None,
) -> None:
    """Take in applications, or running loans of another system, from a CSV or JSON Lines file."""
    if portfolio and approved_by is None:
        raise typer.BadParameter("a takeover needs a second person", param_hint="--approved-by")
    if not portfolio and (approved_by is not None or differences is not DifferencePolicy.REFUSE):
        raise typer.BadParameter("applications are neither approved nor compared here", param_hint="--portfolio")
    books = ready_books(data_dir)
    person = _acting(books, actor)
    if approved_by is not None:
        try:
            taken = import_portfolio(books, person, _acting(books, approved_by), file, differences)
        except KeyboardInterrupt:
            say.print("interrupted; what was taken over stays, run it again for the rest", style="yellow")
            raise typer.Exit(130) from None
        _show_differences(taken)
        _conclude(len(taken.accepted), len(taken.repeated), taken.refused)
    report = import_applications(books, person, file, books.clock.business_date(_now()))
    _conclude(len(report.accepted), len(report.repeated), report.refused)


def _acting(books: Books, staff_id: str) -> Actor:
    with books.read() as unit:
        return staff_member(unit, staff_id)


def _show_differences(report: PortfolioReport) -> None:
    """The first differences as a table; all of them stand in the report beside the file."""
    if not report.differences:
        return
    table = Table("line", "loan there", "figure", "claimed", "computed", "difference", "outcome")
    for one in sorted(report.differences)[:MOST_SHOWN]:
        table.add_row(str(one.line), one.source_loan, one.field, one.claimed, one.computed, one.difference, one.outcome)
    say.print(table)
    say.print(f"{len(report.differences)} differences, all of them in {report.path}", soft_wrap=True)


def _conclude(accepted: int, repeated: int, refused: Sequence[tuple[int, str]]) -> NoReturn:
    """What became of a file's lines; ends the command with 1 if any was refused."""
    for number, why in refused:
        say.print(f"  line {number}: {why}", style="yellow", highlight=False)
    say.print(f"{accepted} accepted, {repeated} known already, {len(refused)} refused", style="bold")
    raise typer.Exit(1 if refused else 0)


@app.command("rebuild")
def rebuild_command(data_dir: BooksDir = None) -> None:
    """Start every workflow that the books know and the engine does not; one that stands elsewhere is to look again.

    The engine must be that of the books: give the data folder of a running `up`, or TEMPORAL_ADDRESS as it printed it.
    """
    configured = of_folder(settings(), data_dir)
    loans = asyncio.run(_rebuild(configured))
    for loan in loans:
        typer.echo(loan)
    say.print(
        f"{len(loans)} workflows started from the books, or told to look at them again, "
        f"in the engine at {configured.temporal_address}"
    )


async def _rebuild(configured: Settings) -> list[str]:
    books, commands = await _books_and_commands(configured)
    return await rebuild(books, commands)


@audits.command("books")
def audit_books_command(data_dir: BooksDir = None) -> None:
    """Compare the ledger with every loan's computed account."""
    table = Table("loan", "figure", "ledger", "computed")
    for one in audit_books(ready_books(data_dir)):
        table.add_row(one.loan, one.figure, yuan(one.ledger_fen), yuan(one.computed_fen))
    _report(table, "ledger and computation agree")


@audits.command("stages")
def audit_stages_command(data_dir: BooksDir = None) -> None:
    """Compare the stages in the books with the engine's: that of a running `up`, or the one at TEMPORAL_ADDRESS."""
    table = Table("loan", "books", "engine")
    for one in asyncio.run(_compare(of_folder(settings(), data_dir))):
        table.add_row(one.loan, one.books or "not there", one.engine or "no workflow")
    _report(table, "books and engine agree")


@audits.command("trial-balance")
def trial_balance_command(
    as_of: Annotated[
        datetime | None, typer.Option("--as-of", formats=["%Y-%m-%d"], help="business date (default: today)")
    ] = None,
    data_dir: BooksDir = None,
) -> None:
    """Show every account's balance as booked to the end of a day."""
    books = open_books(of_folder(settings(), data_dir))
    with books.read() as unit:
        balance = trial_balance(unit, as_of.date() if as_of else unit.today)
    out.print(trial_balance_table(balance))


@ledger.command("close")
def close_command(
    month: Annotated[str, typer.Argument(help="the month as YYYY-MM; it must be over, and every earlier one closed")],
    actor: FinanceActor,
    data_dir: BooksDir = None,
) -> None:
    """Close a month: what is dated in it later on is booked on the first open day."""
    close(open_books(of_folder(settings(), data_dir)), actor, month)
    say.print(f"{month} is closed")


@ledger.command("revise")
def revise_command(
    file: Annotated[Path, typer.Argument(help="JSON: accounts, non_accrual and provisions, each with valid_from")],
    actor: FinanceActor,
    data_dir: BooksDir = None,
) -> None:
    """Add versions of accounts, tax rates, provision rates and the non-accrual rule that are valid from a later day."""
    count = revise(open_books(of_folder(settings(), data_dir)), actor, read_rules(file))
    say.print(f"{count} versions added")


async def _compare(configured: Settings) -> list[Any]:
    books, commands = await _books_and_commands(configured)
    return await compare_stages(books, commands)


async def _books_and_commands(configured: Settings) -> tuple[Books, LoanCommands]:
    load_products(configured)
    books = open_books(configured)
    return books, LoanCommands(await connect_engine(configured))


def _report(table: Table, agreement: str) -> None:
    if table.row_count:
        out.print(table)
        raise typer.Exit(1)
    say.print(agreement)


def _now() -> datetime:
    return datetime.now(UTC)


def _command(words: Sequence[str]) -> str:
    """The command that is called, without what stands behind it."""
    here: Any = typer.main.get_command(app)
    named: list[str] = []
    for word in words:
        here = getattr(here, "commands", {}).get(word)
        if here is None:
            break
        named.append(word)
    return " ".join(named)


def _run(command: str) -> None:
    try:
        app()
    except LendingError as refusal:
        keep_refusal(refusal, command)
        raise


def main() -> None:
    """Runs the command; a refusal becomes a sentence, not a stack trace, and goes into the audit log of its books."""
    command = _command(sys.argv[1:])
    # Who serves others writes on their behalf.
    where = NOWHERE if command in SERVING else Whence(command_address())
    try:
        with coming_from(where):
            _run(command)
    except (ApiRefused, LendingError, InvalidSetting, NotReady, ServerMissing) as refusal:
        say.print(str(refusal), style="red", soft_wrap=True)
        sys.exit(1)


if __name__ == "__main__":
    main()
