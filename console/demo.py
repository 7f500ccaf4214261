"""A year of lending in minutes: applications from a file, scripted people, live figures, and accounts that balance."""

import asyncio
import os
import shutil
import signal
import sys
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

from rich.live import Live

from books.session import Books
from console.audits import BooksDifference, audit_books
from console.board import Board
from console.callers import EVERYBODY
from console.chart import write_chart
from console.decided import decided
from console.demo_scorecard import put_in_force, train_on_a_made_up_past
from console.imports import ImportReport, import_applications
from console.people import (
    KEPT_FOR_A_VISITOR,
    MADE_UP_RATES,
    MADE_UP_RATES_ON,
    VISITOR_SECONDS,
    ScriptedPeople,
)
from console.processes import LOCK, NotReady, Tree
from console.screen import say
from console.tally import Tally, tally
from console.up import Addresses, Plan, bring_up
from gateways.bank import BankGateway
from gateways.connection import open_session
from lending.money import yuan
from models.loans import Stage
from models.staff import Actor, Role
from services.reports import FundsSummary, cash_by_month, funds
from settings import Settings
from worker import own_account

START = date(2026, 1, 5)
"""The first business date of every demonstration: the made-up people's graduations and salaries are dated from it."""
SHIPPED_APPLICATIONS = Path("examples/applications.csv")
WHOLE_YEAR_MONTHS = 12
MARK = "made-by-demo.txt"
"""The file by which a demonstration knows a folder that it may empty."""
QUIET_SECONDS = 30
"""How long the end may wait for a moment in which no payment is under way."""
INTEGRATOR = Actor("integrator-demo", Role.INTEGRATOR)


@dataclass(frozen=True)
class DemoPlan:
    """What the demonstration shows."""

    data_dir: Path
    port: int
    day_seconds: float
    months: int
    applications: Path
    stay: bool

    @property
    def shows_everything(self) -> bool:
        """Whether every kind of loan and event must come up: in a whole year of the shipped applications."""
        return self.months >= WHOLE_YEAR_MONTHS and self.applications == SHIPPED_APPLICATIONS


@dataclass(frozen=True)
class Outcome:
    """The figures at the end, taken in one moment in which books and bank agree."""

    summary: FundsSummary
    bank_fen: int
    differences: list[BooksDifference]
    stages: dict[Stage, int]
    tally: Tally
    decided: list[str]

    @property
    def is_right(self) -> bool:
        """Whether books, computation and bank agree to the fen."""
        return self.summary.balances and self.bank_fen == self.summary.bank_balance and not self.differences


def demo(plan: DemoPlan) -> int:
    """Runs the demonstration; 0 if everything balances to the fen, 1 if not.

    A whole year of the shipped applications shows every kind of loan and all that may happen to one: 1 as well if
    something of that is missing.

    NotReady if LOANWRIGHT_DATABASE_URL is set or the data folder holds what no demonstration made: its people decide
    whatever waits in the books, and it begins by emptying its folder.
    """
    _require_own_books()
    _require_own_folder(plan.data_dir)
    tree = Tree(plan.data_dir)
    _clear(plan.data_dir)
    # SIGTERM must end the children as Ctrl-C does.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    say.print("Loanwright lives through a year; people and figures are made up", style="bold")
    try:
        scorecard = train_on_a_made_up_past(plan.data_dir / "past", START) if plan.shows_everything else None
        set_up = Plan(plan.data_dir, plan.port, plan.day_seconds, START)
        addresses, settings, books = bring_up(tree, set_up, say)
        if scorecard is not None:
            put_in_force(books, scorecard)
        report = import_applications(books, INTEGRATOR, plan.applications, START, quiet=True)
        _say_where(addresses, report)
        outcome = asyncio.run(_live(plan, addresses, settings, books))
        chart = write_chart(plan.data_dir / "cash.html", _months(books))
        missing = outcome.tally.missing if plan.shows_everything else []
        _say_result(outcome, missing, chart)
        if plan.stay:
            _say_one_life(addresses, settings, books)
            say.print("\nEverything stays up for you to look at, until Ctrl-C.")
            signal.pause()
        return 0 if outcome.is_right and not missing else 1
    except KeyboardInterrupt:
        return 0
    finally:
        tree.stop()


async def _live(plan: DemoPlan, addresses: Addresses, settings: Settings, books: Books) -> Outcome:
    board = Board(books, START, plan.months)
    async with open_session() as session:
        people = ScriptedPeople(session, books, addresses, settings, changes_rules=plan.shows_everything)
        acting = asyncio.create_task(people.act())
        with Live(board.render(), console=say, refresh_per_second=4, transient=False) as live:
            last_line = datetime.now(UTC)
            while not board.is_over():
                await asyncio.sleep(0.25)
                live.update(await asyncio.to_thread(board.render))
                if not say.is_terminal and (datetime.now(UTC) - last_line).total_seconds() > 15:
                    last_line = datetime.now(UTC)
                    say.print(await asyncio.to_thread(board.line), soft_wrap=True)
                if acting.done():
                    acting.result()
        acting.cancel()
        await asyncio.gather(acting, return_exceptions=True)
        credential = settings.bank_credential.get_secret_value()
        bank = BankGateway(session, f"{settings.outside_url}/bank", credential, own=own_account(settings))
        return await _outcome(plan, books, bank, settings)


async def _outcome(plan: DemoPlan, books: Books, bank: BankGateway, settings: Settings) -> Outcome:
    """Waits for a moment without a payment under way: the bank's figure and ours are read one after the other.

    And until all is there that has to be: what falls on the last days may still be booked on a busy machine.
    """
    deadline = asyncio.get_running_loop().time() + QUIET_SECONDS
    while True:
        in_bank = await bank.balance(settings.bank_account)
        with books.read() as work:
            summary, stages = funds(work), work.loans.by_stage(EVERYBODY)
        is_late = asyncio.get_running_loop().time() > deadline
        if in_bank == summary.bank_balance or is_late:
            differences = await asyncio.to_thread(lambda: list(audit_books(books)))
            counted = await asyncio.to_thread(tally, books, _today(books))
            with books.read() as work:
                lines = list(decided(work))
            outcome = Outcome(summary, in_bank, differences, stages, counted, lines)
            lacks = plan.shows_everything and outcome.tally.missing
            if (outcome.is_right and not lacks) or is_late:
                return outcome
        await asyncio.sleep(0.2)


def _today(books: Books) -> date:
    return books.clock.business_date(datetime.now(UTC))


def _require_own_books() -> None:
    if os.environ.get("LOANWRIGHT_DATABASE_URL"):
        raise NotReady("the demo writes into books of its own only; unset LOANWRIGHT_DATABASE_URL first")


def _require_own_folder(folder: Path) -> None:
    """NotReady unless the folder is new, empty, or marked by an earlier demonstration."""
    if not folder.is_dir() or (folder / MARK).is_file():
        return
    if any(entry.name != LOCK for entry in folder.iterdir()):
        raise NotReady(
            f"{folder} holds files and no {MARK}, so no demo of this version made it, and it stays as it is; "
            "give a new folder with --data-dir, or delete this one yourself if nobody needs it"
        )


def _clear(folder: Path) -> None:
    """Every demonstration begins with empty books; the lock that this one holds stays, and the mark comes first."""
    (folder / MARK).write_text("`loanwright demo` made this folder and empties it when it runs here again.\n")
    for entry in folder.iterdir():
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry)
        elif entry.name not in (LOCK, MARK):
            entry.unlink()


def _months(books: Books) -> list[tuple[str, int, int]]:
    with books.read() as work:
        return [(one.month, one.paid_out, one.received) for one in cash_by_month(work)]


def _say_where(addresses: Addresses, report: ImportReport) -> None:
    say.print(f"\n{len(report.accepted)} applications taken in, {len(report.refused)} lines refused:")
    for number, why in report.refused:
        say.print(f"  line {number}: {why}", style="yellow", highlight=False, soft_wrap=True)
    say.print(
        f"\nDecide one yourself while it runs: {addresses.web}/  Sign in as the risk lead 钱若水 (risk-qian);"
        f" the scripted approvers leave {KEPT_FOR_A_VISITOR} tasks alone for the first {VISITOR_SECONDS} seconds.",
        soft_wrap=True,
        highlight=False,
    )
    rates = " and ".join(f"{percent} %" for percent in MADE_UP_RATES.values())
    say.print(
        f"Prime rates of {rates} are entered on {MADE_UP_RATES_ON}: made up, so that floating loans have something to"
        " follow on 1 January.",
        soft_wrap=True,
        highlight=False,
    )
    if addresses.temporal_ui:
        say.print(f"Watch the workflows: {addresses.temporal_ui}")
    say.print()


def _say_result(outcome: Outcome, missing: list[str], chart: Path) -> None:
    one = outcome.summary
    say.print("\nWhat the year brought, in loans", style="bold")
    for counts in outcome.tally.lines():
        say.print(counts, soft_wrap=True)
    for kind in missing:
        say.print(f"  MISSING  {kind}", style="bold red")
    say.print("\nHow the rules decided", style="bold")
    for words in outcome.decided:
        say.print(words, highlight=False, soft_wrap=True)
    interest = one.interest + one.subsidy
    say.print("\nHow the money went, in yuan", style="bold")
    for line in (
        f"  paid out {yuan(one.paid_out)} − returned {yuan(one.returned)}"
        f" + interest {yuan(interest)} + fees {yuan(one.fees)} + penalties {yuan(one.penalties)}",
        f"  = received from borrowers {yuan(one.received_from_borrowers)}"
        f" + from the state {yuan(one.received_from_state)}"
        f" + waived {yuan(one.waived)} + written off {yuan(one.written_off)} + outstanding {yuan(one.outstanding)}",
        f"  {yuan(one.lent_and_charged)} = {yuan(one.accounted_for)}",
        f"  not part of the equation: unallocated {yuan(one.unallocated)}, suspense {yuan(one.suspense)},"
        f" recoveries {yuan(one.recoveries)}",
        f"  bank: opening {yuan(one.opening)} − out {yuan(one.money_out)} + in {yuan(one.money_in)} "
        f"= {yuan(one.bank_balance)}; the bank says {yuan(outcome.bank_fen)}",
    ):
        say.print(line, highlight=False, soft_wrap=True)
    for difference in outcome.differences:
        say.print(f"  differs: {difference}", style="red")
    verdict = "everything balances to the fen" if outcome.is_right else "THE BOOKS DO NOT BALANCE"
    say.print(f"  {verdict}", style="bold green" if outcome.is_right else "bold red")
    stages = ", ".join(f"{count} {stage}" for stage, count in sorted(outcome.stages.items()))
    say.print(f"\nLoans: {stages}")
    say.print(f"Cash by month: {chart}")


def _say_one_life(addresses: Addresses, settings: Settings, books: Books) -> None:
    """Where to look at a loan's whole life; the address is dead once the demonstration ends."""
    if addresses.temporal_ui:
        with books.read() as work:
            settled = work.loans.page(EVERYBODY, stage=Stage.SETTLED, limit=1)
        for loan in settled:
            path = f"/namespaces/{settings.temporal_namespace}/workflows/loan%2F{loan.number}"
            say.print(f"One loan's whole life in Temporal: {addresses.temporal_ui}{path}", soft_wrap=True)
