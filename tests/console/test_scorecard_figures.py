"""Figures of a scorecard, each of a set small enough to be reckoned by hand."""

import math
from collections.abc import Sequence
from datetime import date

import numpy as np
import pytest

from console.scorecard_figures import _calibration, _fairness, _months, _shares, psi
from console.scorecard_sample import Cases

DAY = date(2026, 1, 5)


def cases(bad: Sequence[bool], days: Sequence[date] | None = None, **groups: Sequence[str]) -> Cases:
    """Cases of which only that is known."""
    return Cases(days or [DAY] * len(bad), [{}] * len(bad), np.array(bad), {}, groups)


def test_the_stability_index_of_two_distributions() -> None:
    """(0.2 - 0.5) ln(0.2 / 0.5) + (0.8 - 0.5) ln(0.8 / 0.5) = 0.3 ln 4."""
    assert psi(np.array([0.5, 0.5]), np.array([0.2, 0.8])) == pytest.approx(0.3 * math.log(4))
    assert psi(np.array([0.2, 0.8]), np.array([0.5, 0.5])) == pytest.approx(0.41589, abs=0.00001)
    assert psi(np.array([0.25, 0.75]), np.array([0.25, 0.75])) == 0


def test_shares_have_half_a_case_in_each_class() -> None:
    """Of 3 and 1 cases: 3.5 and 1.5 of 5. Of none and 2: 0.5 and 2.5 of 3."""
    before, after = _shares(np.array([0, 0, 0, 1]), np.array([1, 1]))
    assert before.tolist() == pytest.approx([0.7, 0.3])
    assert after.tolist() == pytest.approx([1 / 6, 5 / 6])


def test_a_month_says_how_far_its_points_have_moved() -> None:
    """Learnt from 4 cases below 600 points and 4 above; in March 1 and 3: shares of 0.5 against 0.3 and 0.7."""
    base = np.array([590] * 4 + [610] * 4)
    held = cases([False, True, False, False], [date(2026, 3, 2)] * 4)
    (march,) = _months(held, np.array([590, 610, 610, 610]), base, np.array([600]))
    expected = -0.2 * math.log(0.3 / 0.5) + 0.2 * math.log(0.7 / 0.5)
    assert march == {
        "month": "2026-03",
        "cases": 4,
        "defaults": 1,
        "held_out": True,
        "psi_bp": round(expected * 10_000),
    }
    assert march["psi_bp"] == 1695
    (learnt,) = _months(held, None, base, np.array([600]))
    assert (learnt["psi_bp"], learnt["held_out"]) == (None, False)


def test_calibration_sets_stated_beside_observed_defaults() -> None:
    """600 points state 1 default of 31 cases, 620 one of 61, 580 one of 16: odds double with each 20 points."""
    points = np.array([580] * 4 + [600] * 4 + [620] * 4)
    bad = np.array([True, True, True, False] + [True, False, False, False] + [False] * 4)
    found = _calibration(points, bad)
    assert [(one["from"], one["to"], one["cases"]) for one in found] == [(580, 580, 4), (600, 600, 4), (620, 620, 4)]
    assert [one["expected_bp"] for one in found] == [625, 323, 164]
    assert [one["observed_bp"] for one in found] == [7500, 2500, 0]


def test_fairness_tells_each_group_by_its_own_cases() -> None:
    """30 women at 620 points of whom 3 defaulted, 30 men of whom 10 are at 620 and 20 at 580, with 6 defaults; the
    median is 620. Of 29 others nothing is told.
    """
    points = np.array([620] * 30 + [620] * 10 + [580] * 20 + [620] * 29)
    trained = cases([True] * 3 + [False] * 27, sex=["female"] * 30)
    held = cases([True] * 6 + [False] * 24 + [False] * 29, sex=["male"] * 30 + ["other"] * 29)
    assert _fairness(points, trained, held, "sex") == [
        {
            "group": "female",
            "cases": 30,
            "defaults": 3,
            "observed_bp": 1000,
            "expected_bp": 164,
            "points": 620,
            "upper_half_bp": 10_000,
            "to_best_bp": 10_000,
        },
        {
            "group": "male",
            "cases": 30,
            "defaults": 6,
            "observed_bp": 2000,
            # A third of 1 in 61 and two thirds of 1 in 16.
            "expected_bp": 471,
            "points": 593,
            "upper_half_bp": 3333,
            "to_best_bp": 3333,
        },
    ]
