"""What the terms of all three products have in common."""

from datetime import date
from decimal import Decimal

import pytest

from lending.terms import Terms
from modules.installments import months_until
from tests.modules.applications import case, product


@pytest.mark.parametrize(("code", "grace_days"), [("auto", 3), ("micro", 0), ("student", 3)])
def test_late_payment_and_order_of_allocation_follow_the_law(code: str, grace_days: int) -> None:
    terms = product(code).terms(case(code, rate="7.2"))
    assert terms.late is not None
    assert (terms.late.penalty_multiple, terms.late.grace_days, terms.late.compound) == (
        Decimal("1.5"),
        grace_days,
        False,
    )
    assert terms.allocation_order == ("fee", "penalty", "interest", "principal")
    assert terms.annual_rate_percent == Decimal("7.2")
    assert Terms.parse(terms.to_json()) == terms


@pytest.mark.parametrize(
    ("day", "end", "months"),
    [
        (date(2026, 1, 31), date(2026, 2, 27), 0),
        (date(2026, 1, 31), date(2026, 2, 28), 1),
        (date(2026, 1, 5), date(2027, 1, 4), 11),
        (date(2026, 1, 5), date(2027, 1, 5), 12),
        (date(2026, 1, 5), date(2025, 1, 5), 0),
    ],
)
def test_due_dates_until_a_day_are_counted_from_clamped_months(day: date, end: date, months: int) -> None:
    assert months_until(day, end) == months
