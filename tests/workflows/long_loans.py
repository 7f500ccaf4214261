"""A student loan of up to twenty-five years, as a module that brings its product."""

from dataclasses import replace

from models.products import Product
from modules.student.product import STUDENT
from services.products import product_hook

CODE = "student_long"


@product_hook
def loanwright_products() -> list[Product]:
    """One product without the shipped one's rule on the term."""
    fields = tuple(replace(one, maximum=300) if one.name == "term" else one for one in STUDENT.fields)
    return [replace(STUDENT, code=CODE, fields=fields, form_problems=lambda _form, _day: {})]
