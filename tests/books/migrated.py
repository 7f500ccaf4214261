"""Seeded books on both databases, copied from a template that one test process made for all."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import Engine

from books.schema import migrate
from books.session import Books
from console.seed import load_products, seed
from lending.calendar import REAL_DAY_SECONDS, BusinessClock
from settings import Settings
from tests.modules.applications import DAY
from tests.servers.postgres import PostgresCluster
from tests.servers.shared import SharedServers

DATABASES = ("sqlite", "postgresql")
COMPILED: dict[bool, Engine] = {}
"""The first engine of each database, which keeps the compiled statements."""


def fill(url: str) -> None:
    """Migrated and seeded; whenever the tests run, their business day begins on the first day of the examples."""
    migrate(url)
    books = Books(url)
    books.set_clock(BusinessClock(REAL_DAY_SECONDS, datetime.now(UTC), DAY))
    seed(books, Settings())
    books.close()


def migrated_file(servers: SharedServers, folder: Path) -> str:
    """The address of books in a file with tables and nothing else: the days, people and rules are the test's own."""

    def make() -> str:
        path = servers.folder / "migrated.db"
        migrate(f"sqlite:///{path}")
        return str(path)

    path = folder / "books.db"
    shutil.copy(servers.once("migrated-sqlite", make), path)
    return f"sqlite:///{path}"


def _sqlite_template(servers: SharedServers) -> Path:
    def make() -> str:
        path = servers.folder / "seeded.db"
        fill(f"sqlite:///{path}")
        return str(path)

    return Path(servers.once("seeded-sqlite", make))


@contextmanager
def seeded(
    database: str, servers: SharedServers, cluster: Callable[[], PostgresCluster], folder: Path
) -> Iterator[Books]:
    """Books of one test alone, with the products loaded into this process."""
    if database == "sqlite":
        with seeded_file(servers, folder) as books:
            yield books
        return
    load_products(Settings())
    with cluster().database(cluster().template("seeded", fill)) as url, _opened(url) as books:
        yield books


@contextmanager
def seeded_file(servers: SharedServers, folder: Path) -> Iterator[Books]:
    """The same in a file, for tests to which the database does not matter."""
    load_products(Settings())
    path = folder / "books.db"
    shutil.copy(_sqlite_template(servers), path)
    with _opened(f"sqlite:///{path}") as books:
        yield books


@contextmanager
def _opened(url: str) -> Iterator[Books]:
    """Books that know the statements which earlier books of this process compiled: to compile them anew for every
    test took a fifth of its time.
    """
    books = Books(url)
    if books.is_sqlite not in COMPILED:
        # A dialect knows its server after the first connection.
        books.engine.connect().close()
        COMPILED[books.is_sqlite] = books.engine
    earlier = COMPILED[books.is_sqlite]
    books.engine.dialect, books.engine._compiled_cache = earlier.dialect, earlier._compiled_cache
    yield books
    books.close()


@contextmanager
def opened_anew(books: Books) -> Iterator[Books]:
    """The same books as another process opens them: after they were taken back and migrated their keys are others."""
    with _opened(books.url) as fresh:
        yield fresh


@pytest.fixture(params=DATABASES)
def books(request: pytest.FixtureRequest, servers: SharedServers, tmp_path: Path) -> Iterator[Books]:
    """Seeded books of this test alone; each test runs on both databases."""

    def cluster() -> PostgresCluster:
        found: PostgresCluster = request.getfixturevalue("postgres_cluster")
        return found

    with seeded(request.param, servers, cluster, tmp_path) as made:
        yield made
