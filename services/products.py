"""Products as plug-ins: the hook by which a module offers them, and the catalogue of those that were loaded."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from importlib import import_module
from typing import cast

import pluggy

from lending.errors import LendingError
from models.chain import DailyRoot
from models.products import Product
from services.evidence import Depository
from services.screening_hooks import Screening

PROJECT = "loanwright"

product_hook = pluggy.HookimplMarker(PROJECT)
"""Marks a plug-in's `loanwright_products`."""

_CODE = re.compile(r"[a-z][a-z0-9_]{0,31}")

_specification = pluggy.HookspecMarker(PROJECT)


class ProductHooks:
    """What a module may offer."""

    @_specification
    def loanwright_products(self) -> list[Product]:
        """The products that this module brings."""
        return []

    @_specification
    def loanwright_screenings(self) -> list[Screening]:
        """The lists against which this module has the parties of every loan screened."""
        return []

    @_specification
    def loanwright_evidence(self, root: DailyRoot) -> str | None:
        """Deposits the root of a day's audit log outside, at a notary or in a chain of others.

        Gives the reference under which it is found there. It may be called again with the same root, which is one
        deposit; whatever it raises, it is called again later.
        """


class UnknownProduct(LendingError):
    """Nobody brought a product of this code. What looks like no code may be personal, and is not repeated."""

    code = "unknown_product"
    http_status = 422

    def __init__(self, product: str, codes: Iterable[str]) -> None:
        offered = ", ".join(codes)
        named = product if _CODE.fullmatch(product) else "of the code that was given"
        super().__init__(
            f"there is no product {named}; on offer: {offered}",
            fields={"product": f"Product is one of: {offered}."},
        )


class InvalidModule(LendingError):
    """A module that cannot be loaded as it stands; the operator corrects it or the setting that names it."""

    code = "invalid_module"
    http_status = 500


class PayeeUnknown(LendingError):
    """The account of a payee is not known: the register that would name it gave no usable answer."""

    code = "payee_unknown"
    http_status = 409


@dataclass(frozen=True)
class Catalogue:
    """The loaded products and lists in the order of their modules."""

    products: tuple[Product, ...]
    screenings: tuple[Screening, ...] = ()
    depositories: tuple[Depository, ...] = ()

    def product(self, code: str) -> Product:
        """The product of this code; refuses an unknown one."""
        for product in self.products:
            if product.code == code:
                return product
        raise UnknownProduct(code, self.codes())

    def codes(self) -> tuple[str, ...]:
        """The codes of all products."""
        return tuple(product.code for product in self.products)


def load(module_names: Iterable[str]) -> Catalogue:
    """The catalogue of these modules and of every installed package with an entry point of group `loanwright`.

    Refuses, naming the module, what cannot be imported or offers an unknown hook; and products that share a code or a
    number prefix, or whose form lacks `amount` or `term` or has one field twice.
    """
    plugins = pluggy.PluginManager(PROJECT)
    plugins.add_hookspecs(ProductHooks)
    for name in module_names:
        try:
            module = import_module(name)
        except ImportError as error:
            raise InvalidModule(f"module {name} cannot be imported: {error}; correct LOANWRIGHT_MODULES") from error
        try:
            plugins.register(module, name)
        except (pluggy.PluginValidationError, ValueError) as error:
            raise InvalidModule(f"module {name} is no plug-in of {PROJECT}: {error}") from error
    try:
        plugins.load_setuptools_entrypoints(PROJECT)
        plugins.check_pending()
    except (ImportError, pluggy.PluginValidationError) as error:
        raise InvalidModule(f"a plug-in of {PROJECT} cannot be loaded: {error}") from error
    # pluggy asks the plug-in registered last first.
    offers = reversed(plugins.hook.loanwright_products())
    products = tuple(product for offer in offers for product in offer)
    _check(products)
    lists = reversed(plugins.hook.loanwright_screenings())
    depositories = [
        Depository(one.plugin_name[:64], cast(Callable[[DailyRoot], str | None], one.function))
        for one in plugins.hook.loanwright_evidence.get_hookimpls()
    ]
    return Catalogue(products, tuple(one for offer in lists for one in offer), tuple(depositories))


def _check(products: tuple[Product, ...]) -> None:
    seen: set[str] = set()
    for product in products:
        names = [field.name for field in product.form_fields]
        if missing := {"amount", "term"} - set(names):
            raise InvalidModule(f"product {product.code} has no form field {' and '.join(sorted(missing))}")
        if len(set(names)) < len(names):
            raise InvalidModule(f"product {product.code} has two form fields of one name")
        if product.code in seen:
            raise InvalidModule(f"two products have the code {product.code}; rename one or leave its module out")
        seen.add(product.code)


class _Installed:
    catalogue: Catalogue | None = None


def install(catalogue: Catalogue) -> None:
    """Makes this the catalogue of the process; called once, at its start."""
    _Installed.catalogue = catalogue


def catalogue() -> Catalogue:
    """The catalogue of this process."""
    if _Installed.catalogue is None:
        raise RuntimeError(
            "no catalogue is installed; call install(load(settings().modules)) at the start of the process"
        )
    return _Installed.catalogue
