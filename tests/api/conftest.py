"""The API on seeded books of both databases."""

from collections.abc import Iterator

import pytest

from books.session import Books
from tests.api.serving import Caller, serving
from tests.books.migrated import books as books
from tests.services.conftest import procedure as procedure


@pytest.fixture
def api(books: Books) -> Iterator[Caller]:
    """The API on the books of this test, with the engine away."""
    with serving(books) as caller:
        yield caller
