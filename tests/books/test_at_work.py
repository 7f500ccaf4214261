"""Digests are changed only while nobody works with the books, and nobody works on with earlier keys."""

from collections.abc import Iterator

import pytest
from sqlalchemy.exc import OperationalError

from books.at_work import SomebodyAtWork, alone, stay_at_work
from books.session import Books
from models.data_keys import IndexKey


@pytest.fixture
def marks(books: Books) -> list[str]:
    with books.read() as work:
        return work.data_keys.index_marks()


@pytest.fixture
def house(books: Books, marks: list[str]) -> Iterator[Books]:
    """Another process at work."""
    at_work = Books(books.url)
    stay_at_work(at_work, marks)
    with at_work.read() as work:
        work.data_keys.index_marks()
    yield at_work
    at_work.close()


def test_books_are_held_together_by_all_who_work_and_by_nobody_alone(
    books: Books, house: Books, marks: list[str]
) -> None:
    second = Books(books.url)
    stay_at_work(second, marks)
    with second.read() as work:
        assert work.data_keys.index_marks() == marks
    for one in (house, second):
        with pytest.raises(SomebodyAtWork), alone(books):
            pass
        one.close()
    with alone(books):
        pass
    with alone(books):
        pass


def test_who_begins_while_digests_are_changed_does_not_get_in(books: Books, marks: list[str]) -> None:
    late = Books(books.url)

    def begin() -> None:
        stay_at_work(late, marks)
        with late.read() as work:
            work.data_keys.index_marks()

    with alone(books), pytest.raises((SomebodyAtWork, OperationalError)):
        begin()
    late.close()


def test_who_lost_the_database_does_not_come_back_to_digests_under_other_keys(books: Books, house: Books) -> None:
    # As when the database was started anew; a file is lost with its process only.
    house.close() if books.is_sqlite else house.engine.dispose()
    with alone(books), books.begin() as work:
        work.data_keys.add_index_keys([IndexKey(n=7, mark="another", since=work.now)])
    if not books.is_sqlite:
        with pytest.raises(OperationalError, match="made with other keys since"), house.read() as work:
            work.data_keys.index_marks()
