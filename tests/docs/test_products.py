"""The tutorial of a product, typed as it stands."""

import importlib
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from models.products import LoanCase
from services.forms import InvalidForm, read_form
from services.policies import evaluate
from services.products import load
from tests.docs.pages import blocks, page, run

PAGE = page("products.md")


@pytest.fixture
def tutorial(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Writes the plug-in's two files, and gives what the page's last block left."""
    (_, plug_in), (line, trial) = blocks(PAGE, "python")
    ((_, grading),) = blocks(PAGE, "json")
    package = tmp_path / "harvest"
    package.mkdir()
    (package / "__init__.py").write_text(plug_in, encoding="utf-8")
    (package / "grading.json").write_text(grading, encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    importlib.invalidate_caches()
    names: dict[str, Any] = {}
    run(PAGE, line, trial, names)
    return names


def test_the_product_of_the_tutorial_reads_a_form_grades_a_case_and_pays_out(tutorial: dict[str, Any]) -> None:
    product, case = tutorial["product"], tutorial["case"]
    assert [(one.account, one.amount_fen) for one in product.payees(case)] == [("6990000000000728", 4_000_000)]
    with pytest.raises(InvalidForm) as refusal:
        read_form(product, tutorial["applied"] | {"acres": 10, "crop": "tulips"}, tutorial["day"])
    assert set(refusal.value.fields) == {"amount", "crop"}


def test_its_table_grades_whatever_the_registers_answer(tutorial: dict[str, Any]) -> None:
    product, form = tutorial["product"], tutorial["form"]

    def grade(answers: dict[str, Any]) -> tuple[str, str]:
        case = LoanCase(form, answers, date(2026, 3, 2), form["amount"], form["term"])
        found = evaluate("harvest", product.grading, product.facts(case))
        return found.outcome, found.grade

    assert grade({}) == ("refer", "C")
    assert grade(tutorial["answers"]) == ("refer", "A")
    assert grade({"bureau": {"found": True, "blacklisted": True}}) == ("refuse", "E")


@pytest.mark.usefixtures("tutorial")
def test_it_stands_beside_the_shipped_products() -> None:
    names = ("modules.auto", "modules.micro", "modules.student", "harvest")
    setting = next(block for _, block in blocks(PAGE, "sh")).splitlines()[0]
    assert setting == f"export LOANWRIGHT_MODULES={','.join(names)}"
    assert load(names).codes() == ("auto", "micro", "student", "harvest")
