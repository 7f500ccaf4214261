"""Where one version of a decision table differs from another, row by row, as a person would tell it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any

from services.policy_tables import DecisionTable


@dataclass(frozen=True)
class Difference:
    """A cell that says something else, or a whole row that came or went (`column` is None then).

    Rows count from 1: `row_before` in the older table, `row_after` in the newer one, None where it has no such row.
    """

    row_before: int | None
    row_after: int | None
    column: str | None
    before: str
    after: str


def differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Difference]:
    """What has to be changed in the first decision model to get the table of the second; empty if that is nothing.

    Content that is no decision model differs in no row.
    """
    try:
        return list(_differences(DecisionTable.read(before), DecisionTable.read(after)))
    except (AttributeError, IndexError, KeyError, TypeError, ValueError):
        return []


def _differences(before: DecisionTable, after: DecisionTable) -> Iterator[Difference]:
    columns = list(dict.fromkeys(one.field for table in (before, after) for one in (*table.inputs, *table.outputs)))
    old, new = _rows(before, columns), _rows(after, columns)
    for verb, start, end, new_start, new_end in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if verb == "equal":
            continue
        for step in range(max(end - start, new_end - new_start)):
            one, other = start + step, new_start + step
            if one >= end:
                yield Difference(None, other + 1, None, "", _told(columns, new[other]))
            elif other >= new_end:
                yield Difference(one + 1, None, None, _told(columns, old[one]), "")
            else:
                for column, was, becomes in zip(columns, old[one], new[other], strict=True):
                    if was != becomes:
                        yield Difference(one + 1, other + 1, column, was, becomes)


def _rows(table: DecisionTable, columns: list[str]) -> list[tuple[str, ...]]:
    return [tuple(table.cell(number, column) for column in columns) for number in range(1, len(table.rows) + 1)]


def _told(columns: list[str], row: tuple[str, ...]) -> str:
    return ", ".join(f"{column}: {cell}" for column, cell in zip(columns, row, strict=True) if cell)
