"""From the cases in the books to a scorecard with its figures. Needs the extra `scorecard`."""

from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np

from books.session import UnitOfWork
from console.scorecard_figures import figures
from console.scorecard_sample import KNOWN_BY, Cases
from console.scorecard_training import (
    FEWEST_CASES,
    FEWEST_DEFAULTS,
    FEWEST_HELD_OUT_DEFAULTS,
    TooLittleHistory,
    Trained,
    check_history,
    train,
)
from console.scorecard_words import Worded, worded, worded_as
from lending import behaviour
from models.staff import Actor
from services.performance import WINDOW_MONTHS, PastCase, past_behaviour, past_cases
from services.policy_kinds import KINDS, PRIOR
from services.policy_names import facts_on_offer
from services.products import catalogue
from services.scorecards import BEHAVIOUR, scorecard_name

HELD_OUT_MONTHS = 6
WARNED_SHARES = (("A", 0.60), ("B", 0.35), ("C", 0.15), ("D", 0.05))
"""The share of the cases with fewer points than each band of a behaviour score begins with; E is below all of them."""
TARGETS: Mapping[bool, tuple[str, str]] = {
    False: (
        f"A default is a loan more than 90 days past due, or written off, within {WINDOW_MONTHS} months of its payout.",
        f"违约：放款后{WINDOW_MONTHS}个月内逾期超过90天或已核销。",
    ),
    True: (
        f"A default is a loan {behaviour.LATE_FROM_DPD} days past due or more within {behaviour.MONTHS_AHEAD} months, "
        f"of those that were not at the end of the month looked at.",
        f"违约：观察月末逾期不足{behaviour.LATE_FROM_DPD}天，此后{behaviour.MONTHS_AHEAD}个月内逾期达到"
        f"{behaviour.LATE_FROM_DPD}天以上。",
    ),
}


@dataclass(frozen=True)
class Gathered:
    """What the books hold to learn from: cases that are old enough to tell, and how many others there are."""

    cases: Cases
    too_short: int
    simulated: int


@dataclass(frozen=True)
class Learnt:
    """A scorecard with its figures, what it learnt from and what was kept back."""

    trained: Trained
    trained_on: Cases
    held_out: Cases
    content: dict[str, Any]


def learn(
    work: UnitOfWork,
    actor: Actor,
    scope: str,
    *,
    held_out_months: int = HELD_OUT_MONTHS,
    seed: int = 1,
) -> Learnt:
    """Trains a scorecard for a product, or for `behaviour`, on the books' own history.

    The last months are kept back to measure it. Refused: anybody but risk, and TooLittleHistory where what is left has
    fewer than 500 cases or 50 defaults, or what is kept back fewer than 20 defaults.
    """
    past = past_behaviour(work, actor) if scope == BEHAVIOUR else past_cases(work, actor, scope)
    gathered = gather(past)
    trained_on, held_out = split(gathered.cases, held_out_months)
    trained = train(trained_on, inputs(scope, trained_on), words=_words(work, scope), seed=seed)
    content = trained.content | {"figures": _figures(gathered, trained, trained_on, held_out, scope, seed)}
    if scope == BEHAVIOUR:
        content["warnings"] = _warnings(work, trained, trained_on)
    return Learnt(trained, trained_on, held_out, content)


def inputs(scope: str, cases: Cases) -> dict[str, str]:
    """The facts that a card may learn from, with their types: not what other policies made of a case, which means
    something else as soon as one of them changes.
    """
    offered = facts_on_offer(scorecard_name(scope))
    later = {fact for kind in PRIOR for fact, _ in KINDS[kind].gives.values()}
    if scope != BEHAVIOUR:
        # A grading from before there were such tables has neither what they ask nor what they gave.
        with suppress(KeyError):
            later |= catalogue().product(scope).further_facts(cases.facts[-1]).keys()
    return {fact: kind for fact, kind in offered.items() if fact not in later}


def gather(past: Iterable[PastCase]) -> Gathered:
    """The cases by day; those that have not been watched long enough are counted and left out."""
    kept: list[PastCase] = []
    too_short = 0
    for one in past:
        if one.defaulted is None:
            too_short += 1
        else:
            kept.append(one)
    kept.sort(key=lambda one: one.applied_on)
    return Gathered(
        Cases(
            days=[one.applied_on for one in kept],
            facts=[one.facts for one in kept],
            bad=np.array([one.defaulted for one in kept], dtype=np.bool_),
            known_by=KNOWN_BY,
            groups={"sex": [one.sex for one in kept], "age": [one.age_band for one in kept]},
        ),
        too_short,
        sum(one.simulated for one in kept),
    )


def split(cases: Cases, held_out_months: int) -> tuple[Cases, Cases]:
    """The cases before the last months, and those of the last months; TooLittleHistory where either is too small."""
    check_history(cases, FEWEST_CASES, FEWEST_DEFAULTS)
    months = sorted({_month(day) for day in cases.days})
    if len(months) <= held_out_months:
        raise TooLittleHistory("months with a known outcome", len(months), held_out_months + 1)
    first = months[-held_out_months]
    trained_on, held_out = cases.where(lambda day: _month(day) < first), cases.where(lambda day: _month(day) >= first)
    check_history(trained_on, FEWEST_CASES, FEWEST_DEFAULTS)
    check_history(held_out, 2 * FEWEST_HELD_OUT_DEFAULTS, FEWEST_HELD_OUT_DEFAULTS)
    return trained_on, held_out


def _month(day: date) -> tuple[int, int]:
    return day.year, day.month


def _words(work: UnitOfWork, scope: str) -> Worded:
    """The reasons of the card in force, where there is one, so that a borrower is told the same as before."""
    champion = work.policies.in_force(scorecard_name(scope), work.today).champion
    return worded if champion is None else worded_as(work.policies.get(champion.policy_id).content)


def _warnings(work: UnitOfWork, trained: Trained, trained_on: Cases) -> dict[str, Any]:
    """Bands that stated shares of the borrowers fall below, and the other rules of the card in force."""
    champion = work.policies.in_force(scorecard_name(BEHAVIOUR), work.today).champion
    before = work.policies.get(champion.policy_id).content.get("warnings", {}) if champion else {}
    points = trained.model.points(trained_on)
    starts: dict[int, str] = {}
    for band, share in WARNED_SHARES:
        # Where few values are possible two bands may begin at the same points; the better one keeps them.
        starts.setdefault(int(np.quantile(points, share)), band)
    bands = [{"band": band, "from": start} for start, band in starts.items()]
    bands = [*bands, {"band": "E", "from": None}]
    named = {one["band"] for one in bands}
    return {
        "bands": bands,
        "warned_bands": [band for band in before.get("warned_bands", ["D", "E"]) if band in named],
        "drop_points": max(1, round(float(points.std()))),
    }


def _figures(
    gathered: Gathered, trained: Trained, trained_on: Cases, held_out: Cases, scope: str, seed: int
) -> dict[str, Any]:
    target_en, target_zh = TARGETS[scope == BEHAVIOUR]
    return {
        "target": {"en": target_en, "zh": target_zh},
        "cases": {
            "trained_on": _told(trained_on),
            "held_out": _told(held_out),
            "too_short": gathered.too_short,
            "simulated": gathered.simulated,
        },
        "seed": seed,
        "dropped": dict(sorted(trained.dropped.items())),
        **figures(trained.model, trained_on, held_out),
    }


def _told(cases: Cases) -> dict[str, Any]:
    return {
        "from": cases.days[0].isoformat(),
        "to": cases.days[-1].isoformat(),
        "cases": len(cases),
        "defaults": int(cases.bad.sum()),
    }
