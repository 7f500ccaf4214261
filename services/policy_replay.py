"""Decisions made again: every policy that was asked, by the version of its day and from the facts that were kept.

First what the rules made of a case, then by which authority people, or by which fast lane nobody, approved it, and what
people might grant who looked at a refusal.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from books.policies import InForce
from books.session import UnitOfWork
from models.grading import Grading, KeptStep
from models.loans import Loan
from models.policies import PolicyKind
from models.second_looks import SecondLook
from models.staff import Actor
from models.tasks import Decision
from services.decisions import Chain
from services.permissions import Action, require
from services.policies import FactsIncomplete, GradeOutcome, version
from services.policy_kinds import CHAIN
from services.scorecards import score_by
from services.second_looks import UNPRICED, pricing_of, worst_price

_COMPARED = ("outcome", "grade", "limit_fen", "annual_rate_percent", "reasons")
ROW = "fired_row"


@dataclass(frozen=True)
class ReplayedAnswer:
    """One policy asked again. `label` is its name and version, `row` the row that fires now, `says` what it says.

    `was_in_force` says whether that version was in force on the business date of the decision by what was published
    until then. `differing` names the outputs that differ; empty if none does.
    """

    label: str
    row: int | None
    says: Mapping[str, Any]
    was_in_force: bool
    differing: tuple[str, ...]

    @property
    def agrees(self) -> bool:
        """Whether it came out again as it was, under the policy of its day."""
        return self.was_in_force and not self.differing


@dataclass(frozen=True)
class ReplayedStep(ReplayedAnswer):
    """One policy of a decision asked again; `says` is what it said then. It was in force as champion, or as challenger
    of a share.
    """

    kept: KeptStep


@dataclass(frozen=True)
class Replayed:
    """One decision made again. `differing` names what of its outcome differs; empty if nothing does."""

    grading: Grading
    steps: tuple[ReplayedStep, ...]
    now: GradeOutcome
    differing: tuple[str, ...]

    @property
    def agrees(self) -> bool:
        """Whether the decision and each of its steps came out again as they were, under the rules of their day."""
        return not self.differing and all(step.agrees for step in self.steps)


def replay(work: UnitOfWork, actor: Actor, loan: str) -> list[Replayed]:
    """Every decision of the rules on a loan that this person may see, made once more; the first round first."""
    require(actor, Action.SEE_POLICIES)
    return [_replayed(work, one) for one in work.policies.gradings(work.loans.seen_by(actor, loan).number)]


@dataclass(frozen=True)
class ReplayedApproval(ReplayedAnswer):
    """The authority or the fast lane of one approval, asked again with the facts of that moment."""

    row: int
    decision: Decision


def replay_approvals(work: UnitOfWork, actor: Actor, loan: str) -> list[ReplayedApproval]:
    """Every approval of an application that this person may see, by its policy; those from before facts were kept are
    left out.
    """
    require(actor, Action.SEE_POLICIES)
    decisions = work.tasks.decisions(work.loans.seen_by(actor, loan).number)
    return [_approved_again(work, one, one.policy_id, one.facts) for one in decisions if one.policy_id and one.facts]


def _approved_again(work: UnitOfWork, kept: Decision, policy_id: str, facts: Mapping[str, Any]) -> ReplayedApproval:
    name, number = work.policies.labels([policy_id])[policy_id]
    answer = version(work, policy_id).ask(facts)
    expected: dict[str, Any] = {"people": kept.people, "outcome": kept.outcome.value}
    differing = [output for output, value in expected.items() if answer.values.get(output, value) != value]
    if answer.fired_row != kept.fired_row:
        differing.append(ROW)
    champion = work.policies.in_force(name, kept.decided_on, before_id=kept.id).champion
    was_in_force = champion is not None and champion.policy_id == policy_id
    label = f"{name}/{number}"
    return ReplayedApproval(label, answer.fired_row, answer.values, was_in_force, tuple(differing), kept)


@dataclass(frozen=True)
class ReplayedLook(ReplayedAnswer):
    """What people might grant who looked at a refusal, found again from the facts of that refusal."""

    look: SecondLook


def replay_looks(work: UnitOfWork, actor: Actor, loan: str) -> list[ReplayedLook]:
    """The price of each person's look at a refusal that this person may see, by the version that gave it; looks from
    before the version was kept are left out.
    """
    require(actor, Action.SEE_POLICIES)
    found = work.loans.seen_by(actor, loan)
    gradings = {one.round: one for one in work.policies.gradings(found.number)}
    looks = work.tasks.second_looks(found.number)
    return [_priced_again(work, found, gradings[one.round], one, one.policy_id) for one in looks if one.policy_id]


def _priced_again(work: UnitOfWork, loan: Loan, grading: Grading, look: SecondLook, policy_id: str) -> ReplayedLook:
    name, number = work.policies.labels([policy_id])[policy_id]
    try:
        price = worst_price(work, version(work, policy_id), grading)
    except FactsIncomplete:
        price = UNPRICED
    says = price._asdict()
    row = says.pop(ROW)
    differing = [output for output, value in says.items() if getattr(look, output) != value]
    if row != look.fired_row:
        differing.append(ROW)
    was_in_force = pricing_of(work, loan, grading).key == policy_id
    return ReplayedLook(f"{name}/{number}", row, says, was_in_force, tuple(differing), look)


def all_agree(*found: Sequence[Replayed | ReplayedAnswer]) -> bool:
    """Whether everything that was made again came out as it was."""
    return all(one.agrees for each in found for one in each)


def _replayed(work: UnitOfWork, grading: Grading) -> Replayed:
    steps = grading.kept_steps
    chain = Chain({step.kind: version(work, step.policy_id) for step in steps if step.kind in CHAIN})
    now = chain.decide(grading.facts).outcome
    kept: dict[str, Any] = {name: getattr(grading, name) for name in _COMPARED} | {"reasons": tuple(grading.reasons)}
    labels = work.policies.labels(step.policy_id for step in steps)
    names = {name for name, _ in labels.values()}
    found = work.policies.in_force_of(names, grading.decided_on(work.clock), before_id=grading.id)
    return Replayed(
        grading,
        tuple(_step(work, grading, step, labels[step.policy_id], found) for step in steps),
        now,
        tuple(name for name, value in kept.items() if getattr(now, name) != value),
    )


def _step(
    work: UnitOfWork, grading: Grading, step: KeptStep, label: tuple[str, int], found: Mapping[str, InForce]
) -> ReplayedStep:
    name, number = label
    row, values = _asked_again(work, grading, step)
    differing = [output for output, value in step.values.items() if values.get(output) != value]
    if step.row is not None and row != step.row:
        differing.append(ROW)
    deciding = found[name].challenger if step.by_challenger else found[name].champion
    was_in_force = deciding is not None and deciding.policy_id == step.policy_id
    return ReplayedStep(f"{name}/{number}", row, step.values, was_in_force, tuple(differing), step)


def _asked_again(work: UnitOfWork, grading: Grading, step: KeptStep) -> tuple[int | None, dict[str, Any]]:
    if step.kind is PolicyKind.SCORECARD:
        scored = score_by(work, step.policy_id, grading.facts)
        return None, {"points": scored.points, "reasons": list(scored.reasons)}
    answer = version(work, step.policy_id).ask(grading.facts | {"grade": grading.grade})
    return answer.fired_row, dict(answer.values)
