"""Versions of rules in the tests: small decision models, and versions put in force past all checks of the services."""

import copy
import json
from collections.abc import Mapping
from datetime import date
from typing import Any

from books.session import UnitOfWork
from models.policies import Policy, PolicyPart, PolicyStep, PolicyStepKind
from models.staff import Actor, Role
from services.policy_names import shipped_by
from tests.modules.applications import CATALOGUE

OTHER_RISK = Actor("risk-shen", Role.RISK)
MICRO_RULES = "grading-micro"
MICRO_KNOCKOUTS = "knockout-micro"
MICRO_PRICES = "pricing-micro"


def put_in_force(
    work: UnitOfWork,
    name: str,
    version: int,
    content: Mapping[str, Any],
    *,
    starts_on: date | None = None,
    part: PolicyPart = PolicyPart.CHAMPION,
    share_percent: int = 0,
) -> Policy:
    """A version that is published as it is, whatever is wrong with it."""
    policy = Policy(name=name, version=version, content=dict(content), drafted_by=OTHER_RISK.id, drafted_at=work.now)
    work.write(policy)
    for kind in (PolicyStepKind.CHECKED, PolicyStepKind.PUBLISHED):
        is_start = kind is PolicyStepKind.PUBLISHED
        work.write(
            PolicyStep(
                policy_id=policy.id,
                name=name,
                kind=kind,
                part=part if is_start else None,
                starts_on=(starts_on or work.today) if is_start else None,
                share_percent=share_percent,
                done_by="risk-qian",
                done_at=work.now,
            )
        )
    return policy


def micro_rules(rows: Mapping[int, Mapping[str, str]] | None = None, name: str = MICRO_RULES) -> dict[str, Any]:
    """A shipped table of the microloan with cells of some rows changed; rows count from 1."""
    content = copy.deepcopy(dict(shipped_by(CATALOGUE.product("micro"))[name]))
    for number, cells in (rows or {}).items():
        table_of(content)["rules"][number - 1].update(cells)
    return content


def table_of(content: Mapping[str, Any]) -> dict[str, Any]:
    """The decision table of a model."""
    (table,) = (node["content"] for node in content["nodes"] if node["type"] == "decisionTableNode")
    found: dict[str, Any] = table
    return found


def small_policy(rows: list[dict[str, str]], declared: Mapping[str, str], **further: Any) -> dict[str, Any]:
    """A decision model of these rows over these facts; further parts of the model. Rows may leave outputs out."""
    outputs = ("outcome", "grade", "limit_fen", "annual_rate_percent", "reasons")
    usual = {
        "outcome": '"refer"',
        "grade": '"E"',
        "limit_fen": "100",
        "annual_rate_percent": '"20"',
        "reasons": '["unknown"]',
    }
    schema = {"type": "object", "properties": {fact: {"type": kind} for fact, kind in declared.items()}}
    place = {"x": 0, "y": 0}
    contents: dict[str, dict[str, Any]] = {
        "inputNode": {"schema": json.dumps(schema)},
        "decisionTableNode": {
            "hitPolicy": "first",
            "inputs": [{"id": fact, "name": fact, "field": fact} for fact in declared],
            "outputs": [{"id": name, "name": name, "field": name} for name in outputs],
            "rules": [{"_id": f"row-{n}", **usual, **row} for n, row in enumerate(rows, 1)],
        },
        "outputNode": {},
    }
    return {
        "nodes": [
            {"id": kind, "name": kind, "type": kind, "position": place, "content": content}
            for kind, content in contents.items()
        ],
        "edges": [
            {"id": "1", "type": "edge", "sourceId": "inputNode", "targetId": "decisionTableNode"},
            {"id": "2", "type": "edge", "sourceId": "decisionTableNode", "targetId": "outputNode"},
        ],
        "reasons": {code: {"en": f"{code}.", "zh": f"{code}。"} for code in ("unknown", "large", "near")},
        "remedies": {"large": {"en": "Ask for less.", "zh": "请减少金额。"}},
        **further,
    }


ROWS: list[dict[str, str]] = [
    {"known": "false", "limit_fen": "amount_fen"},
    {
        "amount_fen": "> 5000",
        "outcome": '"refuse"',
        "limit_fen": "0",
        "annual_rate_percent": '"0"',
        "reasons": '["large"]',
    },
    {
        "region": '$ in ["north", "south"]',
        "grade": '"A"',
        "limit_fen": "5000",
        "annual_rate_percent": '"7.2"',
        "reasons": '["near"]',
    },
    {},
]
FACTS = {"amount_fen": 4000, "known": True, "region": "north"}


def policy(rows: list[dict[str, str]] | None = None) -> dict[str, Any]:
    """A small decision model of these rows, or of four good ones."""
    declared = {"amount_fen": "integer", "known": "boolean", "region": "string"}
    return small_policy(copy.deepcopy(ROWS if rows is None else rows), declared)


def changed(row: int, **cells: str) -> list[dict[str, str]]:
    """The four rows with cells of one of them changed; rows count from 0."""
    rows = copy.deepcopy(ROWS)
    rows[row].update(cells)
    return rows
