"""What a bought thing is taken to be worth."""

import pytest

from lending.financing import InvalidFinancing, lending_value


@pytest.mark.parametrize(
    ("price", "invoice", "assessed", "worth"),
    [
        (15_000_000, None, None, 15_000_000),
        (15_000_000, 14_800_000, None, 14_800_000),
        (15_000_000, 14_800_000, 14_500_000, 14_500_000),
        (15_000_000, 16_000_000, 20_000_000, 15_000_000),
        (15_000_000, None, 14_999_999, 14_999_999),
    ],
)
def test_a_thing_is_worth_the_lowest_figure_that_is_known(
    price: int, invoice: int | None, assessed: int | None, worth: int
) -> None:
    assert lending_value(price, invoice_fen=invoice, assessed_fen=assessed) == worth


@pytest.mark.parametrize(
    ("price", "invoice", "assessed", "field"), [(0, 1, 1, "price"), (1, 0, 1, "invoice"), (1, None, -1, "value")]
)
def test_a_figure_of_nothing_is_refused_by_field(
    price: int, invoice: int | None, assessed: int | None, field: str
) -> None:
    with pytest.raises(InvalidFinancing) as refused:
        lending_value(price, invoice_fen=invoice, assessed_fen=assessed)
    assert (refused.value.field, refused.value.code) == (field, "invalid_financing")
    assert list(refused.value.fields) == [field]
