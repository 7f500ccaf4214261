"""No address of API or pages has room for anything personal: addresses lie in logs, histories and bookmarks."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from books.session import Books
from models.columns import Personal
from models.tables import METADATA
from tests.api.test_permissions import made_app
from tests.web.asking import made_web

TEMPLATES = Path(__file__).resolve().parents[2] / "web" / "templates"
PERSONAL = {
    "name": "欧阳晓光",
    "id_number": "11010519491231002X",
    "mobile": "19900000077",
    "account": "6990000000000001",
}
OTHER_NAMES = frozenset({"query", "q", "search", "bank_card", "digits", "iban", "phone"})
"""How a parameter would be called that looks for somebody."""
TAKES_TEXT = {
    "path": "whatever has no page, which is answered without a look at it",
    "next": "an address of ours to go back to",
    "state": "what the identity provider gives back",
    "code": "the same",
    "error": "the same",
    "actor": "the id of one of the staff or of a machine",
    "act": "the name of an act",
    "role": "one of a select",
    "outcome": "one of a select",
    "loan": "a loan's number",
    "product": "one of a select",
    "stage": "one of a select",
    "kind": "one of a select",
    "scope": "one of a select",
    "band": "one of a select",
    "overdue": "one of a select",
    "urgency": "one of a select",
    "month": "one of a select",
    "after": "a place in a list, written by the page itself",
    "seen": "the mark of what a page shows, written by the page itself",
    "show": "a part of a page, written by the page itself",
    "kept": "the id of a backtest, written by the page itself",
    "said": "the name of a sentence, written by the page itself",
    "amount": "a sum of money",
    "explain": "the number of an installment",
    "from": "a day",
    "to": "a day",
    "on": "a day",
    "as_of": "a day",
}
"""Parameters that would take a person's value as they would any text, and what they are for."""


@pytest.fixture(params=[made_app, made_web], ids=["api", "pages"])
def described(request: pytest.FixtureRequest, books: Books) -> dict[str, Any]:
    """API or pages as OpenAPI describes them."""
    app: FastAPI = request.param(books)
    return get_openapi(title="?", version="1", routes=app.routes)


def parameters(described: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Address, name and schema of everything that an address takes."""
    for path, methods in described["paths"].items():
        for way in methods.values():
            for one in way.get("parameters", []):
                if one["in"] in ("path", "query"):
                    yield path, one["name"], one["schema"]


def takes(schema: dict[str, Any], value: str) -> bool:
    """Whether a parameter would take this text."""
    if "anyOf" in schema:
        return any(takes(one, value) for one in schema["anyOf"])
    if schema.get("type") == "integer" and value.isdecimal():
        return "maximum" not in schema or int(value) <= int(schema["maximum"])
    if schema.get("type") != "string" or "format" in schema or "enum" in schema:
        return False
    fits = "pattern" not in schema or re.search(schema["pattern"], value) is not None
    return fits and len(value) <= int(schema.get("maxLength", len(value)))


def test_no_parameter_takes_what_is_known_of_a_person(described: dict[str, Any]) -> None:
    known = list(parameters(described))
    assert len(known) > 50
    wrong = {
        (path, name)
        for path, name, schema in known
        if name not in TAKES_TEXT and any(takes(schema, value) for value in PERSONAL.values())
    }
    assert wrong == set()


def test_no_parameter_is_called_after_what_is_known_of_a_person(described: dict[str, Any]) -> None:
    columns = {
        column.name for table in METADATA.sorted_tables for column in table.columns if isinstance(column.type, Personal)
    }
    assert columns > {"name", "id_number", "mobile", "account"}
    personal = columns | OTHER_NAMES
    # A policy and a kind of change are called by a name of the program's own, which has no room for anybody's.
    wrong = {
        (path, name)
        for path, name, schema in parameters(described)
        if name in personal and (name in TAKES_TEXT or any(takes(schema, value) for value in PERSONAL.values()))
    }
    assert {name for _, name in wrong} <= {"code", "state"}, wrong


def test_what_is_searched_for_is_sent_in_a_body(described: dict[str, Any]) -> None:
    searching = {path: set(ways) for path, ways in described["paths"].items() if path.endswith(("search", "reveals"))}
    assert len(searching) >= 2
    assert all(ways <= {"post"} for path, ways in searching.items() if "{" in path or path.startswith("/api"))


def test_no_page_sends_what_is_typed_in_its_address() -> None:
    """A form without `method="post"` puts its fields into the address; those choose, and have no room for a person."""
    typed: set[str] = set()
    for file in TEMPLATES.rglob("*.html"):
        for form in re.findall(r"<form\b(?![^>]*method=\"post\").*?</form>", file.read_text(encoding="utf-8"), re.S):
            typed |= set(re.findall(r"<input\b(?=[^>]*type=\"(?:text|search|tel)\")[^>]*name=\"(\w+)\"", form))
    assert typed <= TAKES_TEXT.keys(), typed
