"""Limits and published rates from the operator's command."""

import json
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from books.session import Books
from console.acting import act, ready_books
from console.connections import BooksDir
from console.screen import out, say
from models.limits import LimitKind, LimitOutcome, LimitStatus
from services.limit_changes import InvalidLimit, LimitState, decide_limit, limit_states, propose_limit

commands = typer.Typer(no_args_is_help=True, help="Published rates, cost caps and own-card limits, under four eyes.")

RiskActor = Annotated[str, typer.Option("--actor", help="id of the person of risk who acts")]
LimitReason = Annotated[str, typer.Option("--reason", help="why, for the record")]
LimitIds = Annotated[list[str], typer.Argument(help="ids of proposed rows, as `limits show` lists them")]
RateText = Annotated[str | None, typer.Option(help="percent a year, such as 3.00")]
Proposed = tuple[LimitKind, dict[str, Any]]


def read_rows(file: Path) -> list[Proposed]:
    """The rows of a file in the form of limits.json, any table of which may be left out."""
    try:
        tables = json.loads(file.read_text(encoding="utf-8"))
        rows: list[Proposed] = [
            (LimitKind.PRIME_RATE, {"tenor": tenor, **one})
            for tenor, published in tables.get("loan_prime_rates", {}).items()
            for one in published
        ]
        rows += [(LimitKind.COST_CAP, dict(row)) for row in tables.get("cost_caps", [])]
        rows += [(LimitKind.OWN_CARD, dict(row)) for row in tables.get("own_card", [])]
    except OSError as error:
        raise InvalidLimit(f"{file} cannot be read: {error.strerror}") from error
    except (ValueError, TypeError, AttributeError) as error:
        raise InvalidLimit(f"{file} has not the form of services/limits.json: {error}") from error
    if not rows:
        raise InvalidLimit(f"{file} holds no rows under loan_prime_rates, cost_caps or own_card")
    return rows


def propose_rows(books: Books, actor_id: str, rows: Sequence[Proposed], reason: str) -> list[LimitState]:
    """Proposes all rows, or none if one is refused."""
    return act(
        books,
        actor_id,
        "limit_proposed",
        lambda work, actor: [propose_limit(work, actor, kind, row, reason) for kind, row in rows],
    )


def decide_rows(
    books: Books, actor_id: str, ids: Sequence[str], outcome: LimitOutcome, reason: str
) -> list[LimitState]:
    """Puts all these rows in force or refuses them; none if one cannot be decided by this person."""
    return act(
        books,
        actor_id,
        "limit_decided",
        lambda work, actor: [decide_limit(work, actor, one, outcome, reason) for one in ids],
    )


def limits_table(states: Sequence[LimitState]) -> Table:
    """Rows as a table; what they say is spelled as in limits.json, without the sources."""
    table = Table("id", "kind", "says", "status", "proposed by", "decided by")
    for one in states:
        says = ", ".join(f"{name} {value}" for name, value in one.row.items() if name != "source")
        if one.status is LimitStatus.OPEN and one.corrects:
            says += f" (corrects {one.corrects})"
        table.add_row(one.id, one.kind, says, one.status, one.proposed_by, one.decided_by or "")
    return table


def known_limits(books: Books, *, everything: bool) -> list[LimitState]:
    """What is in force and what waits; with `everything` also what was replaced or refused."""
    with books.read() as work:
        found = limit_states(work)
    return [one for one in found if everything or one.status in (LimitStatus.OPEN, LimitStatus.IN_FORCE)]


@commands.command("show")
def show(
    everything: Annotated[bool, typer.Option("--all", help="what was replaced or refused as well")] = False,
    data_dir: BooksDir = None,
) -> None:
    """Show what is in force and what waits for a second person."""
    out.print(limits_table(known_limits(ready_books(data_dir), everything=everything)))


@commands.command("rate")
def publish_rate(
    on: Annotated[datetime, typer.Argument(formats=["%Y-%m-%d"], help="the day of the publication")],
    actor: RiskActor,
    one_year: RateText = None,
    over_five_years: RateText = None,
    reason: LimitReason = "published by the interbank funding centre",
    data_dir: BooksDir = None,
) -> None:
    """Propose a publication of the loan prime rate; another person of risk confirms it."""
    given = {"one_year": one_year, "over_five_years": over_five_years}
    day = on.date().isoformat()
    rows = [(LimitKind.PRIME_RATE, {"tenor": name, "on": day, "percent": rate}) for name, rate in given.items() if rate]
    if not rows:
        raise typer.BadParameter("give at least one of them", param_hint="--one-year / --over-five-years")
    _report(propose_rows(ready_books(data_dir), actor, rows, reason))


@commands.command("propose")
def propose(
    file: Annotated[Path, typer.Argument(help="JSON in the form of services/limits.json, with the new rows only")],
    actor: RiskActor,
    reason: LimitReason,
    data_dir: BooksDir = None,
) -> None:
    """Propose the rows of a file: caps, own-card limits, publications; another person of risk confirms them."""
    _report(propose_rows(ready_books(data_dir), actor, read_rows(file), reason))


@commands.command("confirm")
def confirm(ids: LimitIds, actor: RiskActor, reason: LimitReason = "looked it up", data_dir: BooksDir = None) -> None:
    """Put proposed rows in force, as another person than who proposed them; they count at once."""
    _report(decide_rows(ready_books(data_dir), actor, ids, LimitOutcome.APPROVE, reason))


@commands.command("refuse")
def refuse(ids: LimitIds, actor: RiskActor, reason: LimitReason, data_dir: BooksDir = None) -> None:
    """Refuse proposed rows, as another person than who proposed them."""
    _report(decide_rows(ready_books(data_dir), actor, ids, LimitOutcome.REFUSE, reason))


def _report(states: Sequence[LimitState]) -> None:
    """The rows acted on, an id a line on standard output for whoever confirms them next."""
    say.print(limits_table(states))
    for one in states:
        typer.echo(one.id)
