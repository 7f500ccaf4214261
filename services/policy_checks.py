"""What forbids to publish a policy: cell by cell, then row against row. Each problem names row and column."""

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

import zen

from models.policies import PolicyKind
from services.forms import Sentence
from services.policy_cells import Problem, Surroundings, a_kind, constant, in_both_languages
from services.policy_kinds import GRADES, KINDS, REFUSE, Kind
from services.policy_tables import CELLS, ComparisonTooLong, DecisionTable, uncovered

MOST_ROWS = 300
MOST_SPLITS = 100_000
"""So many parts of a row are compared at most; those of the shipped tables take a few hundred."""
NODES = ("inputNode", "decisionTableNode", "outputNode")


def problems_of(
    content: Mapping[str, Any], facts: Mapping[str, str] | None = None, kind: PolicyKind = PolicyKind.GRADING
) -> list[Problem]:
    """What forbids to publish this content as a policy of a kind; empty if nothing does. `facts` are those on offer.

    Asked of a table: all that `table_problems` asks, and under `remedies` what would change a refusal, in both
    languages, for every reason of a row that refuses.
    """
    found = KINDS[kind]
    if found.problems is not None:
        return found.problems(content, facts)
    return table_problems(content, facts, found) or [*_remedy_problems(content, found), *_engine_problems(content)]


def table_problems(content: Mapping[str, Any], facts: Mapping[str, str] | None, kind: Kind) -> list[Problem]:
    """What forbids to ask this decision model at all.

    Asked for: one input node whose JSON schema declares every fact, one decision table of hit policy `first` whose
    cells compare a fact with constants of its type, all outputs of the kind in every row, a sentence in both languages
    for every reason, and a last row that takes every case and says what that of the kind must say. Every other row must
    be the first that takes some case. Where the model says `"disjoint": true`, rows that take the same case must say
    the same of it.
    """
    try:
        found = list(_form_problems(content))
        if found:
            return found
        table = DecisionTable.read(content)
        found = [*_fact_problems(table, facts), *_column_problems(table, kind)]
        if found:
            return found
        found = [*_cell_problems(table), *_answer_problems(table, content, kind)]
        if found:
            return found
        rows = _row_problems(table, content.get("disjoint", False))
        return [*_last_row_problems(table, kind), *_rate_problems(content), *rows]
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
            yield _at(fact, f"is {a_kind(given[fact])}, not {a_kind(kind)}", f"实际类型为 {given[fact]}，而非 {kind}")


def _column_problems(table: DecisionTable, kind: Kind) -> Iterator[Problem]:
    if table.hit_policy != "first":
        yield Problem(Sentence("its hit policy is not `first`", "命中策略不是 first"))
    if not 0 < len(table.rows) <= MOST_ROWS:
        yield Problem(
            Sentence(f"it needs a last row, and {MOST_ROWS} rows at most", f"应有最后一行，且不超过{MOST_ROWS}行")
        )
    for column in table.inputs:
        if column.field not in table.declared:
            yield _at(column.field, "is no declared fact", "不是已声明的事实")
    answered = sorted(column.field for column in table.outputs)
    if answered not in (sorted(kind.outputs), sorted(set(kind.outputs) - kind.optional)):
        outputs = ", ".join(kind.outputs)
        spared = ", ".join(sorted(kind.optional))
        en, zh = f"its outputs are not exactly: {outputs}", f"输出列应当正好是：{outputs}"
        if kind.optional:
            en, zh = f"{en} (or those without {spared})", f"{zh}（{spared}可一并省略）"
        yield Problem(Sentence(en, zh))
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
                en = f"{a_kind(kind)} cannot be compared with {cell}"
                yield Problem(Sentence(en, f"{kind} 类型的事实不能与 {cell} 比较"), number, column.field)


def _at(column: str, en: str, zh: str) -> Problem:
    return Problem(Sentence(en, zh), None, column)


def _answer_problems(table: DecisionTable, content: Mapping[str, Any], kind: Kind) -> Iterator[Problem]:
    around = Surroundings(table.declared, content.get("reasons", {}))
    given = {column.field for column in table.outputs}
    for number in range(1, len(table.rows) + 1):
        for output, form in kind.outputs.items():
            if output not in given:
                continue
            cell = table.cell(number, output)
            if not cell:
                yield Problem(Sentence("is missing", "未填写"), number, output)
                continue
            for sentence in form.check(cell, around):
                yield Problem(sentence, number, output)


def _remedy_problems(content: Mapping[str, Any], kind: Kind) -> Iterator[Problem]:
    """Who is refused is told why, and what would change it."""
    if "outcome" not in kind.outputs:
        return
    table = DecisionTable.read(content)
    remedies = content.get("remedies", {})
    for number in range(1, len(table.rows) + 1):
        if table.cell(number, "outcome") != json.dumps(REFUSE):
            continue
        codes = constant(table.cell(number, "reasons"))
        if not codes:
            yield Problem(Sentence("a row that refuses needs a reason", "拒绝的行应当说明理由"), number, "reasons")
        for code in codes:
            if not isinstance(remedies, Mapping) or not in_both_languages(remedies, code):
                en = f"reason {code} refuses, and remedies do not say in both languages what would change that"
                zh = f"理由 {code} 导致拒绝，但 remedies 未用中英文说明如何改变"
                yield Problem(Sentence(en, zh), number, "reasons")


def _engine_problems(content: Mapping[str, Any]) -> Iterator[Problem]:
    """Parts that nobody asks, such as the name of a column, must have the form that the engine reads as well."""
    try:
        zen.ZenDecisionContent(json.dumps(content, ensure_ascii=False))
    except (RuntimeError, ValueError):
        en = "the engine cannot read it: a part has the wrong form"
        yield Problem(Sentence(en, "规则引擎无法读取：有部分格式不正确"))


def _last_row_problems(table: DecisionTable, kind: Kind) -> Iterator[Problem]:
    last = len(table.rows)
    takes_all = not any(table.cell(last, column.field) for column in table.inputs)
    says = all(table.cell(last, output) == json.dumps(value) for output, value in kind.last_row.items())
    if not takes_all or not says:
        en, zh = "the last row must take every case", "最后一行应涵盖所有情形"
        for output, value in kind.last_row.items():
            en, zh = f"{en}, with {output} `{value}`", f"{zh}，且 {output} 为 {value}"
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
        if box == table.everything:
            en = "it takes every case, so that no row after it can ever fire"
            yield Problem(Sentence(en, "该行涵盖全部情形，其后各行永远不会命中"), number)
            continue
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
        differing = [name for name in _outputs(table) if table.cell(number, name) != table.cell(other, name)]
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


def _outputs(table: DecisionTable) -> list[str]:
    return [column.field for column in table.outputs]


def spelled(case: Mapping[str, object]) -> str:
    """A case in words: each fact with its value as a cell would spell it."""
    return ", ".join(f"{fact} = {json.dumps(value, ensure_ascii=False)}" for fact, value in case.items())
