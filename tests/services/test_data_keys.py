"""Keys are changed while the house works: those of the ring one by one, those of the digests at once."""

from collections.abc import Iterator

import pytest
from sqlalchemy import text
from sqlmodel import select

from books.customers import FIRST_INDEX_KEY, blind_index, set_index_keys
from books.session import Books
from console.seed import load_products
from models.data_keys import DataKey
from models.documents import Document, DocumentReading, ring_binding
from models.sealing import KeyMissing, KeyRing, keys, set_keys
from services.data_keys import (
    STEPS,
    OtherIndexKey,
    OtherRingKey,
    Portion,
    check_index_keys,
    check_ring,
    digest_columns,
    reindex,
    seal_documents,
    take_index_keys,
    take_ring,
    wrap_keys,
)
from settings import Settings
from tests.books.migrated import opened_anew
from tests.services.procedure import Procedure

DEMO = "demo:bG9hbndyaWdodCBkZW1vbnN0cmF0aW9uIGtleSAwMDE="
NEW = "new:bG9hbndyaWdodCBkZW1vbnN0cmF0aW9uIGtleSAwMDI="
SECOND_INDEX_KEY = b"a second key of the digests"


@pytest.fixture(autouse=True)
def keys_of_the_others() -> Iterator[None]:
    """What a test does with the keys of the process ends with it."""
    yield
    load_products(Settings())


def use(spelled: str) -> None:
    set_keys(KeyRing.parse(spelled))


def rotate(books: Books) -> dict[str, int]:
    done = {}
    for name, step in STEPS.items():
        done[name], after = 0, ""
        portion: Portion | None = Portion("")
        while portion is not None:
            with books.begin() as work:
                portion = step(work, after)
            if portion is not None:
                after, done[name] = portion.last, done[name] + portion.done
                assert portion.damaged == []
    return done


def under_the_ring(books: Books, loan: str, content: bytes) -> str:
    """A document and a picture as they lay before customers had keys of their own; returns the document's id."""
    with books.begin() as work:
        document = Document.of(
            content, loan=loan, kind="id_card", filename="x", media_type="x", uploaded_by="x", uploaded_at=work.now
        )
        reading = DocumentReading(document_id=document.id, loan=loan, not_before=work.now)
        reading.keep_picture(b"picture of " + content)
        work.session.add_all([document, reading])
    key_id, sealed = keys().seal(content, ring_binding("document", document.id, document.sha256))
    _, picture = keys().seal(b"picture of " + content, ring_binding("picture", document.id))
    with books.engine.begin() as connection:
        given = {"key": key_id, "content": sealed, "picture": picture, "id": document.id}
        connection.execute(text("UPDATE document SET key_id = :key, sealed = :content WHERE id = :id"), given)
        connection.execute(
            text("UPDATE document_reading SET picture_key_id = :key, picture = :picture WHERE document_id = :id"), given
        )
    return document.id


def test_after_a_rotation_the_old_key_may_be_taken_out(books: Books, procedure: Procedure) -> None:
    loans = [procedure.apply(name="欧阳密封") for _ in range(3)]
    document = under_the_ring(books, loans[0], b"a content")
    use(f"{NEW},{DEMO}")
    newcomer = procedure.apply(name="欧阳新来")
    with books.read() as work:
        counts = work.data_keys.counts()
    assert counts["data keys"] == {"demo": 4, "new": 1}
    assert (counts["documents"], counts["pictures"]) == ({"demo": 1}, {"demo": 1})

    assert rotate(books) == {"data keys": 4, "documents": 1, "pictures": 1, "histories": 0}
    assert sum(rotate(books).values()) == 0

    use(NEW)
    with opened_anew(books) as fresh:
        use(NEW)
        with fresh.read() as work:
            assert {work.customers.borrower(loan).name for loan in loans} == {"欧阳密封"}
            assert work.customers.borrower(newcomer).name == "欧阳新来"
            kept, read = work.documents.get(document), work.documents.reading(document)
            assert kept is not None
            assert read is not None
            assert (kept.content, read.show_picture()) == (b"a content", b"picture of a content")
            assert work.data_keys.counts()["data keys"] == {"new": 5}
            assert work.staff.names()["agent-lin"] == "林小满（演示）"


def test_a_rotation_that_was_cut_off_goes_on_where_it_stood(
    books: Books, procedure: Procedure, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(5):
        procedure.apply()
    monkeypatch.setattr("services.data_keys.KEYS_AT_ONCE", 2)
    use(f"{NEW},{DEMO}")
    with books.begin() as work:
        first = wrap_keys(work, "")
    assert first is not None
    assert first.done == 2
    with books.read() as work:
        assert work.data_keys.counts()["data keys"] == {"demo": 4, "new": 2}
    assert rotate(books)["data keys"] == 4


def test_others_work_while_keys_are_rotated(books: Books, procedure: Procedure) -> None:
    loan = procedure.apply()
    use(f"{NEW},{DEMO}")
    with books.begin() as work:
        wrap_keys(work, "")
    # Nobody has asked for the key anew yet, and it opens the same.
    procedure.verify(loan)
    with books.read() as work:
        assert work.documents.answers(loan)


def test_what_is_damaged_is_named_and_holds_up_nothing(books: Books, procedure: Procedure) -> None:
    loan = procedure.apply()
    broken, whole = under_the_ring(books, loan, b"broken"), under_the_ring(books, loan, b"whole")
    wrong = "X'78'" if books.is_sqlite else "'x'::bytea"
    with books.engine.begin() as connection:
        connection.execute(text(f"UPDATE document SET sealed = {wrong} WHERE id = :id"), {"id": broken})
    with books.begin() as work:
        portion = seal_documents(work, "")
    assert portion is not None
    assert portion.done == 1
    (named,) = portion.damaged
    assert named.startswith(broken)
    with books.read() as work:
        document = work.documents.get(whole)
        assert document is not None
        assert (document.key_id, document.content) == ("", b"whole")


def test_without_the_old_key_a_rotation_says_which_one_is_missing(books: Books, procedure: Procedure) -> None:
    procedure.apply()
    use(NEW)
    with books.begin() as work:
        portion = wrap_keys(work, "")
    assert portion is not None
    assert portion.done == 0
    assert all("the key demo is not among LOANWRIGHT_KEYS" in one for one in portion.damaged)


def test_a_destroyed_key_stays_destroyed(books: Books, procedure: Procedure) -> None:
    procedure.apply()
    with books.begin() as work:
        for key in work.session.exec(select(DataKey).where(DataKey.id != "house")):
            key.wrapped, key.destroyed_at = None, work.now
            work.session.add(key)
    use(f"{NEW},{DEMO}")
    assert rotate(books)["data keys"] == 1
    with books.read() as work:
        assert work.data_keys.destroyed() == 1


# -- names of keys ---------------------------------------------------------------------------------------------------

OTHER = "demo:bG9hbndyaWdodCBkZW1vbnN0cmF0aW9uIGtleSAwMDk="
"""Another key under a name that the books know."""


def test_a_name_stays_with_the_key_that_had_it_first(books: Books, procedure: Procedure) -> None:
    procedure.apply()
    for ring in (OTHER, f"{NEW},{OTHER}", f"{OTHER},{NEW}"):
        use(ring)
        with books.begin() as work, pytest.raises(OtherRingKey, match="the key demo in LOANWRIGHT_KEYS is not the one"):
            take_ring(work)
    use(f"{NEW},{DEMO}")
    with books.begin() as work:
        take_ring(work)
    rotate(books)
    # Nothing lies under the old key any more; what was sealed with it elsewhere may.
    use(f"{NEW},{OTHER}")
    with books.read() as work, pytest.raises(OtherRingKey):
        check_ring(work)
    use(NEW)
    with books.begin() as work:
        take_ring(work)
        assert set(work.data_keys.ring_marks()) == {"demo", "new"}
        noted = [(one.act, one.subject) for one in work.audit.page(limit=1000) if one.act == "ring_key_known"]
    assert set(noted) == {("ring_key_known", "demo"), ("ring_key_known", "new")}


def test_books_without_marks_believe_a_key_that_opens_what_lies_under_its_name(
    books: Books, procedure: Procedure
) -> None:
    for _ in range(3):
        procedure.apply()
    with books.engine.begin() as connection:
        connection.execute(text("DELETE FROM ring_key"))
    use(f"{NEW},{OTHER}")
    with books.read() as work, pytest.raises(OtherRingKey):
        check_ring(work)
    use(DEMO)
    with books.begin() as work:
        # One that is damaged says nothing of the key.
        (oldest,) = work.data_keys.oldest_under("demo", 1)
        oldest.wrapped = b"damaged"
        work.session.add(oldest)
    with books.begin() as work:
        take_ring(work)
        assert work.data_keys.ring_marks() == KeyRing.parse(DEMO).marks()


def test_a_mark_is_none_of_another_key_and_no_part_of_its_own() -> None:
    marks = [KeyRing.parse(one).marks()["demo"] for one in (DEMO, OTHER)]
    assert marks[0] != marks[1]
    assert {len(mark) for mark in marks} == {16}


# -- digests ---------------------------------------------------------------------------------------------------------


def test_digests_are_taken_on_to_a_new_key(books: Books, procedure: Procedure) -> None:
    loan = procedure.running("auto")
    with books.read() as work:
        customer = work.customers.get(work.loans.get(loan).customer_id)
        assert customer is not None
        before = digests(books)
    set_index_keys([FIRST_INDEX_KEY, SECOND_INDEX_KEY])
    with books.read() as work, pytest.raises(OtherIndexKey, match="keys reindex"):
        check_index_keys(work, [FIRST_INDEX_KEY, SECOND_INDEX_KEY])
    with books.read() as work:
        assert work.customers.by_id_number([customer.id_number]) == {}
    with books.begin() as work:
        assert sum(rows for _, rows in reindex(work, [FIRST_INDEX_KEY, SECOND_INDEX_KEY])) > 5
    with books.read() as work:
        (found,) = work.customers.by_id_number([customer.id_number]).values()
        assert found.id == customer.id
        assert found.mobile_index == blind_index(customer.mobile)
        check_index_keys(work, [FIRST_INDEX_KEY, SECOND_INDEX_KEY])
    assert digests(books).isdisjoint(before)
    with books.begin() as work:
        assert list(reindex(work, [FIRST_INDEX_KEY, SECOND_INDEX_KEY])) == []


def digests(books: Books) -> set[str]:
    with books.read() as work:
        return {
            value
            for table, column in digest_columns()
            for value in work.session.execute(select(table.c[column])).scalars()
            if value is not None
        }


def test_every_digest_stands_in_a_column_that_is_known_to_hold_some(books: Books, procedure: Procedure) -> None:
    procedure.running("auto")
    assert all(len(one) == 64 for one in digests(books))
    named = {f"{table.name}.{column}" for table, column in digest_columns()}
    assert named >= {
        "account_check.account_index",
        "application.content_index",
        "bank_entry.account_index",
        "collateral.identifier_index",
        "customer.id_number_index",
        "customer.mobile_index",
        "party.id_number_index",
        "verification.question_index",
    }


@pytest.mark.parametrize("given", [[SECOND_INDEX_KEY], [SECOND_INDEX_KEY, FIRST_INDEX_KEY]], ids=["lost", "turned"])
def test_keys_that_do_not_begin_with_those_of_the_books_are_refused(
    books: Books, procedure: Procedure, given: list[bytes]
) -> None:
    procedure.apply()
    with books.begin() as work, pytest.raises(OtherIndexKey, match="the newest comes first"):
        list(reindex(work, given))
    with books.begin() as work, pytest.raises(OtherIndexKey):
        take_index_keys(work, given)


def test_a_reindex_that_breaks_off_leaves_everything_as_it_was(books: Books, procedure: Procedure) -> None:
    procedure.running()
    before = digests(books)
    with books.begin() as work:
        next(reindex(work, [FIRST_INDEX_KEY, SECOND_INDEX_KEY]))
        work.session.rollback()
    assert digests(books) == before
    with books.read() as work:
        check_index_keys(work, [FIRST_INDEX_KEY])


def test_a_missing_ring_key_is_an_error_of_the_operator() -> None:
    use(NEW)
    with pytest.raises(KeyMissing) as refused:
        keys().open("demo", b"x" * 40, "y")
    assert refused.value.http_status == 500
