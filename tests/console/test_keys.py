"""Keys from the operator's command: how they stand, a rotation, new digests, an erasure."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text

from books.session import Books
from models.columns import ERASED
from tests.books.migrated import seeded_file
from tests.console.running import loanwright
from tests.servers.shared import SharedServers
from tests.services.procedure import Procedure
from tests.services.test_erasure import settled

DEMO = "demo:bG9hbndyaWdodCBkZW1vbnN0cmF0aW9uIGtleSAwMDE="
NEW = "new:bG9hbndyaWdodCBkZW1vbnN0cmF0aW9uIGtleSAwMDI="
FIRST_INDEX_KEY = "loanwright-blind-index"
INDEX_KEYS = f"a second key of the digests,{FIRST_INDEX_KEY}"


@pytest.fixture
def books(servers: SharedServers, tmp_path: Path) -> Iterator[Books]:
    with seeded_file(servers, tmp_path) as made:
        yield made


@pytest.fixture
def procedure(books: Books) -> Procedure:
    return Procedure(books)


def of(books: Books, **settings: str) -> dict[str, str]:
    return {"LOANWRIGHT_DATABASE_URL": books.url} | {
        f"LOANWRIGHT_{name.upper()}": value for name, value in settings.items()
    }


def test_a_rotation_frees_the_old_key(books: Books, procedure: Procedure) -> None:
    procedure.apply()
    both = of(books, keys=f"{NEW},{DEMO}")
    before = loanwright("keys", "status", environment=both)
    line = next(line for line in before.out.splitlines() if "demo" in line)
    assert [part.strip() for part in line.split("│")[1:3]] == ["demo", "2"]
    done = loanwright("keys", "rotate", environment=both)
    assert (done.code, "the books need no other key than new" in done.err) == (0, True), done.err
    again = loanwright("keys", "rotate", environment=both)
    assert again.code == 0
    after = loanwright("keys", "status", environment=of(books, keys=NEW))
    assert after.code == 0
    assert "demo" not in after.out
    with books.read() as work:
        assert "keys_rotated" in work.session.scalars(text("SELECT act FROM audit_entry")).all()


def test_a_key_that_is_missing_is_named(books: Books, procedure: Procedure) -> None:
    procedure.apply()
    status = loanwright("keys", "status", environment=of(books, keys=NEW))
    assert "MISSING in LOANWRIGHT_KEYS" in status.out
    failed = loanwright("keys", "rotate", environment=of(books, keys=NEW))
    assert failed.code == 1
    assert "the key demo is not among LOANWRIGHT_KEYS" in failed.err
    assert "still needed besides new: demo" in failed.err


def test_digests_follow_a_new_key(books: Books, procedure: Procedure) -> None:
    procedure.apply()
    changed = of(books, index_key=INDEX_KEYS)
    refused = loanwright("serve", "--port", "1", environment=changed | {"LOANWRIGHT_DEMO": "true"})
    assert refused.code != 0
    done = loanwright("keys", "reindex", environment=changed)
    assert (done.code, "have digests under the newest key" in done.err) == (0, True), done.err
    again = loanwright("keys", "reindex", environment=changed)
    assert "the digests are under the newest key" in again.err
    lost = loanwright("keys", "reindex", environment=of(books))
    assert lost.code == 1
    assert "were made with other keys" in lost.err


def test_an_erasure_is_refused_in_a_sentence_and_recorded(books: Books, procedure: Procedure) -> None:
    loan = procedure.apply()
    with books.read() as work:
        customer = work.loans.get(loan).customer_id
    given = ("erase", customer, "--reason", "the legal period is over", "--actor", "admin-gu", "--second", "risk-qian")
    refused = loanwright(*given, environment=of(books))
    assert (refused.code, refused.err.strip()) == (1, f"loan {loan} is still open")
    with books.read() as work:
        (kept,) = work.session.scalars(text("SELECT reason FROM audit_entry WHERE act = 'customer_erased' AND refused"))
    assert kept == f"loan {loan} is still open"


def test_an_erasure_after_the_legal_period(books: Books, procedure: Procedure) -> None:
    loan = settled(procedure)
    with books.engine.begin() as connection:
        # He came and settled his loan ten years ago and a day.
        connection.execute(text("UPDATE business_day SET anchor_date = '2036-01-06'"))
        connection.execute(text("UPDATE customer SET created_at = '2000-01-01 00:00:00'"))
    with books.read() as work:
        customer = work.loans.get(loan).customer_id
    given = ("erase", customer, "--reason", "the legal period is over", "--actor", "admin-gu", "--second", "risk-qian")
    done = loanwright(*given, environment=of(books))
    assert (done.code, done.err.strip()) == (
        0,
        f"the personal data of customer {customer} is gone; 1 loans stay without it",
    )
    fresh = Books(books.url)
    with fresh.read() as work:
        found = work.customers.get(customer)
        assert found is not None
        assert found.name is ERASED
    fresh.close()
