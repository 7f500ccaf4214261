"""Acts of a person of the staff from the operator's command: done as a whole, and each refusal kept."""

from collections.abc import Callable
from typing import TypeVar

from books.session import Books, UnitOfWork
from lending.errors import LendingError
from models.staff import Actor, Role
from services import audit
from services.errors import NotAllowed

T = TypeVar("T")


def act(books: Books, actor_id: str, name: str, does: Callable[[UnitOfWork, Actor], T]) -> T:
    """What an act of a person of the staff comes to; a refusal goes into the audit log as well."""
    with books.read() as work:
        person = work.staff.get(actor_id)
    if person is None or not person.active:
        raise NotAllowed(f"there is nobody with the id {actor_id} who may act")
    actor = Actor(person.id, Role(person.role))
    try:
        with books.begin() as work:
            return does(work, actor)
    except LendingError as refusal:
        with books.begin() as work:
            audit.record(work, actor, name, reason=str(refusal), refused=True)
        raise
