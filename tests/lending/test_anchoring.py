"""A contract dated anew: days move, and nothing else."""

from typing import Any

import pytest

from lending.anchoring import anchored, otherwise
from lending.terms import Terms

FULL = {
    "principal": "12000.00",
    "annual_rate_percent": "4.50",
    "method": "level_payment",
    "n_periods": 12,
    "period": {"unit": "month", "every": 1},
    "disbursement_date": "2026-01-31",
    "due_dates": [f"2026-{month:02d}-28" for month in range(2, 13)] + ["2027-01-28"],
    "fees": [{"amount": "10.00", "due": "2026-03-01", "name": "a"}, {"amount": "5.00"}],
    "prepayment_fee": {"percent": "1", "until": "2026-07-31"},
    "late": {"penalty_multiple": "1.5"},
    "floating": {"tenor": "one_year", "margin_percent": "1.5", "reset": "new_year"},
}


def contract(**changes: Any) -> dict[str, Any]:
    return Terms.parse(FULL | changes).to_json()


LATER: dict[str, Any] = {
    "disbursement_date": "2026-02-10",
    "due_dates": [f"2026-{month:02d}-10" for month in range(3, 13)] + ["2027-01-10", "2027-02-10"],
    "fees": [{"amount": "10.00", "due": "2026-03-11", "name": "a"}, {"amount": "5.00"}],
    "prepayment_fee": {"percent": "1", "until": "2026-08-10"},
    "annual_rate_percent": "4.40",
}


def test_days_and_a_floating_rate_are_those_of_the_new_day() -> None:
    anew = contract(**LATER)
    assert anchored(contract(), anew) == anew
    assert otherwise(contract(), anew) == []


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("principal", {"principal": "11000.00"}),
        ("method", {"method": "equal_principal"}),
        ("allocation_order", {"allocation_order": ["principal", "interest", "fee", "penalty"]}),
        ("rounding", {"rounding": {"payment_mode": "down"}}),
        ("interest_free_periods", {"interest_free_periods": 3}),
        ("principal_grace_periods", {"principal_grace_periods": 3}),
        ("late", {"late": {"penalty_multiple": "0"}}),
        ("fees", {"fees": LATER["fees"][:1]}),
        ("fees", {"fees": [LATER["fees"][0] | {"amount": "9.00"}, {"amount": "6.00"}]}),
        ("prepayment_fee", {"prepayment_fee": {"percent": "1"}}),
        ("floating", {"floating": FULL["floating"] | {"margin_percent": "0"}}),  # type: ignore[operator]
        ("subsidised_until", {"subsidised_until": "2026-06-30"}),
    ],
)
def test_what_a_product_would_agree_otherwise_by_now_stays_as_it_was_signed(name: str, changes: dict[str, Any]) -> None:
    anew = contract(**(LATER | changes))
    dated = anchored(contract(), anew)
    assert dated.get(name) != anew.get(name)
    assert name in otherwise(contract(), anew)
    assert otherwise(contract(), dated) == []


def test_a_fixed_rate_does_not_move() -> None:
    fixed = {name: value for name, value in contract().items() if name != "floating"}
    other = fixed | {"annual_rate_percent": "4.40"}
    assert anchored(fixed, other)["annual_rate_percent"] == "4.50"
    assert otherwise(fixed, other) == ["annual_rate_percent"]


@pytest.mark.parametrize(
    ("paid_out", "months"),
    [("2026-01-31", 7), ("2026-02-01", 6), ("2026-03-01", 5), ("2026-06-30", 2), ("2026-11-01", 2)],
)
def test_months_without_principal_last_until_the_same_end_of_the_subsidy(paid_out: str, months: int) -> None:
    """Two months after the state has paid, which it does until 30 June, the last of that month."""
    plain = {name: FULL[name] for name in ("principal", "annual_rate_percent", "method", "n_periods", "period")}
    agreed = Terms.parse(
        plain | {"disbursement_date": "2026-01-31", "subsidised_until": "2026-06-30", "principal_grace_periods": 7}
    ).to_json()
    anew = agreed | {"disbursement_date": paid_out, "principal_grace_periods": 0}
    assert anchored(agreed, anew)["principal_grace_periods"] == months
    assert otherwise(agreed, anew) == ["principal_grace_periods"]
