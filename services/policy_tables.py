"""A decision table as data: its facts, columns and rows, and the exact set of values that each cell takes."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, reduce
from operator import and_
from typing import Any

INTEGER, BOOLEAN, STRING = "integer", "boolean", "string"
PYTHON_TYPES = {BOOLEAN: bool, INTEGER: int, STRING: str}

# What a cell may say of a fact. The engine takes far more, but a cell that it misreads never matches, without an error.
# Fifteen digits: beyond them the engine's numbers are not exact.
_NUMBER = r"-?[0-9]{1,15}"
_WORD = r'"[^"\\]*"'
CELLS = {
    BOOLEAN: re.compile("true|false"),
    INTEGER: re.compile(rf"((>=|<=|>|<|==|!=) )?{_NUMBER}|[\[(]{_NUMBER}\.\.{_NUMBER}[\])]"),
    STRING: re.compile(rf"{_WORD}|\$ in \[{_WORD}(, ?{_WORD})*\]"),
}

Interval = tuple[int | None, int | None]
"""Integers from the first to the last, both included; None is without end."""


@dataclass(frozen=True)
class Column:
    """One column: its key in the rows and the name of the fact or output."""

    id: str
    field: str


@dataclass(frozen=True)
class DecisionTable:
    """The one table of a decision model. Rows count from 1."""

    declared: Mapping[str, str]
    hit_policy: str
    inputs: tuple[Column, ...]
    outputs: tuple[Column, ...]
    rows: tuple[Mapping[str, str], ...]

    @classmethod
    def read(cls, content: Mapping[str, Any]) -> "DecisionTable":
        """The table of a decision model; KeyError, TypeError or ValueError where there is none in the right form."""
        node = only_node(content, "decisionTableNode")["content"]
        return cls(
            declared_facts(content),
            str(node["hitPolicy"]),
            tuple(Column(str(one["id"]), str(one["field"])) for one in node["inputs"]),
            tuple(Column(str(one["id"]), str(one["field"])) for one in node["outputs"]),
            tuple(dict(row) for row in node["rules"]),
        )

    def cell(self, row: int, field: str) -> str:
        """What a row says in an output or, joined by `and`, of a fact; empty if nothing."""
        columns = [one for one in (*self.inputs, *self.outputs) if one.field == field]
        return " and ".join(cell for one in columns if (cell := self.rows[row - 1].get(one.id, "")))

    @cached_property
    def dimensions(self) -> dict[str, "Dimension"]:
        """Each fact that a column asks for, cut into the classes of values that no cell tells apart."""
        asked: dict[str, list[str]] = {}
        for column in self.inputs:
            cells = [row.get(column.id, "") for row in self.rows]
            asked.setdefault(column.field, []).extend(cell for cell in cells if cell)
        return {fact: Dimension.of(self.declared[fact], cells) for fact, cells in asked.items()}

    @cached_property
    def boxes(self) -> tuple["Box", ...]:
        """The cases that each row describes, whatever the rows before it take."""
        return tuple(self._box(row) for row in self.rows)

    def _box(self, row: Mapping[str, str]) -> "Box":
        return tuple(
            reduce(and_, (dimension.mask(row.get(one.id, "")) for one in self.inputs if one.field == fact))
            for fact, dimension in self.dimensions.items()
        )

    @property
    def everything(self) -> "Box":
        """The box of all cases."""
        return tuple(dimension.everything for dimension in self.dimensions.values())

    def example(self, box: "Box") -> dict[str, object]:
        """A case of a box that is not empty, with the facts on which it depends whether a case is in it."""
        named = zip(self.dimensions.items(), box, strict=True)
        return {fact: one.value(mask) for (fact, one), mask in named if mask != one.everything}


Box = tuple[int, ...]
"""A set of cases: for each dimension the classes of values, as the bits of a number."""


@dataclass(frozen=True)
class Dimension:
    """The values of one fact, cut into classes. `classes` has a value that stands for each."""

    kind: str
    classes: tuple[object, ...]

    @classmethod
    def of(cls, kind: str, cells: Sequence[str]) -> "Dimension":
        """The classes that these cells tell apart."""
        if kind == BOOLEAN:
            return cls(kind, (False, True))
        if kind == STRING:
            words = sorted({word for cell in cells for word in words_of(cell)})
            return cls(kind, (*words, _other_than(words)))
        cuts = {cut for cell in cells for interval in intervals_of(cell) for cut in _cuts(interval)}
        if not cuts:
            return cls(kind, (0,))
        # Each cut begins a class; one more lies below them all.
        return cls(kind, (min(cuts) - 1, *sorted(cuts)))

    @property
    def everything(self) -> int:
        """All classes."""
        return (1 << len(self.classes)) - 1

    def mask(self, cell: str) -> int:
        """The classes that a cell takes; all if it is empty."""
        if not cell:
            return self.everything
        return sum(1 << place for place, value in enumerate(self.classes) if takes(self.kind, cell, value))

    def value(self, mask: int) -> object:
        """A value of the first class in a mask that is not empty."""
        return self.classes[(mask & -mask).bit_length() - 1]


def takes(kind: str, cell: str, value: object) -> bool:
    """Whether a cell that is well-formed takes a value of its type."""
    if kind == BOOLEAN:
        return (cell == "true") is value
    if kind == STRING:
        return value in words_of(cell)
    if not isinstance(value, int):
        raise TypeError(f"an integer cell cannot take {value!r}")
    return any((low is None or low <= value) and (high is None or value <= high) for low, high in intervals_of(cell))


def words_of(cell: str) -> list[str]:
    """The words that a cell names."""
    return [word[1:-1] for word in re.findall(_WORD, cell)]


def intervals_of(cell: str) -> list[Interval]:
    """The integers that a cell takes; none for a range that holds none."""
    if cell[0] in "[(":
        low, high = (int(part) for part in cell[1:-1].split(".."))
        return _unless_empty(low + (cell[0] == "("), high - (cell[-1] == ")"))
    sign, _, number = cell.rpartition(" ")
    value = int(number)
    signs: dict[str, list[Interval]] = {
        "": [(value, value)],
        "==": [(value, value)],
        "!=": [(None, value - 1), (value + 1, None)],
        ">": [(value + 1, None)],
        ">=": [(value, None)],
        "<": [(None, value - 1)],
        "<=": [(None, value)],
    }
    return signs[sign]


def _unless_empty(low: int, high: int) -> list[Interval]:
    return [(low, high)] if low <= high else []


def _cuts(interval: Interval) -> Iterator[int]:
    """Where a class begins: with the interval, and after it."""
    low, high = interval
    if low is not None:
        yield low
    if high is not None:
        yield high + 1


def _other_than(words: Sequence[str]) -> str:
    """A word that is none of these."""
    other = "other"
    while other in words:
        other += "_"
    return other


def only_node(content: Mapping[str, Any], kind: str) -> Mapping[str, Any]:
    """The node of a kind; ValueError unless there is exactly one."""
    (node,) = (node for node in content["nodes"] if node["type"] == kind)
    return dict(node)


def declared_facts(content: Mapping[str, Any]) -> dict[str, str]:
    """The facts that the input node's schema declares, with their types."""
    schema = json.loads(only_node(content, "inputNode").get("content", {}).get("schema") or "{}")
    return {fact: str(rule.get("type")) for fact, rule in schema.get("properties", {}).items()}


def uncovered(box: Box, others: Sequence[Box], steps: int) -> Box | None:
    """A part of a box that none of the others touches, or None if together they cover it. Exact.

    The box is split at the first of the others that meets it, each part compared with the rest. ComparisonTooLong after
    that many splits.
    """
    left = steps

    def search(part: Box, first: int) -> Box | None:
        nonlocal left
        for place in range(first, len(others)):
            other = others[place]
            if all(mine & theirs for mine, theirs in zip(part, other, strict=True)):
                break
        else:
            return part
        left -= 1
        if left < 0:
            raise ComparisonTooLong
        inside = list(part)
        for axis, theirs in enumerate(other):
            if outside := inside[axis] & ~theirs:
                if found := search((*inside[:axis], outside, *inside[axis + 1 :]), place + 1):
                    return found
                inside[axis] &= theirs
        return None

    return search(box, 0) if all(box) else None


class ComparisonTooLong(Exception):
    """Rows overlap in so many ways that comparing them would take too long."""
