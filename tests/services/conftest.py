"""Every test of a service runs on both databases."""

import pytest

from books.session import Books
from tests.books.migrated import books as books
from tests.services.procedure import Procedure


@pytest.fixture
def procedure(books: Books) -> Procedure:
    """Takes loans through the procedure on these books."""
    return Procedure(books)
