"""The clause of a floating rate in the terms."""

from decimal import Decimal

import pytest

from lending.floating import FloatingRate
from lending.floating_clause import Reset, Tenor
from lending.schedules import build_schedule
from lending.terms import InvalidTerms, Terms
from tests.lending.builders import terms_of

CLAUSE = {"tenor": "one_year", "margin_percent": "-0.70", "reset": "anniversary"}


def test_terms_keep_the_clause_and_the_schedule_does_not_look_at_it() -> None:
    fixed, floating = terms_of(), terms_of(floating=CLAUSE)
    assert floating.to_json()["floating"] == CLAUSE
    assert Terms.parse(floating.to_json()) == floating
    assert build_schedule(floating) == build_schedule(fixed)
    assert "floating" not in fixed.to_json()


def test_the_clause_becomes_a_rate_that_counts_from_the_payout() -> None:
    terms = terms_of(floating=CLAUSE)
    rate = FloatingRate(Tenor.ONE_YEAR, Decimal("-0.70"), Reset.ANNIVERSARY, terms.disbursement_date)
    assert FloatingRate.of(terms) == rate
    assert FloatingRate.of(terms_of()) is None


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"tenor": "two_years"}, "tenor"),
        ({"margin_percent": "1,5"}, "margin_percent"),
        ({"margin_percent": None}, "margin_percent"),
        ({"margin_percent": 1.5}, "margin_percent"),
        ({"reset": "daily"}, "reset"),
        ({"cap": "5"}, "cap"),
    ],
)
def test_a_clause_with_a_mistake_is_refused_by_the_name_of_its_field(change: dict[str, object], field: str) -> None:
    with pytest.raises(InvalidTerms) as refusal:
        terms_of(floating=CLAUSE | change)
    assert refusal.value.field == f"floating.{field}"


def test_a_clause_that_is_no_object_is_refused() -> None:
    with pytest.raises(InvalidTerms) as refusal:
        terms_of(floating="one_year")
    assert refusal.value.field == "floating"
