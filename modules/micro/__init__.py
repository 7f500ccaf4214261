"""Microloans: the grade decides limit and price."""

from models.products import Product
from modules.micro.product import MICRO
from services.products import product_hook


@product_hook
def loanwright_products() -> list[Product]:
    """The microloan."""
    return [MICRO]
