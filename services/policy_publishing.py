"""The life of a version of the rules: drafted, checked, back-tested, published by a second person, retired."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from books.errors import UnknownPolicy
from books.policies import InForce
from books.session import UnitOfWork
from lending.errors import LendingError
from models.policies import (
    LONGEST_SHARE_PERCENT,
    SHIPPED_BY,
    Backtest,
    Policy,
    PolicyPart,
    PolicyState,
    PolicyStep,
    PolicyStepKind,
)
from models.products import Product
from models.staff import Actor
from services import audit
from services.permissions import check_may_change_policies, check_may_see_policies
from services.policies import InvalidPolicy
from services.policy_checks import Problem, problems_of
from services.policy_tables import declared_facts
from services.products import catalogue

FIRST_DAY = date(2000, 1, 1)
"""From when a shipped version is in force: before every case."""


class OwnPolicy(LendingError):
    """Whoever drafted a version wants to publish it."""

    code = "own_policy"
    http_status = 403

    def __init__(self) -> None:
        super().__init__("whoever drafted a version of the rules does not publish it; ask another person of risk")


class PolicyNotReady(LendingError):
    """A version that lacks something before it can be published."""

    code = "policy_not_ready"
    http_status = 409


class InvalidPublication(LendingError):
    """A publication or retirement whose day, part or share cannot be."""

    code = "invalid_publication"
    http_status = 422


@dataclass(frozen=True)
class Life:
    """A version with all that happened to it and where it stands on a day."""

    policy: Policy
    steps: Sequence[PolicyStep]
    state: PolicyState

    @property
    def publication(self) -> PolicyStep | None:
        """Its latest publication."""
        published = [step for step in self.steps if step.kind is PolicyStepKind.PUBLISHED]
        return published[-1] if published else None


def policy_name(product: Product) -> str:
    """The name of a product's grading rules."""
    return f"grading-{product.code}"


def product_of(name: str) -> Product:
    """The product whose grading rules have this name; UnknownPolicy if none has."""
    for product in catalogue().products:
        if policy_name(product) == name:
            return product
    raise UnknownPolicy(name)


def draft_problems(name: str, content: Mapping[str, Any]) -> list[Problem]:
    """What forbids to publish this content as rules of this name: also facts that its product does not give."""
    return problems_of(content, declared_facts(product_of(name).grading))


def draft(work: UnitOfWork, actor: Actor, name: str, content: Mapping[str, Any], reason: str) -> Policy:
    """Stores a new version. One without problems counts as checked; one with problems stays a draft for good.

    Refused: anybody but risk, a name that no product has, a draft without a reason.
    """
    check_may_change_policies(actor)
    problems = draft_problems(name, content)
    if not _is_storable(content):
        raise InvalidPublication("the content is no JSON", fields={"content": "has a number that JSON does not have"})
    if not reason.strip():
        raise InvalidPublication("a draft needs a reason", fields={"reason": "say why the rules change"})
    policy = Policy(
        name=name,
        version=work.policies.newest_number(name) + 1,
        content=dict(content),
        reason=reason,
        drafted_by=actor.id,
        drafted_at=work.now,
    )
    work.write(policy)
    if not problems:
        _step(work, audit.SYSTEM.id, policy, PolicyStepKind.CHECKED)
    audit.record(
        work,
        actor,
        "policy_drafted",
        subject=_label(policy),
        after={"problems": len(problems), "rows": _row_count(content)},
        reason=reason,
    )
    return policy


def _is_storable(content: Mapping[str, Any]) -> bool:
    # Python reads and writes NaN and Infinity, which PostgreSQL refuses.
    try:
        json.dumps(content, allow_nan=False)
    except ValueError:
        return False
    return True


def _row_count(content: Mapping[str, Any]) -> int:
    try:
        return sum(len(node["content"]["rules"]) for node in content["nodes"] if node["type"] == "decisionTableNode")
    except (AttributeError, KeyError, TypeError):
        return 0


def note_backtest(work: UnitOfWork, actor: Actor, policy: Policy, backtest: Backtest) -> None:
    """Records that a version was back-tested."""
    _step(work, actor.id, policy, PolicyStepKind.BACKTESTED, backtest_id=backtest.id)


def publish(
    work: UnitOfWork,
    actor: Actor,
    policy: Policy,
    starts_on: date,
    reason: str,
    *,
    part: PolicyPart = PolicyPart.CHAMPION,
    share_percent: int = 0,
) -> PolicyStep:
    """Puts a version in force from a day on: as champion, or as challenger of a share of the cases (0: in the shadow).

    Refused: anybody but risk, whoever drafted it, a version that is not checked, one that was not back-tested against
    the version in force, a day that is over, a share that is none, a second challenger.
    """
    check_may_change_policies(actor)
    today = work.today
    if policy.drafted_by == actor.id:
        raise OwnPolicy
    _require_reason(reason)
    if starts_on < today:
        raise InvalidPublication("rules never begin in the past", fields={"starts_on": f"from {today} on"})
    most = LONGEST_SHARE_PERCENT if part is PolicyPart.CHALLENGER else 0
    if not 0 <= share_percent <= most:
        raise InvalidPublication(
            "a challenger decides a share of the cases, a champion all of the others",
            fields={"share_percent": f"from 0 to {LONGEST_SHARE_PERCENT}, and 0 for a champion"},
        )
    found = work.policies.in_force(policy.name, today)
    _require_ready(work, policy, found)
    if part is PolicyPart.CHALLENGER:
        _require_no_other(work, policy, starts_on)
    step = _step(
        work,
        actor.id,
        policy,
        PolicyStepKind.PUBLISHED,
        part=part,
        starts_on=starts_on,
        share_percent=share_percent,
        reason=reason,
    )
    audit.record(
        work,
        actor,
        "policy_published",
        subject=_label(policy),
        before={"in_force": work.policies.get(found.champion.policy_id).version if found.champion else None},
        after={"part": part, "starts_on": starts_on.isoformat(), "share_percent": share_percent},
        reason=reason,
    )
    return step


def _require_reason(reason: str) -> None:
    if not reason.strip():
        raise InvalidPublication("this needs a reason", fields={"reason": "say why, in a sentence"})


def _require_ready(work: UnitOfWork, policy: Policy, found: InForce) -> None:
    steps = work.policies.steps([policy.id])
    if not any(step.kind is PolicyStepKind.CHECKED for step in steps):
        raise PolicyNotReady(f"{_label(policy)} has problems; draft a version without them")
    # A product may have come later than the version: what it gives today counts.
    if problems := draft_problems(policy.name, policy.content):
        raise PolicyNotReady(f"{_label(policy)} cannot be used any more: {problems[0]}")
    if found.champion is None or found.champion.policy_id == policy.id:
        return
    tested = {one.against_id for one in work.policies.backtests(policy.id)}
    if found.champion.policy_id not in tested:
        raise PolicyNotReady(
            f"{_label(policy)} was not back-tested against the version in force; run a back-test first"
        )


def _require_no_other(work: UnitOfWork, policy: Policy, starts_on: date) -> None:
    for day in (work.today, starts_on):
        found = work.policies.in_force(policy.name, day)
        if found.challenger is not None and found.challenger.policy_id != policy.id:
            raise PolicyNotReady("there is a challenger already; retire it first")
        if found.champion is not None and found.champion.policy_id == policy.id:
            raise PolicyNotReady(f"{_label(policy)} is in force; it cannot challenge itself")


def retire(work: UnitOfWork, actor: Actor, policy: Policy, from_day: date, reason: str) -> PolicyStep:
    """Ends a challenger from a day on, or calls off a publication that has not begun.

    The champion cannot be retired: another version takes its place, so that there are always rules.
    """
    check_may_change_policies(actor)
    _require_reason(reason)
    if from_day < work.today:
        raise InvalidPublication("nothing ends in the past", fields={"from_day": f"from {work.today} on"})
    state = life_of(work, policy, work.today).state
    if state not in (PolicyState.CHALLENGER, PolicyState.SCHEDULED):
        raise PolicyNotReady(f"{_label(policy)} is neither a challenger nor waiting for its first day")
    step = _step(work, actor.id, policy, PolicyStepKind.RETIRED, starts_on=from_day, reason=reason)
    audit.record(
        work,
        actor,
        "policy_retired",
        subject=_label(policy),
        after={"from": from_day.isoformat()},
        reason=reason,
    )
    return step


def _step(
    work: UnitOfWork,
    done_by: str,
    policy: Policy,
    kind: PolicyStepKind,
    *,
    part: PolicyPart | None = None,
    starts_on: date | None = None,
    share_percent: int = 0,
    backtest_id: str | None = None,
    reason: str = "",
) -> PolicyStep:
    step = PolicyStep(
        policy_id=policy.id,
        name=policy.name,
        kind=kind,
        part=part,
        starts_on=starts_on,
        share_percent=share_percent,
        backtest_id=backtest_id,
        reason=reason,
        done_by=done_by,
        done_at=work.now,
    )
    work.write(step)
    return step


def publish_shipped_policies(work: UnitOfWork) -> None:
    """Puts each product's shipped decision table into the books, where none of that name is yet.

    InvalidPolicy, and nothing is kept, if a module ships one that must not decide.
    """
    for product in catalogue().products:
        name = policy_name(product)
        if work.policies.newest_number(name) > 0:
            continue
        if problems := problems_of(product.grading):
            raise InvalidPolicy(name, problems)
        policy = Policy(name=name, version=1, content=dict(product.grading), drafted_by=SHIPPED_BY, drafted_at=work.now)
        work.write(policy)
        _step(work, SHIPPED_BY, policy, PolicyStepKind.CHECKED)
        _step(work, SHIPPED_BY, policy, PolicyStepKind.PUBLISHED, part=PolicyPart.CHAMPION, starts_on=FIRST_DAY)


def lives(work: UnitOfWork, actor: Actor, name: str) -> list[Life]:
    """Every version of a name, the newest first, with where it stands today."""
    check_may_see_policies(actor)
    versions = work.policies.versions(name)
    if not versions:
        raise UnknownPolicy(name)
    return [life_of(work, policy, work.today) for policy in versions]


def life_of(work: UnitOfWork, policy: Policy, day: date) -> Life:
    """What happened to a version, and where it stands on a day."""
    steps = work.policies.steps([policy.id])
    return Life(policy, steps, _state(work.policies.in_force(policy.name, day), policy, steps, day))


def _state(found: InForce, policy: Policy, steps: Sequence[PolicyStep], day: date) -> PolicyState:
    if found.champion is not None and found.champion.policy_id == policy.id:
        return PolicyState.IN_FORCE
    if found.challenger is not None and found.challenger.policy_id == policy.id:
        return PolicyState.CHALLENGER
    kinds = [step.kind for step in steps]
    if PolicyStepKind.PUBLISHED in kinds:
        last = [step for step in steps if step.kind in (PolicyStepKind.PUBLISHED, PolicyStepKind.RETIRED)][-1]
        waits = last.kind is PolicyStepKind.PUBLISHED and (last.starts_on or day) > day
        return PolicyState.SCHEDULED if waits else PolicyState.RETIRED
    if PolicyStepKind.BACKTESTED in kinds:
        return PolicyState.BACKTESTED
    return PolicyState.CHECKED if PolicyStepKind.CHECKED in kinds else PolicyState.DRAFT


def _label(policy: Policy) -> str:
    return f"{policy.name}/{policy.version}"
