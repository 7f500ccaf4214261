"""Books from before personal columns were sealed: everything lies sealed afterwards, and nothing is lost on the way."""

from pathlib import Path
from typing import Any

import pytest
from alembic import command
from sqlalchemy import create_engine, text
from sqlalchemy.exc import DBAPIError
from sqlmodel import SQLModel, select

from books.schema import alembic_config, migrate
from books.sealing import SEALED
from books.session import Books, UnitOfWork
from models.customers import Customer
from models.documents import Document, DocumentReading
from models.loans import Application
from models.notices import Contact
from models.second_looks import SecondLook
from models.staff import Staff
from models.verification import Verification
from services.data_keys import marks_of
from tests.books.migrated import opened_anew
from tests.services.procedure import Procedure

NAME = "欧阳密封"
MANY = 1_100
"""More rows than the migration takes at once."""
TABLES: tuple[type[SQLModel], ...] = (Customer, Application, Contact, Verification, SecondLook, Staff, Document)


def values(work: UnitOfWork) -> dict[str, Any]:
    """Every personal value of some tables, by table, row and column."""
    found = {}
    for table in TABLES:
        sealed = SEALED[table.__table__]  # type: ignore[attr-defined]  # SQLModel does not declare it
        for row in work.session.exec(select(table)):
            key = "/".join(str(getattr(row, name)) for name in sealed.key)
            for name, kind in sealed.columns.items():
                if not kind.is_file:
                    found[f"{sealed.table.name} {key} {name}"] = getattr(row, name)
    return found


def triggers(books: Books) -> list[tuple[Any, ...]]:
    query = (
        "SELECT name, tbl_name, sql FROM sqlite_master WHERE type = 'trigger' ORDER BY name"
        if books.is_sqlite
        else "SELECT tgname, tgrelid::regclass::text, tgenabled, pg_get_triggerdef(oid) FROM pg_trigger "
        "WHERE NOT tgisinternal ORDER BY tgname, tgrelid::regclass::text"
    )
    with books.read() as work:
        return [tuple(row) for row in work.session.execute(text(query))]


def fill(books: Books, loan: str, customer_id: str) -> None:
    """Rows in clear, as an earlier version wrote them: more than one page, also where the key has two parts."""
    engine = create_engine(books.url)
    with engine.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO contact (id, key, customer_id, loan, channel, direction, text, at) VALUES "
                "(:id, :id, :customer, :loan, 'sms', 'out', :text, '2026-01-05 00:00:00')"
            ),
            [{"id": f"c{n:05}", "customer": customer_id, "loan": loan, "text": f"{NAME} {n}"} for n in range(MANY)],
        )
        connection.execute(
            text(
                "INSERT INTO second_look (loan, round, words, grade, limit_fen, annual_rate_percent, asked_by, "
                "asked_as, asked_on, asked_at) VALUES (:loan, :n, :words, 'C', 1, '1', 'x', 'risk', '2026-01-05', "
                "'2026-01-05 00:00:00')"
            ),
            [{"loan": loan, "n": n, "words": f"{NAME} {n}" if n % 3 else None} for n in range(10, 10 + MANY)],
        )
    engine.dispose()


def test_what_lay_in_clear_lies_sealed_afterwards_and_opens_again(procedure: Procedure) -> None:
    books, url = procedure.books, procedure.books.url
    loan = procedure.running("auto", name=NAME, occupation="飞行员")
    procedure.deposit(loan, 100)
    with books.read() as work:
        before, customer_id = values(work), work.loans.get(loan).customer_id
    guards = triggers(books)
    books.engine.dispose()
    command.downgrade(alembic_config(url), "0023")
    engine = create_engine(url)
    with engine.connect() as connection:
        assert connection.execute(text("SELECT name FROM customer")).scalar_one() == NAME
        assert NAME in connection.execute(text("SELECT form FROM application")).scalar_one()
    engine.dispose()
    fill(books, loan, customer_id)

    migrate(url)

    with opened_anew(books) as fresh:
        with fresh.read() as work:
            after = values(work)
            assert {key: after[key] for key in before} == before
            assert after["contact c01099 text"] == f"{NAME} 1099"
            assert after[f"second_look {loan}/1109 words"] == f"{NAME} 1109"
            assert after[f"second_look {loan}/12 words"] is None
            assert work.customers.borrower(loan).name == NAME
            for sealed in SEALED.values():
                for name in sealed.columns:
                    query = f'SELECT count(*) FROM "{sealed.table.name}" WHERE CAST("{name}" AS TEXT) LIKE :name'
                    assert work.session.execute(text(query), {"name": f"%{NAME}%"}).scalar_one() == 0
        assert triggers(fresh) == guards
        for statement in ("UPDATE application SET form = ''", "UPDATE verification SET answer = ''"):
            with pytest.raises(DBAPIError, match="insert-only"), fresh.engine.begin() as connection:
                connection.execute(text(statement))
    if books.is_sqlite:
        assert NAME.encode() not in Path(url.removeprefix("sqlite:///")).read_bytes()


def test_documents_go_back_under_the_ring_and_come_again(procedure: Procedure) -> None:
    """Whoever takes the version back can read his documents, and reads them again when he comes back to it."""
    books, url = procedure.books, procedure.books.url
    loan = procedure.apply()
    with books.begin() as work:
        document = Document.of(
            b"a content", loan=loan, kind="id_card", filename="x", media_type="x", uploaded_by="x", uploaded_at=work.now
        )
        reading = DocumentReading(document_id=document.id, loan=loan, not_before=work.now)
        reading.keep_picture(b"a picture")
        work.session.add_all([document, reading])
    books.engine.dispose()
    command.downgrade(alembic_config(url), "0023")
    migrate(url)
    with opened_anew(books) as fresh, fresh.read() as work:
        kept, read = work.documents.get(document.id), work.documents.reading(document.id)
        assert kept is not None
        assert read is not None
        assert (kept.key_id, kept.content) == ("demo", b"a content")
        assert (read.picture_key_id, read.show_picture()) == ("demo", b"a picture")


def test_books_with_digests_know_the_key_that_made_them(procedure: Procedure) -> None:
    books, url = procedure.books, procedure.books.url
    procedure.apply()
    books.engine.dispose()
    command.downgrade(alembic_config(url), "0023")
    migrate(url)
    with opened_anew(books) as fresh, fresh.read() as work:
        assert work.data_keys.index_marks() == marks_of([b"loanwright-blind-index"])
