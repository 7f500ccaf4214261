"""Early warnings by API: own loans, filters, pages, and how good they were."""

import pytest

from tests.api.serving import Caller
from tests.services.procedure import AGENT, OTHER_AGENT, Procedure
from tests.services.test_behaviour import warned_pair


def test_warnings_come_with_reasons_in_both_languages_and_what_to_do(api: Caller, procedure: Procedure) -> None:
    assert api.get("/early-warnings", "risk-qian").json() == {
        "currency": "CNY",
        "month": None,
        "items": [],
        "next": None,
    }
    mine, others = warned_pair(procedure)

    page = api.get("/early-warnings", "risk-qian").json()

    assert (page["month"], page["next"]) == ("2026-02", None)
    assert {one["loan"] for one in page["items"]} == {mine, others}
    for one in page["items"]:
        assert one["urgency"] == "serious"
        assert one["points"] < one["points_before"]
        assert one["task_id"]
        cause = one["causes"][0]
        assert cause["code"] == "two_failed_debits"
        assert all(cause[part][language] for part in ("sentence", "next_step") for language in ("en", "zh"))
        assert all(reason["sentence"]["zh"] for reason in one["reasons"])

    seen = [
        {one["loan"] for one in api.get("/early-warnings", who).json()["items"]} for who in (AGENT.id, OTHER_AGENT.id)
    ]
    assert seen == [{mine}, {others}]


def test_warnings_are_filtered_and_paged(api: Caller, procedure: Procedure) -> None:
    loans = list(warned_pair(procedure))

    first = api.get("/early-warnings?limit=1", "risk-qian").json()
    second = api.get(f"/early-warnings?limit=1&after={first['next']}", "risk-qian").json()
    assert sorted(one["loan"] for page in (first, second) for one in page["items"]) == sorted(loans)
    assert api.get(f"/early-warnings?after={second['next']}", "risk-qian").json()["items"] == []
    for query, found in (
        ("product=micro", loans[:1]),
        ("urgency=watch", []),
        ("band=A", []),
        ("month=2026-01", []),
    ):
        items = api.get(f"/early-warnings?{query}", "risk-qian").json()["items"]
        assert [one["loan"] for one in items] == found


def test_foresight_says_nothing_of_few_cases(api: Caller, procedure: Procedure) -> None:
    warned_pair(procedure)
    assert api.get("/early-warnings/foresight", "manager-zhao").json() == {
        "warned": 0,
        "warned_became_late": 0,
        "precision_bp": None,
        "became_late": 0,
        "became_late_warned": 0,
        "recall_bp": None,
    }


@pytest.mark.parametrize("path", ["/early-warnings", "/early-warnings/foresight"])
def test_others_are_refused(refusing_api: Caller, path: str) -> None:
    for who in ("finance-sun", "admin-gu", "integrator-demo"):
        assert refusing_api.get(path, who).json()["code"] == "not_allowed"


@pytest.mark.parametrize("query", ["month=2026-13", "urgency=high", "band=zz", "after=1", "limit=0", "colour=red"])
def test_what_is_no_filter_is_refused(refusing_api: Caller, query: str) -> None:
    assert refusing_api.get(f"/early-warnings?{query}", "risk-qian").status_code == 422
