"""What cells of outputs may say, and which answers are whole: one pair of checks for each form of output."""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from services.forms import Sentence

HIGHEST_RATE_PERCENT = Decimal(1000)

_TERM = r"[0-9]{1,15}|[A-Za-z_][A-Za-z0-9_]*|max\(\[0, ?[0-9]{1,15} - [A-Za-z_][A-Za-z0-9_]*\]\)"
_SUM = re.compile(rf"(?P<one>{_TERM})|min\(\[(?P<first>{_TERM}), ?(?P<second>{_TERM})\]\)")
_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_RATE = re.compile(r"[0-9]{1,4}(\.[0-9]{1,6})?")


@dataclass(frozen=True)
class Problem:
    """What is wrong, in both languages, and where: `row` counts from 1, None for the table as a whole."""

    sentence: Sentence
    row: int | None = None
    column: str | None = None

    def __str__(self) -> str:
        place = [f"row {self.row}"] if self.row else []
        place += [self.column] if self.column else []
        return f"{', '.join(place)}: {self.sentence}" if place else self.sentence


@dataclass(frozen=True)
class Surroundings:
    """What a cell may refer to: the declared facts with their types, and the sentences of reasons."""

    declared: Mapping[str, str]
    sentences: Mapping[str, Any]


@dataclass(frozen=True)
class Output:
    """One output: what is wrong with a cell, and whether a value that came out of the engine is whole."""

    check: Callable[[str, Surroundings], Iterator[Sentence]]
    holds: Callable[[Any], bool]


def one_of(*words: str) -> Output:
    """One of some words, in quotation marks."""

    def check(cell: str, _: Surroundings) -> Iterator[Sentence]:
        if cell not in [f'"{word}"' for word in words]:
            offered = ", ".join(words)
            yield Sentence(f"must be one of, in quotation marks: {offered}", f"应为以下之一，并加引号：{offered}")

    return Output(check, lambda value: value in words)


def sum_of_money() -> Output:
    """A sum in fen: a number, a fact, what a fact leaves of a number, or the smaller of two of these."""
    return Output(_check_sum, lambda value: type(value) is int and value >= 0)


def _check_sum(cell: str, around: Surroundings) -> Iterator[Sentence]:
    form = _SUM.fullmatch(cell)
    if form is None:
        yield Sentence(
            "must be a sum in fen, a fact, what a fact leaves of a sum as max([0, sum - fact]),"
            f" or the smaller of two as min([a, b]), not {cell}",
            "应为以分计的金额、一项事实、金额减去事实后的余额 max([0, 金额 - 事实])，"
            f"或取两者较小值 min([a, b])，而不是 {cell}",
        )
        return
    for part in filter(None, form.groups()):
        for fact in _WORD.findall(part.removeprefix("max(")):
            if fact not in around.declared:
                yield Sentence(f"{fact} is no declared fact", f"{fact} 不是已声明的事实")
            elif around.declared[fact] != "integer":
                kind = around.declared[fact]
                yield Sentence(f"{fact} is {a_kind(kind)}, not an integer", f"{fact} 不是整数类型")


def rate_a_year() -> Output:
    """A yearly rate in percent, as text."""

    def check(cell: str, _: Surroundings) -> Iterator[Sentence]:
        value = constant(cell)
        if not isinstance(value, str) or not is_rate(value):
            yield Sentence(
                f"must be a yearly rate in percent as text, from 0 to {HIGHEST_RATE_PERCENT}, not {cell}",
                f"应为文本形式的年利率（百分数），从0到{HIGHEST_RATE_PERCENT}，而不是 {cell}",
            )

    return Output(check, lambda value: isinstance(value, str) and is_rate(value))


def is_rate(value: str) -> bool:
    """Whether a text is a yearly rate in percent, as the books keep it."""
    return _RATE.fullmatch(value) is not None and Decimal(value) <= HIGHEST_RATE_PERCENT


def whole_number(lowest: int, highest: int) -> Output:
    """An integer within bounds."""

    def holds(value: Any) -> bool:
        return type(value) is int and lowest <= value <= highest

    def check(cell: str, _: Surroundings) -> Iterator[Sentence]:
        if not holds(constant(cell)):
            en = f"must be an integer from {lowest} to {highest}, not {cell}"
            yield Sentence(en, f"应为{lowest}到{highest}的整数，而不是 {cell}")

    return Output(check, holds)


def whole_numbers(lowest: int, highest: int) -> Output:
    """A list of integers within bounds, none of them twice; it may be empty."""

    each = whole_number(lowest, highest)

    def holds(value: Any) -> bool:
        return _are_different(value, each.holds)

    def check(cell: str, _: Surroundings) -> Iterator[Sentence]:
        if not holds(constant(cell)):
            en = f"must be a list of different integers from {lowest} to {highest}, not {cell}"
            yield Sentence(en, f"应为{lowest}到{highest}的整数列表且不重复，而不是 {cell}")

    return Output(check, holds)


def codes() -> Output:
    """A list of codes such as `id_card`, none of them twice; it may be empty."""

    def holds(value: Any) -> bool:
        return _are_different(value, lambda one: isinstance(one, str) and _WORD.fullmatch(one) is not None)

    def check(cell: str, _: Surroundings) -> Iterator[Sentence]:
        if not holds(constant(cell)):
            yield Sentence(f"is no list of different codes: {cell}", f"不是代码列表，或有重复：{cell}")

    return Output(check, holds)


def _are_different(value: Any, holds: Callable[[Any], bool]) -> bool:
    """Whether a value is a list of things that hold, none of them twice."""
    return isinstance(value, list) and all(map(holds, value)) and len(set(value)) == len(value)


def reasons(*, may_be_none: bool = False) -> Output:
    """A list of codes of reasons, each with a sentence in both languages."""

    def holds(value: Any) -> bool:
        return isinstance(value, list) and (may_be_none or bool(value)) and all(isinstance(one, str) for one in value)

    def check(cell: str, around: Surroundings) -> Iterator[Sentence]:
        found = constant(cell)
        if not holds(found):
            yield Sentence("is no list of reasons", "不是理由代码的列表")
            return
        for code in found:
            if not in_both_languages(around.sentences, code):
                yield Sentence(f"reason {code} has no sentence in both languages", f"理由 {code} 没有中英文说明")

    return Output(check, holds)


def in_both_languages(sentences: Mapping[str, Any], code: str) -> bool:
    """Whether a code has its sentence in English and in Chinese."""
    told = sentences.get(code)
    return isinstance(told, Mapping) and all(
        isinstance(told.get(language), str) and told[language] for language in ("en", "zh")
    )


def constant(cell: str) -> Any:
    """The constant that a cell spells, None if it spells none."""
    try:
        return json.loads(cell)
    except ValueError:
        return None


def a_kind(kind: str) -> str:
    """A type of facts with its article."""
    return f"an {kind}" if kind[:1] in "aeiou" else f"a {kind}"
