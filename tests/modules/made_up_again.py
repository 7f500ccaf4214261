"""A module whose product bears a code that another has already."""

from models.products import Product
from services.products import product_hook
from tests.modules.made_up import HARVEST


@product_hook
def loanwright_products() -> list[Product]:
    """The made-up product once more."""
    return [HARVEST]
