"""What forbids to publish a decision table: cell by cell, then row against row. Each problem names row and column."""

import json
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from services.forms import Sentence
from services.policy_tables import CELLS, ComparisonTooLong, DecisionTable, uncovered

OUTCOMES = ("refer", "refuse")
"""A person decides every case that is not refused; no rule approves by itself."""
GRADES = ("A", "B", "C", "D", "E")
HIGHEST_RATE_PERCENT = Decimal(1000)
OUTPUTS = ("outcome", "grade", "limit_fen", "annual_rate_percent", "reasons")
MOST_ROWS = 300
MOST_SPLITS = 100_000
"""So many parts of a row are compared at most; those of the shipped tables take a few hundred."""
NODES = ("inputNode", "decisionTableNode", "outputNode")

_SUM = r"[0-9]{1,15}|[A-Za-z_][A-Za-z0-9_]*"
_RATE = re.compile(r"[0-9]{1,4}(\.[0-9]{1,6})?")
_LIMIT = re.compile(rf"(?P<one>{_SUM})|min\(\[(?P<first>{_SUM}), ?(?P<second>{_SUM})\]\)")


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


def problems_of(content: Mapping[str, Any], facts: Mapping[str, str] | None = None) -> list[Problem]:
    """What forbids to publish this decision model; empty if nothing does. `facts` are those that the product gives.

    Asked for: one input node whose JSON schema declares every fact, one decision table of hit policy `first` whose
    cells compare a fact with constants of its type, all five outputs in every row, a sentence in both languages for
    every reason, and a last row that takes every case and refers it to a person. Every other row must be the first that
    takes some case. Where the model says `"disjoint": true`, rows that take the same case must say the same of it.
    """
    try:
        found = list(_form_problems(content))
        if found:
            return found
        table = DecisionTable.read(content)
        found = [*_fact_problems(table, facts), *_column_problems(table)]
        if found:
            return found
        found = [*_cell_problems(table), *_answer_problems(table, content)]
        if found:
            return found
        rows = _row_problems(table, content.get("disjoint", False))
        return [*_last_row_problems(table), *_rate_problems(content), *rows]
    except ComparisonTooLong:
        en = "its rows overlap in too many ways to compare them; split the table or order its rows"
        return [Problem(Sentence(en, "各行交叠过多，无法逐一比较；请拆分决策表或调整行序"))]
    except (AttributeError, IndexError, KeyError, TypeError, ValueError):
        en = "it is no decision model: a part is missing or has the wrong form"
        return [Problem(Sentence(en, "不是有效的决策模型：有部分缺失或格式不正确"))]


def _form_problems(content: Mapping[str, Any]) -> Iterator[Problem]:
    nodes = Counter(str(node["type"]) for node in content.get("nodes", ()))
    if nodes != Counter(NODES):
        yield Problem(
            Sentence(
                "it needs exactly one input node, one decision table and one output node, and no other node",
                "应当只有一个输入节点、一个决策表和一个输出节点，不得有其他节点",
            )
        )
        return
    ids = {node["type"]: node["id"] for node in content["nodes"]}
    edges = {(edge["sourceId"], edge["targetId"]) for edge in content.get("edges", ())}
    if edges != {(ids[NODES[0]], ids[NODES[1]]), (ids[NODES[1]], ids[NODES[2]])}:
        yield Problem(
            Sentence("its edges do not lead from input to table to output", "连线未从输入节点经决策表到输出节点")
        )


def _fact_problems(table: DecisionTable, given: Mapping[str, str] | None) -> Iterator[Problem]:
    if not table.declared:
        yield Problem(Sentence("its input node declares no facts", "输入节点没有声明任何事实"))
    for fact, kind in table.declared.items():
        if kind not in CELLS:
            yield _at(fact, f"is declared as {kind}, not as one of: {', '.join(CELLS)}", f"声明的类型 {kind} 不受支持")
        elif given is not None and fact not in given:
            yield _at(fact, "is a fact that the product does not give", "产品不提供这一事实")
        elif given is not None and given[fact] != kind:
            yield _at(fact, f"is {_a(given[fact])}, not {_a(kind)}", f"实际类型为 {given[fact]}，而非 {kind}")


def _column_problems(table: DecisionTable) -> Iterator[Problem]:
    if table.hit_policy != "first":
        yield Problem(Sentence("its hit policy is not `first`", "命中策略不是 first"))
    if not 0 < len(table.rows) <= MOST_ROWS:
        yield Problem(
            Sentence(f"it needs a last row, and {MOST_ROWS} rows at most", f"应有最后一行，且不超过{MOST_ROWS}行")
        )
    for column in table.inputs:
        if column.field not in table.declared:
            yield _at(column.field, "is no declared fact", "不是已声明的事实")
    if sorted(column.field for column in table.outputs) != sorted(OUTPUTS):
        outputs = ", ".join(OUTPUTS)
        yield Problem(Sentence(f"its outputs are not exactly: {outputs}", f"输出列应当正好是：{outputs}"))
    ids = Counter(column.id for column in (*table.inputs, *table.outputs))
    for twice in (name for name, count in ids.items() if count > 1):
        yield _at(twice, "is the id of two columns", "有两列使用这一编号")


def _cell_problems(table: DecisionTable) -> Iterator[Problem]:
    columns = {column.id for column in (*table.inputs, *table.outputs)}
    for number, row in enumerate(table.rows, 1):
        for stray in sorted(key for key in row if key not in columns and not key.startswith("_")):
            yield Problem(Sentence("there is no such column", "没有这一列"), number, stray)
        for column in table.inputs:
            cell, kind = row.get(column.id, ""), table.declared[column.field]
            if cell and not CELLS[kind].fullmatch(cell):
                en = f"{_a(kind)} cannot be compared with {cell}"
                yield Problem(Sentence(en, f"{kind} 类型的事实不能与 {cell} 比较"), number, column.field)


def _at(column: str, en: str, zh: str) -> Problem:
    return Problem(Sentence(en, zh), None, column)


def _a(kind: str) -> str:
    return f"an {kind}" if kind[:1] in "aeiou" else f"a {kind}"


def _answer_problems(table: DecisionTable, content: Mapping[str, Any]) -> Iterator[Problem]:
    checks: dict[str, Callable[[str], Iterator[Sentence]]] = {
        "outcome": lambda cell: _one_of(cell, OUTCOMES),
        "grade": lambda cell: _one_of(cell, GRADES),
        "limit_fen": lambda cell: _limit(cell, table.declared),
        "annual_rate_percent": _rate,
        "reasons": lambda cell: _reasons(cell, content.get("reasons", {})),
    }
    for number in range(1, len(table.rows) + 1):
        for output, check in checks.items():
            cell = table.cell(number, output)
            if not cell:
                yield Problem(Sentence("is missing", "未填写"), number, output)
                continue
            for sentence in check(cell):
                yield Problem(sentence, number, output)


def _one_of(cell: str, words: tuple[str, ...]) -> Iterator[Sentence]:
    if cell not in [f'"{word}"' for word in words]:
        offered = ", ".join(words)
        yield Sentence(f"must be one of, in quotation marks: {offered}", f"应为以下之一，并加引号：{offered}")


def _limit(cell: str, declared: Mapping[str, str]) -> Iterator[Sentence]:
    form = _LIMIT.fullmatch(cell)
    if form is None:
        yield Sentence(
            f"must be a sum in fen, a fact, or the smaller of two as min([a, b]), not {cell}",
            f"应为以分计的金额、一项事实，或取两者较小值 min([a, b])，而不是 {cell}",
        )
        return
    for part in filter(None, form.groups()):
        if not part.isdecimal() and part not in declared:
            yield Sentence(f"{part} is no declared fact", f"{part} 不是已声明的事实")
        elif not part.isdecimal() and declared[part] != "integer":
            yield Sentence(f"{part} is {_a(declared[part])}, not an integer", f"{part} 不是整数类型")


def _rate(cell: str) -> Iterator[Sentence]:
    value = _constant(cell)
    if not isinstance(value, str) or not is_rate(value):
        yield Sentence(
            f"must be a yearly rate in percent as text, from 0 to {HIGHEST_RATE_PERCENT}, not {cell}",
            f"应为文本形式的年利率（百分数），从0到{HIGHEST_RATE_PERCENT}，而不是 {cell}",
        )


def is_rate(value: str) -> bool:
    """Whether a text is a yearly rate in percent, as the books keep it."""
    return _RATE.fullmatch(value) is not None and Decimal(value) <= HIGHEST_RATE_PERCENT


def _reasons(cell: str, sentences: Mapping[str, Any]) -> Iterator[Sentence]:
    codes = _constant(cell)
    if not isinstance(codes, list) or not codes or not all(isinstance(code, str) for code in codes):
        yield Sentence("is no list of reasons", "不是理由代码的列表")
        return
    for code in codes:
        if not all(sentences.get(code, {}).get(language) for language in ("en", "zh")):
            yield Sentence(f"reason {code} has no sentence in both languages", f"理由 {code} 没有中英文说明")


def _constant(cell: str) -> Any:
    try:
        return json.loads(cell)
    except ValueError:
        return None


def _last_row_problems(table: DecisionTable) -> Iterator[Problem]:
    last = len(table.rows)
    takes_all = not any(table.cell(last, column.field) for column in table.inputs)
    if not takes_all or table.cell(last, "outcome") != '"refer"':
        en, zh = "the last row must take every case and refer it to a person", "最后一行应涵盖所有情形并转人工处理"
        yield Problem(Sentence(en, zh), last)
    gap = None if takes_all else uncovered(table.everything, table.boxes, MOST_SPLITS)
    if gap is not None:
        case = spelled(table.example(gap))
        yield Problem(Sentence(f"no row takes a case with {case}", f"没有任何一行涵盖此情形：{case}"))


def _rate_problems(content: Mapping[str, Any]) -> Iterator[Problem]:
    stated = content.get("default_basis_points", {})
    if set(stated) - set(GRADES) or not all(type(rate) is int and 0 <= rate <= 10_000 for rate in stated.values()):
        yield Problem(
            Sentence(
                "default_basis_points must give grades an integer from 0 to 10,000",
                "default_basis_points 应为各等级给出0到10000的整数",
            )
        )


def _row_problems(table: DecisionTable, disjoint: object) -> Iterator[Problem]:
    """Rows that never fire and, where the model says that its rows are disjoint, those that contradict each other.

    The last row is there for what nobody thought of, so it may have nothing left to take.
    """
    boxes = table.boxes
    for number, box in enumerate(boxes[:-1], 1):
        if not all(box):
            empty = next(fact for fact, mask in zip(table.dimensions, box, strict=True) if not mask)
            en = f"no value is {table.cell(number, empty)}, so that the row can never fire"
            yield Problem(Sentence(en, f"没有任何值满足 {table.cell(number, empty)}，该行永远不会命中"), number, empty)
            continue
        reached = uncovered(box, boxes[: number - 1], MOST_SPLITS)
        if reached is None:
            en = "the rows before it take all of its cases, so that it can never fire"
            yield Problem(Sentence(en, "此前各行已涵盖该行的全部情形，该行永远不会命中"), number)
        elif disjoint:
            yield from _contradictions(table, number)
    if type(disjoint) is not bool:
        yield Problem(Sentence("`disjoint` is true or false", "disjoint 应为 true 或 false"))


def _contradictions(table: DecisionTable, number: int) -> Iterator[Problem]:
    for other in range(1, number):
        both = tuple(
            mine & theirs for mine, theirs in zip(table.boxes[number - 1], table.boxes[other - 1], strict=True)
        )
        differing = [name for name in OUTPUTS if table.cell(number, name) != table.cell(other, name)]
        if all(both) and differing:
            case = spelled(table.example(both))
            named = ", ".join(differing)
            yield Problem(
                Sentence(
                    f"row {other} takes a case of it too ({case}) and says otherwise: {named}",
                    f"第{other}行也涵盖该行的情形（{case}），但结论不同：{named}",
                ),
                number,
            )


def spelled(case: Mapping[str, object]) -> str:
    """A case in words: each fact with its value as a cell would spell it."""
    return ", ".join(f"{fact} = {json.dumps(value, ensure_ascii=False)}" for fact, value in case.items())
