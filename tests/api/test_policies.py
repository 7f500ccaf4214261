"""Rules as data by API: drafted by one person of risk, back-tested, published by another, compared, and refused."""

import csv
import io
from datetime import timedelta
from typing import Any

import pytest

from books.session import Books
from models.policies import PolicyPart
from services.backtests import one_at_a_time
from tests.api.serving import Caller
from tests.modules.applications import DAY
from tests.services.policies import MICRO_PRICES, micro_rules, put_in_force
from tests.services.procedure import Procedure

AT = f"/policies/{MICRO_PRICES}"
LOWER = {12: {"limit_fen": "700000"}}
PERIOD: dict[str, object] = {"applied_from": str(DAY), "applied_to": str(DAY)}


def drafted(api: Caller, rows: dict[int, dict[str, str]]) -> dict[str, Any]:
    answer = api.post(
        f"{AT}/drafts", {"content": micro_rules(rows, MICRO_PRICES), "reason": "losses went up"}, "risk-shen"
    )
    assert answer.status_code == 201, answer.text
    body: dict[str, Any] = answer.json()
    return body


def test_a_change_goes_from_draft_to_live_decisions(api: Caller, books: Books, procedure: Procedure) -> None:
    loan = procedure.graded()
    shown = drafted(api, LOWER)
    assert (shown["version"], shown["state"], shown["problems"]) == (2, "checked", [])
    assert shown["differences"] == [
        {"row_before": 12, "row_after": 12, "column": "limit_fen", "before": "20000000", "after": "700000"}
    ]

    tested = api.post(f"{AT}/backtest", {"version": 2} | PERIOD, "risk-shen").json()
    assert (tested["cases"], tested["changed"], tested["against"]) == (1, 1, 1)
    assert (tested["report"]["before"]["lendable"], tested["report"]["after"]["lendable"]) == ("12000.00", "7000.00")
    assert api.get(f"/policies/backtests/{tested['id']}", "auditor-wei").json() == tested
    file = api.get(f"/policies/backtests/{tested['id']}/cases", "auditor-wei")
    assert file.headers["content-type"] == "text/csv; charset=utf-8"
    (case,) = csv.DictReader(io.StringIO(file.text))
    assert (case["loan"], case["before_limit"], case["after_limit"]) == (loan, "200000.00", "7000.00")
    assert case["outcome"] == "not_paid_out"
    assert tested["report"]["outcomes"]["before"]["A"] == {
        **{"loans": 0, "defaulted": 0},
        **{"observed": False, "basis_points": 100},
    }
    for part in (tested["report"]["months"], tested["report"]["products"]):
        assert [(one["before"]["expected_loss"], one["after"]["expected_loss"]) for one in part] == [
            ("120.00", "70.00")
        ]

    order = {"version": 2, "starts_on": str(DAY), "reason": "agreed"}
    own = api.post(f"{AT}/publish", order, "risk-shen")
    assert (own.status_code, own.json()["code"]) == (403, "own_policy")
    assert api.post(f"{AT}/publish", order, "risk-qian").json()["state"] == "in_force"
    again = procedure.graded()
    with books.read() as work:
        grading = work.policies.grading(again)
        assert grading is not None
        assert grading.limit_fen == 700_000
        refused = [entry.act for entry in work.audit.page(limit=1000) if entry.refused]
    assert refused == ["publish_version"]
    (policy,) = api.get("/policies?kind=pricing&scope=micro", "risk-qian").json()["items"]
    assert policy == {
        "name": MICRO_PRICES,
        "kind": "pricing",
        "scope": "micro",
        "champion": 2,
        "challenger": None,
        "challenger_share_percent": 0,
        "newest": 2,
    }
    states = [one["state"] for one in api.get(AT, "auditor-wei").json()["items"]]
    assert states == ["in_force", "retired"]


def test_a_draft_with_problems_names_row_and_column_in_both_languages(api: Caller) -> None:
    shown = drafted(api, {6: {"exposure_fen": "> 90元"}})
    assert shown["state"] == "draft"
    (problem,) = shown["problems"]
    assert (problem["row"], problem["column"]) == (6, "exposure_fen")
    assert problem["sentence"] == "an integer cannot be compared with > 90元"
    assert "不能" in problem["sentence_zh"]
    answer = api.post(f"{AT}/publish", {"version": 2, "starts_on": str(DAY), "reason": "now"}, "risk-qian")
    assert (answer.status_code, answer.json()["code"]) == (409, "policy_not_ready")


def test_a_challenger_is_published_compared_and_retired(api: Caller, procedure: Procedure) -> None:
    drafted(api, LOWER)
    api.post(f"{AT}/backtest", {"version": 2} | PERIOD, "risk-shen")
    order = {"version": 2, "starts_on": str(DAY), "reason": "try it", "part": "challenger"}
    assert api.post(f"{AT}/publish", order, "risk-qian").json()["state"] == "challenger"
    procedure.graded()
    compared = api.get(f"{AT}/versions/2/comparison", "risk-shen").json()
    assert (compared["cases"], compared["agreed"], compared["matrix"]["A"]["A"]) == (1, 0, 1)
    assert compared["differing"] == {"outcome": 0, "grade": 0, "limit": 1, "rate": 0}
    assert (compared["champion_lendable"], compared["challenger_lendable"]) == ("12000.00", "7000.00")
    end = {"version": 2, "from_day": str(DAY), "reason": "seen enough"}
    assert api.post(f"{AT}/retire", end, "risk-shen").json()["state"] == "retired"


def test_a_decision_is_made_again(api: Caller, procedure: Procedure) -> None:
    loan = procedure.graded()
    procedure.decide(loan)
    again = api.get(f"/policies/replays/{loan}", "auditor-wei").json()
    (decision,) = again["decisions"]
    assert (again["agrees"], decision["grade"], decision["limit"], decision["differing"]) == (
        True,
        "A",
        "200000.00",
        [],
    )
    chain = ["knockout-micro/1", "grading-micro/1", "pricing-micro/1"]
    assert [step["policy"] for step in decision["steps"]] == ["documents-micro/1", *chain]
    assert decision["steps"][3]["says"]["limit"] == "200000.00"
    (approval,) = again["approvals"]
    assert (approval["policy"], approval["was_in_force"], approval["differing"]) == ("authority-loans/1", True, [])
    with procedure.at() as work:
        grading = work.policies.grading(loan)
        assert grading is not None
        work.write(type(grading)(**grading.model_dump() | {"id": "second", "round": 2, "limit_fen": 1}))
    again = api.get(f"/policies/replays/{loan}", "risk-qian").json()
    assert (again["agrees"], again["decisions"][1]["differing"]) == (False, ["limit"])


@pytest.mark.parametrize(
    ("path", "body", "status", "code"),
    [
        ("/policies/grading-nothing/drafts", {"content": {}, "reason": "why"}, 404, "unknown_policy"),
        ("/policies/secret-micro/drafts", {"content": {}, "reason": "why"}, 404, "unknown_policy"),
        ("/policies/reminders-micro/backtest", {"version": 1} | PERIOD, 409, "policy_without_past"),
        (
            "/policies/reminders-micro/publish",
            {"version": 1, "starts_on": str(DAY), "reason": "why", "part": "challenger"},
            422,
            "invalid_publication",
        ),
        (f"{AT}/drafts", {"content": {}, "reason": " "}, 422, "invalid_publication"),
        (f"{AT}/drafts", {"content": {"x": float("nan")}, "reason": "why"}, 422, "invalid_publication"),
        (f"{AT}/backtest", {"version": 9} | PERIOD, 404, "unknown_policy"),
        (
            f"{AT}/backtest",
            {"version": 1, "applied_from": "2026-02-01", "applied_to": "2026-01-01"},
            422,
            "invalid_backtest_period",
        ),
        (
            f"{AT}/publish",
            {"version": 1, "starts_on": str(DAY - timedelta(days=1)), "reason": "why"},
            422,
            "invalid_publication",
        ),
        (f"{AT}/retire", {"version": 1, "from_day": str(DAY), "reason": "why"}, 409, "policy_not_ready"),
        (f"{AT}/publish", {"version": 0, "starts_on": "never"}, 422, "invalid_request"),
    ],
)
def test_what_cannot_be_is_refused(
    refusing_api: Caller, path: str, body: dict[str, object], status: int, code: str
) -> None:
    answer = refusing_api.post(path, body, "risk-qian")
    assert (answer.status_code, answer.json()["code"]) == (status, code)


def test_the_rules_are_closed_to_who_neither_owns_nor_checks_them(refusing_api: Caller) -> None:
    nothing = "0" * 32
    for who in ("manager-zhao", "finance-sun", "agent-lin", "integrator-demo"):
        for path in (
            *("/policies", AT, f"{AT}/versions/1", f"{AT}/versions/1/comparison"),
            *(f"/policies/backtests/{nothing}", f"/policies/backtests/{nothing}/cases", "/policies/replays/L26000001"),
        ):
            assert refusing_api.get(path, who).status_code == 403, path
    bodies: dict[str, dict[str, object]] = {
        "drafts": {"content": {}, "reason": "why"},
        "backtest": {"version": 1} | PERIOD,
        "publish": {"version": 1, "starts_on": str(DAY), "reason": "why"},
        "retire": {"version": 1, "from_day": str(DAY), "reason": "why"},
    }
    for act, body in bodies.items():
        assert refusing_api.post(f"{AT}/{act}", body, "auditor-wei").status_code == 403, act


def test_two_back_tests_at_a_time_are_one_too_many(api: Caller) -> None:
    with one_at_a_time():
        answer = api.post(f"{AT}/backtest", {"version": 1} | PERIOD, "risk-qian")
    assert (answer.status_code, answer.json()["code"]) == (409, "backtest_running")
    assert api.post(f"{AT}/backtest", {"version": 1} | PERIOD, "risk-qian").status_code == 200


def test_a_challenger_of_a_share_is_listed_with_it(api: Caller, procedure: Procedure) -> None:
    with procedure.at() as work:
        content = micro_rules(LOWER, MICRO_PRICES)
        put_in_force(work, MICRO_PRICES, 2, content, part=PolicyPart.CHALLENGER, share_percent=30)
    (policy,) = [one for one in api.get("/policies", "admin-gu").json()["items"] if one["name"] == MICRO_PRICES]
    assert (policy["champion"], policy["challenger"], policy["challenger_share_percent"]) == (1, 2, 30)
