"""Grading by the score: rows for a grading table that keep low points out of the better grades."""

import json
from collections.abc import Mapping
from copy import deepcopy
from typing import Any

from models.policies import PolicyKind
from services.policy_cells import constant

LOWEST_POINTS: Mapping[str, int] = {"E": 540, "D": 560}
"""Below so many points a case gets this grade at best. On the scale of trained cards, 600 points for odds of 30 and 20
more for twice as many, 540 are odds of 3.75 good ones to a default, and 560 of 7.5."""
REASON = "score_low"
SENTENCES = {
    "en": "The credit score is low; what costs most points is told with the score.",
    "zh": "信用评分较低；主要扣分原因见评分说明。",
}


def with_score(content: Mapping[str, Any], lowest_points: Mapping[str, int] = LOWEST_POINTS) -> dict[str, Any]:
    """A grading table with the score as a fact: whoever has fewer points is not graded better, where a score is known.

    The new rows stand before the first one that gives an A. A table that gives limit and rate itself is refused
    (ValueError): pricing does that for what is graded by score.
    """
    told = deepcopy(dict(content))
    source = next(node["content"] for node in told["nodes"] if node["type"] == "inputNode")
    table = next(node["content"] for node in told["nodes"] if node["type"] == "decisionTableNode")
    outputs = [one["field"] for one in table["outputs"]]
    if sorted(outputs) != ["grade", "outcome", "reasons"]:
        raise ValueError(f"a {PolicyKind.GRADING} table that gives limit and rate is not graded by score")
    schema = json.loads(source["schema"])
    for fact, kind in (("score", "integer"), ("score_known", "boolean")):
        schema["properties"].setdefault(fact, {"type": kind})
        schema.setdefault("required", []).append(fact)
        table["inputs"].append({"id": fact, "name": fact, "field": fact})
    source["schema"] = json.dumps(schema)
    columns = {one["field"]: one["id"] for one in table["outputs"]}
    first = next(place for place, row in enumerate(table["rules"]) if constant(row[columns["grade"]]) == "A")
    rows = [
        {
            "_id": f"score-{grade}",
            "score_known": "true",
            "score": f"< {points}",
            columns["outcome"]: '"refer"',
            columns["grade"]: f'"{grade}"',
            columns["reasons"]: f'["{REASON}"]',
        }
        for grade, points in sorted(lowest_points.items(), key=lambda pair: pair[1])
    ]
    table["rules"][first:first] = rows
    told["reasons"] = {**told["reasons"], REASON: SENTENCES}
    return told
