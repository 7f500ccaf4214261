"""Acts of a person of the staff from the operator's command: done as a whole, and each refusal kept.

Whoever has a shell here and the keys is believed when he says who acts; the audit log says from which account it was.
"""

import getpass
import os
import re
import socket
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from books.session import Books, UnitOfWork
from console.connections import of_folder, open_books
from console.ring import hold_index_keys
from console.seed import load_products
from lending.errors import LendingError
from models.staff import Actor, Role
from services.errors import NotAllowed
from services.refusals import SUBJECTS, Refusal, is_kept, refusal_log
from settings import settings

T = TypeVar("T")

OPERATOR = Actor("operator", Role.SYSTEM)
"""Whoever may run this command on the books, where he does not say who acts."""


class UnknownActor(NotAllowed):
    """Nobody with the given id may act."""

    code = "unknown_actor"

    def __init__(self, actor_id: str) -> None:
        super().__init__(f"there is nobody with the id {actor_id} who may act")


@dataclass
class _UnderWay:
    """The one command of this process: its books, who acts, and what of its refusals is on record already."""

    books: Books | None = None
    actor: Actor = OPERATOR
    kept: LendingError | None = None


_COMMAND = _UnderWay()


def command_address() -> str:
    """From where a command comes: the account and the machine that it runs under."""
    try:
        account = getpass.getuser()
    except (KeyError, OSError):
        # In a container an account need not have a name.
        account = str(os.getuid())
    return f"cli:{account}@{socket.gethostname()}"


def ready_books(data_dir: Path | None, *, index_keys_may_change: bool = False) -> Books:
    """The books that a command works on, of a data folder if one is given, with the products and keys they need.

    `index_keys_may_change` is for whoever changes them.
    """
    configured = of_folder(settings(), data_dir)
    load_products(configured)
    books = open_books(configured)
    if not index_keys_may_change:
        hold_index_keys(books)
    _COMMAND.books = books
    return books


def staff_member(work: UnitOfWork, actor_id: str) -> Actor:
    """The person of the staff with this id; UnknownActor if there is none who may act."""
    person = work.staff.get(actor_id)
    if person is None or not person.active:
        raise UnknownActor(actor_id)
    actor = Actor(person.id, Role(person.role))
    # The first one acts, a second one agrees.
    if _COMMAND.actor is OPERATOR:
        _COMMAND.actor = actor
    return actor


def act(books: Books, actor_id: str, name: str, does: Callable[[UnitOfWork, Actor], T]) -> T:
    """What an act of a person of the staff comes to; a refusal goes into the audit log as well."""
    _COMMAND.books = books
    with books.read() as work:
        actor = staff_member(work, actor_id)
    return act_as(books, actor, name, does)


def act_as(
    books: Books, actor: Actor, name: str, does: Callable[[UnitOfWork, Actor], T], *, subject: str | None = None
) -> T:
    """The same of somebody who is known already; `subject` is what a refusal was about."""
    if subject is not None and not any(re.fullmatch(one, subject) for one in SUBJECTS):
        # What was given in place of an id may be anything, a person's number for one.
        subject = None
    try:
        with books.begin() as work:
            return does(work, actor)
    except LendingError as refusal:
        _COMMAND.kept = refusal
        refusal_log(books).keep(actor, Refusal(name, f"{refusal.code}: {refusal}", subject=subject))
        raise


def keep_refusal(error: LendingError, command: str) -> None:
    """Keeps what ended a command (`command` as it is called), unless that is on record already or is a mere slip."""
    if _COMMAND.books is None or error is _COMMAND.kept or not is_kept(error, "POST"):
        return
    # What was given in place of an id may be anything, even a password.
    reason = error.code if isinstance(error, UnknownActor) else f"{error.code}: {error}"
    refusal_log(_COMMAND.books).keep(_COMMAND.actor, Refusal("command_refused", reason, subject=command))
