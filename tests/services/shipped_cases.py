"""`python -m tests.services.shipped_cases`: writes anew what each row of each shipped policy says of its cases.

Of every row a case that only it takes and, for each of its cells, the cases on both sides of a bound and those of every
other word. What is written is read
in review: it is the trade's word in figures, and the tests hold the shipped tables to it.
"""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from lending.scorecard import Scorecard
from models.policies import PolicyKind
from services.policies import prepared
from services.policy_kinds import kind_of
from services.policy_names import shipped
from services.policy_tables import BOOLEAN, INTEGER, STRING, DecisionTable, intervals_of, uncovered
from services.products import install
from tests.modules.applications import CATALOGUE

WRITTEN = Path(__file__).with_suffix(".jsonl")
POINTS = Path(__file__).with_name("shipped_points.jsonl")
SOME: dict[str, object] = {INTEGER: 0, BOOLEAN: False, STRING: "other"}
"""What a fact is that a case does not name."""
A_SUM = 3_000_000
"""Of a fact that no row asks for, but an answer has in it."""


def cases_of(content: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """The cases of a table's rows, each once."""
    table = DecisionTable.read(content)
    seen = set()
    for number, box in enumerate(table.boxes, 1):
        left = uncovered(box, table.boxes[: number - 1], 10_000)
        if left is None:
            continue
        case = {fact: SOME[kind] for fact, kind in table.declared.items()} | table.example(left)
        for one in (case, *({**case, fact: value} for fact, value in _beside(table, number))):
            key = json.dumps(one, sort_keys=True)
            if key not in seen:
                seen.add(key)
                yield one


def _beside(table: DecisionTable, number: int) -> Iterator[tuple[str, object]]:
    """A fact with a value at a bound of the row's cell, or with another than the cell says; a sum for an answer."""
    unasked = (fact for fact, kind in table.declared.items() if kind == INTEGER and fact not in table.dimensions)
    yield from ((fact, A_SUM) for fact in unasked)
    for column in table.inputs:
        cell = table.rows[number - 1].get(column.id, "")
        if cell and table.declared[column.field] != INTEGER:
            yield from ((column.field, value) for value in table.dimensions[column.field].classes)
        elif cell:
            for low, high in intervals_of(cell):
                if low is not None:
                    yield from ((column.field, low - 1), (column.field, low))
                if high is not None:
                    yield from ((column.field, high), (column.field, high + 1))


def written() -> Iterator[str]:
    """A line a case: the policy, the facts that are not as `SOME` has them, and the row that fires with its answer."""
    install(CATALOGUE)
    for name, content in sorted(shipped().items()):
        if not kind_of(name).is_table:
            continue
        table, rules = DecisionTable.read(content), prepared(name, content, kind_of(name).code)
        for case in cases_of(content):
            answer = rules.ask(case)
            told = {fact: value for fact, value in case.items() if value != SOME[table.declared[fact]]}
            line = {"policy": name, "facts": told, "row": answer.fired_row, "says": dict(answer.values)}
            yield json.dumps(line, ensure_ascii=False) + "\n"


def points() -> Iterator[str]:
    """A line for each fact of a shipped scorecard: what it brings at both sides of every bound, and without it. And a
    line for the defaults that the grades of each shipped grading are reckoned with.
    """
    install(CATALOGUE)
    for name, content in sorted(shipped().items()):
        if "default_basis_points" in content:
            yield json.dumps([name, content["default_basis_points"]]) + "\n"
        if kind_of(name).code is PolicyKind.SCORECARD:
            yield json.dumps([name, content["base_points"], content["most_reasons"], content.get("warnings")]) + "\n"
            for one in content["variables"]:
                yield json.dumps([name, one["fact"], *_points_of(content, one)]) + "\n"


def _points_of(content: Mapping[str, Any], variable: Mapping[str, Any]) -> Iterator[list[Any]]:
    """A value with the points that the card gives it; None stands for a fact that is not there."""
    card, known = Scorecard.parse(content), dict.fromkeys(variable.get("known_by", ()), True)
    fact = variable["fact"]
    yield [None, card.score({}).parts[fact]]
    for value in _values_of(variable):
        yield [value, card.score({**known, fact: value}).parts[fact]]
    if known:
        yield ["not known", card.score({fact: next(_values_of(variable))}).parts[fact]]


def _values_of(variable: Mapping[str, Any]) -> Iterator[Any]:
    for one in variable["bins"]:
        if "value" in one:
            yield one["value"]
        else:
            yield from sorted({bound for bound in (one["from"], one["to"]) if bound is not None})


if __name__ == "__main__":
    WRITTEN.write_text("".join(written()), encoding="utf-8")
    POINTS.write_text("".join(points()), encoding="utf-8")
