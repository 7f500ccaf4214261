"""Price, down payment and loan to value of a purchase."""

from decimal import Decimal

import pytest

from lending.financing import Financing, InvalidFinancing, least_down_payment

CAR = Financing(price_fen=15_000_000, down_payment_fen=3_000_000, value_fen=14_500_000)


def test_what_is_not_paid_down_is_financed() -> None:
    assert Financing(price_fen=1, down_payment_fen=0, value_fen=1).financed_fen == 1
    assert CAR.financed_fen == 12_000_000
    assert CAR.down_payment_percent == Decimal("20.00")
    assert CAR.ltv_percent == Decimal("82.76")
    # 2.005 %, and a half goes up.
    assert Financing(100_000, 2005, 100_000).down_payment_percent == Decimal("2.01")


def test_the_loan_to_value_is_measured_on_the_lower_of_price_and_value() -> None:
    CAR.require_ltv(Decimal("82.7587"))
    with pytest.raises(InvalidFinancing, match=r"more than 82 % of 145000\.00"):
        CAR.require_ltv(Decimal(82))
    dear = Financing(10_000_000, 2_000_000, 20_000_000)
    dear.require_ltv(Decimal(80))
    with pytest.raises(InvalidFinancing):
        Financing(10_000_000, 1_999_999, 20_000_000).require_ltv(Decimal(80))


def test_the_least_down_payment_just_passes() -> None:
    for price, value, percent in ((15_000_001, 14_500_003, "85"), (999, 2000, "33.3"), (100, 100_000, "100")):
        least = least_down_payment(price, value, Decimal(percent))
        Financing(price, least, value).require_ltv(Decimal(percent))
        if least:
            with pytest.raises(InvalidFinancing):
                Financing(price, least - 1, value).require_ltv(Decimal(percent))
    assert least_down_payment(100, 50, Decimal(300)) == 0


@pytest.mark.parametrize(
    ("price", "down", "value", "field"),
    [(0, 0, 1, "price"), (10, 10, 1, "down_payment"), (10, -1, 1, "down_payment"), (10, 1, 0, "value")],
)
def test_what_makes_no_loan_is_refused_by_field(price: int, down: int, value: int, field: str) -> None:
    with pytest.raises(InvalidFinancing) as refused:
        Financing(price, down, value)
    assert (refused.value.field, refused.value.code) == (field, "invalid_financing")
    assert list(refused.value.fields) == [field]
