"""A value that nobody can read hides no loan from an auditor: its row is named, and the rest is told."""

from collections.abc import Callable, Mapping
from datetime import date, timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from books.session import Books
from services.audit_chain import seal
from services.bundles import contents_of
from services.loan_audit import look
from services.story_differences import differences
from services.story_kinds import DifferenceKind, StoryDifference
from services.timeline import tell
from tests.services.audit_log import tamper
from tests.services.procedure import Procedure

NO_TEXT = "CAST(x'80' || substr(CAST({} AS BLOB), 2) AS TEXT)"
"""The first letter is a byte with which no text begins."""
KEYS = {"loan_event": "key", "payment": "key", "effect": "key", "loan": "number"}
WORDS = {
    "payment": ("status", "kind"),
    "decision": ("decided_as", "outcome"),
    "task": ("kind", "status"),
    "loan": ("stage",),
}
"""Columns with one of some words."""
DOCUMENTS = {"loan_event": ("body",), "terms": ("body",), "audit_entry": ("after",), "effect": ("result",)}
OTHERWISE = {
    "audit_entry": ("at", "after"),
    "posting": ("value_date", "booked_at", "amount_fen"),
    "loan_event": ("body", "date", "recorded_at"),
    "terms": ("body", "effective_from", "created_at"),
    "payment": ("value_date", "settled_fen"),
    "decision": ("decided_at",),
    "effect": ("result", "at"),
    "task": ("opened_at",),
    "loan": ("updated_at", "applied_fen"),
}
"""Columns in which SQLite keeps a word as well."""
TEXTS = {
    "audit_entry": ("act", "reason", "subject"),
    "posting": ("about", "entry"),
    "payment": ("bank_reference",),
    "decision": ("reason",),
    "document": ("sha256",),
    "loan": ("product",),
}
"""Columns of text, of which SQLite does not ask what it is."""


def _each(columns: Mapping[str, tuple[str, ...]]) -> list[tuple[str, str]]:
    return [(table, column) for table, some in columns.items() for column in some]


@pytest.fixture
def loan(procedure: Procedure) -> str:
    """A loan that runs, has paid, and all of whose entries are sealed."""
    number = procedure.running()
    procedure.day = date(2026, 2, 5)
    procedure.collect(number)
    procedure.advance(number)
    with procedure.at() as work:
        key, result = f"{number}:advance:1", {"stage": "repayment"}
        work.outbox.add_effect(key=key, loan=number, n=1, act="advance", request=None, result=result, at=work.now)
    with procedure.books.begin() as work:
        seal(work)
    return number


Found = Callable[[str, str, str], tuple[str, list[StoryDifference]]]


@pytest.fixture
def found_with(books: Books, loan: str) -> Found:
    """Writes a value into a column of one row of the loan, and puts the old one back: the row, and what is found."""

    def found(table: str, column: str, value: str) -> tuple[str, list[StoryDifference]]:
        key = KEYS.get(table, "id")
        of_loan = f"number = '{loan}'" if table == "loan" else f"loan = '{loan}'"
        spelled = f"quote({column})" if books.is_sqlite else f"quote_literal({column}::text)"
        first = f"SELECT {key}, {spelled} FROM {table} WHERE {of_loan} AND {column} IS NOT NULL ORDER BY {key} LIMIT 1"
        with books.engine.connect() as connection:
            row, before = connection.execute(text(first)).one()
        update = f"UPDATE {table} SET {column} = {{}} WHERE {key} = '{row}'"
        tamper(books, update.format(value))
        with books.read() as work:
            work.now += timedelta(minutes=5)
            seen = look(work, loan, [], engine_answered=True, as_of=work.today, after=0, limit=500)
            story = tell(work, loan, [])
            assert differences(work, story) == seen.differences
            assert seen.lines
            assert contents_of(work, story).files["differences.json"]
        as_it_was = before if books.is_sqlite or not str(before).startswith("'{") else f"{before}::json"
        tamper(books, update.format(as_it_was))
        return str(row), list(seen.differences)

    return found


@pytest.mark.parametrize(("table", "column"), _each(WORDS))
def test_a_word_that_is_none_of_those_there_are(found_with: Found, table: str, column: str) -> None:
    row, found = found_with(table, column, "'x'")
    assert (DifferenceKind.ROW_UNREADABLE, f"{table}/{row}") in [(one.kind, one.subject) for one in found]


@pytest.mark.parametrize(("table", "column"), _each(DOCUMENTS))
def test_a_document_of_another_form(found_with: Found, table: str, column: str) -> None:
    for value in ("'[]'", "'\"x\"'", "'7'"):
        row, found = found_with(table, column, value)
        assert (DifferenceKind.ROW_UNREADABLE, f"{table}/{row}") in [(one.kind, one.subject) for one in found], value


def test_a_value_of_another_kind_and_a_text_that_is_none(books: Books, found_with: Found) -> None:
    if not books.is_sqlite:
        # PostgreSQL keeps in a column what is of its type.
        with pytest.raises(DBAPIError):
            found_with("posting", "value_date", "'x'")
        return
    words = [(*one, "'x'") for one in _each(OTHERWISE)]
    no_texts = [(table, column, NO_TEXT.format(column)) for table, column in _each(TEXTS)]
    for table, column, value in (*words, *no_texts):
        row, found = found_with(table, column, value)
        named = [(one.kind, one.subject) for one in found]
        assert (DifferenceKind.ROW_UNREADABLE, f"{table}/{row}") in named, (table, column)


def test_an_entry_that_names_things_otherwise_is_told(found_with: Found) -> None:
    """It can be read, and what it says cannot be compared."""
    after = '{"terms_sha256": "x", "terms_versions": 1, "amount_fen": "x", "events": {"x": 1}, "payments": 7}'
    _, found = found_with("audit_entry", "after", f"'{after}'")
    assert DifferenceKind.ROW_UNREADABLE in {one.kind for one in found}


def test_what_can_be_read_is_told_without_the_row(books: Books, loan: str) -> None:
    with books.read() as work:
        whole = work.histories.facts(loan)
    broken = "'x'" if not books.is_sqlite else NO_TEXT.format("kind")
    tamper(books, f"UPDATE payment SET kind = {broken} WHERE key = '{whole.payments[0].key}'")
    with books.read() as work:
        found = work.histories.facts(loan)
    assert [one.key for one in found.payments] == [one.key for one in whole.payments[1:]]
    assert [one.id for one in found.postings] == [one.id for one in whole.postings]
    assert [(one.table, one.key) for one in found.unreadable] == [("payment", whole.payments[0].key)]
