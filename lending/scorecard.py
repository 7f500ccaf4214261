"""A scorecard: integer points for the facts of a case, added up, and the reasons that cost most points.

The content is data (docs/scorecards.md has the form). It is scored with integers alone, so that every machine comes to
the same points, and needs nothing of what trained it.
"""

import re
from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from lending.errors import LendingError

INTEGER, BOOLEAN, STRING = "integer", "boolean", "string"
_TYPES: Mapping[str, Any] = {INTEGER: int, BOOLEAN: bool, STRING: str}

MOST_VARIABLES = 60
MOST_BINS = 50
MOST_POINTS = 10_000
LARGEST_BOUND = 10**15
MOST_REASONS = 4
"""More than four reasons are not likely to help anybody (Regulation B, official interpretation 9(b)(2)-1)."""

_REFUSED: Mapping[str, tuple[str, str]] = {
    word: sentences
    for words, sentences in (
        (
            "sex gender male female man men woman women wife husband pregnant pregnancy maternity xingbie 性别",
            ("the sex", "性别"),
        ),
        (
            "ethnicity ethnic ethnos nation nationality race racial religion religious faith minority tribe "
            "citizenship minzu zongjiao guoji 民族 宗教 国籍",
            ("ethnicity or religion", "民族或宗教"),
        ),
        (
            "region province prefecture city county country district village town township community neighbourhood "
            "neighborhood area address residence resident residency residential domicile origin postcode zip zipcode "
            "hukou huji jiguan birthplace hometown location latitude longitude lat lng gps geo geohash coordinate "
            "diqu diyu shengfen chengshi zhuzhi dizhi 籍贯 户籍 户口 地区 地域 省份 城市 住址 地址 居住地",
            ("where somebody lives or comes from", "地域或住址"),
        ),
        (
            "age aged born birth birthday birthdate birthyear dob elderly young youth nianling chusheng shengri "
            "年龄 出生 生日",
            ("the age", "年龄"),
        ),
        ("idnumber idcard idno shenfenzheng 身份证", ("the ID number", "身份证号")),
        (
            "name surname mobile phone telephone xingming shouji 姓名 手机 电话",
            ("the name or telephone number", "姓名或电话号码"),
        ),
        # Points and their reasons are told; that somebody is suspected must not be.
        ("screening sanction sanctions", ("whether somebody is on a list", "名单筛查结果")),
    )
    for word in words.split()
}
_REFUSED_PAIRS = {
    ("id", "number"): "idnumber",
    ("id", "no"): "idnumber",
    ("id", "card"): "idcard",
    ("years", "old"): "age",
    ("year", "old"): "age",
    ("native", "place"): "hometown",
    ("post", "code"): "postcode",
}
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+|[^\W0-9A-Za-z_]+")
"""The words of a name, also of one written inOneWord."""
_ITSELF = ("score", "score_known")


class InvalidScorecard(LendingError):
    """A content that is no scorecard; `flaws` says why."""

    code = "invalid_scorecard"
    http_status = 422

    def __init__(self, flaws: "Sequence[Flaw]") -> None:
        self.flaws = tuple(flaws)
        super().__init__(f"the scorecard cannot be used: {'; '.join(map(str, flaws))}")


class FactOfAnotherType(LendingError):
    """A fact that the scorecard reads is there with another type. Its value is not repeated: it is personal."""

    code = "fact_of_another_type"
    http_status = 422

    def __init__(self, fact: str, kind: str) -> None:
        super().__init__(f"the scorecard cannot read {fact}: it must be a {kind}", fields={fact: f"must be a {kind}"})


@dataclass(frozen=True)
class Flaw:
    """What is wrong, in both languages, and where: the fact of the variable and its bin, from 1."""

    en: str
    zh: str
    variable: str | None = None
    bin: int | None = None

    def __str__(self) -> str:
        place = [self.variable] if self.variable else []
        place += [f"bin {self.bin}"] if self.bin else []
        return f"{', '.join(place)}: {self.en}" if place else self.en


@dataclass(frozen=True)
class Scored:
    """The points of a case, how many each fact gave, and the reasons that cost most, the costliest first."""

    points: int
    parts: Mapping[str, int]
    reasons: tuple[str, ...]
    policy_id: str = ""


@dataclass(frozen=True)
class Variable:
    """One fact of a scorecard, ready to be scored. `tops` are the last values of all integer bins but the open one.

    What is not known may cost points for another reason than what is.
    """

    fact: str
    kind: str
    known_by: tuple[str, ...]
    reason: str
    missing: int
    missing_reason: str
    tops: tuple[int, ...]
    points: tuple[int, ...]
    words: Mapping[object, int]
    best: int

    def points_of(self, facts: Mapping[str, Any]) -> tuple[int, str]:
        """The points of the bin that the fact falls into, and the reason if they are not the most.

        The missing bin takes a fact that is not there or not known.
        """
        value = facts.get(self.fact)
        if value is None or not all(facts.get(flag) is True for flag in self.known_by):
            return self.missing, self.missing_reason
        # Compared exactly: True is an int to Python.
        if type(value) is not _TYPES[self.kind]:
            raise FactOfAnotherType(self.fact, self.kind)
        if self.kind == INTEGER:
            return self.points[bisect_left(self.tops, value)], self.reason
        return self.words.get(value, self.points[-1]), self.reason


@dataclass(frozen=True)
class Scorecard:
    """A checked scorecard."""

    base_points: int
    variables: tuple[Variable, ...]
    most_reasons: int
    sentences: Mapping[str, Mapping[str, str]]

    @classmethod
    def parse(cls, content: Mapping[str, Any]) -> "Scorecard":
        """The scorecard of a content; InvalidScorecard where `problems` finds any."""
        if flaws := problems(content):
            raise InvalidScorecard(flaws)
        variables = tuple(_variable(one) for one in content["variables"])
        return cls(content["base_points"], variables, content.get("most_reasons", MOST_REASONS), content["reasons"])

    @property
    def facts(self) -> dict[str, str]:
        """The facts that it reads, with their types."""
        flags = {flag: BOOLEAN for one in self.variables for flag in one.known_by}
        return flags | {one.fact: one.kind for one in self.variables}

    @property
    def range(self) -> tuple[int, int]:
        """The fewest and the most points that anybody can have."""
        least = sum(min(one.missing, *one.points) for one in self.variables)
        return self.base_points + least, self.base_points + sum(one.best for one in self.variables)

    def score(self, facts: Mapping[str, Any]) -> Scored:
        """The points of a case and its reasons.

        A fact that is not there, is None or is not known by its flags falls into the missing bin. The reasons are those
        of the facts that lost most points against their best bin, the costliest first and, of equal ones, in the order
        of the card; a fact that lost nothing is no reason. It is the method of points below the maximum, one way to the
        principal reasons that Regulation B asks of a credit scoring system (12 CFR 1002.9(b)(2)). FactOfAnotherType for
        a fact with another type than the card says.
        """
        parts: dict[str, int] = {}
        lost: list[tuple[int, str]] = []
        for one in self.variables:
            points, reason = one.points_of(facts)
            parts[one.fact] = points
            lost.append((one.best - points, reason))
        costly = sorted((pair for pair in lost if pair[0]), key=lambda pair: -pair[0])
        # Two facts may share a reason, which is then said once.
        reasons = tuple(dict.fromkeys(reason for _, reason in costly))[: self.most_reasons]
        return Scored(self.base_points + sum(parts.values()), parts, reasons)


def problems(content: Mapping[str, Any], facts: Mapping[str, str] | None = None) -> list[Flaw]:
    """What forbids to use this scorecard; empty if nothing does. `facts` are those that are given, with their types.

    Asked for: integer points; of each variable a known type, a missing bin, bins that follow each other without gap or
    overlap from the lowest value to the highest (of words: a last bin for all others; of yes and no: both), points that
    rise or fall where it says so; a sentence in both languages for every reason. Facts that tell sex, ethnicity,
    religion, age, region, name or numbers of a person are refused as inputs, and so are lists and the score itself.
    """
    try:
        found = list(_card_flaws(content))
        if found:
            return found
        for variable in content["variables"]:
            found += _variable_flaws(variable, facts, content["reasons"])
    except (AttributeError, KeyError, TypeError, ValueError):
        return [
            Flaw(
                "it is no scorecard: a part is missing or has the wrong form",
                "不是有效的评分卡：有部分缺失或格式不正确",
            )
        ]
    return found


def is_refused(fact: str) -> tuple[str, str] | None:
    """What a fact of this name would tell that no scorecard may ask, in both languages; None where it may be asked.

    It goes by the words of the name, English ones, also of more than one, Chinese ones and these as they are spelled in
    Latin letters: what hides behind another name it cannot see.
    """
    words = [word.lower() for word in _WORD.findall(fact)]
    pairs = [_REFUSED_PAIRS[pair] for pair in pairwise(words) if pair in _REFUSED_PAIRS]
    singular = [word.removesuffix("s") for word in words]
    chinese = [word for word in _REFUSED if not word.isascii() and word in fact]
    return next((_REFUSED[word] for word in (*pairs, *words, *singular, *chinese) if word in _REFUSED), None)


def _card_flaws(content: Mapping[str, Any]) -> Iterator[Flaw]:
    variables = content["variables"]
    if not _are_points(content["base_points"]):
        yield Flaw("base_points must be a whole number", "base_points 应为整数")
    if not isinstance(variables, list) or not 0 < len(variables) <= MOST_VARIABLES:
        yield Flaw(f"it needs 1 to {MOST_VARIABLES} variables", f"应有1到{MOST_VARIABLES}个变量")
        return
    most = content.get("most_reasons", MOST_REASONS)
    if type(most) is not int or not 0 < most <= MOST_VARIABLES:
        yield Flaw(f"most_reasons must be from 1 to {MOST_VARIABLES}", f"most_reasons 应为1到{MOST_VARIABLES}")
    for code, sentences in content["reasons"].items():
        if not all(isinstance(sentences.get(language), str) and sentences[language] for language in ("en", "zh")):
            yield Flaw(f"reason {code} has no sentence in both languages", f"理由 {code} 没有中英文说明")
    named = [variable["fact"] for variable in variables]
    for fact in dict.fromkeys(fact for fact in named if named.count(fact) > 1):
        yield Flaw("is there twice", "重复出现", fact)


def _variable_flaws(
    variable: Mapping[str, Any], given: Mapping[str, str] | None, reasons: Mapping[str, Any]
) -> Iterator[Flaw]:
    fact, kind = variable["fact"], variable["type"]
    flags = variable.get("known_by", [])
    for name in (fact, *flags):
        yield from _input_flaws(name, fact)
    if kind not in _TYPES:
        yield Flaw(f"is of type {kind}, not one of: {', '.join(_TYPES)}", f"类型 {kind} 不受支持", fact)
        return
    for name, wanted in ((fact, kind), *((flag, BOOLEAN) for flag in flags)):
        if given is not None and name not in given:
            yield Flaw(f"{name} is a fact that is not given", f"不提供事实 {name}", fact)
        elif given is not None and given[name] != wanted:
            yield Flaw(
                f"{name} is of type {given[name]}, not {wanted}", f"{name} 的类型为 {given[name]}，而非 {wanted}", fact
            )
    missing = variable.get("missing", {})
    for code in dict.fromkeys((variable["reason"], missing.get("reason", variable["reason"]))):
        if code not in reasons:
            yield Flaw(f"reason {code} has no sentence in both languages", f"理由 {code} 没有中英文说明", fact)
    if "missing" not in variable:
        yield Flaw("has no missing bin", "没有缺失值分箱", fact)
    elif not _are_points(variable["missing"]["points"]):
        yield Flaw("its missing bin has no whole number of points", "缺失值分箱的分值不是整数", fact)
    bins = variable["bins"]
    if not isinstance(bins, list) or not 0 < len(bins) <= MOST_BINS:
        yield Flaw(f"it needs 1 to {MOST_BINS} bins", f"应有1到{MOST_BINS}个分箱", fact)
        return
    for number, one in enumerate(bins, 1):
        if not _are_points(one["points"]):
            yield Flaw("has no whole number of points", "分值不是整数", fact, number)
            return
    checks = {INTEGER: _interval_flaws, BOOLEAN: _flag_flaws, STRING: _word_flaws}
    yield from checks[kind](fact, bins)
    yield from _order_flaws(variable)


def _input_flaws(name: str, fact: str) -> Iterator[Flaw]:
    if told := is_refused(name):
        yield Flaw(f"{name} tells {told[0]}, which no scorecard may ask", f"{name} 涉及{told[1]}，评分卡不得使用", fact)
    if name in _ITSELF:
        yield Flaw(f"{name} is what a scorecard gives", f"{name} 是评分卡自身的结果", fact)


def _are_points(value: object) -> bool:
    return type(value) is int and abs(value) <= MOST_POINTS


def _interval_flaws(fact: str, bins: Sequence[Mapping[str, Any]]) -> Iterator[Flaw]:
    """Bins `from`–`to`, both included, follow each other; the first and the last are open."""
    for number, one in enumerate(bins, 1):
        bounds = [one["from"], one["to"]]
        if not all(bound is None or (type(bound) is int and abs(bound) <= LARGEST_BOUND) for bound in bounds):
            yield Flaw("its bounds are no whole numbers", "边界不是整数", fact, number)
            return
        if (bounds[0] is None) != (number == 1) or (bounds[1] is None) != (number == len(bins)):
            yield Flaw(
                "only the first bin begins, and only the last one ends, without a bound",
                "只有第一个分箱没有下界，只有最后一个分箱没有上界",
                fact,
                number,
            )
            return
        if None not in bounds and bounds[0] > bounds[1]:
            yield Flaw("holds no value", "不包含任何值", fact, number)
    for number, (before, after) in enumerate(pairwise(bins), 2):
        step = after["from"] - before["to"]
        if step > 1:
            missing = f"{before['to'] + 1} to {after['from'] - 1}"
            yield Flaw(f"leaves a gap before it: {missing}", f"与前一分箱之间有空缺：{missing}", fact, number)
        elif step < 1:
            yield Flaw(
                f"overlaps the bin before it from {after['from']} on",
                f"从{after['from']}起与前一分箱重叠",
                fact,
                number,
            )


def _flag_flaws(fact: str, bins: Sequence[Mapping[str, Any]]) -> Iterator[Flaw]:
    values = [one["value"] for one in bins]
    if len(values) != 2 or not any(value is True for value in values) or not any(value is False for value in values):
        yield Flaw("needs one bin for true and one for false", "应有是与否两个分箱各一", fact)


def _word_flaws(fact: str, bins: Sequence[Mapping[str, Any]]) -> Iterator[Flaw]:
    """Bins of `words`; the last one takes all others, so that no word falls through."""
    seen: set[str] = set()
    for number, one in enumerate(bins, 1):
        if number == len(bins):
            if one.get("others") is not True or "words" in one:
                yield Flaw("the last bin must take all other words", "最后一个分箱应涵盖所有其他取值", fact, number)
            continue
        words = one["words"]
        if not isinstance(words, list) or not words or not all(isinstance(word, str) and word for word in words):
            yield Flaw("has no list of words", "没有取值列表", fact, number)
            return
        for word in words:
            if word in seen:
                yield Flaw(f"{word} is in a bin before it too", f"{word} 已在前面的分箱中", fact, number)
            seen.add(word)


def _order_flaws(variable: Mapping[str, Any]) -> Iterator[Flaw]:
    order = variable.get("monotone")
    if order is None:
        return
    fact = variable["fact"]
    if order not in ("rising", "falling") or variable["type"] != INTEGER:
        yield Flaw(
            "monotone is rising or falling, and for whole numbers only",
            "monotone 应为 rising 或 falling，且仅用于整数",
            fact,
        )
        return
    for number, (before, after) in enumerate(pairwise(variable["bins"]), 2):
        if (after["points"] < before["points"]) if order == "rising" else (after["points"] > before["points"]):
            zh = "上升" if order == "rising" else "下降"
            yield Flaw(f"its points are not {order}, as the variable says", f"分值未按声明单调{zh}", fact, number)


def _variable(told: Mapping[str, Any]) -> Variable:
    points = tuple(one["points"] for one in told["bins"])
    tops = tuple(one["to"] for one in told["bins"][:-1]) if told["type"] == INTEGER else ()
    words: dict[object, int] = {}
    if told["type"] == BOOLEAN:
        words = {one["value"]: one["points"] for one in told["bins"]}
    elif told["type"] == STRING:
        words = {word: one["points"] for one in told["bins"][:-1] for word in one["words"]}
    missing = told["missing"]["points"]
    return Variable(
        fact=told["fact"],
        kind=told["type"],
        known_by=tuple(told.get("known_by", ())),
        reason=told["reason"],
        missing=missing,
        missing_reason=told["missing"].get("reason", told["reason"]),
        tops=tops,
        points=points,
        words=words,
        best=max(missing, *points),
    )
