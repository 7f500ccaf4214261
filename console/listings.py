"""The lender's own list from the operator's command."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Annotated

import typer
from rich.table import Table

from books.session import Books
from console.acting import act, ready_books
from console.connections import BooksDir
from console.screen import out, say
from models.screening import ListingOutcome
from services.listings import (
    ListingState,
    decide_listing,
    listing_states,
    propose_entry,
    propose_removal,
    shown_name,
)
from services.paper_words import masked_id_number

commands = typer.Typer(no_args_is_help=True, help="The lender's own list of people and firms, under four eyes.")

RiskActor = Annotated[str, typer.Option("--actor", help="id of the person of risk who acts")]
Reason = Annotated[str, typer.Option("--reason", help="why, for risk and auditors")]
EntryId = Annotated[str, typer.Argument(help="id of an entry, as `screening list` shows it")]
Day = Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"])]


@commands.command("list")
def show(
    actor: Annotated[str, typer.Option("--actor", help="id of the person of risk or the auditor who looks")],
    data_dir: BooksDir = None,
) -> None:
    """Show the newest hundred entries; that they were looked at is recorded."""
    books = ready_books(data_dir)
    out.print(_table(act(books, actor, "listings_viewed", listing_states)))


@commands.command("add")
def add(
    actor: RiskActor,
    reason: Reason,
    name: Annotated[str | None, typer.Option(help="of a firm, or to read beside a number")] = None,
    ask_id_number: Annotated[
        bool, typer.Option("--id-number", help="ask for the person's ID number, which no list of processes shows then")
    ] = False,
    since: Day = None,
    until: Day = None,
    data_dir: BooksDir = None,
) -> None:
    """Propose an entry; another person of risk confirms it."""
    number = typer.prompt("ID number", hide_input=True, err=True) if ask_id_number else None
    _report(
        act(
            ready_books(data_dir),
            actor,
            "listing_proposed",
            lambda work, person: propose_entry(
                work,
                person,
                name=name,
                id_number=number,
                valid_from=_day(since),
                valid_until=_day(until),
                reason=reason,
            ),
        )
    )


@commands.command("remove")
def remove(entry: EntryId, actor: RiskActor, reason: Reason, data_dir: BooksDir = None) -> None:
    """Propose to take an entry off; another person of risk confirms it."""
    _report(
        act(
            ready_books(data_dir),
            actor,
            "listing_removal_proposed",
            lambda work, person: propose_removal(work, person, entry, reason),
        )
    )


@commands.command("confirm")
def confirm(entry: EntryId, actor: RiskActor, reason: Reason, data_dir: BooksDir = None) -> None:
    """Agree to what waits about an entry, as another person than who proposed it; it counts at once."""
    _report(_decide(ready_books(data_dir), actor, entry, ListingOutcome.APPROVE, reason))


@commands.command("refuse")
def refuse(entry: EntryId, actor: RiskActor, reason: Reason, data_dir: BooksDir = None) -> None:
    """Refuse what waits about an entry, as another person than who proposed it."""
    _report(_decide(ready_books(data_dir), actor, entry, ListingOutcome.REFUSE, reason))


def _decide(books: Books, actor: str, entry: str, outcome: ListingOutcome, reason: str) -> ListingState:
    return act(
        books, actor, "listing_decided", lambda work, person: decide_listing(work, person, entry, outcome, reason)
    )


def _day(given: datetime | None) -> date | None:
    return given.date() if given else None


def _report(state: ListingState) -> None:
    """The entry acted on, and its id on standard output for whoever confirms it next."""
    say.print(_table([state]))
    typer.echo(state.id)


def _table(states: Sequence[ListingState]) -> Table:
    table = Table("id", "who", "number", "days", "status", "reason", "proposed by", "decided by")
    for one in states:
        days = f"{one.valid_from} – {one.valid_until or ''}"
        number = masked_id_number(one.id_number) if one.id_number else ""
        table.add_row(
            one.id, shown_name(one) or "", number, days, one.status, one.reason, one.proposed_by, one.decided_by or ""
        )
    return table
