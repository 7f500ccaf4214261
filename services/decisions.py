"""How the rules decide a case: knock-out, then grading, then pricing, each asked with the facts and in this order."""

from collections.abc import Iterable, Mapping, MutableMapping
from dataclasses import dataclass
from typing import Any

from models.policies import PolicyKind
from models.products import Product
from services.policies import Answer, GradeOutcome, Version, outcome_of, prepared
from services.policy_kinds import CHAIN, GRADES, KINDS, PRIOR, REFUSE, name_of

Asked = MutableMapping[tuple[str, str | None], Answer]
"""What was asked about one case already: by version and, where the grade is among its facts, by grade."""


@dataclass(frozen=True)
class Decision:
    """An outcome, and every table that was asked for it with its answer, in order."""

    outcome: GradeOutcome
    answers: Mapping[PolicyKind, Answer]

    @property
    def deciding(self) -> Answer:
        """The answer of the table that refused the case or graded it."""
        return self.answers.get(PolicyKind.GRADING) or self.answers[PolicyKind.KNOCKOUT]


@dataclass(frozen=True)
class Chain:
    """The versions that decide together. Grading is always among them; without pricing it gives limit and rate too."""

    versions: Mapping[PolicyKind, Version]

    def with_version(self, version: Version) -> "Chain":
        """The chain with this version in the place of its kind."""
        return Chain({**self.versions, version.kind.code: version})

    def without(self, kind: PolicyKind) -> "Chain":
        """The chain without the table of a kind."""
        return Chain({one: version for one, version in self.versions.items() if one is not kind})

    def decide(self, facts: Mapping[str, Any], asked: Asked | None = None) -> Decision:
        """The decision on one case; refused where a table refuses to answer.

        What is in `asked` is not asked again, and what is asked is added to it.
        """
        known: Asked = {} if asked is None else asked
        answers: dict[PolicyKind, Answer] = {}
        knockout = self._ask(PolicyKind.KNOCKOUT, facts, known, answers)
        if knockout is not None and knockout.values["outcome"] == REFUSE:
            worst = GRADES[-1]
            return Decision(GradeOutcome(REFUSE, worst, 0, "0", knockout.reasons, knockout.fired_row), answers)
        grading = self._ask(PolicyKind.GRADING, facts, known, answers)
        if grading is None:
            raise LookupError("nothing decides without a grading table")
        if grading.values["outcome"] == REFUSE:
            price = {"limit_fen": 0, "annual_rate_percent": "0", **grading.values}
            return Decision(_outcome(grading, price, grading.reasons), answers)
        pricing = self._ask(PolicyKind.PRICING, facts, known, answers, grading.values["grade"])
        # What a case that passes is marked with stands before the reasons of its grade.
        marks = () if knockout is None else knockout.reasons
        reasons = (*marks, *grading.reasons, *(pricing.reasons if pricing else ()))
        return Decision(_outcome(grading, pricing.values if pricing else {}, reasons), answers)

    def _ask(
        self,
        kind: PolicyKind,
        facts: Mapping[str, Any],
        known: Asked,
        answers: dict[PolicyKind, Answer],
        grade: str | None = None,
    ) -> Answer | None:
        version = self.versions.get(kind)
        if version is None:
            return None
        key = (version.key, grade)
        if key not in known:
            known[key] = version.ask(facts if grade is None else {**facts, "grade": grade})
        answers[kind] = known[key]
        return known[key]


def _outcome(grading: Answer, price: Mapping[str, Any], reasons: tuple[str, ...]) -> GradeOutcome:
    """A graded case at a price; without one, at that of the grading table."""
    values = {**grading.values, **price, "reasons": reasons}
    return outcome_of(Answer(grading.policy_id, grading.label, grading.fired_row, values))


def with_answers(product: Product, facts: Mapping[str, Any], answers: Mapping[PolicyKind, Answer]) -> dict[str, Any]:
    """The facts with those that the answers of prior tables become, and with what follows from these."""
    found = dict(facts)
    for kind, answer in answers.items():
        found |= {fact: answer.values[output] for output, (fact, _) in KINDS[kind].gives.items()}
    return found | product.further_facts(found)


def shipped_chain(product: Product) -> Chain:
    """The tables that a product ships, ready to decide without any books; InvalidPolicy if one has problems."""
    return Chain(_shipped(product, CHAIN))


def decide_shipped(product: Product, facts: Mapping[str, Any]) -> Decision:
    """What the shipped policies of a product say of a case, without any books."""
    answers = {kind: table.ask(facts) for kind, table in _shipped(product, PRIOR).items()}
    return shipped_chain(product).decide(with_answers(product, facts, answers))


def _shipped(product: Product, kinds: Iterable[PolicyKind]) -> dict[PolicyKind, Version]:
    contents = product.shipped
    return {kind: prepared(name_of(kind, product.code), contents[kind], kind) for kind in kinds if kind in contents}
