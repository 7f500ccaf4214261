"""Audit entries from before there were seals."""

from alembic import command
from sqlalchemy import create_engine, inspect, text

from books.schema import alembic_config, migrate
from services.audit_chain import seal
from services.audit_proof import verify
from tests.services.procedure import Procedure


def test_entries_of_before_stay_as_they_are_and_are_sealed_like_all_others(procedure: Procedure) -> None:
    loan, url = procedure.graded(), procedure.books.url
    before = [entry.model_dump() for entry in procedure.entries(loan)]
    command.downgrade(alembic_config(url), "0025")
    engine = create_engine(url)
    assert "audit_seal" not in inspect(engine).get_table_names()
    with engine.connect() as connection:
        columns = connection.execute(text("SELECT * FROM audit_entry")).keys()
    engine.dispose()
    assert not {"workflow_id", "run_id", "activity_id", "event_id"} & set(columns)
    migrate(url)

    assert [entry.model_dump() for entry in procedure.entries(loan)] == before
    with procedure.books.begin() as work:
        assert seal(work) >= len(before)
    with procedure.books.read() as work:
        verdict = verify(work)
    assert (verdict.findings, verdict.unsealed) == ([], 0)
