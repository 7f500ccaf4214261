"""Limits by API: proposed by one of risk, put in force by the other, seen by everybody."""

from tests.api.serving import Caller
from tests.modules.applications import DAY

RATE = {"tenor": "one_year", "on": str(DAY), "percent": "2.90"}


def test_two_people_of_risk_bring_in_a_publication(api: Caller) -> None:
    body = {"kind": "prime_rate", "row": RATE, "reason": "published today"}
    proposed = api.post("/limits", body, "risk-qian").json()
    assert (proposed["status"], proposed["row"], proposed["decided_by"]) == ("open", RATE, None)
    assert api.get("/limits?status=open", "agent-lin").json()["items"] == [proposed]

    at = f"/limits/{proposed['id']}/decision"
    verdict = {"outcome": "approve", "reason": "looked it up"}
    assert api.post(at, verdict, "risk-qian").json()["code"] == "own_limit"
    assert api.post(at, verdict, "manager-zhao").status_code == 403
    entered = api.post(at, verdict, "risk-shen").json()
    assert (entered["status"], entered["decided_by"]) == ("in_force", "risk-shen")
    assert api.post(at, verdict, "risk-shen").json()["code"] == "limit_decided"
    assert api.post("/limits", body, "risk-shen").json()["code"] == "limit_repeated"

    rates = api.get("/limits?kind=prime_rate&status=in_force", "auditor-wei").json()["items"]
    assert rates[-1] == entered
    assert {one["kind"] for one in rates} == {"prime_rate"}


def test_a_row_that_cannot_be_is_refused_with_its_field(refusing_api: Caller) -> None:
    for kind, row, field in (
        ("prime_rate", RATE | {"percent": "2.9 %"}, "percent"),
        ("cost_cap", {"since": "2027-01-01", "percent": "20"}, "source"),
        ("own_card", {}, "most"),
    ):
        answer = refusing_api.post("/limits", {"kind": kind, "row": row, "reason": "so it is"}, "risk-qian")
        assert (answer.status_code, answer.json()["code"]) == (422, "invalid_limit")
        assert field in answer.json()["fields"]
    verdict = {"outcome": "refuse", "reason": "so it is"}
    assert refusing_api.post(f"/limits/{'0' * 32}/decision", verdict, "risk-qian").json()["code"] == "unknown_limit"
