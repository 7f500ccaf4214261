"""Acts of a person of the staff from the operator's command: done as a whole, and each refusal kept."""

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from books.session import Books, UnitOfWork
from console.connections import of_folder, open_books
from console.seed import load_products
from lending.errors import LendingError
from models.staff import Actor, Role
from services import audit
from services.errors import NotAllowed
from settings import settings

T = TypeVar("T")


def ready_books(data_dir: Path | None) -> Books:
    """The books that a command works on, of a data folder if one is given, with the products and keys they need."""
    configured = of_folder(settings(), data_dir)
    load_products(configured)
    return open_books(configured)


def staff_member(work: UnitOfWork, actor_id: str) -> Actor:
    """The person of the staff with this id; NotAllowed if there is none who may act."""
    person = work.staff.get(actor_id)
    if person is None or not person.active:
        raise NotAllowed(f"there is nobody with the id {actor_id} who may act")
    return Actor(person.id, Role(person.role))


def act(books: Books, actor_id: str, name: str, does: Callable[[UnitOfWork, Actor], T]) -> T:
    """What an act of a person of the staff comes to; a refusal goes into the audit log as well."""
    with books.read() as work:
        actor = staff_member(work, actor_id)
    return act_as(books, actor, name, does)


def act_as(books: Books, actor: Actor, name: str, does: Callable[[UnitOfWork, Actor], T]) -> T:
    """The same of somebody who is known already."""
    try:
        with books.begin() as work:
            return does(work, actor)
    except LendingError as refusal:
        with books.begin() as work:
            audit.record(work, actor, name, reason=str(refusal), refused=True)
        raise
