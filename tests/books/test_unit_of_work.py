"""One unit of work an act: kept as a whole or not at all, and the rest of the house hears of it afterwards."""

from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from books.session import Books, UnitOfWork, was_written_before
from lending.calendar import BusinessClock
from models.customers import Party, PartyRole
from models.ledger import BANK, OWNERS_FUNDS
from models.outbox import Topic
from models.policies import Policy
from services.ledger import post
from tests.modules.applications import DAY


def put(work: UnitOfWork, key: str) -> None:
    work.outbox.put(Topic.SMS, key, {"contact": key}, work.now)


def test_an_act_that_fails_half_way_leaves_nothing(books: Books) -> None:
    def act() -> None:
        with books.begin() as work:
            put(work, "sms:1")
            work.session.flush()
            post(
                work,
                entry="e",
                line="l",
                debit=BANK,
                credit=OWNERS_FUNDS,
                amount_fen=1,
                about="x",
                value_date=DAY,
                loan=None,
            )
            work.session.flush()
            assert work.outbox.next_numbers("loan", 5) > 0
            raise RuntimeError("half way")

    with pytest.raises(RuntimeError, match="half way"):
        act()
    with books.begin() as work:
        assert work.outbox.waiting() == 0
        assert not work.ledger.posted("e")
        assert work.outbox.next_numbers("loan", 1) == 1


def test_what_a_unit_of_work_wrote_is_there_for_the_next(books: Books) -> None:
    with books.begin() as work:
        put(work, "sms:1")
    with books.read() as work:
        assert work.outbox.has("sms:1")


def test_nobody_sees_an_act_before_it_is_committed(books: Books) -> None:
    with books.begin() as work:
        put(work, "sms:1")
        work.session.flush()
        with books.read() as other:
            assert not other.outbox.has("sms:1")


def test_a_reader_never_commits(books: Books) -> None:
    with books.read() as work:
        put(work, "sms:1")
        work.session.flush()
    with books.read() as work:
        assert not work.outbox.has("sms:1")


def test_a_row_written_before_is_told_from_every_other_refusal(books: Books) -> None:
    with books.begin() as work:
        put(work, "sms:1")
    with pytest.raises(IntegrityError) as twice, books.begin() as work:
        put(work, "sms:1")
    with pytest.raises(IntegrityError) as orphan, books.begin() as work:
        work.session.add(Party(loan="L99000001", role=PartyRole.PAYEE, name="无"))
    with pytest.raises(IntegrityError) as negative, books.begin() as work:
        post(
            work,
            entry="e",
            line="l",
            debit=BANK,
            credit=OWNERS_FUNDS,
            amount_fen=-1,
            about="x",
            value_date=DAY,
            loan=None,
        )
    with pytest.raises(IntegrityError) as empty, books.begin() as work:
        work.session.execute(text("INSERT INTO number_series (name, next) VALUES ('empty', NULL)"))
    assert was_written_before(twice.value)
    assert not any(was_written_before(other.value) for other in (orphan, negative, empty))


def test_a_primary_key_and_a_unique_key_both_count_as_written_before(books: Books) -> None:
    def publish(row_id: str, version: int) -> None:
        with books.begin() as work:
            policy = Policy(id=row_id, name="p", version=version, content={}, drafted_by="x", drafted_at=work.now)
            work.session.add(policy)

    publish("1", 1)
    for row_id, version in (("1", 2), ("2", 1)):
        with pytest.raises(IntegrityError) as refused:
            publish(row_id, version)
        assert was_written_before(refused.value)


def test_the_business_day_is_kept_once_and_read_by_all(books: Books) -> None:
    other = BusinessClock(60, datetime(2030, 1, 1, tzinfo=UTC), date(2030, 1, 1))
    assert books.set_clock(other).anchor_date == DAY
    again = Books(books.url)
    assert again.clock == books.clock
    again.close()


def test_the_unit_of_work_knows_its_business_date(books: Books) -> None:
    with books.read() as work:
        assert work.today == DAY
    with books.begin(books.clock.opens_at(date(2026, 3, 1))) as work:
        assert work.today == date(2026, 3, 1)


def test_an_sqlite_file_survives_a_power_cut_and_keeps_its_foreign_keys(tmp_path: Path) -> None:
    books = Books(f"sqlite:///{tmp_path / 'new' / 'books.db'}")
    with books.engine.connect() as connection:
        settings = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar_one()
            for name in ("journal_mode", "synchronous", "foreign_keys")
        }
    books.close()
    assert settings == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1}
