"""Whichever single byte of a sealed row is changed around the application, the row is found and named."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from sqlalchemy import text

from books.seals import POSTINGS
from books.session import Books
from models.audit import AuditEntry
from models.keys import new_id
from models.ledger import Posting
from models.origin import Origin, acting_for
from services import audit
from services.audit_findings import FindingKind
from tests.books.flips import flipped, one_byte_another, put, stored, without_guards
from tests.services.audit_log import AFTER, SOMEBODY, seal, verdict
from tests.services.procedure import Procedure

SAMPLED = 7
"""PostgreSQL keeps bytes in its own files: there every seventh letter of a text is changed by a statement."""


@pytest.fixture
def sealed(procedure: Procedure) -> Books:
    """Books with a paid out loan and with an entry that has a value in every column, all of it sealed."""
    procedure.running()
    books = procedure.books
    step = Origin("loan/L26000001", "0199a4c2-0000-7000-8000-000000000000", "3", 17)
    with acting_for(step), books.begin() as work:
        audit.record(
            work, SOMEBODY, "decided", loan="L26000001", subject="t-1", before={"a": [1, "é"]}, after=AFTER, reason="so"
        )
    seal(books)
    seal(books, most=3, of=POSTINGS)
    return books


def one_of(books: Books, query: str) -> Any:
    with books.engine.connect() as connection:
        return connection.execute(text(query)).scalar_one()


def named(books: Books, which: Callable[[Any], object]) -> set[object]:
    return {which(one) for one in verdict(books).findings}


def tried(books: Books, table: str, key: str, row: object, columns: list[str]) -> Iterator[tuple[str, object]]:
    """Changes one byte of one column of a row after the other, each for as long as the caller looks."""
    every = 1 if books.is_sqlite else SAMPLED
    with without_guards(books) as connection:
        for column in columns:
            was = stored(connection, table, key, row, column)
            for other in one_byte_another(was, is_sqlite=books.is_sqlite, every=every):
                with flipped(connection, table, key, row, column, other) as taken:
                    if taken:
                        yield column, other


def test_every_byte_of_an_entry_is_found_and_the_entry_named(sealed: Books) -> None:
    entry = one_of(sealed, "SELECT id FROM audit_entry WHERE act = 'decided'")
    assert verdict(sealed).findings == []
    missed, seen = [], 0
    for column, other in tried(sealed, "audit_entry", "id", entry, [*AuditEntry.model_fields][1:]):
        seen += 1
        if named(sealed, lambda one: one.entry) != {entry}:
            missed.append((column, other))
    assert missed == []
    assert seen > (700 if sealed.is_sqlite else 40)
    assert verdict(sealed).findings == []


def test_every_byte_of_a_posting_is_found_and_the_posting_named(sealed: Books) -> None:
    posting = one_of(sealed, "SELECT id FROM posting WHERE loan IS NOT NULL ORDER BY id LIMIT 1")
    missed, seen = [], 0
    for column, other in tried(sealed, "posting", "id", posting, [*Posting.model_fields][1:]):
        seen += 1
        if named(sealed, lambda one: one.posting) != {posting}:
            missed.append((column, other))
    assert missed == []
    assert seen > (300 if sealed.is_sqlite else 15)
    assert verdict(sealed).findings == []


@pytest.mark.parametrize(("table", "key", "book"), [("audit_entry", "id", "entry"), ("posting", "id", "posting")])
def test_every_byte_of_an_id_is_found_and_what_had_it_named(sealed: Books, table: str, key: str, book: str) -> None:
    row = one_of(sealed, f"SELECT {key} FROM {table} ORDER BY {key} DESC LIMIT 1")
    missed = []
    with without_guards(sealed) as connection:
        for other in one_byte_another(row, is_sqlite=sealed.is_sqlite, every=1 if sealed.is_sqlite else SAMPLED):
            if put(connection, table, key, row, key, other):
                if row not in named(sealed, lambda one: getattr(one, book)):
                    missed.append(other)
                assert put(connection, table, key, other, key, row)
    assert missed == []
    assert verdict(sealed).findings == []


SEALS = ["first_id", "last_id", "count", "root", "previous", "hash", "sealed_at", "book"]


def test_every_byte_of_a_seal_is_found_and_the_seal_named(sealed: Books) -> None:
    no = one_of(sealed, "SELECT max(no) FROM audit_seal")
    missed = []
    for column, other in tried(sealed, "audit_seal", "no", no, SEALS):
        if no not in named(sealed, lambda one: one.seal):
            missed.append((column, other))
    assert missed == []
    assert verdict(sealed).findings == []


@pytest.mark.parametrize(
    ("table", "key", "book"), [("audit_sealed", "entry_id", "entry"), ("posting_sealed", "posting_id", "posting")]
)
def test_every_byte_of_where_a_row_lies_is_found_and_the_row_or_its_place_named(
    sealed: Books, table: str, key: str, book: str
) -> None:
    row = one_of(sealed, f"SELECT {key} FROM {table} ORDER BY {key} LIMIT 1")
    no = one_of(sealed, f"SELECT seal_no FROM {table} ORDER BY {key} LIMIT 1")
    missed = []
    for column, other in tried(sealed, table, key, row, ["seal_no", "position", "leaf"]):
        if (None if column == "seal_no" else row, no) not in named(sealed, lambda one: (getattr(one, book), one.seal)):
            missed.append((column, other))
    assert missed == []
    assert verdict(sealed).findings == []


OTHER_SPELLINGS = [
    '{"a": 2, "a": 1}',
    '{"a":1}',
    '{"a": 1 }',
    ' {"a": 1}',
    '{"a": 1.0}',
    '{"\\u0061": 1}',
    '{"a": 1e0}',
]


@pytest.mark.parametrize("spelling", OTHER_SPELLINGS)
def test_another_spelling_of_the_same_document_is_a_change(books: Books, spelling: str) -> None:
    """Who reads the first of two names, or by other rules, sees something else than was sealed."""
    with books.begin() as work:
        audit.record(work, SOMEBODY, "decided", after={"a": 1})
    seal(books)
    entry = one_of(books, "SELECT id FROM audit_entry WHERE act = 'decided'")
    with without_guards(books) as connection, flipped(connection, "audit_entry", "id", entry, "after", spelling):
        assert named(books, lambda one: one.entry) == {entry}
    assert verdict(books).findings == []


MIGRATED = """INSERT INTO audit_entry (id, at, actor_id, role, act, "after", refused)
    SELECT :id, at, 'migration', 'system', 'staff_taken_over', "after", refused
    FROM audit_entry WHERE act = 'decided'"""


@pytest.mark.parametrize(("act", "nothing", "other"), [("decided", "null", None), ("staff_taken_over", None, "null")])
def test_no_document_and_the_word_for_none_are_two_things(
    books: Books, act: str, nothing: str | None, other: str | None
) -> None:
    """Entries of acts hold the word, those that a migration wrote nothing at all; both were sealed as nothing."""
    with books.begin() as work:
        audit.record(work, SOMEBODY, "decided", after={"a": 1})
        work.session.connection().execute(text(MIGRATED), {"id": new_id()})
    seal(books)
    entry = one_of(books, f"SELECT id FROM audit_entry WHERE act = '{act}'")
    with books.read() as work:
        assert (stored := work.audit.as_stored(entry)) is not None
        assert stored.before == nothing
    assert verdict(books).findings == []
    with without_guards(books) as connection, flipped(connection, "audit_entry", "id", entry, "before", other):
        assert entry in {one.entry for one in verdict(books).findings if one.kind is FindingKind.ENTRY_CHANGED}


def test_a_row_that_is_spelled_as_none_of_ours_keeps_no_other_from_being_sealed(books: Books) -> None:
    with books.begin() as work:
        for n in range(3):
            audit.record(work, SOMEBODY, "decided", after={"n": n}, reason="so")
    entry = one_of(books, "SELECT min(id) FROM audit_entry WHERE act = 'decided'")
    broken = b"\xff" if books.is_sqlite else "x"
    with without_guards(books) as connection:
        put(connection, "audit_entry", "id", entry, "reason", broken)
        put(connection, "audit_entry", "id", entry, "after", '{"n":0}')
    seal(books)
    found = verdict(books)
    assert (found.unsealed, found.findings) == (0, [])
    with without_guards(books) as connection:
        put(connection, "audit_entry", "id", entry, "after", '{"n": 0}')
    assert named(books, lambda one: one.entry) == {entry}
