"""The worked examples of Regulation Z (12 CFR 1026 Appendix J (c)), their unit periods counted from the dates."""

from decimal import Decimal

import pytest

from lending.apr import apr

EXAMPLES = {
    "c1i monthly": ("5000", "1978-01-10", [("230.00", 24, "1978-02-10")], 12, "9.69"),
    "c1ii monthly, long first period": ("6000", "1978-02-10", [("200.00", 36, "1978-04-01")], 12, "11.82"),
    "c1iii semimonthly, short first period": ("5000", "1978-02-23", [("219.17", 24, "1978-03-01")], 24, "10.34"),
    "c1iv quarterly, long first period": ("10000", "1978-05-23", [("385.00", 40, "1978-10-01")], 4, "8.97"),
    "c1v weekly, long first period": ("500", "1978-03-20", [("17.60", 30, "1978-04-21")], 52, "14.96"),
    "c2i odd first payment": (
        "5000",
        "1978-01-10",
        [("250.00", 1, "1978-02-10"), ("230.00", 23, "1978-03-10")],
        12,
        "10.08",
    ),
    "c2ii every four weeks": (
        "400",
        "1978-03-18",
        [("39.50", 1, "1978-04-20"), ("38.31", 11, "1978-05-18")],
        13,
        "28.50",
    ),
    "c3i odd last payment": (
        "5000",
        "1978-01-10",
        [("230.00", 23, "1978-02-10"), ("280.00", 1, "1980-01-10")],
        12,
        "10.50",
    ),
    "c3ii every two weeks": (
        "200",
        "1978-04-03",
        [("9.50", 19, "1978-04-11"), ("30.00", 1, "1979-01-02")],
        26,
        "12.22",
    ),
    "c4i odd first and last payment": (
        *("5000", "1978-01-10"),
        *([("250.00", 1, "1978-02-10"), ("230.00", 22, "1978-03-10"), ("280.00", 1, "1980-01-10")], 12, "10.90"),
    ),
    "c4ii every two months, short first period": (
        *("8000", "1978-01-10"),
        *([("449.36", 1, "1978-03-01"), ("465.00", 18, "1978-05-01"), ("200.00", 1, "1981-05-01")], 6, "7.30"),
    ),
}


@pytest.mark.parametrize("example", EXAMPLES.values(), ids=list(EXAMPLES))
def test_the_regulations_examples_come_out_to_the_hundredth(
    example: tuple[str, str, list[tuple[str, int, str]], int, str],
) -> None:
    principal, day, payments, a_year, expected = example
    body = {
        "principal": principal,
        "disbursement_date": day,
        "payments": [{"amount": amount, "count": count, "first": first} for amount, count, first in payments],
        "unit_periods_per_year": a_year,
    }
    assert apr(body) == Decimal(expected)


def test_semimonthly_payments_in_two_streams_follow_each_other() -> None:
    # The same 24 payments of (c)(1)(iii), told as two times twelve: the thirteenth falls due on 1 September.
    body = {
        "principal": "5000",
        "disbursement_date": "1978-02-23",
        "payments": [
            {"amount": "219.17", "count": 12, "first": "1978-03-01"},
            {"amount": "219.17", "count": 12, "first": "1978-09-01"},
        ],
        "unit_periods_per_year": 24,
    }
    assert apr(body) == Decimal("10.34")


@pytest.mark.parametrize(
    ("first", "grown", "rate"),
    # One payment that is the principal grown at 10 % for the time that (b)(5)(iv) counts: one year and 3/12, or 73/365.
    [("1980-05-01", "112.75", "10.00"), ("1980-03-15", "112.20", "10.00")],
)
def test_a_years_fraction_is_in_months_or_else_in_days(first: str, grown: str, rate: str) -> None:
    body = {
        "principal": "100",
        "disbursement_date": "1979-02-01" if first == "1980-05-01" else "1979-01-01",
        "payments": [{"amount": grown, "first": first}],
        "unit_periods_per_year": 1,
    }
    assert apr(body) == Decimal(rate)
