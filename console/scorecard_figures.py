"""How good a scorecard is: separation, stability, calibration and fairness. Shares are basis points."""

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from console.scorecard_sample import Cases
from console.scorecard_training import FACTOR, ODDS, POINTS, Model

Integers = NDArray[np.int64]
Flags = NDArray[np.bool_]

WHOLE = 10_000
CLASSES = 10
"""Into so many classes of equal size the points are cut for stability and calibration."""
BAND_POINTS = 10
FEWEST_OF_A_GROUP = 30
"""Of fewer people no share is told: it would say nothing, and could say something of one of them."""


def figures(model: Model, trained_on: Cases, held_out: Cases) -> dict[str, Any]:
    """All figures of a trained card, of the cases that it learnt from and of those that were kept back."""
    points, later = model.points(trained_on), model.points(held_out)
    edges = np.unique(np.quantile(points, np.linspace(0, 1, CLASSES + 1)[1:-1]))
    return {
        "strength": {
            "trained_on": strength(points, trained_on.bad),
            "held_out": strength(later, held_out.bad),
        },
        "months": [*_months(trained_on, None, points, edges), *_months(held_out, later, points, edges)],
        "bands": _bands(later, held_out.bad),
        "calibration": _calibration(later, held_out.bad),
        "drift": [
            {"fact": one.fact, "psi_bp": _bp(psi(*_shares(one.places(trained_on), one.places(held_out))))}
            for one in model.bins
        ],
        "fairness": {
            name: _fairness(np.concatenate([points, later]), trained_on, held_out, name) for name in trained_on.groups
        },
    }


def strength(points: Integers, bad: Flags) -> dict[str, int]:
    """AUC, Gini and KS of points against defaults.

    AUC is the chance that a good case has more points than a default, equal points counting half (Mann-Whitney). Gini
    is 2 AUC - 1. KS is the largest distance of the two distributions of points.
    """
    area = auc(points, bad)
    levels = np.unique(points)
    good_up_to = np.searchsorted(np.sort(points[~bad]), levels, side="right") / (~bad).sum()
    bad_up_to = np.searchsorted(np.sort(points[bad]), levels, side="right") / bad.sum()
    return {
        "auc_bp": _bp(area),
        "gini_bp": _bp(2 * area - 1),
        "ks_bp": _bp(float(np.abs(bad_up_to - good_up_to).max())),
    }


def auc(points: NDArray[Any], bad: Flags) -> float:
    """The chance that a good case has more points than a default; equal ones count half."""
    ordered = np.sort(points[bad])
    below = np.searchsorted(ordered, points[~bad], side="left")
    up_to = np.searchsorted(ordered, points[~bad], side="right")
    return float((below + up_to).sum() / 2 / (bad.sum() * (~bad).sum()))


def psi(expected: NDArray[np.float64], actual: NDArray[np.float64]) -> float:
    """The population stability index of two distributions over the same classes: sum of (a - e) ln(a / e)."""
    return float(((actual - expected) * np.log(actual / expected)).sum())


def default_chance(points: NDArray[Any]) -> NDArray[np.float64]:
    """The chance of a default that points state: at 600 points 1 in 31, and half the odds with each 20 points less."""
    odds = ODDS * np.exp((points - POINTS) / FACTOR)
    return np.asarray(1 / (1 + odds), dtype=np.float64)


def _shares(before: Integers, after: Integers) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The shares of the classes; half a case is added to each, so that none is empty."""
    size = int(max(before.max(), after.max())) + 1
    counts = [np.bincount(one, minlength=size) + 0.5 for one in (before, after)]
    expected, actual = (one / one.sum() for one in counts)
    return expected, actual


def _months(cases: Cases, points: Integers | None, base: Integers, edges: NDArray[Any]) -> Iterable[dict[str, Any]]:
    """Each month with its cases and defaults; with points also how far they have moved from the `base`."""
    places = defaultdict(list)
    for place, day in enumerate(cases.days):
        places[f"{day:%Y-%m}"].append(place)
    before = np.searchsorted(edges, base, side="right")
    for month, of_month in sorted(places.items()):
        moved = None
        if points is not None:
            moved = _bp(psi(*_shares(before, np.searchsorted(edges, points[of_month], side="right"))))
        yield {
            "month": month,
            "cases": len(of_month),
            "defaults": int(cases.bad[of_month].sum()),
            "held_out": points is not None,
            "psi_bp": moved,
        }


def _bands(points: Integers, bad: Flags) -> list[dict[str, int]]:
    """Good cases and defaults by ten points."""
    bands = points // BAND_POINTS
    return [
        {
            "from": int(band) * BAND_POINTS,
            "good": int(((bands == band) & ~bad).sum()),
            "bad": int(((bands == band) & bad).sum()),
        }
        for band in range(int(bands.min()), int(bands.max()) + 1)
    ]


def _calibration(points: Integers, bad: Flags) -> list[dict[str, int]]:
    """The defaults that the points state beside those that came, by classes of equal size."""
    edges = np.unique(np.quantile(points, np.linspace(0, 1, CLASSES + 1)[1:-1]))
    classes = np.searchsorted(edges, points, side="right")
    told = []
    for one in np.unique(classes):
        inside = classes == one
        told.append(
            {
                "from": int(points[inside].min()),
                "to": int(points[inside].max()),
                "cases": int(inside.sum()),
                "expected_bp": _bp(float(default_chance(points[inside]).mean())),
                "observed_bp": _bp(float(bad[inside].mean())),
            }
        )
    return told


def _fairness(points: Integers, trained_on: Cases, held_out: Cases, name: str) -> list[dict[str, Any]]:
    """Each group: its size, its defaults as stated and as they came, its mean points and its share above the median."""
    of = np.array([*trained_on.groups[name], *held_out.groups[name]])
    bad = np.concatenate([trained_on.bad, held_out.bad])
    median = np.median(points)
    told: list[dict[str, Any]] = []
    for group in sorted(set(of.tolist())):
        inside = of == group
        if inside.sum() < FEWEST_OF_A_GROUP:
            continue
        told.append(
            {
                "group": group,
                "cases": int(inside.sum()),
                "defaults": int(bad[inside].sum()),
                "observed_bp": _bp(float(bad[inside].mean())),
                "expected_bp": _bp(float(default_chance(points[inside]).mean())),
                "points": round(float(points[inside].mean())),
                "upper_half_bp": _bp(float((points[inside] >= median).mean())),
            }
        )
    most = max((one["upper_half_bp"] for one in told), default=0)
    for one in told:
        one["to_best_bp"] = one["upper_half_bp"] * WHOLE // most if most else 0
    return told


def _bp(share: float) -> int:
    return round(share * WHOLE)
