"""Every kind of act that the program records says what it is about, why it was refused, and what it changed."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ROOMS = ("services", "engine", "activities", "api", "web", "console", "modules")
CHANGES = tuple(
    f"_{ending}"
    for ending in (
        *("accepted", "advanced", "changed", "decided", "disabled", "enabled"),
        *("published", "reopened", "retired", "revised", "ruled", "withdrawn"),
    )
)
"""How the name of an act ends that puts one thing in another's place."""
ABOUT_NOTHING = {
    "customers_searched": "what was sought is kept nowhere; how much was found stands in `after`",
    "customers_searched_in_vain": "the same",
    "listings_viewed": "the whole list",
    "warnings_exported": "the whole list",
    "limits_shipped": "all rows of a version",
    "key_rotation_begun": "all keys",
    "keys_rotated": "all keys",
    "digests_under_new_key": "all digests",
    "refusals_counted": "many refusals; the last one stands in `after`",
}
"""Acts that name neither a loan nor anything else, and why."""
WITHOUT_BOTH = {
    "password_changed": "neither the old nor the new one is anybody's business",
    "password_accepted": "the first half of a sign-in; nothing is changed",
}
"""Acts that change something and keep neither what was nor what is, and why."""


@dataclass(frozen=True)
class Recorded:
    """A place that records an act: what its act may be called, and which fields it gives."""

    place: str
    acts: tuple[str, ...]
    fields: frozenset[str]


@cache
def places() -> list[Recorded]:
    """Every place of the program that writes an entry."""
    return [one for room in ROOMS for file in sorted((ROOT / room).rglob("*.py")) for one in _in_file(file)]


def _in_file(file: Path) -> Iterator[Recorded]:
    tree = ast.parse(file.read_text(encoding="utf-8"))
    names = {
        target.id: node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and ast.unparse(node.func) in ("audit.record", "record") and len(node.args) > 2:
            fields = frozenset(one.arg for one in node.keywords if one.arg is not None)
            place = f"{file.relative_to(ROOT).as_posix()}:{node.lineno}"
            yield Recorded(place, tuple(_spellings(node.args[2], names)), fields)


def _spellings(act: ast.expr, names: dict[str, ast.expr]) -> Iterator[str]:
    """What an act may be called; of a name that is put together, what is certain."""
    match act:
        case ast.Constant(value=str(word)):
            yield word
        case ast.IfExp(body=first, orelse=second):
            yield from _spellings(first, names)
            yield from _spellings(second, names)
        case ast.Name(id=name) if name in names:
            yield from _spellings(names[name], names)
        case ast.JoinedStr(values=parts):
            yield "".join(str(part.value) if isinstance(part, ast.Constant) else "*" for part in parts)
        case _:
            yield ast.unparse(act)


def lacking(needed: set[str], *, every: bool = True) -> dict[str, Recorded]:
    """Places that lack one of the fields, or all of them."""
    wrong = (lambda one: needed - one.fields) if every else (lambda one: not needed & one.fields)
    return {act: one for one in places() for act in one.acts if wrong(one)}


def test_all_kinds_of_act_are_looked_at() -> None:
    acts = {act for one in places() for act in one.acts}
    assert len(acts) > 110
    assert {"approval_decided", "keys_rotated", "dealer_blocked", "*_decided"} <= acts


def test_every_act_says_what_it_is_about() -> None:
    assert lacking({"loan", "subject"}, every=False).keys() == ABOUT_NOTHING.keys()


def test_every_refusal_says_why() -> None:
    refusing = {one.place for one in places() if "refused" in one.fields}
    assert len(refusing) > 10
    assert {one.place for one in lacking({"reason"}).values()} & refusing == set()


def test_every_act_that_changes_something_says_what_was_and_what_is() -> None:
    wrong = {act: one.place for act, one in lacking({"before", "after"}).items() if act.endswith(CHANGES)}
    assert wrong.keys() == WITHOUT_BOTH.keys(), wrong
