"""The bank tells of every booking until it is heard."""

import hashlib
import hmac
import json
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.simulators.orders import debit, draw, holder, transfer
from tests.simulators.running import NOTICE_SECRET, PEOPLE, Outside, Received, Receiver, running_outside


@pytest.fixture(scope="module")
def shared_bank(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Outside]:
    environment = {"LOANWRIGHT_BANK_PROTOCOL": "direct"}
    with running_outside(tmp_path_factory.mktemp("noticing") / "bank", None, environment) as outside:
        yield outside


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as receiver:
        yield receiver


@pytest.fixture
def bank(shared_bank: Outside, receiver: Receiver) -> Iterator[Outside]:
    shared_bank.answer("PUT", "/control/notices", {"url": receiver.url})
    yield shared_bank
    shared_bank.answer("PUT", "/control/notices", {"url": None})


def bodies(received: list[Received]) -> list[dict[str, object]]:
    return [json.loads(one.body) for one in received]


def waiting(bank: Outside) -> list[dict[str, object]]:
    notices: list[dict[str, object]] = bank.answer("GET", "/control/notices")["waiting"]
    return notices


def test_a_booking_is_told_with_a_signature_over_time_and_body(bank: Outside, receiver: Receiver) -> None:
    order = transfer(holder(), 1500)
    receipt = bank.answer("POST", "/bank/transfers", order)
    (notice,) = receiver.wait_for(1)
    assert json.loads(notice.body) == {
        "reference": receipt["bank_reference"],
        "kind": "transfer",
        "status": "settled",
        "end_to_end_id": order["end_to_end_id"],
        "direction": "out",
        "amount_fen": 1500,
        "booked_on": "2026-01-06",
        "counterparty_account": holder().account,
        "counterparty_name": holder().name,
        "text": "loan",
        "reason_code": None,
    }
    timestamp = notice.headers["X-Bank-Timestamp"]
    assert abs(int(timestamp) - time.time()) < 10
    signed = f"{timestamp}.".encode() + notice.body
    expected = hmac.new(NOTICE_SECRET.encode(), signed, hashlib.sha256).hexdigest()
    assert notice.headers["X-Bank-Signature"] == f"v1={expected}"
    assert notice.headers["Content-Type"] == "application/json"


def test_in_iso_20022_a_booking_is_told_as_camt_054_and_a_late_decline_as_pain_002(
    tmp_path: Path, receiver: Receiver
) -> None:
    with running_outside(tmp_path / "bank", receiver.url) as bank:
        receipt = bank.answer("POST", "/bank/transfers", transfer(holder(), 1500))
        bank.answer("POST", "/bank/transfers", transfer(holder()), fault="pending")
        bank.answer("POST", "/control/settlements", {"outcome": "declined"})
        booking, decline = sorted(receiver.wait_for(2), key=lambda one: one.reference)
    assert booking.reference == receipt["bank_reference"]
    assert b"camt.054.001.08" in booking.body
    assert b'<Amt Ccy="CNY">15.00</Amt><CdtDbtInd>DBIT</CdtDbtInd>' in booking.body
    assert b"pain.002.001.10" in decline.body
    assert b"<TxSts>RJCT</TxSts>" in decline.body
    assert {one.headers["Content-Type"] for one in (booking, decline)} == {"application/xml"}


def test_debits_deposits_and_recalls_are_told_as_coming_in(bank: Outside, receiver: Receiver) -> None:
    order = transfer(holder(), 300)
    bank.answer("POST", "/bank/transfers", order)
    path = f"/bank/orders/{order['end_to_end_id']}/recall"
    bank.answer("POST", path, {"reason": "mistake", "value_date": "2026-01-06"})
    draw(bank, holder(), 300, "2026-01-06")
    deposit = debit(holder(), 300, "2026-01-06", text="own")
    bank.answer("POST", "/bank/deposits", deposit)
    notices = bodies(receiver.wait_for(4))
    assert {(notice["kind"], notice["direction"]) for notice in notices} == {
        ("transfer", "out"),
        ("recall", "in"),
        ("debit", "in"),
        ("deposit", "in"),
    }


def test_an_immediate_decline_is_not_told(bank: Outside, receiver: Receiver) -> None:
    bank.answer("POST", "/bank/transfers", transfer(holder(), to_name="别人"))
    settled = bank.answer("POST", "/bank/transfers", transfer(holder()))
    assert [one.reference for one in receiver.wait_for(1)] == [settled["bank_reference"]]


def test_the_decline_of_a_pending_order_is_told_with_its_reason(bank: Outside, receiver: Receiver) -> None:
    bank.answer("POST", "/bank/transfers", transfer(holder()), fault="pending")
    bank.answer("POST", "/control/settlements", {"outcome": "declined"})
    (notice,) = bodies(receiver.wait_for(1))
    assert (notice["status"], notice["amount_fen"], notice["reason_code"]) == ("declined", 0, "declined_by_bank")


def test_a_notice_is_sent_again_until_it_is_accepted(bank: Outside, receiver: Receiver) -> None:
    receiver.statuses = [503, 404]
    bank.answer("POST", "/bank/transfers", transfer(holder()))
    received = receiver.wait_for(3)
    assert len({one.reference for one in received}) == 1
    time.sleep(0.3)
    assert len(receiver.received) == 3
    assert waiting(bank) == []


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_no_acceptance_and_not_followed(bank: Outside, receiver: Receiver, status: int) -> None:
    receiver.statuses = [status]
    bank.answer("POST", "/bank/transfers", transfer(holder()))
    assert len({one.reference for one in receiver.wait_for(2)}) == 1


def test_a_receiver_that_does_not_speak_http_has_taken_nothing(bank: Outside, receiver: Receiver) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        bank.answer("PUT", "/control/notices", {"url": f"http://127.0.0.1:{listening.getsockname()[1]}/"})
        receipt = bank.answer("POST", "/bank/transfers", transfer(holder()))
        connection, _ = listening.accept()
        with connection:
            sent = b""
            while b"reason_code" not in sent:
                sent += connection.recv(65536)
            connection.sendall(b"hello\r\n\r\n")
    bank.answer("PUT", "/control/notices", {"url": receiver.url})
    assert [one.reference for one in receiver.wait_for(1)] == [receipt["bank_reference"]]


def test_the_fault_duplicate_tells_twice_under_one_reference_and_moves_money_once(
    bank: Outside, receiver: Receiver
) -> None:
    balance_fen = bank.balance(holder().account)
    receipt = bank.answer("POST", "/bank/transfers", transfer(holder(), 250), fault="duplicate")
    assert receipt["duplicate"] is True
    assert [one.reference for one in receiver.wait_for(2)] == [receipt["bank_reference"]] * 2
    assert bank.balance(holder().account) == balance_fen + 250


def test_notices_wait_while_there_is_no_address(bank: Outside, receiver: Receiver) -> None:
    bank.answer("PUT", "/control/notices", {"url": None})
    receipt = bank.answer("POST", "/bank/transfers", transfer(holder()))
    assert waiting(bank) == [{"reference": receipt["bank_reference"], "attempts": 0}]
    bank.answer("PUT", "/control/notices", {"url": receiver.url})
    assert [one.reference for one in receiver.wait_for(1)] == [receipt["bank_reference"]]


def test_a_slow_receiver_does_not_hold_up_the_bank(bank: Outside, receiver: Receiver) -> None:
    receiver.delay_seconds = 1
    bank.answer("POST", "/bank/transfers", transfer(holder()))
    started = time.monotonic()
    bank.answer("POST", "/bank/transfers", transfer(holder()))
    assert time.monotonic() - started < 0.5
    receiver.wait_for(2)


def test_notices_survive_the_killed_bank(tmp_path: Path, receiver: Receiver) -> None:
    with running_outside(tmp_path / "bank") as bank:
        receipts = [bank.answer("POST", "/bank/transfers", transfer(holder())) for _ in range(5)]
        bank.kill()
        bank.notice_url = receiver.url
        bank.start()
        received = receiver.wait_for(5)
    assert {one.reference for one in received} == {receipt["bank_reference"] for receipt in receipts}


def test_the_process_ends_in_good_order_while_a_notice_waits(tmp_path: Path) -> None:
    with running_outside(tmp_path / "bank", "http://127.0.0.1:9/notices") as bank:
        bank.answer("POST", "/bank/transfers", transfer(PEOPLE.people[0]))
        started = time.monotonic()
        assert bank.stop() in (0, -15)
        assert time.monotonic() - started < 6
