"""Changes by API: previews and refusals with the engine away, and a change from proposal to schedule with it."""

from datetime import timedelta
from typing import Any

import pytest

from models.changes import ChangeKind
from tests.api.serving import Caller
from tests.api.test_commands import House
from tests.api.test_commands import house as house
from tests.api.test_commands import outside as outside
from tests.services.procedure import Procedure
from tests.services.proposals import change, propose

DEFERRAL = {"periods": 2, "reason": "out of work until April"}
BODIES: dict[str, dict[str, Any]] = {
    "deferral": DEFERRAL,
    "restructuring": {"extra_periods": 6, "reason": "lower installments"},
    "rate-change": {"annual_rate_percent": "6.00", "reason": "agreed"},
    "waiver": {"amount": "10.00", "component": "principal", "reason": "goodwill"},
    "fee": {"amount": "10.00", "reason": "dunning letter"},
    "write-off": {"reason": "nothing to be had"},
    "correction": {"amount": "10.00", "channel": "cash", "reason": "paid at the counter"},
}
PROPOSERS = {name: "finance-sun" if name == "correction" else "manager-zhao" for name in BODIES}


def test_a_preview_shows_both_schedules_and_keeps_nothing(api: Caller, procedure: Procedure) -> None:
    loan = procedure.running()
    for name, body in BODIES.items():
        answer = api.post(f"/loans/{loan}/{name}?preview=true", body, PROPOSERS[name])
        assert answer.status_code == 200, answer.text
        shown = answer.json()
        assert (shown["proposal"], shown["status"], shown["task_id"]) == (None, None, None)
        assert shown["before"]["principal_outstanding"] == "12000.00"
        assert len(shown["schedule_before"]) == 12
    deferred = api.post(f"/loans/{loan}/deferral?preview=true", DEFERRAL).json()
    assert len(deferred["schedule_after"]) == 14
    assert (deferred["after"]["next_due_amount"], deferred["amount"]) == ("72.00", "12000.00")
    assert api.get(f"/loans/{loan}/changes").json() == {"items": []}


def test_a_written_off_loan_gives_its_figures_and_a_warning_before(api: Caller, procedure: Procedure) -> None:
    loan = procedure.running()
    shown = api.post(f"/loans/{loan}/write-off?preview=true", BODIES["write-off"], "manager-zhao").json()
    assert shown["warnings"] == ["not_past_due"]
    change(procedure, loan, ChangeKind.WRITE_OFF)
    procedure.day += timedelta(days=1)
    procedure.deposit(loan, 30_000)
    procedure.advance(loan)
    status = api.get(f"/loans/{loan}").json()
    assert (status["written_off"], status["recovered"], status["settlement"]) == ("12000.00", "300.00", "0.00")
    assert "prepay" not in status["actions"]
    rows = api.get(f"/loans/{loan}/schedule").json()["rows"]
    assert [row["written_off"] for row in rows if row["total"] != "0.00"] == ["12000.00"]
    assert all(row["paid_on"] is None for row in rows)
    quote = api.post(f"/loans/{loan}/prepayment-quote", {})
    assert quote.status_code == 422
    assert "is written off" in quote.json()["detail"]


def test_each_role_is_refused_what_is_not_its_own_and_the_refusal_is_kept(api: Caller, procedure: Procedure) -> None:
    loan = procedure.running()
    for name, body in BODIES.items():
        may = {"manager-zhao", "risk-qian"} if name != "correction" else {"finance-sun", "finance-zhou"}
        if name == "deferral":
            may.add("integrator-demo")
        for who in ("manager-zhao", "risk-qian", "finance-sun", "auditor-wei", "admin-gu", "integrator-demo"):
            answer = api.post(f"/loans/{loan}/{name}?preview=true", body, who)
            assert answer.status_code == (200 if who in may else 403), (name, who)
    refused = [entry for entry in procedure.entries(loan) if entry.refused]
    assert {entry.actor_id for entry in refused} >= {"finance-sun", "auditor-wei", "integrator-demo"}


@pytest.mark.parametrize(
    ("name", "body", "field"),
    [
        ("deferral", {"periods": 0, "reason": "x"}, "periods"),
        ("deferral", {"periods": 1}, "reason"),
        ("deferral", {"periods": 1, "reason": "x", "gift": 1}, "gift"),
        ("restructuring", {"reason": "x"}, "due"),
        ("rate-change", {"annual_rate_percent": 6.5, "reason": "x"}, "annual_rate_percent"),
        ("rate-change", {"annual_rate_percent": "1e9", "reason": "x"}, "annual_rate_percent"),
        ("waiver", {"amount": "99999.00", "component": "principal", "reason": "x"}, "amount"),
        ("waiver", {"amount": "NaN", "component": "principal", "reason": "x"}, "amount"),
        ("waiver", {"amount": "1", "component": "subsidy", "reason": "x"}, "component"),
        ("fee", {"amount": "-5", "reason": "x"}, "amount"),
    ],
)
def test_what_cannot_be_is_refused_at_its_field(
    api: Caller, procedure: Procedure, name: str, body: dict[str, Any], field: str
) -> None:
    answer = api.post(f"/loans/{procedure.running()}/{name}", body)
    assert answer.status_code == 422, answer.text
    assert any(field in one for one in answer.json()["fields"]), answer.text


def test_a_second_proposal_and_a_loan_that_is_not_running_are_conflicts(api: Caller, procedure: Procedure) -> None:
    loan = procedure.running()
    propose(procedure, loan, ChangeKind.DEFERRAL, {"periods": 1})
    answer = api.post(f"/loans/{loan}/deferral", DEFERRAL)
    assert (answer.status_code, answer.json()["code"]) == (409, "change_pending")
    answer = api.post(f"/loans/{procedure.offered()}/deferral", DEFERRAL)
    assert (answer.status_code, answer.json()["code"]) == (409, "wrong_stage")


def test_only_its_proposer_takes_a_proposal_back(api: Caller, procedure: Procedure) -> None:
    loan = procedure.running()
    proposal = propose(procedure, loan, ChangeKind.DEFERRAL, {"periods": 1}).proposal
    path = f"/loans/{loan}/changes/{proposal}/withdrawal"
    assert api.post(path, None, "risk-qian").json()["code"] == "not_allowed"
    assert api.post(path.replace(proposal, "0" * 32)).json()["code"] == "unknown_change"


def test_a_stale_proposal_cannot_be_approved_and_says_why(api: Caller, procedure: Procedure) -> None:
    loan = procedure.running()
    result = propose(procedure, loan, ChangeKind.DEFERRAL, {"periods": 1})
    procedure.deposit(loan, 100)
    task = f"/tasks/{result.changes[0].task_id}/decision"
    answer = api.post(task, {"outcome": "approve", "reason": "x"}, "risk-qian")
    assert (answer.status_code, answer.json()["code"]) == (409, "change_stale")
    (shown,) = api.get(f"/loans/{loan}/changes").json()["items"]
    assert (shown["status"], shown["schedule_after"]) == ("open", [])
    returned = api.post(task, {"outcome": "return", "reason": "x"}, "risk-qian")
    assert returned.json()["code"] == "invalid_decision"


def test_a_change_goes_from_proposal_to_the_new_schedule(house: House) -> None:
    loan = house.running()
    api = house.api
    key = {"Idempotency-Key": "deferral-1"}
    first = api.post(f"/loans/{loan}/deferral", DEFERRAL, headers=key)
    assert first.status_code == 200, first.text
    shown = first.json()
    assert (shown["status"], shown["kind"], shown["people"]) == ("open", "deferral", 1)
    assert api.post(f"/loans/{loan}/deferral", DEFERRAL, headers=key).json() == shown
    other = api.post(f"/loans/{loan}/deferral", DEFERRAL | {"periods": 3}, headers=key)
    assert (other.status_code, other.json()["code"]) == (409, "idempotency_conflict")

    task = f"/tasks/{shown['task_id']}/decision"
    decision = {"outcome": "approve", "reason": "the borrower has work from April"}
    assert api.post(task, decision, "finance-sun").status_code in (403, 404)
    assert api.post(task, decision, "manager-zhao").status_code in (403, 404)
    decided = api.post(task, decision, "risk-qian")
    assert (decided.status_code, decided.json()["stage"]) == (200, "repayment")
    assert api.post(task, decision, "risk-qian").json() == decided.json()

    after = api.get(f"/loans/{loan}/schedule").json()["rows"]
    assert [row["total"] for row in after] == [row["total"] for row in shown["schedule_after"]]
    assert api.get(f"/loans/{loan}").json()["terms_version"] == 2
    (change,) = api.get(f"/loans/{loan}/changes").json()["items"]
    assert (change["status"], change["decisions"][0]["decided_by"]) == ("applied", "risk-qian")


def test_a_decision_that_nobody_waits_for_and_a_withdrawal(house: House) -> None:
    loan = house.running()
    api = house.api
    correction = api.post(f"/loans/{loan}/correction", BODIES["correction"], "finance-sun").json()
    task = f"/tasks/{correction['task_id']}/decision"
    decision = {"outcome": "approve", "reason": "receipt seen"}
    assert api.post(task, decision, "finance-sun").json()["code"] == "own_change"
    assert api.post(f"{task}?wait=false", decision, "finance-zhou").status_code == 202
    api.eventually(f"/loans/{loan}/changes", "finance-sun", lambda found: found["items"][0]["status"] == "applied")
    assert api.get(f"/loans/{loan}").json()["credit"] == "10.00"

    proposal = api.post(f"/loans/{loan}/write-off", BODIES["write-off"]).json()["proposal"]
    path = f"/loans/{loan}/changes/{proposal}/withdrawal"
    key = {"Idempotency-Key": "back-1"}
    answers = [api.post(path, headers=key) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, 200]
    assert answers[0].json() == answers[1].json()
    assert api.post(path).json()["code"] == "change_closed"
