"""Trains a scorecard: monotone bins, weights of evidence, logistic regression, points. Needs the extra `scorecard`.

What is learnt is data (docs/scorecards.md). The same cases and the same seed give the same card.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.tree import DecisionTreeClassifier

from console.scorecard_sample import Cases
from console.scorecard_words import Worded, worded, worded_missing
from lending.errors import LendingError
from lending.scorecard import BOOLEAN, INTEGER, MOST_REASONS, STRING, is_refused

Numbers = NDArray[np.float64]
Integers = NDArray[np.int64]
Flags = NDArray[np.bool_]

POINTS, ODDS, POINTS_TO_DOUBLE = 600, 30, 20
"""The scale: 600 points are odds of 30 good ones to one default, and 20 points more double the odds."""
FACTOR = POINTS_TO_DOUBLE / math.log(2)
OFFSET = POINTS - FACTOR * math.log(ODDS)

FEWEST_CASES, FEWEST_DEFAULTS, FEWEST_HELD_OUT_DEFAULTS = 500, 50, 20
"""With less the points would say more about luck than about borrowers."""
FEWEST_OF_A_WORD = 50
"""A word that fewer cases have is one of all others."""
MOST_BINS = 10
LEAST_OF_A_BIN = 0.015
"""The share of the cases, below which a bin is none of its own."""
LEAST_INFORMATION = 0.02
"""An information value below this counts as no information (the usual reading of the measure)."""
SIGNIFICANT_DIGITS = 3
"""Bounds of bins are rounded to so many, so that people can remember them."""
NOT_INPUTS = frozenset({"day", "score", "score_known"})
"""The day would tell when somebody applied and not who; the score is what is being made."""


class TooLittleHistory(LendingError):
    """The books hold too few cases with a known outcome to learn from."""

    code = "too_little_history"
    http_status = 409

    def __init__(self, what: str, there: int, needed: int) -> None:
        super().__init__(
            f"the history is too short to train a scorecard: it has {there:,} {what}, and {needed:,} are needed"
        )


@dataclass(frozen=True)
class Bins:
    """A variable cut into bins, each with its weight of evidence; the last weight is that of the missing bin.

    `tops` are the last values of the integer bins but the open one, `words` the values of each bin otherwise.
    """

    fact: str
    kind: str
    known_by: tuple[str, ...]
    order: str | None
    tops: tuple[int, ...]
    words: tuple[tuple[object, ...], ...]
    weights: Numbers
    cases: Integers
    defaults: Integers
    information: float

    def places(self, cases: Cases) -> Integers:
        """The bin of each case, from 0; the last is the missing one."""
        values, known = column(cases, self.fact, self.known_by)
        missing = len(self.weights) - 1
        if self.kind == INTEGER:
            places = np.searchsorted(np.array(self.tops, dtype=np.int64), values.astype(np.int64), side="left")
        else:
            place_of = {word: place for place, words in enumerate(self.words) for word in words}
            others = missing - 1
            places = np.array([place_of.get(value, others) for value in values.tolist()], dtype=np.int64)
        return np.where(known, places, missing)


@dataclass(frozen=True)
class Model:
    """What was learnt: bins and the weight of each, before it is written down as points."""

    bins: tuple[Bins, ...]
    coefficients: Numbers
    intercept: float

    def exact_points(self, cases: Cases) -> Numbers:
        """The points of each case before any of them is rounded: its log odds to be good, on the scale."""
        log_odds = np.full(len(cases), self.intercept)
        for one, coefficient in zip(self.bins, self.coefficients, strict=True):
            log_odds += coefficient * one.weights[one.places(cases)]
        return OFFSET + FACTOR * log_odds

    def points(self, cases: Cases) -> Integers:
        """The points of each case as the scorecard gives them, from the coefficients."""
        total = np.full(len(cases), round(OFFSET + FACTOR * self.intercept), dtype=np.int64)
        for one, coefficient in zip(self.bins, self.coefficients, strict=True):
            total += _rounded(coefficient, one)[one.places(cases)]
        return total


@dataclass(frozen=True)
class Trained:
    """A trained scorecard: the model, its content as data without figures, and why facts were left out."""

    model: Model
    content: dict[str, Any]
    dropped: dict[str, str] = field(default_factory=dict)


def train(cases: Cases, kinds: Mapping[str, str], *, words: Worded = worded, seed: int = 1) -> Trained:
    """Learns from these cases which facts tell a default, and writes it down as points.

    `kinds` are the facts that may be asked, with their types; `words` gives each its reason. Facts that tell sex, age,
    ethnicity or region, facts without information and facts whose weight would turn against their bins are left out.
    TooLittleHistory below 500 cases, 50 defaults or 50 good ones.
    """
    check_history(cases, FEWEST_CASES, FEWEST_DEFAULTS)
    dropped: dict[str, str] = {}
    candidates: list[Bins] = []
    flags = {flag for fact in kinds for flag in cases.known_by.get(fact, ())}
    for fact, kind in sorted(kinds.items()):
        if fact in NOT_INPUTS or fact in flags:
            continue
        if is_refused(fact) is not None:
            dropped[fact] = "refused"
            continue
        known_by = tuple(flag for flag in cases.known_by.get(fact, ()) if flag in kinds)
        one = _binned(cases, fact, kind, known_by, seed)
        if one is None or one.information < LEAST_INFORMATION:
            dropped[fact] = "no_information"
        else:
            candidates.append(one)
    candidates.sort(key=lambda one: (-one.information, one.fact))
    bins, coefficients, intercept = _weighted(cases, candidates, dropped, seed)
    model = Model(tuple(bins), coefficients, intercept)
    return Trained(model, _content(model, words), dropped)


def check_history(cases: Cases, fewest: int, fewest_defaults: int) -> None:
    """TooLittleHistory where there are too few cases, defaults or good ones."""
    defaults = int(cases.bad.sum())
    for what, there, needed in (
        ("cases with a known outcome", len(cases), fewest),
        ("defaults", defaults, fewest_defaults),
        ("loans that did not default", len(cases) - defaults, fewest_defaults),
    ):
        if there < needed:
            raise TooLittleHistory(what, there, needed)


def column(cases: Cases, fact: str, known_by: Sequence[str]) -> tuple[NDArray[Any], Flags]:
    """The values of a fact and which of them are known; an unknown value stands as something harmless."""
    values = [facts.get(fact) for facts in cases.facts]
    known = np.array(
        [
            value is not None and all(facts.get(flag) is True for flag in known_by)
            for value, facts in zip(values, cases.facts, strict=True)
        ],
        dtype=np.bool_,
    )
    blank = next((value for value in values if value is not None), 0)
    filled = [blank if value is None else value for value in values]
    return (np.array(filled, dtype=object) if isinstance(blank, str) else np.array(filled)), known


def _binned(cases: Cases, fact: str, kind: str, known_by: tuple[str, ...], seed: int) -> Bins | None:
    """The bins of a variable, or None where all known values are alike."""
    values, known = column(cases, fact, known_by)
    bad = cases.bad
    present = values[known]
    if len(present) == 0 or (present == present[0]).all():
        return None

    def made(tops: tuple[int, ...], words: tuple[tuple[object, ...], ...], order: str | None) -> Bins:
        count = len(tops) + 1 if kind == INTEGER else len(words)
        bare = Bins(fact, kind, known_by, order, tops, words, np.zeros(count + 1), *_NOTHING, 0.0)
        return _weigh(bare, bare.places(cases), bad)

    if kind == BOOLEAN:
        return made((), ((True,), (False,)), None)
    if kind == STRING:
        words, counts = np.unique(present.astype(str), return_counts=True)
        kept = [(str(word),) for word, count in zip(words, counts, strict=True) if count >= FEWEST_OF_A_WORD]
        return made((), (*kept, ()), None) if kept else None
    both = [_ordered(present, bad[known], order, seed, made) for order in ("rising", "falling")]
    return max(both, key=lambda one: one.information)


_NOTHING: tuple[Integers, Integers] = (np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64))


def _ordered(present: NDArray[Any], bad: Flags, order: str, seed: int, made: Callable[..., Bins]) -> Bins:
    """Bins of a monotone tree; neighbours that stand against the order are put together until none does."""
    tree = DecisionTreeClassifier(
        criterion="log_loss",
        max_leaf_nodes=MOST_BINS,
        min_samples_leaf=max(30, math.ceil(LEAST_OF_A_BIN * len(present))),
        # Points rise where the share of defaults falls.
        monotonic_cst=[-1 if order == "rising" else 1],
        random_state=seed,
    ).fit(present.reshape(-1, 1), bad)
    cuts = tree.tree_.threshold[tree.tree_.feature >= 0].tolist()
    least = int(present.min())
    tops = sorted({top for cut in cuts if (top := _remembered(math.floor(cut))) >= least})
    while True:
        bins = made(tuple(tops), (), order)
        weights = bins.weights[:-1] if order == "rising" else -bins.weights[:-1]
        wrong = next((place for place in range(len(tops)) if weights[place + 1] < weights[place]), None)
        if wrong is None:
            return bins
        del tops[wrong]


def _remembered(value: int) -> int:
    """A bound rounded down to three significant digits."""
    step: int = 10 ** max(0, len(str(abs(value))) - SIGNIFICANT_DIGITS)
    return value // step * step


def _weigh(bins: Bins, places: Integers, bad: Flags) -> Bins:
    """The same bins with counts, weights of evidence and information value.

    The weight of a bin is ln(its share of the good ones / its share of the defaults). Half a case is added to each
    count, so that a bin without a default has a weight too; a missing bin that nobody fell into has none.
    """
    size = len(bins.weights)
    cases = np.bincount(places, minlength=size).astype(np.int64)
    defaults = np.bincount(places[bad], minlength=size).astype(np.int64)
    good_share = (cases - defaults + 0.5) / (len(bad) - bad.sum() + 0.5 * size)
    bad_share = (defaults + 0.5) / (bad.sum() + 0.5 * size)
    weights = np.where(cases > 0, np.log(good_share / bad_share), 0.0)
    information = float(((good_share - bad_share) * weights).sum())
    return Bins(
        *(bins.fact, bins.kind, bins.known_by, bins.order, bins.tops, bins.words),
        weights=weights,
        cases=cases,
        defaults=defaults,
        information=information,
    )


def _weighted(
    cases: Cases, candidates: list[Bins], dropped: dict[str, str], seed: int
) -> tuple[list[Bins], Numbers, float]:
    """Logistic regression on the weights; what would turn a bin's meaning around goes out, the worst first."""
    bins = list(candidates)
    while bins:
        weights = np.column_stack([one.weights[one.places(cases)] for one in bins])
        fitted = LogisticRegression(C=10.0, max_iter=1000, random_state=seed).fit(weights, ~cases.bad)
        coefficients = fitted.coef_[0].astype(np.float64)
        worst = int(coefficients.argmin())
        if coefficients[worst] > 0:
            return bins, coefficients, float(fitted.intercept_[0])
        dropped[bins.pop(worst).fact] = "told_by_others"
    raise TooLittleHistory("facts that tell anything about a default", 0, 1)


def _rounded(coefficient: float, bins: Bins) -> Integers:
    """The points of each bin, the missing one last, before the lowest is made 0."""
    return np.rint(FACTOR * coefficient * bins.weights).astype(np.int64)


def _content(model: Model, words: Worded) -> dict[str, Any]:
    """The scorecard as data. The lowest bin of each variable has no points; the base holds what is taken from them."""
    base = round(OFFSET + FACTOR * model.intercept)
    variables = []
    reasons: dict[str, dict[str, str]] = {}
    for one, coefficient in zip(model.bins, model.coefficients, strict=True):
        points = _rounded(coefficient, one)
        lowest = int(points.min())
        base += lowest
        shifted = [int(value) - lowest for value in points]
        code, sentences = words(one.fact)
        reasons[code] = dict(sentences)
        unknown, sentences = worded_missing(one.known_by)
        reasons[unknown] = dict(sentences)
        bins = [
            {**_bounds(one, place), "points": shifted[place], **_counted(one, place)}
            for place in range(len(shifted) - 1)
        ]
        variables.append(
            {
                "fact": one.fact,
                "type": one.kind,
                "known_by": list(one.known_by),
                "monotone": one.order,
                "reason": code,
                "information_bp": round(one.information * 10_000),
                "missing": {"points": shifted[-1], "reason": unknown, **_counted(one, -1)},
                "bins": _joined(bins) if one.kind == INTEGER else bins,
            }
        )
    return {
        "kind": "scorecard",
        "scale": {"points": POINTS, "odds": ODDS, "points_to_double": POINTS_TO_DOUBLE},
        "base_points": base,
        "most_reasons": MOST_REASONS,
        "variables": variables,
        "reasons": reasons,
    }


def _joined(bins: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Neighbours with equal points as one bin: to a person they are one."""
    kept: list[dict[str, Any]] = []
    for one in bins:
        if kept and kept[-1]["points"] == one["points"]:
            last = kept[-1]
            counts = {count: last[count] + one[count] for count in ("cases", "defaults")}
            kept[-1] = {**last, "to": one["to"], **counts}
        else:
            kept.append(one)
    return kept


def _bounds(bins: Bins, place: int) -> dict[str, Any]:
    if bins.kind == BOOLEAN:
        return {"value": bins.words[place][0]}
    if bins.kind == STRING:
        return {"words": list(bins.words[place])} if place < len(bins.words) - 1 else {"others": True}
    return {
        "from": bins.tops[place - 1] + 1 if place else None,
        "to": bins.tops[place] if place < len(bins.tops) else None,
    }


def _counted(bins: Bins, place: int) -> dict[str, int]:
    return {"cases": int(bins.cases[place]), "defaults": int(bins.defaults[place])}
