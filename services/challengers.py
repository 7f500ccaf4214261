"""A challenger beside the champion on live cases: where they agree, and where they do not."""

from collections import Counter
from dataclasses import dataclass, field

from books.session import UnitOfWork
from models.policies import Policy
from models.staff import Actor
from services.backtest_findings import CLASSES, COMPARED, REFUSED, class_of
from services.permissions import Action, require


@dataclass
class Comparison:
    """Cases decided with both. `matrix` counts (champion's class, challenger's class), a grade or `refused`.

    `routed` are those of the cases that the challenger decided; in all others it ran in the shadow. `agreed` are those
    of which outcome, grade, limit and rate are all the same; `differing` counts each of the four. What could be lent is
    what was applied for, up to the limit.
    """

    cases: int = 0
    routed: int = 0
    agreed: int = 0
    champion_passed: int = 0
    challenger_passed: int = 0
    champion_lendable_fen: int = 0
    challenger_lendable_fen: int = 0
    differing: Counter[str] = field(default_factory=lambda: Counter(dict.fromkeys(COMPARED.values(), 0)))
    matrix: Counter[tuple[str, str]] = field(default_factory=Counter)

    def rows(self) -> dict[str, dict[str, int]]:
        """The matrix in full: by the champion's class, then by the challenger's."""
        return {old: {new: self.matrix[old, new] for new in CLASSES} for old in CLASSES}


def comparison(work: UnitOfWork, actor: Actor, policy: Policy) -> Comparison:
    """How a challenger compares with the champions beside it, over all live cases so far."""
    require(actor, Action.SEE_POLICIES)
    found = Comparison()
    for row in work.policies.compared(policy.id):
        decided, other = class_of(row.outcome, row.grade), class_of(row.other_outcome, row.other_grade)
        champion, challenger = (other, decided) if row.routed else (decided, other)
        sums = (int(row.lendable_fen), int(row.other_lendable_fen))
        champion_fen, challenger_fen = reversed(sums) if row.routed else sums
        same = {
            "outcome": row.outcome == row.other_outcome,
            "grade": row.grade == row.other_grade,
            "limit": row.same_limit,
            "rate": row.same_rate,
        }
        found.differing.update({name: row.cases for name, is_same in same.items() if not is_same})
        found.cases += row.cases
        found.routed += row.cases if row.routed else 0
        found.agreed += row.cases if all(same.values()) else 0
        found.champion_passed += row.cases if champion != REFUSED else 0
        found.challenger_passed += row.cases if challenger != REFUSED else 0
        found.champion_lendable_fen += champion_fen
        found.challenger_lendable_fen += challenger_fen
        found.matrix[champion, challenger] += row.cases
    return found
