"""Migrations: up, down and up again on both databases, and always the same tables as the models."""

from datetime import date
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine, inspect, text
from sqlmodel import select

from books.schema import alembic_config, migrate
from books.session import Books
from models.documents import Document
from models.ledger import Posting
from models.tables import METADATA
from tests.books.migrated import DATABASES, opened_anew
from tests.services.procedure import Procedure


@pytest.fixture(params=DATABASES)
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of an empty database."""
    url: str = (
        f"sqlite:///{tmp_path}/new/books.db" if request.param == "sqlite" else request.getfixturevalue("postgres_url")
    )
    return url


def tables(url: str) -> set[str]:
    engine = create_engine(url)
    names = set(inspect(engine).get_table_names())
    engine.dispose()
    return names - {"alembic_version"}


def test_the_migrations_make_the_tables_of_the_models(empty_url: str) -> None:
    migrate(empty_url)
    engine = create_engine(empty_url)
    with engine.connect() as connection:
        differences = compare_metadata(MigrationContext.configure(connection), METADATA)
    engine.dispose()
    assert differences == []
    command.check(alembic_config(empty_url))


def test_migrations_go_down_to_nothing_and_up_again(empty_url: str) -> None:
    migrate(empty_url)
    up = tables(empty_url)
    command.downgrade(alembic_config(empty_url), "base")
    assert tables(empty_url) == set()
    migrate(empty_url)
    assert tables(empty_url) == up
    assert up == set(METADATA.tables)


def test_books_that_have_all_migrations_stay_as_they_are(empty_url: str) -> None:
    migrate(empty_url)
    books = Books(empty_url)
    with books.begin() as work:
        work.outbox.next_numbers("loan", 41)
    migrate(empty_url)
    with books.begin() as work:
        assert work.outbox.next_numbers("loan", 1) == 42
    books.close()


def test_an_older_database_is_brought_up_with_its_rows(empty_url: str) -> None:
    migrate(empty_url, "0001")
    engine = create_engine(empty_url)
    with engine.begin() as connection:
        connection.execute(text("INSERT INTO number_series (name, next) VALUES ('loan', 42)"))
    engine.dispose()
    migrate(empty_url)
    books = Books(empty_url)
    with books.begin() as work:
        assert work.outbox.next_numbers("loan", 1) == 42
        assert {account.code for account in work.ledger.accounts(date(2026, 1, 5))} > {"1001", "4001", "2201", "9001"}
    books.close()


def test_what_was_posted_before_taxes_is_booked_on_its_value_date_and_stays_without_tax(empty_url: str) -> None:
    migrate(empty_url, "0003")
    engine = create_engine(empty_url)
    with engine.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO posting (id, key, entry, debit, credit, amount_fen, about, value_date, booked_at) "
                "VALUES ('1', '1', 'e', '1102', '4001', 106, 'x', '2026-03-05', '2026-03-06 00:00:00')"
            )
        )
    engine.dispose()
    migrate(empty_url)
    books = Books(empty_url)
    with books.read() as work:
        (posting,) = work.session.exec(select(Posting))
        assert (posting.amount_fen, posting.value_date, posting.booking_date) == (106, *2 * (date(2026, 3, 5),))
        assert work.ledger.rates(date(2026, 3, 5)) == {}
        assert work.ledger.rates(date(2026, 3, 6))["4001"] == 600
    books.close()


def test_documents_from_before_they_were_sealed_lie_sealed_afterwards_and_open_again(procedure: Procedure) -> None:
    url, loan = procedure.books.url, procedure.apply()
    contents = {b"%%PDF-1.7 document %d" % n for n in range(120)}
    with procedure.at() as work:
        for content in contents:
            document = Document.of(
                content, loan=loan, kind="id_card", filename="x", media_type="x", uploaded_by="x", uploaded_at=work.now
            )
            work.session.add(document)
    engine = create_engine(url)
    command.downgrade(alembic_config(url), "0014")
    with engine.connect() as connection:
        kept = {bytes(row[0]) for row in connection.execute(text("SELECT content FROM document"))}
    assert kept == contents
    migrate(url)
    with engine.connect() as connection:
        sealed = [bytes(row[0]) for row in connection.execute(text("SELECT sealed FROM document"))]
    engine.dispose()
    assert len(sealed) == len(contents)
    assert not any(b"PDF" in one for one in sealed)
    with opened_anew(procedure.books) as books, books.read() as work:
        assert {one.content for one in work.session.exec(select(Document))} == contents
    if procedure.books.is_sqlite:
        procedure.books.close()
        assert b"PDF-1.7 document" not in Path(url.removeprefix("sqlite:///")).read_bytes()


def test_a_password_with_a_percent_sign_reaches_the_database() -> None:
    section = alembic_config("postgresql+psycopg://a:b%40c@h/d").get_section("alembic", {})
    assert section["sqlalchemy.url"] == "postgresql+psycopg://a:b%40c@h/d"
