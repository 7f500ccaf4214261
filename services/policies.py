"""Grading by data: a decision table is checked once and then asked with the facts of a case."""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

import zen

from lending.errors import LendingError
from services.products import catalogue

OUTCOMES = ("refer", "refuse")
"""A person decides every case that is not refused; no rule approves by itself."""

GRADES = ("A", "B", "C", "D", "E")
HIGHEST_RATE_PERCENT = Decimal(1000)
OUTPUTS = ("outcome", "grade", "limit_fen", "annual_rate_percent", "reasons")

# What a cell may say of a fact. The engine takes far more, but a cell that it misreads never matches, without an error.
_NUMBER = r"-?[0-9]+"
_WORD = r'"[^"\\]*"'
_CELLS = {
    "boolean": re.compile("true|false"),
    "integer": re.compile(rf"((>=|<=|>|<|==|!=) )?{_NUMBER}|[\[(]{_NUMBER}\.\.{_NUMBER}[\])]"),
    "string": re.compile(rf"{_WORD}|\$ in \[{_WORD}(, ?{_WORD})*\]"),
}
_PYTHON_TYPES = {"boolean": bool, "integer": int, "string": str}


@dataclass(frozen=True)
class GradeOutcome:
    """What the rules say of a case: the most that may be lent, the price, and the codes of the reasons."""

    outcome: str
    grade: str
    limit_fen: int
    annual_rate_percent: str
    reasons: tuple[str, ...]


class InvalidPolicy(LendingError):
    """A decision table that must not decide; `problems` says why."""

    code = "invalid_policy"
    http_status = 422

    def __init__(self, name: str, problems: list[str]) -> None:
        self.problems = problems
        super().__init__(f"policy {name} cannot be used: {'; '.join(problems)}")


class FactsIncomplete(LendingError):
    """Declared facts are missing or of another type. No rule is asked then: a gap would match the wrong row."""

    code = "facts_incomplete"
    http_status = 422


class NoAnswer(LendingError):
    """A policy that gave no answer, or one that is none."""

    code = "policy_without_answer"
    http_status = 500


@dataclass(frozen=True)
class _Compiled:
    declared: Mapping[str, str]
    decision: zen.ZenDecisionContent


_compiled: dict[str, _Compiled] = {}
_engine = zen.ZenEngine({"loader": lambda key: _compiled[key].decision})


def evaluate(name: str, content: Mapping[str, Any], facts: Mapping[str, Any]) -> GradeOutcome:
    """The outcome of one case under one version of a policy.

    Refuses a table that `problems_of` finds fault with, facts that are missing or of another type, and any answer that
    is not whole. Facts that the policy does not declare do not count. Sums are fen.
    """
    key = _compile(name, content)
    declared = _compiled[key].declared
    _check_facts(name, declared, facts)
    try:
        answer = _engine.evaluate(key, {fact: facts[fact] for fact in declared})["result"]
    except RuntimeError:
        # The engine's message repeats the facts, which are personal.
        raise NoAnswer(f"policy {name} failed on facts of the right type") from None
    return _outcome(name, answer)


def problems_of(content: Mapping[str, Any]) -> list[str]:
    """What forbids to publish this decision model, one sentence each; empty if nothing does.

    Asked for: an input node whose JSON schema declares every fact, decision tables of hit policy `first` whose cells
    compare a fact with constants of its type, all five outputs in every row, a sentence in both languages for every
    reason, and a last row that takes every case and refers it to a person.
    """
    try:
        return _problems(content)
    except (AttributeError, KeyError, TypeError, ValueError):
        return ["it is no decision model: a part is missing or has the wrong form"]


def reason_text(code: str, locale: str, content: Mapping[str, Any] | None = None) -> str:
    """The sentence for a reason code, in Chinese or English, from this policy version or else the shipped policies.

    A code that none of them knows any more stands for itself.
    """
    shipped = [] if content is not None else [product.grading for product in catalogue().products]
    for policy in [content or {}, *shipped]:
        if sentences := policy.get("reasons", {}).get(code):
            return str(sentences["zh" if locale.startswith("zh") else "en"])
    return code


def _compile(name: str, content: Mapping[str, Any]) -> str:
    text = json.dumps(content, ensure_ascii=False, sort_keys=True)
    key = hashlib.sha256(text.encode()).hexdigest()
    if key not in _compiled:
        if problems := problems_of(content):
            raise InvalidPolicy(name, problems)
        _compiled[key] = _Compiled(_declared(content), zen.ZenDecisionContent(text))
    return key


def _declared(content: Mapping[str, Any]) -> dict[str, str]:
    (node,) = (node for node in content["nodes"] if node["type"] == "inputNode")
    schema = json.loads(node.get("content", {}).get("schema") or "{}")
    return {fact: str(rule.get("type")) for fact, rule in schema.get("properties", {}).items()}


def _problems(content: Mapping[str, Any]) -> list[str]:
    nodes = {
        kind: [node for node in content.get("nodes", ()) if node["type"] == kind]
        for kind in ("inputNode", "decisionTableNode")
    }
    if len(nodes["inputNode"]) != 1 or not nodes["decisionTableNode"]:
        return ["it needs one input node and at least one decision table"]
    declared = _declared(content)
    problems = [
        f"fact {fact} is declared as {kind}, not as one of: {', '.join(_CELLS)}"
        for fact, kind in declared.items()
        if kind not in _CELLS
    ]
    if problems or not declared:
        return problems or ["its input node declares no facts"]
    for node in nodes["decisionTableNode"]:
        problems += _table_problems(node["content"], declared, content.get("reasons", {}))
    return problems


def _table_problems(table: Mapping[str, Any], declared: Mapping[str, str], sentences: Mapping[str, Any]) -> list[str]:
    problems = [] if table["hitPolicy"] == "first" else ["its hit policy is not `first`"]
    problems += [f"column {c['field']} is no declared fact" for c in table["inputs"] if c["field"] not in declared]
    outputs = {column["field"]: column["id"] for column in table["outputs"]}
    if problems or set(outputs) != set(OUTPUTS):
        return problems or [f"its outputs are not exactly: {', '.join(OUTPUTS)}"]
    for number, row in enumerate(table["rules"], 1):
        for column in table["inputs"]:
            cell = row.get(column["id"], "")
            if cell and not _CELLS[declared[column["field"]]].fullmatch(cell):
                problems.append(f"row {number}: {column['field']} cannot be compared with {cell}")
        for output, column_id in outputs.items():
            cell = row.get(column_id, "")
            if not cell or zen.validate_expression(cell) is not None:
                problems.append(f"row {number}: {output} is missing or cannot be read")
            elif output == "reasons":
                problems += _reason_problems(number, cell, sentences)
            elif output == "outcome" and cell not in [f'"{outcome}"' for outcome in OUTCOMES]:
                problems.append(f"row {number}: outcome must be one of: {', '.join(OUTCOMES)}")
    last = table["rules"][-1] if table["rules"] else {}
    if any(last.get(column["id"]) for column in table["inputs"]) or last.get(outputs["outcome"]) != '"refer"':
        problems.append("its last row must take every case and refer it to a person")
    return problems


def _reason_problems(number: int, cell: str, sentences: Mapping[str, Any]) -> list[str]:
    try:
        codes = zen.evaluate_expression(cell, {})
    except RuntimeError:
        codes = None
    if not isinstance(codes, list) or not codes:
        return [f"row {number} gives no list of reasons"]
    return [
        f"row {number}: reason {code} has no sentence in both languages"
        for code in codes
        if not all(sentences.get(code, {}).get(language) for language in ("en", "zh"))
    ]


def _check_facts(name: str, declared: Mapping[str, str], facts: Mapping[str, Any]) -> None:
    # Types are compared exactly: True is an int to Python, and a float is no sum of money.
    wrong = {
        fact: f"must be a {kind}" for fact, kind in declared.items() if type(facts.get(fact)) is not _PYTHON_TYPES[kind]
    }
    if wrong:
        raise FactsIncomplete(f"policy {name} cannot be asked: check {', '.join(sorted(wrong))}", fields=wrong)


def _outcome(name: str, answer: Mapping[str, Any]) -> GradeOutcome:
    reasons, limit, rate = answer.get("reasons"), answer.get("limit_fen"), answer.get("annual_rate_percent")
    if (
        answer.get("outcome") not in OUTCOMES
        or answer.get("grade") not in GRADES
        or type(limit) is not int
        or limit < 0
        or not _is_rate(rate)
        or not isinstance(reasons, list)
        or not reasons
    ):
        raise NoAnswer(f"policy {name} gave no whole answer; a row of its table is missing or wrong")
    return GradeOutcome(answer["outcome"], answer["grade"], limit, str(rate), tuple(map(str, reasons)))


def _is_rate(rate: object) -> bool:
    try:
        return isinstance(rate, str) and 0 <= Decimal(rate) <= HIGHEST_RATE_PERCENT
    except InvalidOperation:
        return False
