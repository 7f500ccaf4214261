"""Auto finance: a vehicle secures the loan, and its dealer is paid."""

from models.products import Product
from modules.auto.product import AUTO
from services.products import product_hook


@product_hook
def loanwright_products() -> list[Product]:
    """The auto loan."""
    return [AUTO]
