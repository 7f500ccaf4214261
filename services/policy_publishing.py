"""The life of a version of a policy: drafted, checked, back-tested, published by a second person, retired."""

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
    LARGEST_SHARE_PERCENT,
    SHIPPED_BY,
    Backtest,
    Policy,
    PolicyKind,
    PolicyPart,
    PolicyState,
    PolicyStep,
    PolicyStepKind,
)
from models.staff import Actor
from services import audit
from services.permissions import Action, require
from services.policies import InvalidPolicy, deciding, version
from services.policy_kinds import CHAIN, Past, kind_of, name_of, past_of, scope_of
from services.policy_names import draft_problems, shipped
from services.scorecards import score_facts

MOST_LEVELS = 32
"""How deeply a content may be nested; a decision model has eight levels, a scorecard five."""
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


def draft(work: UnitOfWork, actor: Actor, name: str, content: Mapping[str, Any], reason: str) -> Policy:
    """Stores a new version. One without problems counts as checked; one with problems stays a draft for good.

    Refused: anybody but risk, a name whose kind or scope is unknown, a draft without a reason.
    """
    require(actor, Action.CHANGE_POLICIES)
    if not _is_storable(content):
        wrong = f"has a number or a sign that JSON does not have, or more than {MOST_LEVELS} levels"
        raise InvalidPublication("the content cannot be stored", fields={"content": wrong})
    problems = draft_problems(name, content)
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
    level: list[object] = [content]
    for _ in range(MOST_LEVELS):
        below = [one.values() if isinstance(one, Mapping) else one for one in level if isinstance(one, Mapping | list)]
        level = [one for several in below for one in several]
    if level:
        return False
    # Python reads and writes NaN, Infinity and lone surrogates, which PostgreSQL or UTF-8 refuse.
    try:
        json.dumps(content, allow_nan=False, ensure_ascii=False).encode()
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
    the version in force (where its kind has past cases), a day that is over, a share that is none, one that would meet
    a version that waits for its first day, a second challenger, and a challenger of another kind than knock-out,
    grading and pricing.
    """
    require(actor, Action.CHANGE_POLICIES)
    work.outbox.hold("policies")
    today = work.today
    if policy.drafted_by == actor.id:
        raise OwnPolicy
    _require_reason(reason)
    if starts_on < today:
        raise InvalidPublication("rules never begin in the past", fields={"starts_on": f"from {today} on"})
    most = LARGEST_SHARE_PERCENT if part is PolicyPart.CHALLENGER else 0
    if not 0 <= share_percent <= most:
        raise InvalidPublication(
            "a challenger decides a share of the cases, a champion all of the others",
            fields={"share_percent": f"from 0 to {LARGEST_SHARE_PERCENT}, and 0 for a champion"},
        )
    found = work.policies.in_force(policy.name, today)
    _require_ready(work, policy, starts_on)
    if part is PolicyPart.CHALLENGER:
        if kind_of(policy.name).code not in CHAIN:
            raise InvalidPublication(
                "only knock-out, grading and pricing have challengers", fields={"part": "must be champion"}
            )
        _require_no_other(work, policy, starts_on)
    else:
        _require_none_waits(work, policy)
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


def _require_ready(work: UnitOfWork, policy: Policy, starts_on: date) -> None:
    steps = work.policies.steps([policy.id])
    if not any(step.kind is PolicyStepKind.CHECKED for step in steps):
        raise PolicyNotReady(f"{_label(policy)} has problems; draft a version without them")
    # A product may have come later than the version: what it gives today counts.
    if problems := draft_problems(policy.name, policy.content):
        raise PolicyNotReady(f"{_label(policy)} cannot be used any more: {problems[0]}")
    _require_price(work, policy, starts_on)
    if lacks_backtest(work, policy, work.today):
        raise PolicyNotReady(
            f"{_label(policy)} was not back-tested against the version in force; run a back-test first"
        )
    if to_compare_with(work, policy, starts_on) != to_compare_with(work, policy, work.today):
        # What it was compared with is what is in force today.
        raise PolicyNotReady(f"another version is in force on {starts_on} than today; publish when it has begun")


def lacks_backtest(work: UnitOfWork, policy: Policy, day: date) -> bool:
    """Whether a version must be back-tested against what is in force before it can be published.

    Not where its kind has no past or nothing is in force, and not a first scorecard that no table of the chain asks.
    """
    against = to_compare_with(work, policy, day)
    if against is None or against == policy.id or past_of(policy.name) is Past.NOTHING:
        return False
    if kind_of(policy.name).code is PolicyKind.SCORECARD and not _decides_by_score(work, policy, day):
        return False
    return against not in {one.against_id for one in work.policies.backtests(policy.id)}


def _decides_by_score(work: UnitOfWork, card: Policy, day: date) -> bool:
    """Whether another card is in force already, or the chain in force asks for a score."""
    found = work.policies.in_force_of([card.name, *(name_of(kind, scope_of(card.name)) for kind in CHAIN)], day)
    if found.pop(card.name).champion is not None:
        return True
    tables = [deciding(work, one) for one in found.values() if one.champion is not None]
    return any(fact in score_facts(None) for table in tables for fact, _ in table.declared)


def to_compare_with(work: UnitOfWork, policy: Policy, day: date) -> str | None:
    """The version against which a back-test counts: the one in force.

    For a first knock-out, pricing or scorecard of a product it is the grading.
    """
    champion = work.policies.in_force(policy.name, day).champion
    if champion is None and kind_of(policy.name).code in (*CHAIN, PolicyKind.SCORECARD):
        champion = work.policies.in_force(name_of(PolicyKind.GRADING, scope_of(policy.name)), day).champion
    return champion.policy_id if champion else None


def _require_price(work: UnitOfWork, policy: Policy, starts_on: date) -> None:
    """A grading table may leave limit and rate to a pricing that is in force."""
    if kind_of(policy.name).code is not PolicyKind.GRADING or "limit_fen" in dict(version(work, policy.id).outputs):
        return
    pricing = name_of(PolicyKind.PRICING, scope_of(policy.name))
    if work.policies.in_force(pricing, starts_on).champion is None:
        raise PolicyNotReady(f"{_label(policy)} gives no limit and no rate, and no {pricing} is in force")


def _require_no_other(work: UnitOfWork, policy: Policy, starts_on: date) -> None:
    """Whoever plays a part on the first day or begins later would be ousted, or would oust without a word."""
    for day, found in work.policies.course(policy.name, starts_on):
        if found.challenger is not None and found.challenger.policy_id != policy.id:
            raise PolicyNotReady(f"there is a challenger on {day}; retire it first")
        if found.champion is not None and found.champion.policy_id == policy.id:
            raise PolicyNotReady(f"{_label(policy)} is in force on {day}; it cannot challenge itself")


def _require_none_waits(work: UnitOfWork, policy: Policy) -> None:
    """Two that wait were compared with what is in force today, and not with each other."""
    for _, found in work.policies.course(policy.name, work.today):
        waiting = found.champion
        if waiting is not None and waiting.starts_on > work.today and waiting.policy_id != policy.id:
            label = _label(work.policies.get(waiting.policy_id))
            raise PolicyNotReady(
                f"{label} waits for {waiting.starts_on}; wait until it has begun, or call it off first"
            )


def retire(work: UnitOfWork, actor: Actor, policy: Policy, from_day: date, reason: str) -> PolicyStep:
    """Ends a challenger from a day on, or calls off a publication that has not begun.

    The champion cannot be retired: another version takes its place, so that there are always rules.
    """
    require(actor, Action.CHANGE_POLICIES)
    work.outbox.hold("policies")
    _require_reason(reason)
    if from_day < work.today:
        raise InvalidPublication("nothing ends in the past", fields={"from_day": f"from {work.today} on"})
    life = life_of(work, policy, work.today)
    if life.state not in (PolicyState.CHALLENGER, PolicyState.SCHEDULED):
        raise PolicyNotReady(f"{_label(policy)} is neither a challenger nor waiting for its first day")
    waiting = life.publication if life.state is PolicyState.SCHEDULED else None
    first_day = waiting.starts_on if waiting is not None and waiting.part is PolicyPart.CHAMPION else None
    if first_day is not None and from_day > first_day:
        raise InvalidPublication(
            "a champion that has begun is only replaced", fields={"from_day": f"{first_day} at the latest"}
        )
    step = _step(work, actor.id, policy, PolicyStepKind.RETIRED, starts_on=from_day, reason=reason)
    audit.record(
        work,
        actor,
        "policy_retired",
        subject=_label(policy),
        before={"state": life.state},
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
    """Puts every shipped policy into the books, where none of that name is yet.

    A product's knock-out, grading and pricing go together: where the books grade it by a table of their own already, no
    other table is put beside it. InvalidPolicy or UnknownPolicy, and nothing is kept, if a module ships a policy that
    must not decide.
    """
    kept = set(work.policies.names())
    for name, content in shipped().items():
        if name in kept or (kind_of(name).code in CHAIN and name_of(PolicyKind.GRADING, scope_of(name)) in kept):
            continue
        if problems := draft_problems(name, content):
            raise InvalidPolicy(name, problems)
        policy = Policy(name=name, version=1, content=dict(content), drafted_by=SHIPPED_BY, drafted_at=work.now)
        work.write(policy)
        _step(work, SHIPPED_BY, policy, PolicyStepKind.CHECKED)
        _step(work, SHIPPED_BY, policy, PolicyStepKind.PUBLISHED, part=PolicyPart.CHAMPION, starts_on=FIRST_DAY)


def lives(work: UnitOfWork, actor: Actor, name: str) -> list[Life]:
    """Every version of a name, the newest first, with where it stands today."""
    found = all_lives(work, actor, [name])
    if not found:
        raise UnknownPolicy(name)
    return found[name]


def all_lives(work: UnitOfWork, actor: Actor, names: Sequence[str] | None = None) -> dict[str, list[Life]]:
    """The same for several names, or for all that the books have, in three queries."""
    require(actor, Action.SEE_POLICIES)
    versions = work.policies.versions_of(names)
    steps = work.policies.steps([policy.id for policy in versions])
    found = work.policies.in_force_of([policy.name for policy in versions], work.today)
    by_name: dict[str, list[Life]] = {}
    for policy in versions:
        own = [step for step in steps if step.policy_id == policy.id]
        life = Life(policy, own, _state(found[policy.name], policy, own, work.today))
        by_name.setdefault(policy.name, []).append(life)
    return by_name


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
