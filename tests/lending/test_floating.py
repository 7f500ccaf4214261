"""Rates that follow a published table."""

from datetime import date
from decimal import Decimal

import pytest

from lending.floating import (
    FloatingRate,
    Published,
    RateNotPublished,
    published_rate,
    rate_changes,
    rate_on,
)
from lending.floating_clause import Reset, Tenor
from lending.servicing import service
from tests.lending.builders import terms_of

TABLE = {
    Tenor.ONE_YEAR: [
        Published(date(2023, 6, 20), Decimal("3.55")),
        Published(date(2023, 8, 21), Decimal("3.45")),
        Published(date(2024, 7, 22), Decimal("3.35")),
        Published(date(2024, 10, 21), Decimal("3.10")),
    ],
    Tenor.OVER_FIVE_YEARS: [Published(date(2023, 6, 20), Decimal("4.20"))],
}


def floating(reset: Reset, margin: str = "1.50") -> FloatingRate:
    return FloatingRate(Tenor.ONE_YEAR, Decimal(margin), reset, date(2023, 7, 10))


def test_a_publication_holds_from_its_day_until_the_next() -> None:
    rates = [published_rate(TABLE, Tenor.ONE_YEAR, date(2024, 7, day)) for day in (21, 22, 23)]
    assert rates == [Decimal("3.45"), Decimal("3.35"), Decimal("3.35")]
    assert published_rate(TABLE, Tenor.OVER_FIVE_YEARS, date(2030, 1, 1)) == Decimal("4.20")


@pytest.mark.parametrize("table", [TABLE, {}])
def test_before_the_first_publication_there_is_no_rate(table: dict[Tenor, list[Published]]) -> None:
    with pytest.raises(RateNotPublished):
        published_rate(table, Tenor.ONE_YEAR, date(2023, 6, 19))


def test_between_resets_the_rate_stays_whatever_is_published() -> None:
    yearly = floating(Reset.NEW_YEAR)
    assert rate_on(yearly, TABLE, date(2023, 12, 31)) == Decimal("5.05")
    assert rate_on(yearly, TABLE, date(2024, 1, 1)) == Decimal("4.95")
    assert rate_on(yearly, TABLE, date(2024, 12, 31)) == Decimal("4.95")
    by_anniversary = floating(Reset.ANNIVERSARY)
    assert rate_on(by_anniversary, TABLE, date(2024, 7, 9)) == Decimal("5.05")
    assert rate_on(by_anniversary, TABLE, date(2024, 7, 10)) == Decimal("4.95")


def test_resets_become_rate_changes_and_one_that_changes_nothing_is_none() -> None:
    changes = rate_changes(floating(Reset.NEW_YEAR), TABLE, date(2026, 6, 1))
    assert [(e.id, e.date, e.annual_rate_percent) for e in changes] == [
        ("reset-2024-01-01", date(2024, 1, 1), Decimal("4.95")),
        ("reset-2025-01-01", date(2025, 1, 1), Decimal("4.60")),
    ]
    assert rate_changes(floating(Reset.ANNIVERSARY), TABLE, date(2024, 7, 9)) == []


def test_a_first_reset_that_changes_nothing_is_no_event_either() -> None:
    late = FloatingRate(Tenor.ONE_YEAR, Decimal("1.5"), Reset.NEW_YEAR, date(2023, 9, 1))
    assert [change.date for change in rate_changes(late, TABLE, date(2025, 2, 1))] == [date(2025, 1, 1)]


def test_a_rate_never_falls_below_zero() -> None:
    assert rate_on(floating(Reset.NEW_YEAR, "-5"), TABLE, date(2024, 1, 1)) == 0


def test_a_reset_is_serviced_as_a_rate_change_from_its_day() -> None:
    terms = terms_of(
        method="interest_only", annual_rate_percent="5.05", disbursement_date="2023-07-10",
        first_due_date="2023-08-01", n_periods=24,
    )  # fmt: skip
    changes = rate_changes(floating(Reset.NEW_YEAR), TABLE, date(2024, 6, 1))
    account = service(terms, changes, date(2024, 6, 1))
    # 12,000 at 5.05 % and at 4.95 % a month
    assert [row.interest for row in account.rows[5:7]] == [5050, 4950]
