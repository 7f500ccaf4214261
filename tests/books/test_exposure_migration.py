"""Whoever owes is known in every loan by the digest of his ID number, in loans from before it was kept too."""

from alembic import command
from sqlalchemy import text

from books.customers import blind_index
from books.schema import alembic_config, migrate
from tests.modules.applications import id_number
from tests.services.procedure import Procedure

GUARANTOR = id_number(sequence=841)


def test_people_of_earlier_loans_get_their_digest(procedure: Procedure) -> None:
    guarantor = {"guarantor_name": "周担保", "guarantor_mobile": "19900000077", "guarantor_id_number": GUARANTOR}
    loan = procedure.running("auto", **guarantor)
    books = procedure.books
    with books.read() as work:
        borrower = blind_index(work.loans.application(loan).form["id_number"])
    url = books.url
    books.engine.dispose()
    command.downgrade(alembic_config(url), "0020")
    migrate(url)
    with books.engine.connect() as connection:
        found = connection.execute(text("SELECT role, id_number_index FROM party WHERE loan = :loan"), {"loan": loan})
        digests = {row.role: row.id_number_index for row in found}
    assert digests == {"borrower": borrower, "guarantor": blind_index(GUARANTOR), "payee": None}
