"""The operator's command `loanwright`."""

import asyncio
import json
import math
import os
import signal
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from books.session import Books
from console import logs, memory
from console.audits import audit_books
from console.connections import connect_engine, migrate_books, open_books
from console.demo import DemoPlan, demo
from console.imports import import_applications
from console.processes import NotReady
from console.rebuild import compare_stages, rebuild
from console.seed import load_products, seed
from console.serve import listen, serve
from console.up import Plan, up, wanted_clock
from engine.commands import LoanCommands
from lending.errors import LendingError
from lending.money import yuan
from lending.operations import run_cases
from models.staff import Actor, Role
from settings import InvalidSetting, settings
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
# No markup: sentences hold names of files and of columns, and these may hold brackets.
say = Console(stderr=True, markup=False)


def _number(value: float) -> float:
    # Not a number is neither below the least nor above the most.
    if math.isnan(value):
        raise typer.BadParameter("this is not a number")
    return value


DataDir = Annotated[Path, typer.Option("--data-dir", file_okay=False, help="folder of databases and logs")]
DaySeconds = Annotated[
    float, typer.Option("--day-seconds", min=0.05, max=86_400, callback=_number, help="length of a business day")
]
OuterPort = Annotated[
    int, typer.Option("--port", min=1, max=65_534, help="port of API and pages; the next one is for health and metrics")
]


@app.command("up")
def up_command(
    port: OuterPort = 8080,
    data_dir: DataDir = Path("data"),
    day_seconds: DaySeconds = 86_400,
    workers: Annotated[int, typer.Option(min=1, max=16)] = 1,
    api_processes: Annotated[int, typer.Option(min=1, max=16)] = 1,
) -> None:
    """Run everything on this machine, until Ctrl-C."""
    configured = settings()
    logs.set_up(configured.log_level)
    up(Plan(data_dir, port, day_seconds, configured.start_date, workers, api_processes))


@app.command("demo")
def demo_command(
    data_dir: DataDir = Path("data/demo"),
    port: OuterPort = 8080,
    day_seconds: DaySeconds = 0.5,
    months: Annotated[int, typer.Option(min=1, max=36)] = 12,
    applications: Annotated[Path, typer.Option(help="file of applications")] = Path("examples/applications.csv"),
    stay: Annotated[bool, typer.Option(help="stay up afterwards, until Ctrl-C")] = False,
) -> None:
    """Live through a year of lending in minutes, with made-up people."""
    logs.set_up("error")
    raise typer.Exit(demo(DemoPlan(data_dir, port, day_seconds, months, applications, stay or sys.stdin.isatty())))


@app.command("worker")
def worker_command() -> None:
    """Run a worker and a dispatcher on the configured engine and books."""
    asyncio.run(_work())


async def _work() -> None:
    configured = settings()
    logs.set_up(configured.log_level)
    load_products(configured)
    books = Books(configured.database_url)
    client = await connect_engine(configured)
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    memory.settle()
    await work(configured, client, books, stop)
    books.close()


@app.command("serve")
def serve_command(
    host: str = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65_535, help="port of API and pages")] = 8080,
    inner_port: Annotated[int, typer.Option(min=1, max=65_535, help="port of health and metrics")] = 8081,
    processes: Annotated[int, typer.Option(min=1, max=16)] = 1,
) -> None:
    """Serve API and pages."""
    configured = settings()
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
        asyncio.run(serve(configured, outer, inner if first else None))
    finally:
        for child in children:
            os.kill(child, signal.SIGTERM)
            os.waitpid(child, 0)


@app.command("migrate")
def migrate_command() -> None:
    """Bring the database to the newest version."""
    migrate_books(settings())
    say.print("the books are up to date")


@app.command("seed")
def seed_command() -> None:
    """Migrate, then add products' rules, opening balance, business day and demo persons that are not there yet."""
    configured = settings()
    migrate_books(configured)
    books = Books(configured.database_url)
    books.set_clock(wanted_clock(configured.day_seconds, configured.start_date))
    seed(books, configured)
    say.print("the books are seeded")


@app.command("schedule")
def schedule_command(file: str) -> None:
    """Compute schedules: FILE or - with a case or a list of cases."""
    _run_operation(file)


@app.command("apr")
def apr_command(file: str) -> None:
    """Compute annual percentage rates: FILE or - with a case or a list of cases."""
    _run_operation(file)


def _run_operation(file: str) -> None:
    try:
        cases: Any = json.loads(sys.stdin.read() if file == "-" else Path(file).read_text(encoding="utf-8"))
    except OSError as error:
        say.print(f"{file} cannot be read: {error.strerror}", style="red")
        raise typer.Exit(1) from error
    except (ValueError, RecursionError) as error:
        say.print(f"{file} is not JSON: {error}", style="red")
        raise typer.Exit(1) from error
    results = run_cases(cases) if isinstance(cases, list) else run_cases([cases])[0]
    typer.echo(json.dumps(results, ensure_ascii=False, indent=1))
    failed = any("error" in one for one in (results if isinstance(results, list) else [results]))
    raise typer.Exit(1 if failed else 0)


@app.command("import")
def import_command(file: Path, actor: Annotated[str, typer.Option(help="who enters them")] = "integrator-demo") -> None:
    """Take in applications from a CSV or JSON Lines file."""
    configured = settings()
    load_products(configured)
    books = open_books(configured)
    with books.read() as unit:
        person = unit.staff.get(actor)
    if person is None or not person.active:
        say.print(f"there is nobody with the id {actor} who may act", style="red")
        raise typer.Exit(1)
    report = import_applications(books, Actor(person.id, Role(person.role)), file, books.clock.business_date(_now()))
    for number, why in report.refused:
        say.print(f"  line {number}: {why}", style="yellow", highlight=False)
    say.print(
        f"{len(report.accepted)} accepted, {len(report.repeated)} known already, {len(report.refused)} refused",
        style="bold",
    )
    raise typer.Exit(1 if report.refused else 0)


@app.command("rebuild")
def rebuild_command() -> None:
    """Start every workflow that the books know and the engine does not."""
    started = asyncio.run(_rebuild())
    for loan in started:
        typer.echo(loan)
    say.print(f"{len(started)} workflows started from the books")


async def _rebuild() -> list[str]:
    books, commands = await _books_and_commands()
    return await rebuild(books, commands)


@audits.command("books")
def audit_books_command() -> None:
    """Compare the ledger with every loan's computed account."""
    configured = settings()
    load_products(configured)
    table = Table("loan", "figure", "ledger", "computed")
    for one in audit_books(open_books(configured)):
        table.add_row(one.loan, one.figure, yuan(one.ledger_fen), yuan(one.computed_fen))
    _report(table, "ledger and computation agree")


@audits.command("stages")
def audit_stages_command() -> None:
    """Compare the stages in the books with the engine's."""
    table = Table("loan", "books", "engine")
    for one in asyncio.run(_compare()):
        table.add_row(one.loan, one.books or "not there", one.engine or "no workflow")
    _report(table, "books and engine agree")


async def _compare() -> list[Any]:
    books, commands = await _books_and_commands()
    return await compare_stages(books, commands)


async def _books_and_commands() -> tuple[Books, LoanCommands]:
    configured = settings()
    load_products(configured)
    books = open_books(configured)
    return books, LoanCommands(await connect_engine(configured))


def _report(table: Table, agreement: str) -> None:
    if table.row_count:
        Console().print(table)
        raise typer.Exit(1)
    say.print(agreement)


def _now() -> datetime:
    return datetime.now(UTC)


def main() -> None:
    """Runs the command; a refusal becomes a sentence, not a stack trace."""
    try:
        app()
    except (LendingError, InvalidSetting, NotReady, ServerMissing) as refusal:
        say.print(str(refusal), style="red")
        sys.exit(1)


if __name__ == "__main__":
    main()
