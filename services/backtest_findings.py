"""What a back-test adds up: how decisions or answers change, by month and by product, and which."""

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from lending.money import yuan
from models.policies import ANSWER_COLUMNS, BACKTEST_COLUMNS, Policy
from services.policies import Answer, GradeOutcome
from services.policy_kinds import GRADES, REFUSE

REFUSED = "refused"
CLASSES = (*GRADES, REFUSED)
"""Rows and columns of the migration matrix of decisions."""
FEWEST_LOANS = 30
"""With fewer loans of a grade in the books, the rate that the policy states says more than theirs."""
WHOLE_BASIS_POINTS = 10_000
COMPARED = {"outcome": "outcome", "grade": "grade", "limit_fen": "limit", "annual_rate_percent": "rate"}
"""What of two outcomes is compared, and how the report calls it."""


@dataclass(frozen=True)
class PastCase:
    """Who is asked about: the loan, what was asked for and when. Sums are fen."""

    loan: str
    product: str
    day: date
    amount_fen: int


@dataclass
class Side:
    """What one of two chains comes to over a set of cases. Sums are fen."""

    passed: int = 0
    lendable_fen: int = 0
    by_grade: Counter[str] = field(default_factory=Counter)
    lendable_by_grade: Counter[str] = field(default_factory=Counter)

    def add(self, outcome: GradeOutcome, applied_fen: int) -> None:
        """Counts a case: what could be lent on it is what was applied for, up to the limit."""
        self.by_grade[class_of(outcome.outcome, outcome.grade)] += 1
        if outcome.outcome != REFUSE:
            lendable_fen = min(applied_fen, outcome.limit_fen)
            self.passed += 1
            self.lendable_fen += lendable_fen
            self.lendable_by_grade[outcome.grade] += lendable_fen

    def include(self, other: "Side") -> None:
        """Counts the cases of another side as well."""
        self.passed += other.passed
        self.lendable_fen += other.lendable_fen
        self.by_grade += other.by_grade
        self.lendable_by_grade += other.lendable_by_grade

    def expected_loss_fen(self, rates: Mapping[str, "DefaultRate"]) -> int | None:
        """What would be lost if all that could be lent were; None while a grade has no rate."""
        if any(fen and grade not in rates for grade, fen in self.lendable_by_grade.items()):
            return None
        lost = (fen * rates[grade].basis_points for grade, fen in self.lendable_by_grade.items() if fen)
        return sum(one // WHOLE_BASIS_POINTS for one in lost)


@dataclass(frozen=True)
class DefaultRate:
    """How many of a grade's loans default, in hundredths of a percent, and whether the books or the policy say so."""

    basis_points: int
    observed_loans: int

    @property
    def is_observed(self) -> bool:
        """Whether the books hold enough loans of the grade."""
        return self.observed_loans >= FEWEST_LOANS


@dataclass
class Part:
    """Some of the cases: how many, how many change, and both sides."""

    cases: int = 0
    changed: int = 0
    before: Side = field(default_factory=Side)
    after: Side = field(default_factory=Side)

    @classmethod
    def of(cls, parts: Iterable["Part"]) -> "Part":
        """Several parts together."""
        whole = cls()
        for part in parts:
            whole.cases += part.cases
            whole.changed += part.changed
            whole.before.include(part.before)
            whole.after.include(part.after)
        return whole


@dataclass
class Findings(ABC):
    """What a back-test found so far. `changed` are rows of its columns; `ungraded` cases could not be asked about.

    `parts` are by month and product; months, products and the whole are made of them when the report is.
    """

    policy: Policy
    against: Policy
    applied_from: date
    applied_to: date
    ungraded: int = 0
    unanswered: Counter[str] = field(default_factory=Counter)
    differing: Counter[str] = field(default_factory=Counter)
    matrix: Counter[tuple[str, str]] = field(default_factory=Counter)
    parts: dict[tuple[str, str], Part] = field(default_factory=dict)
    changed: list[list[Any]] = field(default_factory=list)

    @property
    def cases(self) -> int:
        """How many were asked about."""
        return sum(part.cases for part in self.parts.values())

    def leave_out(self, *why: str) -> None:
        """Counts a case that cannot be asked about, and what it lacks."""
        self.ungraded += 1
        self.unanswered.update(why)

    def count(self, case: PastCase, differing: list[str], before: str, after: str) -> Part:
        """Counts a case, and gives the part that it belongs to."""
        self.matrix[before, after] += 1
        self.differing.update(differing)
        key = (case.day.isoformat()[:7], case.product)
        if key not in self.parts:
            self.parts[key] = Part()
        part = self.parts[key]
        part.cases += 1
        part.changed += bool(differing)
        return part

    def by(self, place: int) -> dict[str, Part]:
        """The parts by month (place 0) or by product (place 1), in order."""
        names = sorted({key[place] for key in self.parts})
        return {name: Part.of(part for key, part in self.parts.items() if key[place] == name) for name in names}

    def report(self) -> dict[str, Any]:
        """All figures as JSON; sums are fen, shares basis points."""
        classes = self.classes()
        return {
            "classes": list(classes),
            "columns": list(self.columns()),
            "cases": self.cases,
            "ungraded": self.ungraded,
            "unanswered": dict(self.unanswered),
            "changed": len(self.changed),
            "differing": dict(self.differing),
            "matrix": {old: {new: self.matrix[old, new] for new in classes} for old in classes},
            "months": [{"month": month, **self.told(part)} for month, part in self.by(0).items()],
            "products": [{"product": code, **self.told(part)} for code, part in self.by(1).items()],
        }

    def told(self, part: Part) -> dict[str, Any]:
        """A month or product in the report."""
        return {"cases": part.cases, "changed": part.changed}

    @abstractmethod
    def classes(self) -> tuple[str, ...]:
        """Rows and columns of the matrix."""

    @abstractmethod
    def columns(self) -> tuple[str, ...]:
        """What is kept of each case that changes."""


@dataclass
class DecisionFindings(Findings):
    """Decisions with the draft in its place of the chain, beside those of the chain in force."""

    rates: Mapping[str, DefaultRate] = field(default_factory=dict)

    def classes(self) -> tuple[str, ...]:
        """The grades, and refused."""
        return CLASSES

    def columns(self) -> tuple[str, ...]:
        """Both outcomes."""
        return BACKTEST_COLUMNS

    def add(self, case: PastCase, before: GradeOutcome, after: GradeOutcome) -> None:
        """Counts one case under both chains."""
        differing = [told for name, told in COMPARED.items() if getattr(before, name) != getattr(after, name)]
        old, new = class_of(before.outcome, before.grade), class_of(after.outcome, after.grade)
        part = self.count(case, differing, old, new)
        part.before.add(before, case.amount_fen)
        part.after.add(after, case.amount_fen)
        if differing:
            self.changed.append(
                [
                    *(case.loan, case.day.isoformat(), case.amount_fen),
                    *(before.outcome, before.grade, before.limit_fen, before.annual_rate_percent),
                    *(after.outcome, after.grade, after.limit_fen, after.annual_rate_percent, after.fired_row),
                ]
            )

    def report(self) -> dict[str, Any]:
        """The same with what both sides come to."""
        whole = Part.of(self.parts.values())
        return super().report() | {
            "before": self._side(whole.before, whole.cases),
            "after": self._side(whole.after, whole.cases),
            "default_rates": {
                grade: {"basis_points": rate.basis_points, "loans": rate.observed_loans, "observed": rate.is_observed}
                for grade, rate in self.rates.items()
            },
        }

    def told(self, part: Part) -> dict[str, Any]:
        """A month or product with both sides."""
        sides = {"before": self._side(part.before, part.cases), "after": self._side(part.after, part.cases)}
        return super().told(part) | sides

    def _side(self, side: Side, cases: int) -> dict[str, Any]:
        return {
            "passed": side.passed,
            "passed_basis_points": side.passed * WHOLE_BASIS_POINTS // cases if cases else 0,
            "lendable_fen": side.lendable_fen,
            "expected_loss_fen": side.expected_loss_fen(self.rates),
            "by_grade": {one: side.by_grade[one] for one in CLASSES},
        }


@dataclass
class AnswerFindings(Findings):
    """A policy's own answers beside those of the version in force. The matrix counts its `main` output."""

    main: str = ""

    def classes(self) -> tuple[str, ...]:
        """Every value that came up."""
        return tuple(sorted({value for pair in self.matrix for value in pair}))

    def columns(self) -> tuple[str, ...]:
        """Both answers in full."""
        return ANSWER_COLUMNS

    def add(self, case: PastCase, before: Answer, after: Answer) -> None:
        """Counts one case under both versions; reasons do not count as a change."""
        names = [name for name in {**before.values, **after.values} if name != "reasons"]
        differing = [name for name in names if before.values.get(name) != after.values.get(name)]
        self.count(case, differing, spelled(self.main, before), spelled(self.main, after))
        if differing:
            told = [", ".join(f"{name}: {spelled(name, one)}" for name in names) for one in (before, after)]
            row = [case.loan, case.product, case.day.isoformat(), case.amount_fen, *told, after.fired_row]
            self.changed.append(row)


def class_of(outcome: str, grade: str) -> str:
    """The row or column of the migration matrix that a case is counted in."""
    return REFUSED if outcome == REFUSE else grade


def spelled(output: str, answer: Answer) -> str:
    """What an answer says in an output, as text; sums in yuan, nothing where it does not have the output."""
    value = answer.values.get(output, "")
    if output.endswith("_fen") and isinstance(value, int):
        return yuan(value)
    return " ".join(map(str, value)) if isinstance(value, list) else str(value)
