"""`loanwright screening`: the lender's own list by two people of risk, from the operator's command."""

from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from books.schema import migrate
from books.session import Books
from console.seed import seed
from lending.calendar import BusinessClock
from models.screening import ListingStatus
from services.listings import listing_states
from settings import Settings
from tests.console.running import Ended, loanwright
from tests.services.procedure import RISK


@pytest.fixture
def books(tmp_path: Path) -> Iterator[Books]:
    """Seeded books."""
    settings = Settings(database_url=f"sqlite:///{tmp_path / 'loanwright.db'}")
    migrate(settings.database_url)
    books = Books(settings.database_url)
    books.set_clock(BusinessClock(3600, datetime.now(UTC), date(2026, 11, 20)))
    seed(books, settings)
    yield books
    books.close()


def run(books: Books, *arguments: str) -> Ended:
    return loanwright("screening", *arguments, "--data-dir", str(Path(books.url.removeprefix("sqlite:///")).parent))


def statuses(books: Books) -> list[ListingStatus]:
    with books.begin() as work:
        return [one.status for one in listing_states(work, RISK)]


def test_a_firm_is_put_on_the_list_and_taken_off_by_two(books: Books) -> None:
    firm = ("--name", "某某贸易有限公司", "--since", "2026-11-20", "--until", "2027-11-20")
    proposed = run(books, "add", *firm, "--actor", "risk-qian", "--reason", "unpaid invoices")
    assert proposed.code == 0, proposed.err
    (entry,) = proposed.out.split()
    own = run(books, "confirm", entry, "--actor", "risk-qian", "--reason", "sure")
    assert (own.code, own.out) == (1, "")
    assert "another person of risk" in own.err
    assert run(books, "confirm", entry, "--actor", "risk-shen", "--reason", "looked").out.split() == [entry]
    assert statuses(books) == [ListingStatus.IN_FORCE]
    listed = run(books, "list", "--actor", "auditor-wei")
    assert "2026-11-20" in listed.out
    assert run(books, "remove", entry, "--actor", "risk-shen", "--reason", "paid").out.split() == [entry]
    assert statuses(books) == [ListingStatus.REMOVING]
