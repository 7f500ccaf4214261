"""Everything on this machine: books, Temporal, the simulated outside world, worker, API and pages."""

import json
import os
import shlex
import signal
import threading
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

from pydantic import TypeAdapter
from rich.console import Console

from books.session import Books
from console.connections import ENGINE, books_of, migrate_books, note_engine
from console.processes import Child, Tree, answers, free_port, listens, one_at_a_time, python
from console.screen import say
from console.seed import seed
from lending.calendar import REAL_DAY_SECONDS, SHANGHAI, BusinessClock
from settings import Settings, require_own_secrets
from tools.servers import temporal_address, temporal_binary

ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Addresses:
    """Where the parts listen."""

    web: str
    inner: str
    temporal: str
    temporal_ui: str | None
    outside: str
    log_folder: Path


@dataclass(frozen=True)
class Plan:
    """What the operator asked for."""

    data_dir: Path
    port: int
    day_seconds: float
    start_date: date | None = None
    workers: int = 1
    api_processes: int = 1


def bring_up(tree: Tree, plan: Plan, say: Console) -> tuple[Addresses, Settings, Books]:
    """Starts every part in its order; each is ready when the next one starts."""
    with one_at_a_time():
        return _bring_up(tree, plan, say)


def _bring_up(tree: Tree, plan: Plan, say: Console) -> tuple[Addresses, Settings, Books]:
    data = plan.data_dir.resolve()
    data.mkdir(parents=True, exist_ok=True)
    (data / ENGINE).unlink(missing_ok=True)
    web_port, inner_port = free_port(plan.port), free_port(plan.port + 1)
    outside_port = free_port(8700)
    running = temporal_address()
    temporal_port, ui_port = free_port(7233), free_port(8233)
    addresses = Addresses(
        web=f"http://127.0.0.1:{web_port}",
        inner=f"http://127.0.0.1:{inner_port}",
        temporal=running or f"127.0.0.1:{temporal_port}",
        temporal_ui=None if running else f"http://127.0.0.1:{ui_port}",
        outside=f"http://127.0.0.1:{outside_port}",
        log_folder=data / "logs",
    )
    environment = _environment(plan, data, addresses)
    settings = _settings(environment)
    require_own_secrets(settings)
    say.print("  the books …", style="dim")
    migrate_books(settings)
    books = Books(settings.database_url)
    if running is None:
        say.print("  Temporal …", style="dim")
        tree.start(_temporal(temporal_port, ui_port, web_port, data))
    say.print("  the outside world (simulated) …", style="dim")
    tree.start(_simulators(outside_port, web_port, data, environment))
    # The shortened day begins to count as late as it can.
    kept = books.set_clock(wanted_clock(plan.day_seconds, plan.start_date))
    if sentence := other_calendar(kept, plan.day_seconds, plan.start_date):
        say.print(f"  {sentence}", style="yellow", soft_wrap=True)
    seed(books, settings)
    say.print("  worker, API and pages …", style="dim")
    for n in range(1, plan.workers + 1):
        worker_log = addresses.log_folder / f"worker-{n}.log"
        tree.start(Child(f"worker-{n}", python(str(ROOT / "cli.py"), "worker"), environment, worker_log, lambda: True))
    serve = python(str(ROOT / "cli.py"), "serve", "--port", str(web_port), "--inner-port", str(inner_port))
    serve += ["--processes", str(plan.api_processes)]
    ready = answers(f"{addresses.inner}/readyz")
    tree.start(Child("api", serve, environment, addresses.log_folder / "api.log", ready, web_port))
    tree.watch()
    note_engine(settings, data)
    return addresses, settings, books


def up(plan: Plan) -> None:
    """Runs everything until Ctrl-C or SIGTERM; prints the addresses and one JSON line when it is usable."""
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    tree = Tree(plan.data_dir.resolve())
    say.print("Loanwright is starting", style="bold")
    try:
        addresses, settings, books = bring_up(tree, plan, say)
        say.print(f"  pages         {addresses.web}/{'  (sign in as a demo person)' if settings.demo else ''}")
        say.print(f"  API           {addresses.web}/api/v1/")
        say.print(f"  outside world {addresses.outside}  (simulated)")
        say.print(f"  Temporal      {addresses.temporal}, namespace {settings.temporal_namespace}")
        if addresses.temporal_ui:
            say.print(f"  Temporal UI   {addresses.temporal_ui}")
        say.print(f"  logs          {addresses.log_folder}", soft_wrap=True)
        say.print(f"In another terminal: {_elsewhere(plan, settings)}", soft_wrap=True, highlight=False)
        say.print("Ctrl-C stops it all.")
        print(json.dumps({"ready": True, "url": addresses.web}), flush=True)  # noqa: T201 the promised line on stdout
        stop.wait()
        say.print("stopping …", style="dim")
        books.close()
    finally:
        tree.stop()


def wanted_clock(day_seconds: float, start: date | None) -> BusinessClock:
    """Real days, or a shortened day that counts from now and from the given (or today's) business date."""
    if day_seconds >= REAL_DAY_SECONDS:
        return BusinessClock()
    now = datetime.now(UTC)
    return BusinessClock(day_seconds, now, start or now.astimezone(SHANGHAI).date())


def other_calendar(kept: BusinessClock, day_seconds: float, start: date | None) -> str | None:
    """A sentence on the calendar that the books keep, where it is not the one asked for; real days have no start."""
    asked = wanted_clock(day_seconds, start)
    same_start = start is None or asked.anchor_date is None or kept.anchor_date == start
    if kept.day_seconds == asked.day_seconds and same_start:
        return None
    calendar = "real days"
    if kept.anchor_date is not None:
        calendar = f"days of {kept.day_seconds:g} s from {kept.anchor_date} on"
    return f"these books keep the calendar that they began with: {calendar}; another one needs new books (--data-dir)"


def _elsewhere(plan: Plan, settings: Settings) -> str:
    """A command with which another terminal reaches these books and this engine."""
    if settings.database_url == books_of(plan.data_dir):
        return f"loanwright audit stages --data-dir {shlex.quote(str(plan.data_dir.resolve()))}"
    # The books are in the environment, which an operator knows; their address may hold a password.
    return f"TEMPORAL_ADDRESS={settings.temporal_address} loanwright audit stages"


def _environment(plan: Plan, data: Path, addresses: Addresses) -> dict[str, str]:
    given = os.environ.get("LOANWRIGHT_DATABASE_URL")
    return {
        "LOANWRIGHT_DATABASE_URL": given or books_of(data),
        "TEMPORAL_ADDRESS": addresses.temporal,
        "LOANWRIGHT_DAY_SECONDS": str(plan.day_seconds),
        "LOANWRIGHT_OUTSIDE_URL": addresses.outside,
        "LOANWRIGHT_PAGES_URL": os.environ.get("LOANWRIGHT_PAGES_URL", addresses.web),
        "LOANWRIGHT_TEMPORAL_UI_URL": addresses.temporal_ui or "",
        "LOANWRIGHT_DEMO": os.environ.get("LOANWRIGHT_DEMO", "true"),
        # Bytecode on disk halves the workers' start.
        "PYTHONDONTWRITEBYTECODE": "",
    }


def _settings(environment: dict[str, str]) -> Settings:
    return Settings(
        database_url=environment["LOANWRIGHT_DATABASE_URL"],
        temporal_address=environment["TEMPORAL_ADDRESS"],
        day_seconds=float(environment["LOANWRIGHT_DAY_SECONDS"]),
        outside_url=environment["LOANWRIGHT_OUTSIDE_URL"],
        temporal_ui_url=environment["LOANWRIGHT_TEMPORAL_UI_URL"],
        demo=TypeAdapter(bool).validate_python(environment["LOANWRIGHT_DEMO"]),
    )


def _temporal(port: int, ui_port: int, web_port: int, data: Path) -> Child:
    command = [str(temporal_binary()), "server", "start-dev", "--ip", "127.0.0.1", "--port", str(port)]
    command += ["--ui-port", str(ui_port), "--db-filename", str(data / "temporal.db"), "--log-level", "error"]
    # What the loans' workflows hold is sealed; who is signed in as auditor or admin reads it there all the same.
    command += ["--ui-codec-endpoint", f"http://127.0.0.1:{web_port}/codec"]
    # Three times faster than the file as it comes; a lost last moment is repaired from the books.
    command += ["--sqlite-pragma", "journal_mode=WAL", "--sqlite-pragma", "synchronous=NORMAL"]
    return Child("temporal", command, {}, data / "logs" / "temporal.log", listens(port), port)


def _simulators(port: int, web_port: int, data: Path, environment: dict[str, str]) -> Child:
    command = python("-m", "simulators", "--port", str(port), "--data-dir", str(data / "outside"))
    command += ["--notice-url", f"http://127.0.0.1:{web_port}/api/v1/bank/notices"]
    environment = {**environment, "PYTHONPATH": str(ROOT)}
    return Child("outside", command, environment, data / "logs" / "outside.log", listens(port), port)
