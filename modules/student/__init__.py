"""Student loans: the state bears the interest while the student studies."""

from models.products import Product
from modules.student.product import STUDENT
from services.products import product_hook


@product_hook
def loanwright_products() -> list[Product]:
    """The student loan."""
    return [STUDENT]
