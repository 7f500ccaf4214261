"""Keys from the operator's command: how they stand, bringing everything under the newest, erasing a customer."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.table import Table
from sqlalchemy import text

from books.at_work import SomebodyAtWork, alone
from books.customers import index_keys
from books.session import Books
from console.acting import OPERATOR, act_as, ready_books, staff_member
from console.connections import BooksDir
from console.processes import NotReady
from console.ring import take_ring
from console.screen import out, say
from models.sealing import keys
from services import data_keys
from services.erasure import Erasure, erase
from settings import settings

commands = typer.Typer(no_args_is_help=True, help="Keys of personal data: how they stand, and changing them.")

FILES = ("documents", "pictures")
"""What leaves the ring for the customers' keys, whichever key of the ring it lies under."""


@dataclass(frozen=True)
class Rotation:
    """What a rotation came to: how many of each were brought under the newest key, and which could not be."""

    done: dict[str, int]
    damaged: list[str]


@commands.command("status")
def status_command(data_dir: BooksDir = None) -> None:
    """Say what hangs on which key, and which may be taken out of LOANWRIGHT_KEYS; ends with 1 if one is missing."""
    books = ready_books(data_dir)
    table, missing = status(books), missing_keys(books)
    books.close()
    out.print(table)
    if missing:
        say.print(f"missing in LOANWRIGHT_KEYS: {', '.join(missing)}")
        raise typer.Exit(1)


@commands.command("rotate")
def rotate_command(data_dir: BooksDir = None) -> None:
    """Bring everything under the newest key of LOANWRIGHT_KEYS, while others work; can be stopped and begun anew."""
    books = ready_books(data_dir)
    rotation = rotate(books)
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
    books = ready_books(data_dir, index_keys_may_change=True)
    count = reindex(books)
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
    erased = erase_customer(books, actor, second, customer, reason, settings().retention_years)
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


def missing_keys(books: Books) -> list[str]:
    """Names of the keys that the books need and the ring does not have."""
    return [name for name in under_another(books) if name not in keys().names]


def under_another(books: Books) -> list[str]:
    """Names of the keys that the books need besides the newest."""
    with books.read() as work:
        counts = work.data_keys.counts()
    return sorted({name for of_kind in counts.values() for name in of_kind} - {keys().newest})


def rotate(books: Books) -> Rotation:
    """Brings data keys, and all that hangs on the ring directly, under the newest key, a portion at a time.

    NotReady where a key of the ring has another one's name: what it took over would open no more.
    """
    take_ring(books)
    with books.read() as work:
        waiting = {name: _waiting(name, of_kind) for name, of_kind in work.data_keys.counts().items()}
    if any(waiting.values()):
        with books.begin() as work:
            data_keys.record_beginning(work, OPERATOR, waiting)
    done, damaged = dict.fromkeys(data_keys.STEPS, 0), []
    with _progress() as progress:
        for name, step in data_keys.STEPS.items():
            bar = progress.add_task(name, total=waiting[name])
            after = ""
            while (portion := _begun(books, step, after)) is not None:
                after = portion.last
                done[name] += portion.done
                damaged += [f"{name} {one}" for one in portion.damaged]
                progress.advance(bar, portion.done + len(portion.damaged))
    if any(done.values()) or damaged:
        with books.begin() as work:
            data_keys.record_rotation(work, OPERATOR, done, len(damaged))
    return Rotation(done, damaged)


def _waiting(name: str, of_kind: Mapping[str, int]) -> int:
    """How many of a kind are to be brought under the newest key."""
    return sum(count for key, count in of_kind.items() if name in FILES or key != keys().newest)


def _begun(books: Books, step: data_keys.Step, after: str) -> data_keys.Portion | None:
    with books.begin() as work:
        return step(work, after)


def reindex(books: Books) -> int:
    """Takes all digests on to the newest keys in one unit of work; how many rows.

    NotReady while others work with the books: they would go on with the earlier keys, find nobody, and take everybody
    for new.
    """
    count = 0
    try:
        with alone(books), _progress() as progress, books.begin() as work:
            bar = progress.add_task("digests", total=None)
            for table, rows in data_keys.reindex(work, index_keys(), OPERATOR):
                count += rows
                progress.update(bar, description=table, completed=count)
    except SomebodyAtWork as error:
        raise NotReady(
            "others work with these books; end every `serve`, `worker`, `up` and command on them, and then take the "
            "digests on"
        ) from error
    return count


def erase_customer(books: Books, actor: str, second: str, customer: str, reason: str, years: int) -> Erasure:
    """Erases a customer; a refusal goes into the audit log. Afterwards the database lets go of what it overwrote."""
    with books.read() as work:
        one, other = staff_member(work, actor), staff_member(work, second)
    erased = act_as(
        books,
        one,
        "customer_erased",
        lambda work, who: erase(work, who, other, customer, reason, retention_years=years),
        subject=customer[:64],
    )
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


def _progress() -> Progress:
    return Progress(TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), console=say)
