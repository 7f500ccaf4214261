"""Keys from the operator's command: how they stand, bringing everything under the newest, erasing a customer."""

from dataclasses import dataclass
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.table import Table
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from books.customers import index_keys
from books.session import Books
from console.acting import ready_books, staff_member
from console.connections import BooksDir
from console.processes import NotReady
from lending.errors import LendingError
from models.sealing import keys
from services import audit, data_keys
from services.erasure import Erasure, erase
from settings import settings

commands = typer.Typer(no_args_is_help=True, help="Keys of personal data: how they stand, and changing them.")
say = Console(stderr=True, markup=False)


@dataclass(frozen=True)
class Rotation:
    """What a rotation came to: how many of each were brought under the newest key, and which could not be."""

    done: dict[str, int]
    damaged: list[str]


@commands.command("status")
def status_command(data_dir: BooksDir = None) -> None:
    """Say what hangs on which key, and which key may be taken out of LOANWRIGHT_KEYS."""
    books = ready_books(data_dir)
    table = status(books)
    books.close()
    Console().print(table)


@commands.command("rotate")
def rotate_command(data_dir: BooksDir = None) -> None:
    """Bring everything under the newest key of LOANWRIGHT_KEYS, while others work; can be stopped and begun anew."""
    books = ready_books(data_dir)
    rotation = rotate(books, say)
    left = under_another(books)
    books.close()
    for sentence in rotation.damaged:
        say.print(sentence, style="red", soft_wrap=True)
    if left:
        say.print(f"still needed besides {keys().newest}: {', '.join(left)}")
        raise typer.Exit(1)
    say.print(f"the books need no other key than {keys().newest}")


@commands.command("reindex")
def reindex_command(data_dir: BooksDir = None) -> None:
    """Take all digests for exact search on to the newest key of LOANWRIGHT_INDEX_KEY. Stop the house first."""
    books = ready_books(data_dir)
    count = reindex(books, say)
    books.close()
    say.print(f"{count} rows have digests under the newest key" if count else "the digests are under the newest key")


def erase_command(
    customer: Annotated[str, typer.Argument(help="the customer's id")],
    reason: Annotated[str, typer.Option(help="why, for the audit log; no personal data")],
    actor: Annotated[str, typer.Option(help="id of the administrator who acts")],
    second: Annotated[str, typer.Option(help="id of the second person, an administrator or of risk")],
    data_dir: BooksDir = None,
) -> None:
    """Erase a customer's personal data after the legal period: his key is destroyed, sums and postings stay."""
    books = ready_books(data_dir)
    try:
        erased = erase_customer(books, actor, second, customer, reason, settings().retention_years)
    except LendingError as refusal:
        say.print(str(refusal), style="red", soft_wrap=True)
        raise typer.Exit(1) from refusal
    finally:
        books.close()
    say.print(
        f"the personal data of customer {customer} is gone; {len(erased.loans)} loans stay without it", soft_wrap=True
    )


def status(books: Books) -> Table:
    """What hangs on each key of the ring, and which of them are there."""
    with books.read() as work:
        counts, destroyed = work.data_keys.counts(), work.data_keys.destroyed()
    ring = keys()
    names = [*ring.names, *sorted({name for of_kind in counts.values() for name in of_kind} - set(ring.names))]
    table = Table("key", *counts, "state", title=f"keys of the ring; {destroyed} data keys destroyed")
    for name in names:
        needed = any(name in of_kind for of_kind in counts.values())
        state = "seals" if name == ring.newest else "opens" if needed else "not needed by the books"
        if name not in ring.names:
            state = "MISSING in LOANWRIGHT_KEYS"
        table.add_row(name, *(str(of_kind.get(name, 0)) for of_kind in counts.values()), state)
    return table


def under_another(books: Books) -> list[str]:
    """Names of the keys that the books need besides the newest."""
    with books.read() as work:
        counts = work.data_keys.counts()
    return sorted({name for of_kind in counts.values() for name in of_kind} - {keys().newest})


def rotate(books: Books, console: Console) -> Rotation:
    """Brings data keys, and all that hangs on the ring directly, under the newest key, a portion at a time."""
    with books.read() as work:
        counts = work.data_keys.counts()
    done, damaged = dict.fromkeys(data_keys.STEPS, 0), []
    with _progress(console) as progress:
        for name, step in data_keys.STEPS.items():
            waiting = sum(count for key, count in counts[name].items() if name in FILES or key != keys().newest)
            bar = progress.add_task(name, total=waiting)
            after = ""
            while (portion := _begun(books, step, after)) is not None:
                after = portion.last
                done[name] += portion.done
                damaged += [f"{name} {one}" for one in portion.damaged]
                progress.advance(bar, portion.done + len(portion.damaged))
    if any(done.values()) or damaged:
        with books.begin() as work:
            data_keys.record_rotation(work, done, len(damaged))
    return Rotation(done, damaged)


FILES = ("documents", "pictures")
"""What leaves the ring for the customers' keys, whichever key of the ring it lies under."""


def _begun(books: Books, step: data_keys.Step, after: str) -> data_keys.Portion | None:
    with books.begin() as work:
        return step(work, after)


def reindex(books: Books, console: Console) -> int:
    """Takes all digests on to the newest keys in one unit of work; how many rows."""
    count = 0
    with _progress(console) as progress, books.begin() as work:
        bar = progress.add_task("digests", total=None)
        for table, rows in data_keys.reindex(work, index_keys()):
            count += rows
            progress.update(bar, description=table, completed=count)
    return count


def check_index_keys(books: Books) -> None:
    """NotReady where the digests of the books were made with other keys: this process would find nobody."""
    try:
        with books.read() as work:
            data_keys.check_index_keys(work, index_keys())
    except data_keys.OtherIndexKey as error:
        raise NotReady(str(error)) from error
    except DBAPIError:
        # The database is not there yet: that is for whoever asks it for something.
        return


def erase_customer(books: Books, actor: str, second: str, customer: str, reason: str, years: int) -> Erasure:
    """Erases a customer; a refusal goes into the audit log. Afterwards the database lets go of what it overwrote."""
    with books.read() as work:
        one, other = staff_member(work, actor), staff_member(work, second)
    try:
        with books.begin() as work:
            erased = erase(work, one, other, customer, reason, retention_years=years)
    except LendingError as refusal:
        with books.begin() as work:
            audit.record(work, one, "customer_erased", subject=customer[:64], reason=str(refusal), refused=True)
        raise
    _let_go(books)
    return erased


def _let_go(books: Books) -> None:
    """Old versions of rows leave the files: the log of SQLite is written back, PostgreSQL's dead rows are removed."""
    if books.is_sqlite:
        # Past the engine, which begins a transaction with each connection.
        raw = books.engine.raw_connection()
        raw.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)")
        raw.close()
        return
    with books.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        for table in ("data_key", "customer", "party", "bank_entry", "statement_line"):
            connection.execute(text(f"VACUUM {table}"))


def _progress(console: Console) -> Progress:
    return Progress(TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), console=console)
