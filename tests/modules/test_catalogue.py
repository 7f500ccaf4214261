"""How modules bring products."""

import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from models.products import Product
from services import products
from services.forms import read_form
from services.policy_tables import PYTHON_TYPES
from services.products import InvalidModule, UnknownProduct, catalogue, install, load, product_hook
from settings import Settings
from tests.modules import made_up
from tests.modules.applications import CATALOGUE, DAY, application, case
from tests.modules.test_auto import GUARANTOR
from tests.modules.test_student import PARENT

NAMES = {kind: name for name, kind in PYTHON_TYPES.items()}
MARKS = {"fees_are_unstated_need"}
"""By which a product tells how a case is to be reckoned; no facts of it."""


def test_every_module_in_the_default_settings_brings_a_product() -> None:
    assert load(Settings().modules).codes() == ("auto", "micro", "student")


@pytest.mark.parametrize(
    ("code", "changes"),
    [
        ("micro", {}),
        ("micro", {"identity": None, "bureau": None, "enrolment": None}),
        ("auto", GUARANTOR),
        ("auto", {"identity": None, "bureau": None, "vehicle": None}),
        ("auto", {**GUARANTOR, "identity@guarantor": None, "bureau@guarantor": None}),
        ("student", PARENT),
        ("student", {"identity": None, "enrolment": None, "living_costs": None}),
    ],
)
def test_each_product_gives_every_fact_that_it_offers_in_the_type_that_it_says(
    code: str, changes: dict[str, Any]
) -> None:
    """And offers every one: what is not on offer no rule can ask, whatever the product knows."""
    product = CATALOGUE.product(code)
    given = {fact: NAMES[type(value)] for fact, value in product.facts(case(code, **changes)).items()}
    assert {fact: kind for fact, kind in given.items() if fact not in MARKS} == product.fact_types


def test_an_unknown_product_is_refused_with_the_field_and_what_is_on_offer() -> None:
    with pytest.raises(UnknownProduct) as refusal:
        CATALOGUE.product("mortgage")
    assert (refusal.value.code, refusal.value.http_status) == ("unknown_product", 422)
    assert "auto, micro, student" in refusal.value.fields["product"]


def test_a_made_up_product_needs_nothing_but_its_module() -> None:
    both = load(("modules.micro", "tests.modules.made_up"))
    assert both.codes() == ("micro", "harvest")
    assert read_form(both.product("harvest"), application("micro", acres="40"), DAY)["acres"] == 40


def test_a_module_that_does_not_exist_is_named() -> None:
    with pytest.raises(InvalidModule, match=r"modules\.mortgage cannot be imported"):
        load(("modules.mortgage",))


def test_a_module_named_twice_is_refused() -> None:
    with pytest.raises(InvalidModule, match=r"modules\.micro is no plug-in"):
        load(("modules.micro", "modules.micro"))


@pytest.mark.parametrize(
    ("name", "hook"), [("loanwright_products", lambda season: [season]), ("loanwright_prodcts", lambda: [])]
)
def test_a_hook_of_wrong_arguments_or_name_is_refused(
    name: str, hook: Callable[..., list[Product]], monkeypatch: pytest.MonkeyPatch
) -> None:
    module = ModuleType("mistaken")
    setattr(module, name, product_hook(hook))
    monkeypatch.setitem(sys.modules, "mistaken", module)
    with pytest.raises(InvalidModule, match=name):
        load(("mistaken",))


def test_two_products_of_one_code_are_refused() -> None:
    with pytest.raises(InvalidModule, match="two products have the code harvest"):
        load(("tests.modules.made_up", "tests.modules.made_up_again"))


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"fields": made_up.HARVEST.fields[1:]}, "has no form field amount"),
        ({"fields": made_up.HARVEST.fields * 2}, "two form fields of one name"),
    ],
)
def test_a_product_with_a_broken_form_is_refused(
    change: dict[str, object], complaint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(made_up, "HARVEST", replace(made_up.HARVEST, **change))  # type: ignore[arg-type]  # any field
    with pytest.raises(InvalidModule, match=complaint):
        load(("tests.modules.made_up",))


def test_an_installed_package_brings_a_product_by_its_entry_point(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "harvest-1.0.dist-info"
    package.mkdir()
    (package / "METADATA").write_text("Metadata-Version: 2.1\nName: harvest\nVersion: 1.0\n")
    (package / "entry_points.txt").write_text("[loanwright]\nharvest = tests.modules.made_up\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    assert load(("modules.micro",)).codes() == ("micro", "harvest")


def test_the_catalogue_of_a_process_must_be_installed_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(products._Installed, "catalogue", None)
    with pytest.raises(RuntimeError, match="no catalogue is installed"):
        catalogue()
    install(CATALOGUE)
    assert catalogue() is CATALOGUE
