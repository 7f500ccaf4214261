"""What a back-test adds up: how decisions or answers change, by month and product, which, and what became of them."""

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any, NamedTuple

from lending.money import yuan
from models.policies import ANSWER_COLUMNS, BACKTEST_COLUMNS, Policy
from services.default_rates import WHOLE_BASIS_POINTS, DefaultRates
from services.performance import SEASONED, LoanOutcome
from services.policies import Answer, GradeOutcome
from services.policy_kinds import GRADES, REFUSE

REFUSED = "refused"
CLASSES = (*GRADES, REFUSED)
"""Rows and columns of the migration matrix of decisions."""
COMPARED = {"outcome": "outcome", "grade": "grade", "limit_fen": "limit", "annual_rate_percent": "rate"}
"""What of two outcomes is compared, and how the report calls it."""
BEFORE, AFTER = 0, 1
SIDES = {"before": BEFORE, "after": AFTER}
"""The two sides by their place in a pair: what is in force, and the draft."""


class PastCase(NamedTuple):
    """Who is asked about: the loan, what was asked for and when, and what became of it. Sums are fen.

    A proposal to change a loan has no outcome.
    """

    loan: str
    product: str
    day: date
    amount_fen: int
    outcome: LoanOutcome | None = None
    simulated: bool = False


@dataclass(slots=True)
class Cell:
    """The cases of a month and product that one side puts into one class and the other into another.

    `lendable_fen` is what could be lent by either side. `loans` were paid out and watched for twelve months; of these
    `defaulted` defaulted, and `simulated` are made up.
    """

    cases: int = 0
    changed: int = 0
    lendable_fen: tuple[int, int] = (0, 0)
    loans: int = 0
    defaulted: int = 0
    simulated: int = 0

    def include(self, other: "Cell") -> None:
        """Counts the cases of another cell as well."""
        self.cases += other.cases
        self.changed += other.changed
        self.lendable_fen = (self.lendable_fen[0] + other.lendable_fen[0], self.lendable_fen[1] + other.lendable_fen[1])
        self.loans += other.loans
        self.defaulted += other.defaulted
        self.simulated += other.simulated


Move = tuple[str, str]
"""The class that a case has as it is in force, and that which the draft gives it."""
Part = Mapping[Move, Cell]
"""Some of the cases by how they move."""


@dataclass
class Findings(ABC):
    """What a back-test found so far. `changed` are rows of its columns; `ungraded` cases could not be asked about.

    `cells` are by month and product; months, products and the whole are made of them when the report is. `evaluations`
    is how often a table answered about a case, `engine_asked` about how many of them the engine was asked for it.
    """

    policy: Policy
    against: Policy
    applied_from: date
    applied_to: date
    ungraded: int = 0
    evaluations: int = 0
    engine_asked: Counter[str] = field(default_factory=Counter)
    unanswered: Counter[str] = field(default_factory=Counter)
    differing: Counter[str] = field(default_factory=Counter)
    cells: dict[tuple[str, str, Move], Cell] = field(default_factory=dict)
    changed: list[list[Any]] = field(default_factory=list)

    @property
    def cases(self) -> int:
        """How many were asked about."""
        return sum(cell.cases for cell in self.cells.values())

    @property
    def whole(self) -> Part:
        """All cases by how they move."""
        return _together(((move, cell) for (_, _, move), cell in self.cells.items()))

    @property
    def matrix(self) -> Counter[Move]:
        """How many cases move from which class to which."""
        return Counter({move: cell.cases for move, cell in self.whole.items()})

    def leave_out(self, *why: str) -> None:
        """Counts a case that cannot be asked about, and what it lacks."""
        self.ungraded += 1
        self.unanswered.update(why)

    def count(self, case: PastCase, differing: list[str], move: Move) -> Cell:
        """Counts a case, and gives the cell that it belongs to."""
        key = (case.day.isoformat()[:7], case.product, move)
        cell = self.cells.get(key)
        if cell is None:
            cell = self.cells[key] = Cell()
        cell.cases += 1
        if differing:
            cell.changed += 1
            self.differing.update(differing)
        defaulted = SEASONED.get(case.outcome) if case.outcome else None
        if defaulted is not None:
            cell.loans += 1
            cell.defaulted += defaulted
            cell.simulated += case.simulated
        return cell

    def by(self, place: int) -> dict[str, Part]:
        """The cases by month (place 0) or by product (place 1), in order."""
        parts: dict[str, list[tuple[Move, Cell]]] = {}
        for (month, product, move), cell in self.cells.items():
            parts.setdefault((month, product)[place], []).append((move, cell))
        return {name: _together(parts[name]) for name in sorted(parts)}

    def report(self) -> dict[str, Any]:
        """All figures as JSON; sums are fen, shares basis points."""
        classes, matrix, whole = self.classes(), self.matrix, self.whole
        return {
            "classes": list(classes),
            "columns": list(self.columns()),
            "cases": self.cases,
            "ungraded": self.ungraded,
            "unanswered": dict(self.unanswered),
            "changed": len(self.changed),
            "differing": dict(self.differing),
            "matrix": {old: {new: matrix[old, new] for new in classes} for old in classes},
            "months": [{"month": month, **self.told(part)} for month, part in self.by(0).items()],
            "products": [{"product": code, **self.told(part)} for code, part in self.by(1).items()],
            "simulated_loans": sum(cell.simulated for cell in whole.values()),
            "outcomes": {side: self.outcomes(whole, place) for side, place in SIDES.items()},
        }

    def told(self, part: Part) -> dict[str, Any]:
        """A month or product in the report."""
        return {name: sum(getattr(cell, name) for cell in part.values()) for name in ("cases", "changed")}

    def outcomes(self, whole: Part, place: int) -> dict[str, dict[str, Any]]:
        """By the class of a side: how many loans were watched for twelve months, and how many of them defaulted."""
        loans: Counter[str] = Counter()
        defaulted: Counter[str] = Counter()
        for move, cell in whole.items():
            loans[move[place]] += cell.loans
            defaulted[move[place]] += cell.defaulted
        return {one: {"loans": loans[one], "defaulted": defaulted[one]} for one in self.classes()}

    @abstractmethod
    def classes(self) -> tuple[str, ...]:
        """Rows and columns of the matrix."""

    @abstractmethod
    def columns(self) -> tuple[str, ...]:
        """What is kept of each case that changes."""


@dataclass
class DecisionFindings(Findings):
    """Decisions with the draft in its place of the chain, beside those of the chain in force.

    `stated` are the rates of default, by grade, that the grading tables state.
    """

    stated: Mapping[str, int] = field(default_factory=dict)

    def classes(self) -> tuple[str, ...]:
        """The grades, and refused."""
        return CLASSES

    def columns(self) -> tuple[str, ...]:
        """Both outcomes, and what became of the case."""
        return BACKTEST_COLUMNS

    def add(self, case: PastCase, before: GradeOutcome, after: GradeOutcome) -> None:
        """Counts one case under both chains."""
        differing = differences(before, after)
        move = (class_of(before.outcome, before.grade), class_of(after.outcome, after.grade))
        cell = self.count(case, differing, move)
        old_fen, new_fen = cell.lendable_fen
        amount_fen = case.amount_fen
        cell.lendable_fen = (old_fen + lendable_fen(before, amount_fen), new_fen + lendable_fen(after, amount_fen))
        if differing:
            self.changed.append(
                [
                    *(case.loan, case.day.isoformat(), amount_fen),
                    *(before.outcome, before.grade, before.limit_fen, before.annual_rate_percent),
                    *(after.outcome, after.grade, after.limit_fen, after.annual_rate_percent, after.fired_row),
                    case.outcome,
                ]
            )

    @property
    def rates(self) -> DefaultRates:
        """How many loans of each class default, by what became of all cases."""
        counts = {move: (cell.loans, cell.defaulted) for move, cell in self.whole.items()}
        return DefaultRates(counts, self.stated)

    def report(self) -> dict[str, Any]:
        """The same with what both sides come to, and what of it is refused as it is in force: nobody knows of that."""
        whole = self.whole
        new = [cell for (old, _), cell in whole.items() if old == REFUSED and cell.lendable_fen[AFTER]]
        told = {
            "cases": sum(cell.cases for cell in new),
            "lendable_fen": sum(cell.lendable_fen[AFTER] for cell in new),
        }
        return super().report() | self._sides(whole) | {"swapped_in": told}

    def told(self, part: Part) -> dict[str, Any]:
        """A month or product with both sides."""
        return super().told(part) | self._sides(part)

    def outcomes(self, whole: Part, place: int) -> dict[str, dict[str, Any]]:
        """The same with the rate of default that is reckoned with, and whether these loans gave it."""
        found, rates = super().outcomes(whole, place), self.rates
        for name, one in found.items():
            one["observed"] = rates.is_observed(place, name)
            one["basis_points"] = _share_of(whole, place, name, rates)
        return found

    def _sides(self, part: Part) -> dict[str, Any]:
        return {side: self._side(part, place) for side, place in SIDES.items()}

    def _side(self, part: Part, place: int) -> dict[str, Any]:
        by_class: Counter[str] = Counter()
        for move, cell in part.items():
            by_class[move[place]] += cell.cases
        cases = by_class.total()
        passed = cases - by_class[REFUSED]
        return {
            "passed": passed,
            "passed_basis_points": passed * WHOLE_BASIS_POINTS // cases if cases else 0,
            "lendable_fen": sum(cell.lendable_fen[place] for cell in part.values()),
            "expected_loss_fen": self.rates.loss_fen(place, _lendable(part, place)),
            "by_grade": {one: by_class[one] for one in CLASSES},
        }


@dataclass
class AnswerFindings(Findings):
    """A policy's own answers beside those of the version in force. The matrix counts its `main` output."""

    main: str = ""
    has_outcomes: bool = True

    def classes(self) -> tuple[str, ...]:
        """Every value that came up."""
        return tuple(sorted({value for _, _, move in self.cells for value in move}))

    def columns(self) -> tuple[str, ...]:
        """Both answers in full, and what became of the case."""
        return ANSWER_COLUMNS if self.has_outcomes else ANSWER_COLUMNS[:-1]

    def add(self, case: PastCase, before: Answer, after: Answer) -> None:
        """Counts one case under both versions; reasons do not count as a change."""
        names = [name for name in {**before.values, **after.values} if name != "reasons"]
        differing = [name for name in names if before.values.get(name) != after.values.get(name)]
        self.count(case, differing, (spelled(self.main, before), spelled(self.main, after)))
        if differing:
            told = [", ".join(f"{name}: {spelled(name, one)}" for name in names) for one in (before, after)]
            row = [case.loan, case.product, case.day.isoformat(), case.amount_fen, *told, after.fired_row]
            self.changed.append([*row, case.outcome] if self.has_outcomes else row)


def class_of(outcome: str, grade: str) -> str:
    """The row or column of the migration matrix that a case is counted in."""
    return REFUSED if outcome == REFUSE else grade


def lendable_fen(outcome: GradeOutcome, applied_fen: int) -> int:
    """What could be lent on a case: what was applied for, up to the limit."""
    return 0 if outcome.outcome == REFUSE else min(applied_fen, outcome.limit_fen)


def differences(one: GradeOutcome, other: GradeOutcome) -> list[str]:
    """What differs between two decisions on a case."""
    if one == other:
        return []
    return [told for name, told in COMPARED.items() if getattr(one, name) != getattr(other, name)]


def spelled(output: str, answer: Answer) -> str:
    """What an answer says in an output, as text; sums in yuan, nothing where it does not have the output."""
    value = answer.values.get(output, "")
    if output.endswith("_fen") and isinstance(value, int):
        return yuan(value)
    return " ".join(map(str, value)) if isinstance(value, list) else str(value)


def _together(cells: Iterable[tuple[Move, Cell]]) -> dict[Move, Cell]:
    whole: dict[Move, Cell] = {}
    for move, cell in cells:
        whole.setdefault(move, Cell()).include(cell)
    return whole


def _lendable(part: Part, place: int) -> dict[Move, int]:
    """What could be lent by one side, by how the cases move; without the cells on which it is nothing."""
    return {move: fen for move, cell in part.items() if (fen := cell.lendable_fen[place])}


def _share_of(whole: Part, place: int, name: str, rates: DefaultRates) -> int | None:
    """The rate of a class, as the mean of its cases by what could be lent on them; None where that is nothing."""
    lendable = {move: fen for move, fen in _lendable(whole, place).items() if move[place] == name}
    if not lendable:
        return rates.basis_points(place, (name, name)) if rates.is_observed(place, name) else None
    lost = rates.loss_fen(place, lendable)
    return None if lost is None else lost * WHOLE_BASIS_POINTS // sum(lendable.values())
