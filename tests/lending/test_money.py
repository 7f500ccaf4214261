"""Money: fen in, fen out, one rounding, no floats."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lending.money import CurrencyMismatch, InvalidAmount, Money, Rounding, round_ratio, to_fen, yuan


@pytest.mark.parametrize(
    ("amount", "fen"),
    [("1234.50", 123450), ("0.1", 10), (7, 700), (Decimal("-3.05"), -305), (Decimal("1E+2"), 10000), ("0", 0)],
)
def test_amounts_are_read_as_fen(amount: str | Decimal | int, fen: int) -> None:
    assert to_fen(amount) == fen


@pytest.mark.parametrize("amount", [1.5, True, "1.234", "1,000", "1e3", "", " 1", "NaN", "１", "9" * 18, None, b"1"])
def test_what_is_no_amount_is_refused(amount: object) -> None:
    with pytest.raises(InvalidAmount):
        to_fen(amount)  # type: ignore[arg-type]  # the point of the test


@given(st.integers(-(10**14), 10**14))
def test_fen_written_as_yuan_are_read_back(fen: int) -> None:
    assert to_fen(yuan(fen)) == fen


@pytest.mark.parametrize(
    ("mode", "rounded"),
    [
        (Rounding.HALF_EVEN, [0, 2, 2, -2, 1, -1]),
        (Rounding.HALF_UP, [1, 2, 3, -3, 1, -1]),
        (Rounding.HALF_DOWN, [0, 1, 2, -2, 1, -1]),
        (Rounding.UP, [1, 2, 3, -3, 2, -2]),
        (Rounding.DOWN, [0, 1, 2, -2, 1, -1]),
        (Rounding.CEILING, [1, 2, 3, -2, 2, -1]),
        (Rounding.FLOOR, [0, 1, 2, -3, 1, -2]),
    ],
)
def test_each_rounding_settles_halves_and_parts_its_own_way(mode: Rounding, rounded: list[int]) -> None:
    figures = [(1, 2), (3, 2), (5, 2), (-5, 2), (5, 4), (-5, 4)]
    assert [round_ratio(numerator, denominator, mode) for numerator, denominator in figures] == rounded


def test_rounding_goes_to_multiples_of_a_unit() -> None:
    assert round_ratio(30491, 1, Rounding.HALF_EVEN, 100) == 30500
    assert round_ratio(12550, 1, Rounding.HALF_EVEN, 100) == 12600
    assert round_ratio(12450, 1, Rounding.HALF_EVEN, 100) == 12400


@pytest.mark.parametrize("mode", Rounding)
def test_what_is_a_multiple_already_is_not_rounded(mode: Rounding) -> None:
    assert [round_ratio(numerator, 4, mode, 50) for numerator in (600, -600, 0)] == [150, -150, 0]


def test_money_of_one_currency_adds_up_and_compares() -> None:
    ten, three = Money(Decimal(10)), Money(Decimal("3.50"))
    assert ten + three == Money(Decimal("13.50"))
    assert ten - three == Money.from_fen(650)
    assert -three < ten
    assert three <= three + Money(Decimal(0))
    assert not ten < ten
    assert (ten + three).fen() == 1350


def test_the_negative_of_an_amount_takes_it_away() -> None:
    assert -Money(Decimal(5), "USD") == Money(Decimal(-5), "USD")
    assert (Money(Decimal(5), "USD") - Money(Decimal(2), "USD")).currency == "USD"
    assert Money.from_fen(500, "USD") == Money(Decimal(5), "USD")
    assert (Money(Decimal(5), "USD") + Money(Decimal(2), "USD")).currency == "USD"


def test_two_currencies_are_never_taken_together() -> None:
    yuan_ten, dollars = Money(Decimal(10)), Money(Decimal(10), "USD")
    with pytest.raises(CurrencyMismatch):
        _ = yuan_ten + dollars
    with pytest.raises(CurrencyMismatch):
        _ = yuan_ten < dollars


def test_money_is_never_a_float() -> None:
    with pytest.raises(InvalidAmount):
        Money(1.5)  # type: ignore[arg-type]  # the point of the test
