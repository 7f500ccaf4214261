"""Rules as data: a decision table is checked once and then asked with the facts of a case."""

import hashlib
import json
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

import zen

from books.policies import InForce
from books.session import UnitOfWork
from lending.errors import LendingError
from models.grading import Grading
from services.policy_checks import GRADES as GRADES
from services.policy_checks import OUTCOMES as OUTCOMES
from services.policy_checks import Problem as Problem
from services.policy_checks import is_rate
from services.policy_checks import problems_of as problems_of
from services.policy_tables import PYTHON_TYPES, declared_facts
from services.products import catalogue

_ROW = "fired_row"
"""An output that is added to every table: which row fired. The engine's own trace would cost twice the time."""


@dataclass(frozen=True)
class GradeOutcome:
    """What the rules say of a case: the most that may be lent, the price, codes of reasons, and the row that fired."""

    outcome: str
    grade: str
    limit_fen: int
    annual_rate_percent: str
    reasons: tuple[str, ...]
    fired_row: int = field(default=0, compare=False)


class InvalidPolicy(LendingError):
    """A decision table that must not decide; `problems` says why."""

    code = "invalid_policy"
    http_status = 422

    def __init__(self, name: str, problems: list[Problem]) -> None:
        self.problems = problems
        super().__init__(f"policy {name} cannot be used: {'; '.join(map(str, problems))}")


class FactsIncomplete(LendingError):
    """Declared facts are missing or of another type. No rule is asked then: a gap would match the wrong row."""

    code = "facts_incomplete"
    http_status = 422


class NoAnswer(LendingError):
    """A policy that gave no answer, or one that is none."""

    code = "policy_without_answer"
    http_status = 500


@dataclass(frozen=True)
class Version:
    """A version of a policy, checked and ready to be asked. `label` is its name and number."""

    label: str
    declared: Mapping[str, str]
    sentences: Mapping[str, Mapping[str, str]]
    content: zen.ZenDecisionContent
    key: str

    def evaluate(self, facts: Mapping[str, Any]) -> GradeOutcome:
        """The outcome of one case; refused where `evaluate` says so."""
        # Types are compared exactly: True is an int to Python, and a float is no sum of money.
        for fact, kind in self.declared.items():
            if type(facts.get(fact)) is not PYTHON_TYPES[kind]:
                raise self._incomplete(facts)
        try:
            answer = _engine.evaluate(self.key, {fact: facts[fact] for fact in self.declared})["result"]
        except RuntimeError:
            # The engine's message repeats the facts, which are personal.
            raise NoAnswer(f"policy {self.label} failed on facts of the right type") from None
        return _outcome(self.label, answer)

    def _incomplete(self, facts: Mapping[str, Any]) -> FactsIncomplete:
        wrong = {
            fact: f"must be a {kind}"
            for fact, kind in self.declared.items()
            if type(facts.get(fact)) is not PYTHON_TYPES[kind]
        }
        return FactsIncomplete(f"policy {self.label} cannot be asked: check {', '.join(sorted(wrong))}", fields=wrong)


_versions: dict[str, Version] = {}
"""By id of the row or, for content that is in no books, by its digest. A row's content never changes."""
_engine = zen.ZenEngine({"loader": lambda key: _versions[key].content})


def evaluate(name: str, content: Mapping[str, Any], facts: Mapping[str, Any]) -> GradeOutcome:
    """The outcome of one case under a decision model.

    Refuses a table that `problems_of` finds fault with, facts that are missing or of another type, and any answer that
    is not whole. Facts that the policy does not declare do not count. Sums are fen.
    """
    return prepared(name, content).evaluate(facts)


def prepared(name: str, content: Mapping[str, Any]) -> Version:
    """A decision model that is in no books, ready to be asked; InvalidPolicy if it has problems."""
    text = json.dumps(content, ensure_ascii=False, sort_keys=True)
    return _prepare(hashlib.sha256(text.encode()).hexdigest(), name, content)


def version(work: UnitOfWork, policy_id: str) -> Version:
    """A version in the books, ready to be asked; its content is read once a process."""
    known = _versions.get(policy_id)
    if known is not None:
        return known
    policy = work.policies.get(policy_id)
    return _prepare(policy.id, f"{policy.name}/{policy.version}", policy.content)


def deciding(work: UnitOfWork, found: InForce) -> Version:
    """The version that decides; LookupError in books that were never seeded."""
    if found.champion is None:
        raise LookupError(f"no policy {found.name} is in force; run the migrations and the seed")
    return version(work, found.champion.policy_id)


def sentences_of(work: UnitOfWork, grading: Grading) -> dict[str, dict[str, str]]:
    """The sentences of a grading's reasons by code and language, as the version that gave them has them."""
    known = version(work, grading.policy_id).sentences
    return {code: dict(known[code]) for code in grading.reasons if code in known}


def _prepare(key: str, label: str, content: Mapping[str, Any]) -> Version:
    if key not in _versions:
        if problems := problems_of(content):
            raise InvalidPolicy(label, problems)
        _versions[key] = Version(
            label, declared_facts(content), content["reasons"], zen.ZenDecisionContent(_with_row(content)), key
        )
    return _versions[key]


def _with_row(content: Mapping[str, Any]) -> str:
    """The model as the engine reads it: every row says its number as well."""
    told = deepcopy(dict(content))
    (table,) = (node["content"] for node in told["nodes"] if node["type"] == "decisionTableNode")
    table["outputs"].append({"id": _ROW, "name": _ROW, "field": _ROW})
    for number, row in enumerate(table["rules"], 1):
        row[_ROW] = str(number)
    return json.dumps(told, ensure_ascii=False)


def reason_text(code: str, locale: str, content: Mapping[str, Any] | None = None) -> str:
    """The sentence for a reason code, in Chinese or English, from this policy version or else the shipped policies.

    A code that none of them knows any more stands for itself.
    """
    shipped = [] if content is not None else [product.grading for product in catalogue().products]
    for policy in [content or {}, *shipped]:
        if sentences := policy.get("reasons", {}).get(code):
            return str(sentences["zh" if locale.startswith("zh") else "en"])
    return code


def _outcome(label: str, answer: Mapping[str, Any]) -> GradeOutcome:
    reasons, limit, rate = answer.get("reasons"), answer.get("limit_fen"), answer.get("annual_rate_percent")
    if (
        answer.get("outcome") not in OUTCOMES
        or answer.get("grade") not in GRADES
        or type(limit) is not int
        or limit < 0
        or not isinstance(rate, str)
        or not is_rate(rate)
        or not isinstance(reasons, list)
        or not reasons
    ):
        raise NoAnswer(f"policy {label} gave no whole answer; a row of its table is missing or wrong")
    return GradeOutcome(answer["outcome"], answer["grade"], limit, rate, tuple(map(str, reasons)), answer[_ROW])
