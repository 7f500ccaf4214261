"""Gradings decided again: by the version of their day, and from the facts that were kept with them."""

from dataclasses import dataclass
from typing import Any

from books.session import UnitOfWork
from models.grading import Grading
from models.policies import Policy
from models.staff import Actor
from services.permissions import check_may_see_policies
from services.policies import GradeOutcome, version


@dataclass(frozen=True)
class Replayed:
    """One grading and what its version says of the same facts now.

    `was_in_force` says whether that version was champion, or challenger of a share, on the business date of the grading
    by what was published until then. `differing` names what differs; empty if nothing does.
    """

    grading: Grading
    policy: Policy
    now: GradeOutcome
    was_in_force: bool
    differing: tuple[str, ...]

    @property
    def agrees(self) -> bool:
        """Whether the grading came out again as it was, under the rules of its day."""
        return self.was_in_force and not self.differing


def replay(work: UnitOfWork, actor: Actor, loan: str) -> list[Replayed]:
    """Every grading of a loan that this person may see, decided once more; the first round first."""
    check_may_see_policies(actor)
    return [_replayed(work, one) for one in work.policies.gradings(work.loans.seen_by(actor, loan).number)]


def _replayed(work: UnitOfWork, grading: Grading) -> Replayed:
    policy = work.policies.get(grading.policy_id)
    now = version(work, policy.id).evaluate(grading.facts)
    day = grading.graded_on or work.clock.business_date(grading.graded_at)
    found = work.policies.in_force(policy.name, day, before_id=grading.id)
    deciding = found.challenger if grading.by_challenger else found.champion
    kept: dict[str, Any] = {
        "outcome": grading.outcome,
        "grade": grading.grade,
        "limit_fen": grading.limit_fen,
        "annual_rate_percent": grading.annual_rate_percent,
        "reasons": tuple(grading.reasons),
        "fired_row": now.fired_row if grading.fired_row is None else grading.fired_row,
    }
    return Replayed(
        grading,
        policy,
        now,
        deciding is not None and deciding.policy_id == policy.id,
        tuple(name for name, value in kept.items() if getattr(now, name) != value),
    )
