"""Every query on statements, differences and unmatched money finds its rows by an index."""

from datetime import UTC, date, datetime

import pytest
from sqlalchemy.exc import IntegrityError

from books.portions import in_portions
from books.session import UnitOfWork
from models.reconciliation import BankStatement
from tests.books.test_indexes import listening, scanned
from tests.services.procedure import Procedure

DAY = date(2026, 1, 5)


def look_at_statements(work: UnitOfWork) -> None:
    work.reconciliation.versions(DAY)
    work.reconciliation.lines("s")
    work.reconciliation.unbooked("s")
    work.reconciliation.shown_elsewhere(["a", "b"], DAY)
    work.reconciliation.entries_not_on("s", DAY)
    work.reconciliation.orders_not_on("s", DAY)
    work.reconciliation.days_done(DAY, DAY)
    work.reconciliation.days_with_open_entries(DAY, DAY)
    work.reconciliation.first_day_done()
    work.reconciliation.first_application()
    work.reconciliation.between(DAY, DAY)
    work.reconciliation.differences(DAY, DAY)
    work.reconciliation.told(DAY)
    work.reconciliation.neighbours(DAY)
    work.reconciliation.flow("s")
    work.reconciliation.flow_of_entries(DAY)
    work.reconciliation.postings(["a"])


def look_at_unmatched_money(work: UnitOfWork) -> None:
    work.payments.entries_of(["a"])
    work.payments.entries_named(["a"])
    work.payments.orders(["a"])
    work.payments.entry_of_task("t")
    work.payments.loans_paid_from("i")
    work.payments.payers()
    work.payments.proposals("t")
    work.payments.pending_proposal("t")


@pytest.mark.parametrize("look", [look_at_statements, look_at_unmatched_money], ids=lambda look: look.__name__)
def test_no_query_reads_a_large_table_from_end_to_end(procedure: Procedure, look: object) -> None:
    procedure.running()
    assert callable(look)
    with procedure.books.read() as work, listening(procedure.books) as asked:
        look(work)
    assert len(asked) >= 8
    found = {statement: scans for statement, given in asked if (scans := scanned(procedure.books, statement, given))}
    assert found == {}


def test_many_keys_are_asked_for_in_few_queries(procedure: Procedure) -> None:
    keys = [f"k{n}" for n in range(1_001)]
    assert [len(some) for some in in_portions([*keys, "k0"])] == [500, 500, 1]
    with procedure.books.read() as work, listening(procedure.books) as asked:
        assert work.payments.entries_of(keys) == {}
    assert len(asked) == 3


def kept(version: int) -> BankStatement:
    return BankStatement(
        business_date=DAY,
        version=version,
        bank_id="S",
        digest=f"{version}",
        opening_fen=0,
        closing_fen=0,
        line_count=0,
        received_at=datetime(2026, 1, 6, tzinfo=UTC),
    )


def test_a_day_has_one_statement_of_a_version(procedure: Procedure) -> None:
    with procedure.at() as work:
        for version in (1, 2):
            work.write(kept(version))
        newest = work.reconciliation.newest_of(DAY)
    assert newest is not None
    assert newest.version == 2
    with pytest.raises(IntegrityError), procedure.at() as work:
        work.write(kept(2))
