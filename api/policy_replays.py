"""Decisions on a loan made once more, for risk and auditors: each policy by the version and the facts of its day."""

from collections.abc import Sequence
from datetime import date
from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel

from api.context import Acting, Context
from api.problems import refusals
from api.shapes import LoanNumber, Shown, all_in_yuan
from lending.money import yuan
from services.policy_replay import (
    Replayed,
    ReplayedAnswer,
    ReplayedApproval,
    ReplayedLook,
    ReplayedStep,
    all_agree,
    replay,
    replay_approvals,
    replay_looks,
)

router = APIRouter(prefix="/policies/replays", tags=["policies"], responses=refusals(403, 404))


class ReplayedStepView(BaseModel):
    """A policy asked again: what it said then, the row that fires now (none of a scorecard), and what differs."""

    policy: str
    row: int | None
    by_challenger: bool
    says: dict[str, Any]
    was_in_force: bool
    differing: list[str]


class ReplayedView(Shown):
    """A decision of the rules made again: what comes of it now, and what of it differs from what was kept."""

    round: int
    outcome: str
    grade: str
    limit: str
    annual_rate_percent: str
    differing: list[str]
    agrees: bool
    steps: list[ReplayedStepView]


class ReplayedApprovalView(BaseModel):
    """The authority or the fast lane of an approval asked again: what it says now, and what differs."""

    policy: str
    row: int
    decided_on: date
    says: dict[str, Any]
    was_in_force: bool
    differing: list[str]


class ReplayedLookView(BaseModel):
    """What people might grant who looked at a refusal, found again: what the policy says now, and what differs."""

    policy: str
    row: int | None
    round: int
    says: dict[str, Any]
    was_in_force: bool
    differing: list[str]


class ReplayList(BaseModel):
    """All decisions of the rules on a loan, all approvals and the prices of people's looks; `agrees` where every one
    came out again as it was.
    """

    loan: str
    agrees: bool
    decisions: list[ReplayedView]
    approvals: list[ReplayedApprovalView]
    looks: list[ReplayedLookView]


@router.get("/{loan}")
def replay_decisions(loan: LoanNumber, actor: Acting, context: Context) -> ReplayList:
    """Decides a loan again, step by step, by the rules and facts of its day; stores nothing."""
    with context.books.read() as work:
        decisions, approvals = replay(work, actor, loan), replay_approvals(work, actor, loan)
        looks = replay_looks(work, actor, loan)
    return ReplayList(
        loan=loan,
        agrees=all_agree(decisions, approvals, looks),
        decisions=[_decision(one) for one in decisions],
        approvals=[_approval(one) for one in approvals],
        looks=[_look(one) for one in looks],
    )


def _decision(found: Replayed) -> ReplayedView:
    return ReplayedView(
        round=found.grading.round,
        outcome=found.now.outcome,
        grade=found.now.grade,
        limit=yuan(found.now.limit_fen),
        annual_rate_percent=found.now.annual_rate_percent,
        differing=_named(found.differing),
        agrees=found.agrees,
        steps=[_step(one) for one in found.steps],
    )


def _step(found: ReplayedStep) -> ReplayedStepView:
    return ReplayedStepView(by_challenger=found.kept.by_challenger, **_asked_again(found))


def _approval(found: ReplayedApproval) -> ReplayedApprovalView:
    return ReplayedApprovalView(decided_on=found.decision.decided_on, **_asked_again(found))


def _look(found: ReplayedLook) -> ReplayedLookView:
    return ReplayedLookView(round=found.look.round, **_asked_again(found))


def _asked_again(found: ReplayedAnswer) -> dict[str, Any]:
    """What all policies that are asked again have in common."""
    return {
        "policy": found.label,
        "row": found.row,
        "says": all_in_yuan(dict(found.says)),
        "was_in_force": found.was_in_force,
        "differing": _named(found.differing),
    }


def _named(outputs: Sequence[str]) -> list[str]:
    return [one.removesuffix("_fen") for one in outputs]
