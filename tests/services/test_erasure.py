"""After the legal period a customer's data is erased: nothing leads back to him, and the lender's figures stay."""

from datetime import date

import pytest
from sqlalchemy import LargeBinary, select, text
from sqlmodel import SQLModel

from books.customers import blind_index
from books.session import Books
from console.audits import audit_books
from models.audit import AuditEntry
from models.columns import ERASED, ErasedForm
from models.documents import Document, ring_binding
from models.loans import Stage
from models.sealing import PersonErased, keys
from models.staff import Actor
from models.tables import METADATA
from services.applications import Receipt, submit
from services.data_keys import digest_columns
from services.documents import hand_in
from services.erasure import Erasure, InvalidErasure, NotErasable, UnknownCustomer, erase
from services.errors import NotAllowed
from tests.books.migrated import opened_anew
from tests.services.document_files import taken
from tests.services.procedure import ADMIN, AGENT, AUDITOR, MANAGER, RISK, Procedure

YEARS = 10
REASON = "the legal period of ten years is over"
NAME, MOBILE, CARD = "欧阳密封", "19900004321", "6222020000000004321"
LATER = date(2036, 1, 6)
"""Ten years after the loans of these tests were closed, and a day."""


def settled(procedure: Procedure, code: str = "micro") -> str:
    """A loan of somebody with a name of his own that was repaid and settled; he sent money and a document."""
    loan = procedure.running(code, name=NAME, occupation="飞行员", mobile=MOBILE, bank_card=CARD)
    with procedure.at() as work:
        content = taken(b"%PDF-1.7 of " + NAME.encode())
        hand_in(work, AGENT, work.loans.get(loan), "income_proof", f"{NAME}.pdf", content)
    procedure.prepayment(loan)
    procedure.settle(procedure.payments(loan)[-1].key)
    procedure.advance(loan)
    # Comes too late, and shows his name in the bank's words.
    procedure.deposit(loan, 100)
    assert procedure.loan(loan).stage is Stage.SETTLED
    return loan


def erased(
    procedure: Procedure,
    loan: str,
    *,
    day: date = LATER,
    actor: Actor = ADMIN,
    second: Actor = RISK,
    reason: str = REASON,
) -> Erasure:
    customer = procedure.loan(loan).customer_id
    with procedure.at(day) as work:
        return erase(work, actor, second, customer, reason, retention_years=YEARS)


def everything(books: Books) -> dict[str, bytes]:
    """All that stands in the tables, as whoever has the database and its keys can read it: by table and column.

    Personal columns are opened, files too.
    """
    found: dict[str, bytes] = {}
    with books.read() as work:
        for table in METADATA.sorted_tables:
            for column in table.columns:
                is_binary = isinstance(column.type, LargeBinary) or getattr(column.type, "is_file", False)
                wanted = f'"{column.name}"' if is_binary else f'CAST("{column.name}" AS TEXT)'
                rows = work.session.execute(text(f'SELECT {wanted} FROM "{table.name}"')).scalars()
                said = b"\n".join(bytes(one or b"") if is_binary else (one or "").encode() for one in rows)
                found[f"{table.name}.{column.name}"] = said
        for mapper in SQLModel._sa_registry.mappers:
            for row in work.session.scalars(select(mapper.class_).limit(1_000)):
                shown = str({name: value for name, value in row.__dict__.items() if not name.startswith("_")})
                name = f"{mapper.class_.__name__} opened"
                found[name] = found.get(name, b"") + shown.encode()
        for document in work.session.scalars(select(Document)):
            try:
                found["documents"] = found.get("documents", b"") + document.content
            except PersonErased:
                continue
    return found


def secrets_of(books: Books, loan: str) -> dict[str, bytes]:
    with books.read() as work:
        form = work.loans.application(loan).form
        customer = work.customers.get(work.loans.get(loan).customer_id)
        assert customer is not None
        plain = {name: str(form[name]) for name in ("name", "id_number", "mobile", "bank_card")}
        digests = {f"digest of {name}": blind_index(plain[name]) for name in ("id_number", "mobile", "bank_card")}
    return {name: value.encode() for name, value in (plain | digests).items()}


def test_after_an_erasure_nothing_of_the_person_can_be_had_from_the_database(procedure: Procedure) -> None:
    books, loan = procedure.books, settled(procedure, "auto")
    other = procedure.running()
    secrets, others = secrets_of(books, loan), secrets_of(books, other)
    before = b"".join(everything(books).values())
    assert all(secret in before for secret in secrets.values())

    assert erased(procedure, loan).loans == (loan,)

    with opened_anew(books) as fresh:
        found = everything(fresh)
        left = [(where, name) for where, said in found.items() for name, secret in secrets.items() if secret in said]
        assert left == []
        assert all(secret in b"".join(found.values()) for secret in others.values())
        with fresh.read() as work:
            customer = work.customers.get(work.loans.get(loan).customer_id)
            assert customer is not None
            assert (customer.name, customer.id_number, customer.tags) == (ERASED, ERASED, [])
            assert isinstance(work.loans.application(loan).form, ErasedForm)
            assert work.customers.by_mobile(secrets["mobile"].decode()) == []
            (document, *_) = [one for one in work.documents.of_loan(loan) if one.language is None]
            assert document.filename is ERASED
            with pytest.raises(PersonErased):
                assert document.content


def test_what_the_sender_called_the_application_is_gone_as_well(procedure: Procedure) -> None:
    one, other = settled(procedure), procedure.loan(procedure.apply()).number
    erased(procedure, one)
    with procedure.books.read() as work:
        assert work.loans.application(one).idempotency_key == f"erased-{one}"
        assert work.loans.application(other).idempotency_key.startswith("integrator-demo:")


def test_sums_postings_and_audits_stay_as_they_were(procedure: Procedure) -> None:
    books, loan = procedure.books, settled(procedure)
    with books.read() as work:
        postings = work.ledger.of_loan(loan)
        moved = work.ledger.moved(loan)
    erased(procedure, loan)
    with opened_anew(books) as fresh:
        with fresh.read() as work:
            assert work.ledger.of_loan(loan) == postings
            assert work.ledger.moved(loan) == moved
            assert sum(work.ledger.balance(one.code) for one in work.ledger.accounts(procedure.day)) == 0
            assert work.loans.get(loan).stage is Stage.SETTLED
        assert list(audit_books(fresh)) == []


def test_guards_stand_again_afterwards(procedure: Procedure) -> None:
    loan = settled(procedure)
    erased(procedure, loan)
    for statement in ("UPDATE application SET content_index = 'x'", "DELETE FROM verification", "DELETE FROM posting"):
        with pytest.raises(Exception, match="insert-only"), procedure.books.engine.begin() as connection:
            connection.execute(text(statement))


def test_it_is_recorded_with_both_people_and_the_reason(procedure: Procedure) -> None:
    loan = settled(procedure)
    erased(procedure, loan)
    customer = procedure.loan(loan).customer_id
    with procedure.books.read() as work:
        (entry,) = (one for one in work.session.scalars(select(AuditEntry)) if one.act == "customer_erased")
        assert (entry.actor_id, entry.subject, entry.reason) == (ADMIN.id, customer, REASON)
        assert entry.after == {"second": RISK.id, "loans": 1, "ended_on": procedure.day.isoformat()}


def test_what_lay_under_the_ring_is_gone_as_well(procedure: Procedure) -> None:
    """A document from before customers had keys of their own hangs on no key that could be destroyed."""
    books, loan = procedure.books, settled(procedure)
    with books.read() as work:
        (document, *_) = [one for one in work.documents.of_loan(loan) if one.language is None]
        key_id, sealed = keys().seal(document.content, ring_binding("document", document.id, document.sha256))
    with books.engine.begin() as connection:
        given = {"key": key_id, "content": sealed, "id": document.id}
        connection.execute(text("UPDATE document SET key_id = :key, sealed = :content WHERE id = :id"), given)
    erased(procedure, loan)
    with opened_anew(books) as fresh, fresh.read() as work:
        kept = work.documents.get(document.id)
        assert kept is not None
        with pytest.raises(PersonErased):
            assert kept.content
        assert work.data_keys.counts()["documents"] == {}


def test_the_same_person_may_come_again_as_somebody_new(procedure: Procedure) -> None:
    loan = settled(procedure)
    with procedure.books.read() as work:
        form = dict(work.loans.application(loan).form)
    erased(procedure, loan)
    with procedure.at(LATER) as work:
        again = procedure.submission(id_number=form["id_number"], mobile=form["mobile"], name=form["name"])
        (receipt,) = submit(work, [again])
    assert isinstance(receipt, Receipt)
    assert procedure.loan(receipt.loan).customer_id != procedure.loan(loan).customer_id


def test_nothing_is_erased_while_a_loan_is_open(procedure: Procedure) -> None:
    loan = procedure.running()
    with pytest.raises(NotErasable, match=f"loan {loan} is still open"):
        erased(procedure, loan)


def test_nothing_is_erased_before_the_legal_period_is_over(procedure: Procedure) -> None:
    loan = settled(procedure)
    for day in (procedure.day, date(2036, 1, 4)):
        with pytest.raises(NotErasable, match="until 2036-01-05"):
            erased(procedure, loan, day=day)
    assert erased(procedure, loan, day=date(2036, 1, 5)).ended_on == procedure.day


def test_a_co_signer_of_an_open_loan_is_kept(procedure: Procedure) -> None:
    loan = settled(procedure)
    with procedure.books.read() as work:
        number = work.loans.application(loan).form["id_number"]
    guarantor = {"guarantor_name": NAME, "guarantor_mobile": "19900000077", "guarantor_id_number": number}
    signed = procedure.running("auto", **guarantor)
    with pytest.raises(NotErasable, match=f"loan {signed} is still open"):
        erased(procedure, loan)


@pytest.mark.parametrize(
    ("actor", "second"), [(MANAGER, RISK), (AUDITOR, RISK), (RISK, ADMIN), (ADMIN, ADMIN), (ADMIN, MANAGER)]
)
def test_an_administrator_erases_and_a_second_person_agrees(procedure: Procedure, actor: Actor, second: Actor) -> None:
    loan = settled(procedure)
    with pytest.raises(NotAllowed):
        erased(procedure, loan, actor=actor, second=second)


def test_an_erasure_needs_a_reason(procedure: Procedure) -> None:
    loan = settled(procedure)
    with pytest.raises(InvalidErasure, match="say why") as refused:
        erased(procedure, loan, reason="  old  ")
    assert (refused.value.code, refused.value.http_status) == ("invalid_erasure", 422)


def test_it_happens_once(procedure: Procedure) -> None:
    loan = settled(procedure)
    erased(procedure, loan)
    with pytest.raises(NotErasable, match="erased before"):
        erased(procedure, loan)


def test_who_is_not_there_cannot_be_erased(procedure: Procedure) -> None:
    with procedure.at(LATER) as work, pytest.raises(UnknownCustomer):
        erase(work, ADMIN, RISK, "nobody", REASON, retention_years=YEARS)


def test_every_digest_belongs_to_somebody_or_to_the_house() -> None:
    """A new table with digests and neither a loan nor a customer would be passed over by an erasure."""
    without = {table.name for table, _ in digest_columns() if not {"loan", "customer_id"} & set(table.c.keys())}
    assert without == {"customer", "listing_proposal"}
