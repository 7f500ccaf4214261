"""Columns that every table shares: instants in UTC, enums by their spelling, personal text under a seal."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone

import pytest
from sqlalchemy import LargeBinary, text
from sqlalchemy.exc import StatementError
from sqlmodel import SQLModel

from books.session import Books
from models.columns import Personal, PersonalForm, set_seal
from models.customers import Customer
from models.loans import Stage
from tests.books.migrated import books as books
from tests.services.procedure import Procedure

SHANGHAI = timezone(timedelta(hours=8))


@pytest.fixture
def under_a_seal() -> Iterator[None]:
    """Another seal than the plain one: here it turns the text around, so that its loss would be seen."""
    set_seal(lambda plain: f"sealed:{plain[::-1]}", lambda kept: kept.removeprefix("sealed:")[::-1])
    yield
    set_seal(lambda plain: plain, lambda kept: kept)


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
        for table in SQLModel.metadata.sorted_tables
        for column in table.columns
        if isinstance(column.type, Personal | PersonalForm)
    ]


@pytest.mark.usefixtures("under_a_seal")
def test_under_a_seal_personal_data_is_read_through_the_models_and_by_nobody_else(books: Books) -> None:
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
            for (kept,) in work.session.execute(text(f'SELECT "{column}" FROM "{table}" WHERE "{column}" IS NOT NULL')):
                # The template's own demo persons were written before this seal.
                if table != "staff":
                    assert kept.startswith("sealed:"), f"{table}.{column} is not under the seal"
                    seen += 1
    assert seen > 10


def test_personal_data_stands_in_personal_columns_only(books: Books) -> None:
    """Name, ID number, mobile, card and what the bank says of the sender appear in no other column of any table."""
    procedure = Procedure(books)
    loan = procedure.running("student", name="欧阳密封")
    procedure.deposit(loan, 100)
    with books.read() as work:
        form = work.loans.application(loan).form
        secrets = [str(form[name]) for name in ("name", "id_number", "mobile", "bank_card")] + ["王先生"]
        known = set(personal_columns())
        for table in SQLModel.metadata.sorted_tables:
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
