"""Authorisations from before each declaration had a row of its own."""

from alembic import command
from sqlalchemy import create_engine, text

from books.schema import alembic_config, migrate
from models.verification import AuthorisationKind, AuthorisationMethod
from services.authorisations import may_use
from tests.books.migrated import opened_anew
from tests.services.procedure import Procedure


def test_an_authorisation_of_before_is_split_into_its_two_declarations(procedure: Procedure) -> None:
    loan, url = procedure.apply(), procedure.books.url
    procedure.verify(loan)
    with procedure.books.read() as work:
        answered = {one.check_name for one in work.documents.answers(loan)}
    command.downgrade(alembic_config(url), "0016")
    engine = create_engine(url)
    with engine.begin() as connection:
        connection.execute(text("UPDATE authorisation SET scope = 'identity,bureau,enrolment,vehicle,card'"))
    engine.dispose()
    migrate(url)
    with opened_anew(procedure.books) as books, books.read() as work:
        rows = {row.kind: row for row in work.authorisations.of_loan(loan)}
        assert {kind: row.scope for kind, row in rows.items()} == {
            AuthorisationKind.REGISTERS: "identity,bureau,enrolment,vehicle",
            AuthorisationKind.SENSITIVE: "card,id_document",
        }
        for row in rows.values():
            assert (row.party, row.granted, row.method) == ("borrower", True, AuthorisationMethod.ATTESTED)
            assert (row.party_id, row.text_version) == (work.customers.borrower(loan).id, "2026-01")
        assert all(may_use(work, loan, use) for use in ("bureau", "card", "id_document"))
        assert {one.check_name for one in work.documents.answers(loan)} == answered
