"""Rules as data: a version of a policy is checked once and then asked with the facts of a case."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import zen

from books.policies import InForce
from books.session import UnitOfWork
from lending.errors import LendingError
from models.grading import Grading
from models.policies import PolicyKind
from services.policy_cells import Output, Problem
from services.policy_checks import problems_of as problems_of
from services.policy_checks import table_problems
from services.policy_kinds import KINDS, REFUSE, Kind, kind_of
from services.policy_tables import PYTHON_TYPES, DecisionTable, declared_facts
from services.products import catalogue

_ROW = "fired_row"
"""An output that is added to every table: which row fired. The engine's own trace would cost twice the time."""


@dataclass(frozen=True)
class Answer:
    """What a policy says of a case: a value for each of its outputs, and the row that said so, counted from 1.

    `label` is the policy's name and version.
    """

    policy_id: str
    label: str
    fired_row: int
    values: Mapping[str, Any]

    @property
    def reasons(self) -> tuple[str, ...]:
        """Codes of its reasons."""
        return tuple(self.values.get("reasons", ()))


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
    """A policy that must not decide; `problems` says why."""

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
    """A version of a table, checked and ready to be asked. `label` is its name and number.

    `declared` are its facts with their types, `outputs` those of its kind that it has, `sentences` and `remedies` what
    it says of reasons, by code and language.
    """

    label: str
    kind: Kind
    declared: tuple[tuple[str, type], ...]
    outputs: tuple[tuple[str, Output], ...]
    sentences: Mapping[str, Mapping[str, str]]
    remedies: Mapping[str, Mapping[str, str]]
    content: zen.ZenDecisionContent
    key: str

    def ask(self, facts: Mapping[str, Any]) -> Answer:
        """The answer about one case.

        Refuses facts that are missing or of another type (FactsIncomplete), and an answer that is not whole (NoAnswer).
        Facts that the policy does not declare do not count.
        """
        asked = {}
        for fact, kind in self.declared:
            value = asked[fact] = facts.get(fact)
            # Types are compared exactly: True is an int to Python, and a float is no sum of money.
            if type(value) is not kind:
                raise self._incomplete(facts)
        try:
            answer = _engine.evaluate(self.key, asked)["result"]
        except RuntimeError:
            # The engine's message repeats the facts, which are personal.
            raise NoAnswer(f"policy {self.label} failed on facts of the right type") from None
        values = {}
        for name, output in self.outputs:
            value = values[name] = answer.get(name)
            if not output.holds(value):
                raise NoAnswer(f"policy {self.label} gave no whole {name}; a row of its table is missing or wrong")
        return Answer(self.key, self.label, answer[_ROW], values)

    def _incomplete(self, facts: Mapping[str, Any]) -> FactsIncomplete:
        names = {kind: name for name, kind in PYTHON_TYPES.items()}
        wrong = {fact: f"must be a {names[kind]}" for fact, kind in self.declared if type(facts.get(fact)) is not kind}
        return FactsIncomplete(f"policy {self.label} cannot be asked: check {', '.join(sorted(wrong))}", fields=wrong)


_versions: dict[str, Version] = {}
"""By id of the row or, for content that is in no books, by its digest. A row's content never changes."""
_engine = zen.ZenEngine({"loader": lambda key: _versions[key].content})


def ask(work: UnitOfWork, name: str, day: date, facts: Mapping[str, Any]) -> Answer:
    """The answer of the version of a policy that is in force on a business date.

    LookupError where nothing of the name is in force; otherwise it refuses what `Version.ask` refuses.
    """
    return in_force(work, name, day).ask(facts)


def in_force(work: UnitOfWork, name: str, day: date) -> Version:
    """The version of a policy that is in force on a business date; LookupError without one."""
    return deciding(work, work.policies.in_force(name, day))


def deciding(work: UnitOfWork, found: InForce) -> Version:
    """The version that decides; LookupError in books that were never seeded."""
    if found.champion is None:
        raise LookupError(f"no policy {found.name} is in force; run the migrations and the seed")
    return version(work, found.champion.policy_id)


def version(work: UnitOfWork, policy_id: str) -> Version:
    """A version in the books, ready to be asked; its content is read once a process."""
    known = _versions.get(policy_id)
    if known is not None:
        return known
    policy = work.policies.get(policy_id)
    return _prepare(policy.id, f"{policy.name}/{policy.version}", policy.content, kind_of(policy.name))


def prepared(name: str, content: Mapping[str, Any], kind: PolicyKind = PolicyKind.GRADING) -> Version:
    """A decision model that is in no books, ready to be asked; InvalidPolicy if it has problems."""
    text = kind + json.dumps(content, ensure_ascii=False, sort_keys=True)
    return _prepare(hashlib.sha256(text.encode()).hexdigest(), name, content, KINDS[kind])


def evaluate(name: str, content: Mapping[str, Any], facts: Mapping[str, Any]) -> GradeOutcome:
    """The outcome of one case under a grading table that gives limit and rate as well. Sums are fen.

    Refuses a table with problems, facts that are missing or of another type, and any answer that is not whole.
    """
    return outcome_of(prepared(name, content).ask(facts))


def outcome_of(answer: Answer) -> GradeOutcome:
    """A grading table's answer as an outcome; NoAnswer if it gave neither limit nor rate."""
    values = answer.values
    if "limit_fen" not in values:
        raise NoAnswer(f"policy {answer.label} gives no limit, and no pricing is in force")
    return GradeOutcome(
        values["outcome"],
        values["grade"],
        values["limit_fen"],
        values["annual_rate_percent"],
        answer.reasons,
        answer.fired_row,
    )


def sentences_of(work: UnitOfWork, grading: Grading) -> dict[str, dict[str, str]]:
    """The sentences of a grading's reasons by code and language, as the versions that gave them have them."""
    return _told(grading, [version(work, one).sentences for one in grading.table_ids])


def remedies_of(work: UnitOfWork, grading: Grading) -> dict[str, dict[str, str]]:
    """What would change a refusal, by code of the reason and language; nothing for a case that is not refused."""
    if grading.outcome != REFUSE:
        return {}
    return _told(grading, [version(work, one).remedies for one in grading.table_ids])


def _told(grading: Grading, known: Iterable[Mapping[str, Mapping[str, str]]]) -> dict[str, dict[str, str]]:
    return {code: dict(one[code]) for one in known for code in grading.reasons if code in one}


def _prepare(key: str, label: str, content: Mapping[str, Any], kind: Kind) -> Version:
    if key not in _versions:
        if not kind.is_table:
            raise TypeError(f"policy {label} is no table and is asked by its own reader")
        # A version of earlier days may lack what is asked of a new draft, and goes on deciding.
        if problems := table_problems(content, None, kind):
            raise InvalidPolicy(label, problems)
        answered = {column.field for column in DecisionTable.read(content).outputs}
        _versions[key] = Version(
            label,
            kind,
            tuple((fact, PYTHON_TYPES[type_]) for fact, type_ in declared_facts(content).items()),
            tuple((name, output) for name, output in kind.outputs.items() if name in answered),
            content.get("reasons", {}),
            content.get("remedies", {}),
            zen.ZenDecisionContent(_with_row(content)),
            key,
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
    shipped = (one for product in catalogue().products for one in product.shipped.values())
    for policy in shipped if content is None else [content]:
        if sentences := policy.get("reasons", {}).get(code):
            return str(sentences["zh" if locale.startswith("zh") else "en"])
    return code
