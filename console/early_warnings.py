"""`loanwright warnings`: score the behaviour of months that are over, list who got worse, say how good that was."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Annotated

import typer
from rich.table import Column, Table
from sqlalchemy.exc import IntegrityError

from books.behaviour import WarningFilter
from books.session import Books, was_written_before
from console.acting import ready_books, staff_member
from console.connections import BooksDir
from console.screen import out, say
from lending.behaviour import FEWEST_CASES, Foresight
from models.recurring import DueMonthOrder, MonthPage, MonthPageOrder
from services.behaviour import look_at_page, month_to_score, write_page
from services.early_warnings import early_warnings, how_good, newest_month

app = typer.Typer(no_args_is_help=True, help="Early warnings: score months, list who got worse, check the list.")

MOST_SHOWN = 100

Reader = Annotated[str, typer.Option("--actor", help="id of the agent, manager, person of risk or auditor who asks")]


@dataclass(frozen=True)
class MonthScored:
    """What scoring a month came to; one that is not complete waits for loans that still live through a day of it."""

    month: str
    loans: int
    warnings: int
    complete: bool


def score_months(books: Books, day: date) -> Iterator[MonthScored]:
    """Scores every month that is over and not scored yet, as the daily job does and beside it if need be."""
    while True:
        with books.read() as work:
            month = month_to_score(work, DueMonthOrder(day=day)).month
        if month is None:
            return
        loans = warnings = 0
        page = MonthPage(after="")
        while page.after is not None:
            order = MonthPageOrder(month=month, day=day, after=page.after)
            with books.read() as work:
                found = look_at_page(work, order)
            try:
                with books.begin() as work:
                    page = write_page(work, order, found)
            except IntegrityError as error:
                if not was_written_before(error):
                    raise
                # The job was faster; what it has done is not looked at again.
                continue
            loans += len(found.loans)
            warnings += sum(one.alarm is not None for one in found.loans)
        yield MonthScored(month, loans, warnings, page.complete)
        if not page.complete:
            return


@app.command("run")
def run_command(data_dir: BooksDir = None) -> None:
    """Score every running loan for each month that is over; what the daily job does by itself."""
    books = ready_books(data_dir)
    with books.read() as work:
        today = work.today
    months = 0
    for one in score_months(books, today):
        months += 1
        rest = "" if one.complete else "; some loans are not ready yet, so the month stays open"
        say.print(f"{one.month}: {one.loans} loans scored, {one.warnings} of them warned of{rest}", soft_wrap=True)
    if not months:
        say.print("every month that is over is scored")


@app.command("list")
def list_command(
    actor: Reader,
    month: Annotated[str | None, typer.Option("--month", help="YYYY-MM (the newest scored)")] = None,
    data_dir: BooksDir = None,
) -> None:
    """Show the warnings of a month that a person may see, with reasons."""
    headings = [Column(heading, no_wrap=True) for heading in ("loan", "urgency", "points", "band")]
    table = Table(*headings, "what changed", "what costs points")
    with ready_books(data_dir).read() as work:
        person = staff_member(work, actor)
        wanted = month or newest_month(work, person)
        found = early_warnings(work, person, WarningFilter(wanted), limit=MOST_SHOWN) if wanted else []
        for one in found:
            table.add_row(
                *(one.loan.number, one.urgency, str(one.warning.points), one.warning.band),
                " ".join(cause.en for cause in one.causes),
                " ".join(reason.en for reason in one.reasons),
            )
    if not found:
        say.print(f"nobody is warned of in {wanted}" if wanted else "no month is scored yet")
        return
    out.print(table)
    if len(found) == MOST_SHOWN:
        say.print(f"the first {MOST_SHOWN}; the page and its file have all", soft_wrap=True)


@app.command("check")
def check_command(actor: Reader, data_dir: BooksDir = None) -> None:
    """Say how many past warnings came true, and how many of those who became late had been warned of."""
    with ready_books(data_dir).read() as work:
        for line in in_words(how_good(work, staff_member(work, actor))):
            out.print(line, soft_wrap=True)


def in_words(found: Foresight) -> tuple[str, str]:
    """The two sentences."""
    return (
        f"of {found.warned} warnings that are old enough, {found.warned_became} became 30 days past due or more within "
        f"three months{_share(found.precision_bp)}",
        f"of {found.became} loans that became so, {found.became_warned} had been warned of{_share(found.recall_bp)}",
    )


def _share(basis_points: int | None) -> str:
    if basis_points is None:
        return f"; fewer than {FEWEST_CASES} are too few for a share"
    return f": {basis_points / 100:.1f} %"
