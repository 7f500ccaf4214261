"""Which calendar the books keep, and what is said where another one was asked for."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from books.session import Books
from console.up import other_calendar, wanted_clock
from tests.books.migrated import migrated_file
from tests.console.running import loanwright
from tests.servers.shared import SharedServers

MONDAY = date(2026, 1, 5)


@pytest.fixture
def books(servers: SharedServers, tmp_path: Path) -> Iterator[Books]:
    found = Books(migrated_file(servers, tmp_path))
    yield found
    found.close()


def said(books: Books, day_seconds: float, start: date | None = None) -> str | None:
    """What is said when the books are opened with this calendar."""
    return other_calendar(books.set_clock(wanted_clock(day_seconds, start)), day_seconds, start)


def test_the_same_calendar_again_needs_no_word(books: Books) -> None:
    assert said(books, 60, MONDAY) is None
    assert said(books, 60, MONDAY) is None
    assert said(books, 60) is None


def test_books_with_a_short_day_say_so_to_whoever_asks_for_another(books: Books) -> None:
    said(books, 60, MONDAY)
    for one in (said(books, 86_400), said(books, 30), said(books, 60, date(2026, 2, 1))):
        assert one is not None
        assert "days of 60 s from 2026-01-05 on" in one


def test_books_with_real_days_say_so_to_whoever_asks_for_short_ones(books: Books) -> None:
    assert said(books, 86_400) is None
    assert said(books, 86_400, MONDAY) is None
    assert "real days" in str(said(books, 60))


def test_seed_says_which_calendar_the_books_keep(books: Books) -> None:
    said(books, 60, MONDAY)
    ended = loanwright("seed", environment={"LOANWRIGHT_DATABASE_URL": books.url})
    assert ended.code == 0
    assert "days of 60 s from 2026-01-05 on" in ended.err
