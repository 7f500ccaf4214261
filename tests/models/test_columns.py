"""Columns that every table shares: instants in UTC, enums by their spelling, personal text under a seal."""

import re
from datetime import UTC, datetime, timedelta, timezone

import pytest
from sqlalchemy import LargeBinary, select, text, update
from sqlalchemy.exc import StatementError
from sqlmodel import col

from books.session import Books
from models.columns import Erased, ErasedForm, Sealed, UnderASeal
from models.customers import Customer
from models.loans import Stage
from models.staff import Staff
from models.tables import METADATA
from tests.books.migrated import books as books
from tests.services.procedure import Procedure

SHANGHAI = timezone(timedelta(hours=8))


def test_an_instant_comes_back_aware_and_in_utc(books: Books) -> None:
    at = datetime(2026, 1, 5, 9, 30, 15, 123456, tzinfo=SHANGHAI)
    with books.begin() as work:
        work.outbox.add_effect(key="k", loan="L26000001", n=1, result={}, at=at)
    with books.read() as work:
        kept = work.outbox.effect("k")
        assert kept is not None
        assert kept.at == at
        assert kept.at.tzinfo is UTC


def test_an_instant_without_a_zone_is_refused(books: Books) -> None:
    naive = datetime(2026, 1, 5, 9, 30)  # noqa: DTZ001 this is the mistake that is refused
    with pytest.raises((StatementError, ValueError), match=r"time ?zone"), books.begin() as work:
        work.outbox.add_effect(key="k", loan="L26000001", n=1, result={}, at=naive)


def test_an_enum_is_kept_by_its_spelling(books: Books) -> None:
    loan = Procedure(books).apply()
    with books.read() as work:
        assert work.session.execute(text("SELECT stage FROM loan")).scalar_one() == "application"
        assert work.loans.get(loan).stage is Stage.APPLICATION


def test_a_spelling_that_nobody_knows_is_refused(books: Books) -> None:
    loan = Procedure(books).apply()
    with books.begin() as work:
        row = work.loans.get(loan)
        row.stage = "somewhere"  # type: ignore[assignment]  # this is the mistake that is refused
        with pytest.raises(StatementError):
            work.session.flush()
        work.session.rollback()


def personal_columns() -> list[tuple[str, str]]:
    return [
        (table.name, column.name)
        for table in METADATA.sorted_tables
        for column in table.columns
        if isinstance(column.type, UnderASeal)
    ]


def test_personal_data_is_read_through_the_models_and_by_nobody_else(books: Books) -> None:
    procedure = Procedure(books)
    loan = procedure.running("auto", name="欧阳密封", occupation="飞行员")
    procedure.deposit(loan, 100)
    with books.read() as work:
        customer = work.session.get(Customer, work.loans.get(loan).customer_id)
        assert customer is not None
        form = work.loans.application(loan).form
        assert (customer.name, customer.details, form["name"]) == ("欧阳密封", {"occupation": "飞行员"}, "欧阳密封")
        assert work.customers.borrower(loan).account == form["bank_card"]
        seen = 0
        for table, column in personal_columns():
            query = text(f'SELECT "{column}" FROM "{table}" WHERE "{column}" IS NOT NULL')
            for (kept,) in work.session.execute(query):
                head = kept[:40].decode("latin-1") if isinstance(kept, bytes) else kept
                assert re.match(r"s1\.([0-9a-f]{32}|house)\.", head), f"{table}.{column} is not under a seal"
                seen += 1
    assert seen > 30


def test_what_was_not_sealed_is_refused_on_its_way_into_a_table(books: Books) -> None:
    refused = "written through the books"
    statement = update(Staff).values(name="欧阳密封").where(col(Staff.id) == "agent-lin")
    with pytest.raises(StatementError, match=refused), books.begin() as work:
        work.session.execute(statement)


def test_what_is_sealed_is_never_shown_by_mistake(books: Books) -> None:
    with books.read() as work:
        (name,) = work.session.execute(select(col(Staff.name)).where(col(Staff.id) == "agent-lin")).one()
    assert isinstance(name, Sealed)
    assert repr(name) == "<sealed>"
    with pytest.raises(TypeError, match="sealed"):
        f"{name}"


def test_an_erased_form_answers_every_question() -> None:
    form = ErasedForm()
    assert isinstance(form["name"], Erased)
    assert form.get("name") is None
    assert dict(form) == {}


def test_personal_data_stands_in_personal_columns_only(books: Books) -> None:
    """Name, ID number, mobile, card and what the bank says of the sender appear in no other column of any table."""
    procedure = Procedure(books)
    loan = procedure.running("student", name="欧阳密封")
    procedure.deposit(loan, 100)
    with books.read() as work:
        form = work.loans.application(loan).form
        secrets = [str(form[name]) for name in ("name", "id_number", "mobile", "bank_card")] + ["王先生"]
        known = set(personal_columns())
        for table in METADATA.sorted_tables:
            for column in table.columns:
                if (table.name, column.name) in known:
                    continue
                is_binary = isinstance(column.type, LargeBinary)
                wanted = f'"{column.name}"' if is_binary else f'CAST("{column.name}" AS TEXT)'
                for (kept,) in work.session.execute(text(f'SELECT {wanted} FROM "{table.name}"')):
                    said = bytes(kept or b"") if is_binary else (kept or "").encode()
                    assert not any(secret.encode() in said for secret in secrets), f"{table.name}.{column.name}"


def test_the_seal_covers_every_column_about_a_person() -> None:
    expected = {
        ("application", "form"),
        ("bank_entry", "counterparty"),
        ("bank_entry", "remittance"),
        ("collateral", "identifier"),
        ("contact", "text"),
        ("customer", "details"),
        ("customer", "id_number"),
        ("customer", "mobile"),
        ("customer", "name"),
        ("document", "filename"),
        ("party", "account"),
        ("party", "name"),
        ("staff", "name"),
        ("verification", "answer"),
    }
    assert set(personal_columns()) >= expected
