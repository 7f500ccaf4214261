"""Personal data under seal: each value opens for its own row and column, with its customer's key, and for no other."""

from collections.abc import Callable, Iterator
from datetime import datetime
from time import monotonic
from typing import Any

import pytest
from sqlalchemy import event, text, update
from sqlalchemy.exc import StatementError
from sqlmodel import select

from books.sealing import KEEP_SECONDS, SEALED, UNSAID, opened, vault_of
from books.session import Books, UnitOfWork
from console.seed import load_products
from models.columns import ERASED
from models.customers import Customer, Party
from models.data_keys import HOUSE, DataKey
from models.documents import Document
from models.keys import new_id
from models.loans import Application
from models.sealing import KeyMissing, KeyRing, PersonErased, SealBroken, set_keys
from services.applications import Receipt, submit
from settings import Settings
from tests.books.migrated import opened_anew
from tests.services.procedure import Procedure


@pytest.fixture
def say(books: Books) -> Callable[..., None]:
    """Commits one plain statement, as somebody with the database in his hands would."""

    def run(statement: str, **values: object) -> None:
        with books.engine.begin() as connection:
            connection.execute(text(statement), values)

    return run


@pytest.fixture
def other_ring() -> Iterator[Callable[[str], None]]:
    """Gives the process another ring until the test ends."""
    yield lambda spelled: set_keys(KeyRing.parse(spelled))
    load_products(Settings())


def customer_of(work: UnitOfWork, loan: str) -> Customer:
    customer = work.customers.get(work.loans.get(loan).customer_id)
    assert customer is not None
    return customer


def kept(books: Books, query: str) -> list[str]:
    with books.read() as work:
        return list(work.session.scalars(text(query)))


def document(loan: str, id_: str, content: bytes, at: datetime) -> Document:
    return Document.of(
        content,
        id=id_,
        loan=loan,
        kind="id_card",
        filename="身份证.jpg",
        media_type="image/jpeg",
        uploaded_by="x",
        uploaded_at=at,
    )


def test_every_table_says_whose_its_personal_columns_are() -> None:
    assert {sealed.table.name for sealed in SEALED.values() if sealed.owner == UNSAID} == set()
    assert all(sealed.owner in sealed.table.c for sealed in SEALED.values() if sealed.owner is not None)


def test_a_value_opens_with_the_key_of_its_customer(books: Books, procedure: Procedure) -> None:
    loan = procedure.offered()
    with books.read() as work:
        owner = work.loans.get(loan).customer_id
    columns = {"application": "form", "party": "name", "contact": "text", "verification": "answer", "grading": "facts"}
    for table, column in columns.items():
        values = kept(books, f"SELECT {column} FROM {table}")
        assert values
        assert all(value.startswith(f"s1.{owner}.") for value in values), table
    assert all(value.startswith(f"s1.{HOUSE}.") for value in kept(books, "SELECT name FROM staff"))


def test_the_same_value_never_looks_the_same(books: Books, procedure: Procedure) -> None:
    procedure.apply(name="欧阳密封")
    procedure.apply(name="欧阳密封")
    names = kept(books, "SELECT name FROM customer") + kept(books, "SELECT name FROM party")
    assert len(names) == len(set(names)) == 4


@pytest.mark.parametrize("place", ["another row", "another column", "changed", "cut", "in clear"])
def test_a_value_that_was_moved_or_changed_is_found(
    books: Books, procedure: Procedure, say: Callable[..., None], place: str
) -> None:
    loan, other = procedure.apply(), procedure.apply()
    with books.read() as work:
        mine, his = customer_of(work, loan).id, customer_of(work, other).id
    (name,) = kept(books, f"SELECT name FROM customer WHERE id = '{mine}'")
    (mobile,) = kept(books, f"SELECT mobile FROM customer WHERE id = '{mine}'")
    (another,) = kept(books, f"SELECT name FROM customer WHERE id = '{his}'")
    wrong = {
        "another row": another,
        "another column": mobile,
        "changed": name[:-6] + ("A" if name[-6] != "A" else "B") + name[-5:],
        "cut": name[:-8],
        "in clear": "欧阳密封",
    }[place]
    say("UPDATE customer SET name = :name WHERE id = :id", name=wrong, id=mine)
    with pytest.raises(SealBroken, match=f"customer.name.{mine}"), books.read() as work:
        work.customers.get(mine)


def test_whoever_moves_a_value_and_names_another_key_gains_nothing(
    books: Books, procedure: Procedure, say: Callable[..., None]
) -> None:
    loan, other = procedure.apply(), procedure.apply()
    with books.read() as work:
        mine, his = customer_of(work, loan).id, customer_of(work, other).id
    (name,) = kept(books, f"SELECT name FROM customer WHERE id = '{his}'")
    say("UPDATE customer SET name = :name WHERE id = :id", name=name.replace(his, mine), id=mine)
    with pytest.raises(SealBroken), books.read() as work:
        work.customers.get(mine)


def test_changes_by_the_orm_are_sealed_and_read_back(books: Books, procedure: Procedure) -> None:
    loan = procedure.apply()
    with books.begin() as work:
        customer = customer_of(work, loan)
        customer.mobile, customer.details = "19900000001", {"hobbies": "围棋"}
        work.session.add(customer)
    with books.read() as work:
        customer = customer_of(work, loan)
        assert (customer.mobile, customer.details) == ("19900000001", {"hobbies": "围棋"})
        owner = customer.id
    assert all(value.startswith(f"s1.{owner}.") for value in kept(books, "SELECT mobile FROM customer"))


def test_a_refreshed_row_is_open_too(books: Books, procedure: Procedure) -> None:
    loan = procedure.apply(name="欧阳密封")
    with books.begin() as work:
        customer = customer_of(work, loan)
        work.session.refresh(customer)
        assert customer.name == "欧阳密封"
        work.session.expire(customer)
        assert customer.name == "欧阳密封"


def test_a_single_column_is_opened_by_its_row(books: Books, procedure: Procedure) -> None:
    loan = procedure.apply(name="欧阳密封")
    with books.read() as work:
        id_, name = work.session.connection().execute(select(Customer.id, Customer.name)).one()
        assert opened(work.session, Customer.name, id_, name) == "欧阳密封"
        with pytest.raises(SealBroken):
            opened(work.session, Customer.mobile, id_, name)
        (form,) = work.session.connection().execute(select(Application.form)).one()
        assert opened(work.session, Application.form, loan, form)["name"] == "欧阳密封"
        assert opened(work.session, Customer.name, id_, None) is None


def test_a_list_of_customers_asks_for_their_keys_once(books: Books, procedure: Procedure) -> None:
    loans = [procedure.apply(name="欧阳密封") for _ in range(20)]
    with opened_anew(books) as fresh:
        asked: list[str] = []
        event.listen(fresh.engine, "before_cursor_execute", lambda *given: asked.append(given[2]))
        with fresh.read() as work:
            assert len(list(work.session.exec(select(Customer)))) == len(loans)
        assert sum("data_key" in one for one in asked) == 1
        with fresh.read() as work:
            list(work.session.exec(select(Customer)))
        assert sum("data_key" in one for one in asked) == 1


def test_many_applications_together_make_their_keys_in_one_statement(books: Books, procedure: Procedure) -> None:
    asked: list[tuple[str, Any]] = []
    event.listen(books.engine, "before_cursor_execute", lambda *given: asked.append((given[2], given[3])))
    with books.begin() as work:
        submit(work, [procedure.submission() for _ in range(10)])
    statements = [values for statement, values in asked if "data_key" in statement]
    assert len(statements) == 1
    assert len([one for one in asked if "FROM loan" in one[0] and "customer_id" in one[0]]) == 0
    with books.read() as work:
        assert len(list(work.session.exec(select(DataKey)))) == 11


def test_a_key_is_unwrapped_for_a_while_and_then_asked_for_again(
    books: Books, procedure: Procedure, monkeypatch: pytest.MonkeyPatch, say: Callable[..., None]
) -> None:
    loan = procedure.apply(name="欧阳密封")
    with books.read() as work:
        customer_id = customer_of(work, loan).id
    say("UPDATE data_key SET wrapped = NULL WHERE id = :id", id=customer_id)
    with books.read() as work:
        assert customer_of(work, loan).name == "欧阳密封"
    later = monotonic() + KEEP_SECONDS
    monkeypatch.setattr("books.sealing.monotonic", lambda: later)
    with books.read() as work:
        customer = customer_of(work, loan)
        assert customer.name is ERASED
        assert work.loans.application(loan).form["mobile"] is ERASED


def test_nothing_more_is_written_about_somebody_who_was_erased(
    books: Books, procedure: Procedure, say: Callable[..., None]
) -> None:
    loan = procedure.apply()
    with books.read() as work:
        customer_id = customer_of(work, loan).id
    say("UPDATE data_key SET wrapped = NULL WHERE id = :id", id=customer_id)
    with opened_anew(books) as fresh, fresh.begin() as work:
        customer = customer_of(work, loan)
        customer.mobile = "19900000001"
        with pytest.raises(PersonErased):
            work.session.flush()
        work.session.rollback()


def test_a_key_that_is_not_in_the_ring_is_named(
    books: Books, procedure: Procedure, other_ring: Callable[[str], None]
) -> None:
    procedure.apply()
    other_ring("new:bG9hbndyaWdodCBkZW1vbnN0cmF0aW9uIGtleSAwMDI=")
    with opened_anew(books) as fresh:
        other_ring("new:bG9hbndyaWdodCBkZW1vbnN0cmF0aW9uIGtleSAwMDI=")
        with pytest.raises(KeyMissing, match="demo"), fresh.read() as work:
            list(work.session.exec(select(Customer)))


def test_a_data_key_that_was_changed_or_removed_is_found(
    books: Books, procedure: Procedure, say: Callable[..., None]
) -> None:
    loan, other = procedure.apply(), procedure.apply()
    with books.read() as work:
        mine, his = customer_of(work, loan).id, customer_of(work, other).id
    other_key = "(SELECT wrapped FROM data_key o WHERE o.id = :his)"
    say(f"UPDATE data_key SET wrapped = {other_key} WHERE id = :id", his=his, id=mine)
    with opened_anew(books) as fresh, pytest.raises(SealBroken, match="data_key"), fresh.read() as work:
        customer_of(work, loan)
    say("DELETE FROM data_key WHERE id = :id", id=mine)
    with opened_anew(books) as fresh, pytest.raises(KeyMissing, match=mine), fresh.read() as work:
        customer_of(work, loan)


def test_what_was_rolled_back_leaves_no_owner_behind(books: Books, procedure: Procedure) -> None:
    """A number that was given to nobody is given to somebody else: his data must not come under the first one's key."""

    with books.begin() as work:
        (receipt,) = submit(work, [procedure.submission()])
        work.session.rollback()
    second = procedure.apply()
    assert isinstance(receipt, Receipt)
    assert receipt.loan == second
    with books.read() as work:
        owner = work.loans.get(second).customer_id
    assert all(value.startswith(f"s1.{owner}.") for value in kept(books, "SELECT name FROM party"))


def test_an_update_past_the_orm_is_refused_rather_than_written_in_clear(books: Books, procedure: Procedure) -> None:
    procedure.apply()
    with pytest.raises(StatementError, match="written through the books"), books.begin() as work:
        work.session.execute(update(Party).values(name="欧阳密封"))


def test_a_document_opens_for_its_own_row_only(books: Books, procedure: Procedure, say: Callable[..., None]) -> None:
    loan = procedure.apply()
    ids = [new_id(), new_id()]
    with books.begin() as work:
        for n, id_ in enumerate(ids):
            work.session.add(document(loan, id_, b"content %d" % n, work.now))
    with books.read() as work:
        first = work.documents.get(ids[0])
        assert first is not None
        assert (first.content, first.filename) == (b"content 0", "身份证.jpg")
        owner = work.loans.get(loan).customer_id
        for (sealed,) in work.session.execute(text("SELECT sealed FROM document")):
            assert bytes(sealed).startswith(f"s1.{owner}.".encode())
            assert b"content" not in bytes(sealed)
    another = "(SELECT sealed FROM document o WHERE o.id = :other)"
    say(f"UPDATE document SET sealed = {another} WHERE id = :id", other=ids[1], id=ids[0])
    with books.read() as work:
        moved = work.documents.get(ids[0])
        assert moved is not None
        with pytest.raises(SealBroken):
            _ = moved.content


def test_a_staff_member_keeps_his_name(books: Books) -> None:
    with books.read() as work:
        person = work.staff.get("agent-lin")
        assert person is not None
        assert person.name == "林小满（演示）"
        assert vault_of(work.session).known(HOUSE) is not None
