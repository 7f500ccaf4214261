"""Versions from before they had a life: each was in force from its publication on, the first one from the beginning."""

from datetime import date
from pathlib import Path

import pytest
from alembic import command
from sqlalchemy import create_engine, text

from books.schema import alembic_config, migrate
from books.session import Books
from tests.books.migrated import DATABASES


@pytest.fixture(params=DATABASES)
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of an empty database."""
    url: str = (
        f"sqlite:///{tmp_path}/new/books.db" if request.param == "sqlite" else request.getfixturevalue("postgres_url")
    )
    return url


def test_earlier_versions_stay_in_force_on_their_days(empty_url: str) -> None:
    migrate(empty_url, "0013")
    engine = create_engine(empty_url)
    with engine.begin() as connection:
        for number, month in ((1, "03"), (2, "05")):
            connection.execute(
                text(
                    "INSERT INTO policy (id, name, version, content, published_by, published_at) VALUES"
                    f" ('0{number}9c0000000000000000000000000000', 'grading-micro', {number}, '{{}}', 'shipped',"
                    f" '2026-{month}-05 00:00:00')"
                )
            )
    engine.dispose()
    migrate(empty_url)
    books = Books(empty_url)
    with books.read() as work:
        numbers = {}
        for day in (date(2020, 1, 1), date(2026, 5, 4), date(2026, 5, 5)):
            found = work.policies.in_force("grading-micro", day).champion
            assert found is not None
            numbers[day] = work.policies.get(found.policy_id).version
        assert list(numbers.values()) == [1, 1, 2]
        newest = work.policies.version("grading-micro", 2)
        assert [step.id[:12] for step in work.policies.steps([newest.id])] == 2 * ["029c00000000"]
    books.close()
    command.downgrade(alembic_config(empty_url), "0013")
    engine = create_engine(empty_url)
    with engine.connect() as connection:
        rows = connection.execute(text("SELECT version, published_by FROM policy ORDER BY version")).all()
    engine.dispose()
    assert [tuple(row) for row in rows] == [(1, "shipped"), (2, "shipped")]
