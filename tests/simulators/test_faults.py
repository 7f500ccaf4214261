"""Each fault does what it says, once, to the call it was meant for."""

import sqlite3
import time

import httpx
import pytest

from tests.simulators.orders import holder, transfer
from tests.simulators.running import LENDER, PEOPLE, Outside

QUESTION = {"name": PEOPLE.people[0].name, "id_number": PEOPLE.people[0].id_number}


def test_a_slow_call_answers_after_its_delay(outside: Outside) -> None:
    started = time.monotonic()
    outside.answer("POST", "/identity/checks", QUESTION, fault="slow:300")
    assert 0.3 <= time.monotonic() - started < 2


@pytest.mark.parametrize("status", [500, 503])
def test_an_error_answers_so_and_does_nothing(outside: Outside, status: int) -> None:
    order = transfer(holder())
    assert outside.call("POST", "/bank/transfers", order, fault=f"error_{status}").status_code == status
    assert outside.call("GET", f"/bank/orders/{order['end_to_end_id']}").status_code == 404


def test_a_timeout_does_nothing_and_drops_the_connection_at_last(outside: Outside) -> None:
    order = transfer(holder())
    with pytest.raises(httpx.RemoteProtocolError, match="without sending a response"):
        outside.call("POST", "/bank/transfers", order, fault="timeout:200")
    assert outside.call("GET", f"/bank/orders/{order['end_to_end_id']}").status_code == 404


def test_a_lost_answer_is_done_all_the_same(outside: Outside) -> None:
    order = transfer(holder(), 600)
    balance_fen = outside.balance(LENDER)
    with pytest.raises(httpx.RemoteProtocolError, match="without sending a response"):
        outside.call("POST", "/bank/transfers", order, fault="lost_answer")
    assert outside.answer("GET", f"/bank/orders/{order['end_to_end_id']}")["status"] == "settled"
    assert outside.balance(LENDER) == balance_fen - 600


def test_the_bank_declines_on_demand_and_moves_nothing(outside: Outside) -> None:
    balance_fen = outside.balance(LENDER)
    receipt = outside.answer("POST", "/bank/transfers", transfer(holder()), fault="decline")
    assert (receipt["status"], receipt["reason_code"]) == ("declined", "declined_by_bank")
    assert outside.balance(LENDER) == balance_fen


@pytest.mark.parametrize("path", ["/identity/checks", "/bureau/reports", "/enrolment/checks"])
def test_a_register_refuses_on_demand(outside: Outside, path: str) -> None:
    refused = outside.call("POST", path, QUESTION, fault="decline")
    assert (refused.status_code, refused.json()["code"]) == (422, "declined")


def test_planned_faults_hit_the_next_matching_calls_and_no_more(outside: Outside) -> None:
    outside.plan_fault("identity", "error_503", times=2)
    outside.plan_fault("identity", "error_500")
    statuses = [outside.call("POST", "/identity/checks", QUESTION).status_code for _ in range(4)]
    assert statuses == [503, 503, 500, 200]


def test_a_fault_planned_for_an_operation_leaves_the_others_alone(outside: Outside) -> None:
    outside.plan_fault("bank", "error_503", operation="recall")
    order = transfer(holder())
    outside.answer("POST", "/bank/transfers", order)
    path = f"/bank/orders/{order['end_to_end_id']}/recall"
    question = {"reason": "mistake", "value_date": "2026-01-06"}
    assert outside.call("POST", path, question).status_code == 503
    assert outside.call("POST", path, question).status_code == 200


def test_forgotten_faults_do_not_happen(outside: Outside) -> None:
    outside.plan_fault("identity", "error_503", times=9)
    assert [fault["times"] for fault in outside.answer("GET", "/control/faults")] == [9]
    outside.call("DELETE", "/control/faults")
    assert outside.call("POST", "/identity/checks", QUESTION).status_code == 200


@pytest.mark.parametrize("path", ["/identity/checks", "/bureau/reports", "/enrolment/checks"])
def test_a_register_answers_nonsense_on_demand(outside: Outside, path: str) -> None:
    answer = outside.call("POST", path, QUESTION, fault="nonsense")
    assert (answer.status_code, answer.json()["found"]) == (200, "perhaps")


@pytest.mark.parametrize(
    ("service", "fault"), [("identity", "pending"), ("bureau", "duplicate"), ("bank", "fire"), ("bank", "nonsense")]
)
def test_a_fault_that_the_service_cannot_show_is_refused(outside: Outside, service: str, fault: str) -> None:
    planned = outside.call("POST", "/control/faults", {"service": service, "fault": fault})
    assert (planned.status_code, planned.json()["code"]) == (422, "fault_unknown")
    path = {"identity": "/identity/checks", "bureau": "/bureau/reports", "bank": "/bank/transfers"}[service]
    assert outside.call("POST", path, QUESTION, fault=fault).json()["code"] == "fault_unknown"
    assert outside.call("POST", path, QUESTION, fault="slow:soon").json()["code"] == "fault_unknown"


def test_a_fault_for_an_operation_that_is_never_called_is_refused(outside: Outside) -> None:
    plan = {"service": "bank", "operation": "transfer", "fault": "decline"}
    planned = outside.call("POST", "/control/faults", plan)
    assert (planned.status_code, planned.json()["code"]) == (422, "fault_unknown")
    assert "transfers" in planned.json()["detail"]
    assert outside.answer("GET", "/control/faults") == []
    assert outside.call("POST", "/control/faults", plan | {"service": "identity"}).status_code == 422


def test_a_duplicate_message_is_told_as_such(outside: Outside) -> None:
    message = {"mobile": holder().mobile, "template": "due", "text": "还款", "key": "twice"}
    assert outside.answer("POST", "/sms/messages", message, fault="duplicate")["duplicate"] is True
    assert len(outside.answer("GET", "/sms/messages?key=twice")) == 1


def test_calls_are_counted_by_operation(outside: Outside) -> None:
    before = outside.answer("GET", "/control/calls").get("enrolment/checks", 0)
    outside.answer("POST", "/enrolment/checks", QUESTION)
    outside.call("POST", "/enrolment/checks", QUESTION, fault="error_500")
    assert outside.answer("GET", "/control/calls")["enrolment/checks"] == before + 2


def test_a_transfer_cut_off_by_sigkill_is_known_after_the_restart_and_booked_once(outside: Outside) -> None:
    order = transfer(holder(), 650)
    balance_fen = outside.balance(LENDER)
    with pytest.raises(httpx.ReadTimeout):
        outside.call("POST", "/bank/transfers", order, fault="lost_answer:5000", timeout_seconds=0.3)
    outside.kill()
    outside.start()
    assert outside.answer("GET", f"/bank/orders/{order['end_to_end_id']}")["status"] == "settled"
    again = outside.answer("POST", "/bank/transfers", order)
    assert again["duplicate"] is True
    assert outside.balance(LENDER) == balance_fen - 650
    with sqlite3.connect(outside.data_dir / "bank.sqlite3") as connection:
        found = connection.execute(
            "SELECT count(*) FROM entries WHERE end_to_end_id = ? AND account = ?", (order["end_to_end_id"], LENDER)
        ).fetchone()
    connection.close()
    assert found == (1,)
