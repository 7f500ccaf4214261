"""Pages on seeded books of one test alone."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from books.session import Books
from tests.books.migrated import seeded_file
from tests.servers.recorded import nothing_is_written_silently as nothing_is_written_silently
from tests.servers.shared import SharedServers
from tests.services.procedure import Procedure
from tests.web.serving import Visitor, serving

Come = Callable[..., Visitor]


@pytest.fixture
def books(servers: SharedServers, tmp_path: Path) -> Iterator[Books]:
    """Seeded books in a file; that every query works on both databases is the books' own test."""

    with seeded_file(servers, tmp_path) as made:
        yield made


@pytest.fixture
def procedure(books: Books) -> Procedure:
    """Takes loans through the procedure on these books."""
    return Procedure(books)


@pytest.fixture
def pages(books: Books) -> Iterator[str]:
    """The address of the pages on the books of this test, with the engine away."""
    with serving(books) as url:
        yield url


@pytest.fixture
def come(pages: str) -> Iterator[Come]:
    """Lets people visit the pages: `come("manager-zhao")`, `come(language="zh")`, `come(address="127.0.0.2")`."""
    visitors: list[Visitor] = []

    def visit(staff_id: str | None = None, language: str = "en", address: str | None = None) -> Visitor:
        visitors.append(Visitor(pages, language, address))
        return visitors[-1].sign_in(staff_id) if staff_id else visitors[-1]

    yield visit
    for visitor in visitors:
        visitor.close()
