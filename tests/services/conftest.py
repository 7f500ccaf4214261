"""Every test of a service runs on both databases."""

from datetime import date

import pytest

from books.session import Books
from tests.books.migrated import books as books
from tests.services.procedure import Procedure


@pytest.fixture
def procedure(books: Books) -> Procedure:
    """Takes loans through the procedure on these books."""
    return Procedure(books)


@pytest.fixture
def loan(procedure: Procedure) -> str:
    """A microloan of 12,000 yuan in twelve installments, paid out on 5 January 2026, seen on 20 January."""
    number = procedure.running()
    procedure.day = date(2026, 1, 20)
    procedure.advance(number)
    return number
