"""Terms and events as they are written: what is read, what is refused, and by which field."""

from datetime import date
from decimal import Decimal

import pytest

from lending.events import Event, EventType, InvalidEvent
from lending.terms import InvalidTerms, Method, Terms
from tests.lending.builders import event, terms_of

FULL = {
    "principal": "250000.00",
    "annual_rate_percent": "4.35",
    "method": "level_payment",
    "n_periods": 3,
    "period": {"unit": "quarter", "every": 1},
    "disbursement_date": "2024-01-15",
    "first_due_date": "2024-04-20",
    "due_dates": ["2024-04-20", "2024-07-20", "2024-10-21"],
    "day_count": "actual/360",
    "payment_basis": "schedule",
    "rounding": {"mode": "half_up", "to": "0.10", "payment_mode": "up", "payment_multiple_of": "1"},
    "principal_grace_periods": 1,
    "interest_deferral_periods": 1,
    "interest_free_periods": 1,
    "allocation_order": ["interest", "principal", "fee", "penalty"],
    "allocation_by": "component",
    "business_days": "following",
    "late": {
        "penalty_multiple": "1.5",
        "grace_days": 3,
        "compound": True,
        "max_annual_rate_percent": "24",
        "max_percent_of_overdue": "50",
    },
    "fees": [
        {"amount": "10.00"},
        {"amount": "5.00", "n": 2, "name": "notary"},
        {"amount": "1.00", "due": "2024-02-01"},
    ],
    "subsidised_until": "2024-06-30",
}


def test_terms_survive_their_json_form() -> None:
    terms = Terms.parse(FULL)
    assert terms.method is Method.LEVEL_PAYMENT
    assert terms.principal_fen == 25_000_000
    assert Terms.parse(terms.to_json()) == terms


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("principal", "0"),
        ("principal", 1000.5),
        ("principal", "1.234"),
        ("principal", "10000000000.01"),
        ("principal", None),
        ("annual_rate_percent", "-1"),
        ("annual_rate_percent", "1001"),
        ("annual_rate_percent", 4.35),
        ("annual_rate_percent", "1e2"),
        ("method", "balloon"),
        ("method", ["flat"]),
        ("n_periods", 0),
        ("n_periods", 1201),
        ("n_periods", "12"),
        ("n_periods", True),
        ("disbursement_date", "2024-02-30"),
        ("disbursement_date", "1899-12-31"),
        ("disbursement_date", "2201-01-01"),
        ("disbursement_date", "15.01.2024"),
        ("first_due_date", "2024-01-01"),
        ("first_due_date", "2200-12-31"),
        ("day_count", "daily_rate"),
        ("day_count", "30/365"),
        ("payment_basis", "annuity"),
        ("principal_grace_periods", 12),
        ("interest_deferral_periods", -1),
        ("interest_free_periods", 13),
        ("allocation_order", ["fee"]),
        ("allocation_order", ["fee", "fee", "interest", "principal"]),
        ("fees", {"amount": "1"}),
        ("subsidised_until", "soon"),
        ("principal", "-1"),
        ("principal", "NaN"),
        ("principal", "Infinity"),
        ("annual_rate_percent", "1000000000"),
        ("annual_rate_percent", "NaN"),
        ("annual_rate_percent", "Infinity"),
        ("annual_rate_percent", Decimal("Infinity")),
        ("allocation_order", ["penalty", "fee", "interest", "capital"]),
        ("allocation_by", "age"),
        ("business_days", "nearest"),
        ("colour", "red"),
    ],
)
def test_a_faulty_field_is_refused_by_name(field: str, value: object) -> None:
    with pytest.raises(InvalidTerms) as refused:
        terms_of(**{field: value})
    named = "n_periods" if (field, value) == ("first_due_date", "2200-12-31") else field
    assert refused.value.field == named
    assert list(refused.value.fields) == [named]


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"period": {"unit": "fortnight"}}, "period.unit"),
        ({"period": {"unit": "month", "every": 0}}, "period.every"),
        ({"period": "month"}, "period"),
        ({"period": {"unit": "year", "every": 20}}, "n_periods"),
        ({"rounding": {"mode": "nearest"}}, "rounding.mode"),
        ({"rounding": {"to": "0.001"}}, "rounding.to"),
        ({"rounding": {"places": 2}}, "rounding.places"),
        ({"late": {"penalty_multiple": "1.5", "penalty_annual_rate_percent": "18"}}, "late.penalty_multiple"),
        ({"late": {"grace_days": -1}}, "late.grace_days"),
        ({"late": {"compound": "yes"}}, "late.compound"),
        ({"late": {"penalty_multiple": "Infinity"}}, "late.penalty_multiple"),
        ({"late": {"max_annual_rate_percent": "-1"}}, "late.max_annual_rate_percent"),
        ({"late": {"max_percent_of_overdue": "1001"}}, "late.max_percent_of_overdue"),
        ({"fees": [{"percent": "1", "amount": "1"}]}, "fees[0].percent"),
        ({"fees": [{"percent": "0.00000001"}]}, "fees[0].percent"),
        ({"fees": [{"percent": "101"}]}, "fees[0].percent"),
        ({"business_days": "following", "period": {"unit": "day"}}, "business_days"),
        ({"fees": [{"amount": "1"}, {"amount": "x"}]}, "fees[1].amount"),
        ({"fees": [{"amount": "1", "due": "2023-12-31"}]}, "fees[0].due"),
        ({"fees": [{"amount": "1", "due": "2024-02-01", "n": 1}]}, "fees[0].due"),
        ({"fees": [{"amount": "1", "n": 13}]}, "fees[0].n"),
        ({"daily_rate_percent": "0.05"}, "annual_rate_percent"),
        ({"annual_rate_percent": None}, "annual_rate_percent"),
        ({"due_dates": ["2024-02-01", "2024-02-01"], "n_periods": 2}, "due_dates[1]"),
        ({"due_dates": ["2024-02-01"]}, "n_periods"),
        ({"due_dates": ["2024-02-02"], "n_periods": 1}, "first_due_date"),
        ({"due_dates": ["2024-02-17"], "n_periods": 1, "business_days": "following"}, "first_due_date"),
        (
            {
                "due_dates": ["2024-01-02"],
                "n_periods": 1,
                "business_days": "following",
                "first_due_date": "2024-01-01",
            },
            "first_due_date",
        ),
        ({"due_dates": [], "n_periods": 1}, "due_dates"),
        ({"due_dates": ["2024-01-01"], "n_periods": 1, "first_due_date": None}, "due_dates[0]"),
    ],
)
def test_fields_within_and_between_others_are_named_with_their_path(changed: dict[str, object], field: str) -> None:
    with pytest.raises(InvalidTerms) as refused:
        terms_of(**changed)
    assert refused.value.field == field


def test_the_agreed_first_day_may_lie_some_days_from_the_working_day_in_its_place() -> None:
    terms = terms_of(due_dates=["2024-02-16"], n_periods=1, business_days="following")
    assert (terms.first_due_date, terms.dues) == (date(2024, 2, 1), (date(2024, 2, 16),))


def test_a_loan_may_last_two_hundred_years() -> None:
    centuries = terms_of(period={"unit": "year", "every": 100}, n_periods=2)
    assert centuries.dues == (date(2024, 2, 1), date(2124, 2, 1))


def test_a_daily_rate_goes_with_its_own_day_counts_only() -> None:
    daily = {"annual_rate_percent": None, "daily_rate_percent": "0.05"}
    assert terms_of(**daily).to_json()["day_count"] == "daily_rate"
    assert terms_of(**daily, day_count="actual/365").rate == terms_of(annual_rate_percent="18.25").rate
    with pytest.raises(InvalidTerms, match="day_count"):
        terms_of(**daily, day_count="period")
    with pytest.raises(InvalidTerms, match="payment_basis"):
        terms_of(**daily, payment_basis="period")
    with pytest.raises(InvalidTerms, match="daily_rate_percent"):
        terms_of(**(daily | {"daily_rate_percent": "10.5"}))


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"type": "gift"}, "type"),
        ({"id": ""}, "id"),
        ({"id": None}, "id"),
        ({"amount": "-5"}, "amount"),
        ({"amount": None}, "amount"),
        ({"date": "today"}, "date"),
        ({"periods": 2}, "periods"),
        ({"type": "prepayment", "effect": "none"}, "effect"),
        ({"type": "waiver", "component": "subsidy"}, "component"),
        ({"type": "waiver"}, "component"),
        ({"type": "rate_change", "amount": None}, "annual_rate_percent"),
        ({"type": "deferral", "amount": None, "periods": 0}, "periods"),
        ({"type": "deferral", "amount": None, "periods": 1, "component": "interest"}, "component"),
        ({"type": "reschedule", "amount": None}, "from"),
        ({"type": "reversal", "amount": None}, "of"),
        ({"type": "settlement"}, "amount"),
    ],
)
def test_a_faulty_event_is_refused_by_field(body: dict[str, object], field: str) -> None:
    plain: dict[str, object] = {"id": "e1", "type": "repayment", "date": "2024-02-01", "amount": "10.00"}
    with pytest.raises(InvalidEvent) as refused:
        Event.parse(plain | body)
    assert refused.value.field == field


def test_every_type_of_event_survives_its_json_form() -> None:
    day = "2024-02-01"
    events = [
        event("disbursement", day, amount="1.00"),
        event("rate_change", day, annual_rate_percent="3.5"),
        event("fee", day, amount="1.00", due="2024-03-01"),
        event("waiver", day, amount="1.00", component="fee"),
        event("repayment", day, amount="1.00"),
        event("prepayment", day, amount="1.00", effect="advance_due", fee="0.50"),
        event("subsidy", day, amount="1.00"),
        event("deferral", day, periods=2, component="all"),
        event("reschedule", day, from_="2024-03-01", due="2024-03-10", extra_periods=1, reage=True),
        event("reschedule", day, "r2", from_="2024-03-01", annual_rate_percent="2"),
        event("reversal", day, of="r2"),
        event("settlement", day),
        event("write_off", day),
        event("as_of", day),
    ]
    assert {e.type for e in events} == set(EventType)
    assert [Event.parse(e.to_json()) for e in events] == events
