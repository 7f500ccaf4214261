"""How many offers the scripted approvers keep open."""

from datetime import UTC, date, datetime, timedelta

from console.offer_pace import FEWEST_AT_ONCE, GETTING_LATE, MOST_AT_ONCE, OfferPace
from models.loans import Loan

TODAY = date(2026, 1, 5)


def offers(count: int, days_left: int | None = 14) -> list[Loan]:
    """So many open offers, each with so many days left."""
    last_day = None if days_left is None else TODAY + timedelta(days=days_left)
    return [
        Loan(
            number=f"L2600000{number}",
            product="micro",
            customer_id="c1",
            applied_fen=100,
            applied_on=TODAY,
            offer_until=last_day,
            updated_at=datetime(2026, 1, 5, tzinfo=UTC),
        )
        for number in range(count)
    ]


def test_it_begins_with_few() -> None:
    pace = OfferPace()

    assert pace.room([], TODAY) == FEWEST_AT_ONCE
    assert pace.room(offers(1), TODAY) == FEWEST_AT_ONCE - 1
    assert pace.room(offers(FEWEST_AT_ONCE + 2), TODAY) == 0


def test_it_makes_more_as_they_are_signed_up_to_a_limit() -> None:
    pace = OfferPace()

    pace.signed()
    assert pace.room([], TODAY) == FEWEST_AT_ONCE + 1
    for _ in range(100):
        pace.signed()
    assert pace.room([], TODAY) == MOST_AT_ONCE


def test_one_that_gets_late_holds_all_others_back_and_begins_anew() -> None:
    pace = OfferPace()
    for _ in range(6):
        pace.signed()

    assert pace.room(offers(1, GETTING_LATE.days), TODAY) == FEWEST_AT_ONCE + 5
    assert pace.room(offers(1, GETTING_LATE.days - 1), TODAY) == 0
    assert pace.room([], TODAY) == FEWEST_AT_ONCE


def test_an_offer_without_a_last_day_holds_nobody_back() -> None:
    assert OfferPace().room(offers(1, None), TODAY) == FEWEST_AT_ONCE - 1
