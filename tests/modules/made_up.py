"""A product that only the tests know: brought by a module, without an edit anywhere else."""

from dataclasses import replace

from models.products import FieldKind, FormField, Product
from modules.micro.product import MICRO
from services.products import product_hook

HARVEST = replace(
    MICRO,
    code="harvest",
    name_en="Harvest loan",
    name_zh="春耕贷款",
    fields=(*MICRO.fields, FormField("acres", FieldKind.INTEGER, "Acres", "亩数", minimum=1, maximum=1000)),
)


@product_hook
def loanwright_products() -> list[Product]:
    """The made-up product."""
    return [HARVEST]
