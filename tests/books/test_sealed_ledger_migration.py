"""Books with a ledger and seals from before postings were sealed."""

from datetime import UTC, date, datetime, timedelta

from alembic import command
from sqlalchemy import create_engine, inspect, text

from activities.sealing import SealingActs
from books.schema import alembic_config, migrate
from models.recurring import SealingOrder
from services.audit_proof import verify
from tests.services.audit_log import seal, write
from tests.services.procedure import Procedure

POSTINGS = text("SELECT * FROM posting ORDER BY id")
SEALS = text("SELECT no, first_id, last_id, count, root, previous, hash, sealed_at FROM audit_seal ORDER BY no")


def test_old_postings_are_sealed_by_the_first_sealing_and_old_seals_stay_as_they_are(procedure: Procedure) -> None:
    procedure.running()
    procedure.day = date(2026, 2, 5)
    seal(procedure.books)
    books, url = procedure.books, procedure.books.url
    command.downgrade(alembic_config(url), "0033")
    engine = create_engine(url)
    assert "posting_sealed" not in inspect(engine).get_table_names()
    assert "book" not in {column["name"] for column in inspect(engine).get_columns("audit_seal")}
    with engine.connect() as connection:
        before = connection.execute(POSTINGS).all(), connection.execute(SEALS).all()
    migrate(url)
    with engine.connect() as connection:
        assert (connection.execute(POSTINGS).all(), connection.execute(SEALS).all()) == before
    engine.dispose()

    with books.read() as work:
        proved = verify(work)
    assert (proved.findings, proved.seals, proved.unsealed_postings) == ([], 1, len(before[0]))
    # That postings are older than seals over the audit log by then is no finding.
    write(books)
    later = datetime.now(UTC) + timedelta(hours=3)
    seal(books, at=later)
    SealingActs(books).seal_audit(SealingOrder())
    with books.begin(later) as work:
        proved = verify(work)
    assert (proved.postings, proved.unsealed, proved.unsealed_postings) == (len(before[0]), 0, 0)
    assert {one.kind.value for one in proved.findings} <= {"seal_misdated"}
