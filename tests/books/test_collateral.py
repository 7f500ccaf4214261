"""What the database itself refuses about collateral, and what the migration does with loans that were there."""

import pytest
from alembic import command
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from books.customers import blind_index
from books.schema import alembic_config, migrate
from models.collateral import ConditionKind
from tests.books.migrated import opened_anew
from tests.services.procedure import AGENT, MANAGER, Procedure
from tests.services.vehicles import confirmed, entered, used_car


def refused(procedure: Procedure, statement: str, why: str) -> None:
    """Commits one plain statement, which the database must refuse."""
    with pytest.raises(DBAPIError, match=why), procedure.books.engine.begin() as connection:
        connection.execute(text(statement))


def review_by(person: str, evidence: str) -> str:
    return (
        "INSERT INTO evidence_review (evidence_id, outcome, reason, reviewed_by, reviewed_as, reviewed_on, reviewed_at)"
        f" VALUES ('{evidence}', 'approve', 'x', '{person}', 'risk', '2026-01-05', '2026-01-05 00:00:00')"
    )


def test_whoever_entered_a_proof_cannot_confirm_it_past_the_program(procedure: Procedure) -> None:
    loan = used_car(procedure)
    evidence = entered(procedure, loan, ConditionKind.REGISTRATION)
    refused(procedure, review_by(AGENT.id, evidence.id), "does not confirm")
    with procedure.books.engine.begin() as connection:
        connection.execute(text(review_by(MANAGER.id, evidence.id)))
    refused(procedure, review_by("risk-qian", evidence.id), "(?i)unique")


@pytest.mark.parametrize("column", ["kind = 'insurance'", "days = 1", "laid_on = '2020-01-01'", "collateral_id = 'x'"])
def test_what_was_asked_stays_and_how_far_it_is_does_not(procedure: Procedure, column: str) -> None:
    loan = used_car(procedure)
    asked = f"WHERE loan = '{loan}' AND kind = 'registration'"
    refused(procedure, f"UPDATE collateral_condition SET {column} {asked}", "does not change|insert-only")
    before = "NOT before_payout" if not procedure.books.is_sqlite else "1 - before_payout"
    refused(
        procedure, f"UPDATE collateral_condition SET before_payout = {before} {asked}", "does not change|insert-only"
    )
    refused(procedure, f"DELETE FROM collateral_condition {asked}", "does not change|insert-only")
    confirmed(procedure, loan, ConditionKind.REGISTRATION)


def test_what_came_before_is_found_by_its_number(procedure: Procedure) -> None:
    loan = procedure.apply("auto", vin="1M8GDM9AXKP042788")
    books, url = procedure.books, procedure.books.url
    command.downgrade(alembic_config(url), "0018")
    migrate(url)
    with opened_anew(books) as fresh, fresh.read() as work:
        thing = work.collateral.thing(loan)
    assert thing is not None
    assert thing.identifier_index == blind_index("1M8GDM9AXKP042788")
