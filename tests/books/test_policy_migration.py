"""Versions from before they had a life: each was in force from its publication on, the first one from the beginning."""

from datetime import date
from pathlib import Path

import pytest
from alembic import command
from sqlalchemy import Connection, create_engine, text
from sqlalchemy.exc import DBAPIError

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


def test_decisions_from_one_table_stay_and_so_do_their_shadows(empty_url: str) -> None:
    """Of two shadows one is the challenger, the other the champion of the challenger's share."""
    migrate(empty_url, "0015")
    engine = create_engine(empty_url)
    with engine.begin() as connection:
        _one_table(connection)
    engine.dispose()
    migrate(empty_url)
    books = Books(empty_url)
    with books.read() as work:
        assert [(one.policy_id, one.challenger_id) for one in work.policies.shadows("L1")] == [("second", "second")]
        assert [(one.policy_id, one.challenger_id) for one in work.policies.shadows("L2")] == [("first", "second")]
        assert sum(row.cases for row in work.policies.compared("second") if row.routed) == 1
    with pytest.raises(DBAPIError, match="insert-only"), books.engine.begin() as connection:
        connection.execute(text("UPDATE shadow_grading SET grade = 'A'"))
    books.close()
    command.downgrade(alembic_config(empty_url), "0015")
    engine = create_engine(empty_url)
    with engine.connect() as connection:
        kept = connection.execute(text("SELECT loan, policy_id, fired_row FROM shadow_grading ORDER BY loan")).all()
    engine.dispose()
    assert [tuple(row) for row in kept] == [("L1", "second", 4), ("L2", "first", 4)]


def _one_table(connection: Connection) -> None:
    """Two loans, the first decided by the champion and the second by the challenger."""
    now = "'2026-01-05 00:00:00'"
    for number, policy in enumerate(("first", "second"), 1):
        connection.execute(
            text(
                "INSERT INTO policy (id, name, version, content, reason, drafted_by, drafted_at) VALUES"
                f" ('{policy}', 'grading-micro', {number}, '{{}}', '', 'shipped', {now})"
            )
        )
    connection.execute(
        text(
            "INSERT INTO customer (id, name, id_number, mobile, id_number_index, mobile_index, details, tags,"
            f" created_at) VALUES ('c', '', '', '', '', '', '{{}}', '[]', {now})"
        )
    )
    for loan, decided, other, share in (("L1", "first", "second", "false"), ("L2", "second", "first", "true")):
        connection.execute(
            text(
                "INSERT INTO loan (number, product, customer_id, stage, applied_fen, applied_on, next_due_fen,"
                " outstanding_fen, overdue_fen, dpd, high_risk, updated_at)"
                f" VALUES ('{loan}', 'micro', 'c', 'refused', 1, '2026-01-05', 0, 0, 0, 0, false, {now})"
            )
        )
        connection.execute(
            text(
                "INSERT INTO grading (id, loan, round, policy_id, outcome, grade, limit_fen, annual_rate_percent,"
                " reasons, facts, graded_at, fired_row, by_challenger)"
                f" VALUES ('g{loan}', '{loan}', 1, '{decided}', 'refer', 'A', 1, '7.2', '[]', '', {now}, 3, {share})"
            )
        )
        connection.execute(
            text(
                "INSERT INTO shadow_grading (loan, round, policy_id, outcome, grade, limit_fen, annual_rate_percent,"
                f" reasons, fired_row, graded_at) VALUES ('{loan}', 1, '{other}', 'refer', 'B', 1, '9', '[]', 4, {now})"
            )
        )
