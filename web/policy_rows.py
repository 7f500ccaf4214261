"""Policies in words: their titles, the rows of their tables, and what each said of a case."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from books.session import UnitOfWork
from models.grading import Grading
from services.policies import reason_text
from services.policy_differences import differences
from services.policy_kinds import kind_of, scope_of
from services.policy_tables import DecisionTable
from services.products import catalogue
from web import formats, labels, pages
from web.language import Language
from web.policy_words import POLICY_ANSWERS

NUMBER = re.compile(r"-?[0-9]+")
SIGNS = {">=": "≥", "<=": "≤", "!=": "≠", "== ": ""}
DAY_NUMBER = re.compile(r"[0-9]{8}")
SMALLER = re.compile(r"min\(\[(?P<one>.+), ?(?P<other>[^,]+|max\(.+\))\]\)")
LEFT = re.compile(r"max\(\[0, ?(?P<sum>[0-9]+) - (?P<fact>[A-Za-z0-9_]+)\]\)")


@dataclass(frozen=True)
class RowInWords:
    """One row of a table: what it asks for, what it says then, and why."""

    number: int
    asked: tuple[str, ...]
    said: tuple[str, ...]
    reasons: tuple[str, ...]


@dataclass(frozen=True)
class DifferenceInWords:
    """What differs in a row: `column` is what it is called, None where the whole row came or went."""

    row_before: int | None
    row_after: int | None
    column: str | None
    before: tuple[str, ...]
    after: tuple[str, ...]


@dataclass(frozen=True)
class StepInWords:
    """A policy that was asked about a case: its name, title and version, the row that fired and what it said."""

    name: str
    title: str
    version: int
    row: int | None
    said: tuple[str, ...]
    by_challenger: bool


def policy_title(name: str, language: Language) -> str:
    """What a policy is called: its kind, and the product or part of the core that it is about."""
    kind = labels.label(kind_of(name).code, "policy_kind", language)
    return language.say("%(kind)s: %(scope)s", kind=kind, scope=scope_title(scope_of(name), language))


def scope_title(scope: str, language: Language) -> str:
    """A product by its name, or a part of the core."""
    if scope in catalogue().codes():
        return pages.product_name(scope, language)
    return labels.label(scope, "policy_scope", language)


def rows_in_words(content: Mapping[str, Any], language: Language) -> tuple[RowInWords, ...]:
    """The rows of a table without problems, as a person reads them."""
    table = DecisionTable.read(content)
    return tuple(_row(table, number, content, language) for number in range(1, len(table.rows) + 1))


def _row(table: DecisionTable, number: int, content: Mapping[str, Any], language: Language) -> RowInWords:
    asked = [
        _pair(fact, _cell(fact, table.cell(number, fact), language), language)
        for fact in table.dimensions
        if table.cell(number, fact)
    ]
    outputs = [column.field for column in table.outputs]
    said = [
        _pair(output, _answer_cell(output, table.cell(number, output), language), language)
        for output in outputs
        if output != "reasons"
    ]
    codes = json.loads(table.cell(number, "reasons")) if "reasons" in outputs else []
    reasons = tuple(reason_text(code, language.code, content) for code in codes)
    return RowInWords(number, tuple(asked), tuple(said), reasons)


def differences_in_words(
    before: Mapping[str, Any], after: Mapping[str, Any], language: Language
) -> tuple[DifferenceInWords, ...]:
    """What has to be changed in one table to get the other, its cells as the rows have them."""
    return tuple(
        DifferenceInWords(
            one.row_before,
            one.row_after,
            labels.label(one.column, "fact", language) if one.column else None,
            _side(before, one.row_before, one.column, one.before, language),
            _side(after, one.row_after, one.column, one.after, language),
        )
        for one in differences(before, after)
    )


def _side(
    content: Mapping[str, Any], row: int | None, column: str | None, plain: str, language: Language
) -> tuple[str, ...]:
    """One side of a difference. A cell that cannot be read, which a draft may have, stands as it was typed."""
    if row is None or not plain:
        return ()
    table = DecisionTable.read(content)
    try:
        if column is None:
            told = _row(table, row, content, language)
            return (*told.asked, *told.said, *told.reasons)
        if column == "reasons":
            return tuple(reason_text(code, language.code, content) for code in json.loads(plain))
        is_output = column in [one.field for one in table.outputs]
        return ((_answer_cell if is_output else _cell)(column, plain, language),)
    except (KeyError, TypeError, ValueError):
        return (plain,)


def steps_in_words(work: UnitOfWork, grading: Grading, language: Language) -> tuple[StepInWords, ...]:
    """Each policy that was asked for a decision of the rules, in order."""
    steps = grading.kept_steps
    known = work.policies.labels({step.policy_id for step in steps})
    return tuple(
        StepInWords(
            name=known[step.policy_id][0],
            title=policy_title(known[step.policy_id][0], language),
            version=known[step.policy_id][1],
            row=step.row,
            said=answer_in_words(step.values, language),
            by_challenger=step.by_challenger,
        )
        for step in steps
    )


def answer_in_words(values: Mapping[str, Any], language: Language) -> tuple[str, ...]:
    """What a policy says of a case, less its reasons."""
    return tuple(
        _pair(output, _value(output, value, language), language)
        for output, value in values.items()
        if output != "reasons"
    )


def _pair(name: str, text: str, language: Language) -> str:
    return language.say("%(name)s: %(text)s", name=labels.label(name, "fact", language), text=text)


def _answer_cell(output: str, cell: str, language: Language) -> str:
    """What a row says in an output: a constant, or a sum that goes by facts."""
    try:
        return _value(output, json.loads(cell), language)
    except ValueError:
        return _sum(cell, language)


def _sum(cell: str, language: Language) -> str:
    if cell.isdecimal():
        return formats.money(int(cell), language)
    if smaller := SMALLER.fullmatch(cell):
        one, other = _sum(smaller["one"], language), _sum(smaller["other"], language)
        return language.say("the smaller of %(one)s and %(other)s", one=one, other=other)
    if left := LEFT.fullmatch(cell):
        fact = labels.label(left["fact"], "fact", language)
        return language.say("%(sum)s less: %(fact)s", sum=_sum(left["sum"], language), fact=fact)
    return labels.label(cell, "fact", language)


def _value(output: str, value: Any, language: Language) -> str:
    """A value of an answer."""
    if isinstance(value, list):
        return ", ".join(_value(output, one, language) for one in value) or language.say("None")
    if isinstance(value, int):
        return _number(output, str(value), language)
    if output == "required":
        return labels.label(value, "document", language)
    if output == "annual_rate_percent":
        return formats.percent(value, language)
    return _word(str(value), language)


def _word(word: str, language: Language) -> str:
    if word in catalogue().codes():
        return scope_title(word, language)
    return labels.label(word, "policy_answer" if word in POLICY_ANSWERS else "choice", language)


def _cell(fact: str, cell: str, language: Language) -> str:
    """A cell with its numbers as money, shares and dates, its words in the visitor's language."""
    if cell in ("true", "false"):
        return language.say("Yes") if cell == "true" else language.say("No")
    if '"' in cell:
        found = re.findall(r'"([^"]*)"', cell)
        if fact == "kind":
            return ", ".join(labels.label(word, "change", language) for word in found)
        return ", ".join(_word(word, language) for word in found)
    for sign, read in SIGNS.items():
        cell = cell.replace(sign, read)
    return NUMBER.sub(lambda found: _number(fact, found.group(), language), cell)


def _number(fact: str, digits: str, language: Language) -> str:
    if fact.endswith("_fen"):
        return formats.money(int(digits), language)
    if fact.endswith("_bp"):
        return formats.share(int(digits), language)
    if fact == "day" and DAY_NUMBER.fullmatch(digits):
        return f"{digits[:4]}-{digits[4:6]}-{digits[6:]}"
    return digits
