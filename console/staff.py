"""The people and machines of the lender from the operator's command."""

from collections.abc import Callable
from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from typing import Annotated, TypeVar

import typer
from rich.table import Table

from books.session import UnitOfWork
from console.acting import OPERATOR, act, act_as, ready_books
from console.connections import BooksDir
from console.screen import out, say
from models.staff import Actor, Role, Scope
from services.errors import NotAllowed
from services.hand_over import hand_over
from services.permissions import Action, require
from services.sign_in_codes import send_codes_again
from services.sign_in_machines import CHANGE_OVER, add_secret
from services.staff import (
    add_machine,
    add_person,
    disable,
    enable,
    forget_identity,
    give_password,
    person_with,
    sign_out_borrower,
    sign_out_everywhere,
)
from services.staff_changes import change_machine, change_person

people = typer.Typer(no_args_is_help=True, help="Who works here: ids, roles, passwords for the first sign-in.")
machines = typer.Typer(no_args_is_help=True, help="Machine accounts: client ids, scopes, secrets.")

Id = Annotated[str, typer.Argument(help="3 to 32 small letters, digits and hyphens")]
Who = Annotated[str | None, typer.Option("--actor", help="id of the administrator who acts (default: the operator)")]
Name = Annotated[str, typer.Option("--name", help="as colleagues read it")]
Manager = Annotated[str | None, typer.Option("--manager", help="id of the manager whose team this is in")]
Reason = Annotated[str, typer.Option("--reason", help="why, for the audit log; no personal data")]
NewManager = Annotated[str | None, typer.Option("--manager", help="id of the manager of the new team")]
LoanOfBorrower = Annotated[str, typer.Argument(help="number of one of the borrower's loans")]
NoManager = Annotated[bool, typer.Option("--no-manager", help="in nobody's team from now on")]

Result = TypeVar("Result")


class Work(StrEnum):
    """The roles that people of the staff have; customers, machines and the system have others."""

    AGENT = "agent"
    MANAGER = "manager"
    RISK = "risk"
    FINANCE = "finance"
    AUDITOR = "auditor"
    ADMIN = "admin"


@people.command("add")
def add_command(
    staff_id: Id,
    name: Name,
    role: Annotated[Work, typer.Option("--role", help="what the person does here")],
    manager: Manager = None,
    actor: Who = None,
    data_dir: BooksDir = None,
) -> None:
    """Add a member of staff; the password for the first sign-in is printed this once."""
    _show_password(
        _done(
            data_dir, actor, "staff_added", lambda work, who: add_person(work, who, staff_id, name, Role(role), manager)
        )
    )


@people.command("password")
def password_command(
    staff_id: Id,
    new_authenticator: Annotated[
        bool, typer.Option("--new-authenticator", help="the phone is lost: another one is enrolled")
    ] = False,
    actor: Who = None,
    data_dir: BooksDir = None,
) -> None:
    """Give somebody a password for one sign-in; all sessions of that person end."""
    _show_password(
        _done(
            data_dir,
            actor,
            "password_given",
            lambda work, who: give_password(work, who, staff_id, new_authenticator=new_authenticator),
        )
    )


@people.command("forget-identity")
def forget_identity_command(staff_id: Id, reason: Reason, actor: Who = None, data_dir: BooksDir = None) -> None:
    """Let in by the identity provider who has another account there now; the next sign-in says which. Sessions end."""
    _done(
        data_dir,
        actor,
        "provider_identity_forgotten",
        lambda work, who: forget_identity(work, who, staff_id, reason),
    )
    say.print(f"whoever signs in next at the provider under {staff_id} is believed to be that person")


@people.command("sign-out")
def sign_out_command(staff_id: Id, actor: Who = None, data_dir: BooksDir = None) -> None:
    """End all sessions of somebody."""
    ended = _done(data_dir, actor, "sessions_ended", lambda work, who: sign_out_everywhere(work, who, staff_id))
    say.print(f"{ended} sessions of {staff_id} have ended")


@people.command("sign-out-borrower")
def sign_out_borrower_command(
    loan: LoanOfBorrower,
    actor: Who = None,
    data_dir: BooksDir = None,
) -> None:
    """End all sessions of a borrower, whose phone was lost or stolen."""
    ended = _done(data_dir, actor, "sessions_ended", lambda work, who: sign_out_borrower(work, who, loan))
    say.print(f"{ended} sessions of the borrower of {loan} have ended")


@people.command("allow-codes")
def allow_codes_command(
    loan: LoanOfBorrower,
    actor: Who = None,
    data_dir: BooksDir = None,
) -> None:
    """Have a borrower sent codes again for whose mobile others asked for too many today."""
    _done(data_dir, actor, "sign_in_codes_allowed", lambda work, who: send_codes_again(work, who, loan))
    say.print(f"the borrower of {loan} is sent codes again")


@people.command("change")
def change_command(
    staff_id: Id,
    reason: Reason,
    role: Annotated[Work | None, typer.Option("--role", help="what the person does here from now on")] = None,
    manager: NewManager = None,
    no_manager: NoManager = False,
    actor: Who = None,
    data_dir: BooksDir = None,
) -> None:
    """Give somebody another role or team; sessions and tokens end at once."""

    def change(work: UnitOfWork, who: Actor) -> None:
        to = Role(role) if role is not None else None
        change_person(work, who, staff_id, reason, role=to, manager_id=manager, no_manager=no_manager)

    _done(data_dir, actor, "staff_changed", change)
    say.print(f"{staff_id} is changed, and has to sign in again")


@people.command("hand-over")
def hand_over_command(
    from_id: Annotated[str, typer.Argument(help="id of who looks after the customers now, be it of somebody disabled")],
    to_id: Annotated[str, typer.Argument(help="id of the agent who looks after them from now on")],
    reason: Reason,
    actor: Who = None,
    data_dir: BooksDir = None,
) -> None:
    """Give all customers of somebody to another agent, who sees them and their loans from then on."""
    count, more = 0, True
    while more:
        handed, more = _done(
            data_dir, actor, "customers_handed_over", lambda work, who: hand_over(work, who, from_id, to_id, reason)
        )
        count += handed
    say.print(f"{to_id} looks after {count} customers of {from_id} from now on")


@people.command("disable")
def disable_command(staff_id: Id, actor: Who = None, data_dir: BooksDir = None) -> None:
    """Keep somebody out from now on; sessions and tokens end at once."""
    _done(data_dir, actor, "staff_disabled", lambda work, who: disable(work, who, staff_id))
    say.print(f"{staff_id} is disabled")


@people.command("enable")
def enable_command(staff_id: Id, actor: Who = None, data_dir: BooksDir = None) -> None:
    """Let somebody in again."""
    _done(data_dir, actor, "staff_enabled", lambda work, who: enable(work, who, staff_id))
    say.print(f"{staff_id} is enabled")


@people.command("list")
def list_command(data_dir: BooksDir = None) -> None:
    """Show people and machines."""
    table = Table("id", "role", "manager", "scopes", "active")
    with ready_books(data_dir).read() as work:
        for one in work.staff.all():
            table.add_row(one.id, one.role, one.manager_id or "", one.scopes or "", "yes" if one.active else "no")
    out.print(table)


@machines.command("add")
def add_client(
    client_id: Id,
    name: Name,
    scope: Annotated[list[Scope], typer.Option("--scope", help="what it may do; give it several times for several")],
    manager: Manager = None,
    actor: Who = None,
    data_dir: BooksDir = None,
) -> None:
    """Add a machine account; its secret is printed this once."""

    def add(work: UnitOfWork, who: Actor) -> str:
        return add_secret(work, who, add_machine(work, who, client_id, name, frozenset(scope), manager))

    _show_secret(client_id, _done(data_dir, actor, "client_added", add))


@machines.command("rotate")
def rotate_secret(
    client_id: Id,
    overlap_hours: Annotated[
        float, typer.Option("--overlap-hours", min=0, help="how long the secret before stays good; 0 if it is out")
    ] = CHANGE_OVER / timedelta(hours=1),
    actor: Who = None,
    data_dir: BooksDir = None,
) -> None:
    """Give a machine account a new secret, printed this once; the one before ends after the overlap."""

    def rotate(work: UnitOfWork, who: Actor) -> str:
        account = person_with(work, client_id)
        if account.role is not Role.INTEGRATOR:
            raise NotAllowed(f"{client_id} is no machine account")
        return add_secret(work, who, account, timedelta(hours=overlap_hours))

    _show_secret(client_id, _done(data_dir, actor, "client_secret_added", rotate))


@machines.command("change")
def change_client(
    client_id: Id,
    reason: Reason,
    scope: Annotated[
        list[Scope] | None, typer.Option("--scope", help="what it may do from now on, instead of what it might")
    ] = None,
    manager: NewManager = None,
    no_manager: NoManager = False,
    actor: Who = None,
    data_dir: BooksDir = None,
) -> None:
    """Give a machine account other scopes or another team; its tokens end at once, its secrets stay good."""

    def change(work: UnitOfWork, who: Actor) -> None:
        scopes = frozenset(scope or ())
        change_machine(work, who, client_id, reason, scopes=scopes, manager_id=manager, no_manager=no_manager)

    _done(data_dir, actor, "staff_changed", change)
    say.print(f"{client_id} is changed, and has to ask for another token")


@machines.command("disable")
def disable_client(client_id: Id, actor: Who = None, data_dir: BooksDir = None) -> None:
    """Keep a machine account out from now on; its secrets and tokens end at once."""
    disable_command(client_id, actor, data_dir)


@machines.command("enable")
def enable_client(client_id: Id, actor: Who = None, data_dir: BooksDir = None) -> None:
    """Let a machine account in again; it needs a new secret."""
    enable_command(client_id, actor, data_dir)
    say.print(f"its secrets ended when it was disabled: give it a new one by loanwright clients rotate {client_id}")


def _done(data_dir: Path | None, actor: str | None, name: str, does: Callable[[UnitOfWork, Actor], Result]) -> Result:
    """What an act comes to, by an administrator or the operator; a refusal is kept."""
    books = ready_books(data_dir)
    if actor is not None:
        return act(books, actor, name, lambda work, who: does(work, _administrator(who)))
    return act_as(books, OPERATOR, name, does)


def _administrator(who: Actor) -> Actor:
    require(who, Action.KEEP_PEOPLE)
    return who


def _show_password(password: str) -> None:
    say.print("The password for the first sign-in, good for three days and shown this once:")
    typer.echo(password)


def _show_secret(client_id: str, secret: str) -> None:
    say.print(f"The secret of {client_id}, shown this once:")
    typer.echo(secret)
