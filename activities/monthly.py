"""What the jobs that are done month by month have in common on our own books."""

from collections.abc import Callable
from typing import TypeVar

from activities.acts import refusals
from books.session import Books, UnitOfWork
from models.recurring import MonthPage, MonthPageOrder

Found = TypeVar("Found")


def look_and_write(
    books: Books,
    order: MonthPageOrder,
    look: Callable[[UnitOfWork, MonthPageOrder], Found],
    write: Callable[[UnitOfWork, MonthPageOrder, Found], MonthPage],
) -> tuple[Found, MonthPage]:
    """A page of a month: looked at first and written then, so that writers of other acts wait for the writing only."""
    with refusals():
        with books.read() as work:
            found = look(work, order)
        with books.begin() as work:
            return found, write(work, order, found)
