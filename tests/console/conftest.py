"""Books for the operator's commands."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from books.session import Books
from settings import settings
from tests.books.migrated import seeded_file
from tests.servers.shared import SharedServers


@pytest.fixture
def books(servers: SharedServers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Books]:
    """Seeded books that a command finds by its setting, in this process or in one of its own."""
    with seeded_file(servers, tmp_path) as made:
        monkeypatch.setenv("LOANWRIGHT_DATABASE_URL", made.url)
        settings.cache_clear()
        yield made
    settings.cache_clear()
