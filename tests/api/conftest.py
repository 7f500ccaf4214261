"""The API on seeded books of one test alone."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from books.session import Books
from tests.api.serving import Caller, serving
from tests.books.migrated import seeded_file
from tests.servers.recorded import nothing_is_written_silently as nothing_is_written_silently
from tests.servers.shared import SharedServers
from tests.services.conftest import procedure as procedure


@pytest.fixture
def books(servers: SharedServers, tmp_path: Path) -> Iterator[Books]:
    """Seeded books in a file. That every act and query works on both databases is the services' and the books' own
    test; files whose requests put what a sender chose into a query take both (`tests.books.migrated.books`).
    """
    with seeded_file(servers, tmp_path) as made:
        yield made


@pytest.fixture
def api(books: Books) -> Iterator[Caller]:
    """The API on the books of this test, with the engine away."""
    with serving(books) as caller:
        yield caller


@pytest.fixture(scope="module")
def refusing_api(servers: SharedServers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Caller]:
    """The API for requests that change nothing; one for all tests of a file."""
    with (
        seeded_file(servers, tmp_path_factory.mktemp("refusing")) as made,
        serving(made) as caller,
    ):
        yield caller
        with made.read() as work:
            assert work.loans.all_numbers() == []
