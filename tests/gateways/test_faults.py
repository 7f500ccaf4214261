"""Every gateway against every fault: what may be retried, what not, and nothing personal in what is said."""

import gzip
import json
import time
import traceback
import tracemalloc

import pytest

from gateways.bank_messages import OwnAccount, TransferStatus
from gateways.errors import AnswerMalformed, OutsideError, OutsideRefused, OutsideUnavailable
from gateways.sms import SmsReceipt
from tests.gateways.calling import (
    CALLS,
    CAR,
    DIRECT,
    ISO,
    REGISTERS,
    SOMEBODY,
    Gateways,
    ask,
    debit,
    debit_order,
    mandated,
    transfer,
    transfer_order,
)
from tests.simulators.running import LENDER, Outside, Receiver, free_port

services = pytest.mark.parametrize(
    ("service", "own"),
    [*((service, ISO) for service in CALLS), ("bank", DIRECT)],
    ids=[*CALLS, "bank over the direct link"],
)
links = pytest.mark.parametrize("own", [ISO, DIRECT], ids=["iso20022", "direct"])


def failure(url: str, service: str, timeout_seconds: float = 5, own: OwnAccount = ISO) -> OutsideError:
    with pytest.raises(OutsideError) as caught:
        ask(url, CALLS[service], timeout_seconds=timeout_seconds, own=own)
    told = "".join(traceback.format_exception(caught.value))
    for secret in (SOMEBODY.name, SOMEBODY.id_number, SOMEBODY.mobile, SOMEBODY.account, CAR.vin):
        assert secret not in told.replace(repr(LENDER), "")
    assert caught.value.service == service
    return caught.value


@services
def test_without_a_fault_there_is_an_answer(outside: Outside, service: str, own: OwnAccount) -> None:
    assert ask(outside.url, CALLS[service], own=own) is not None


@services
def test_a_slow_answer_within_the_time_limit_is_an_answer(outside: Outside, service: str, own: OwnAccount) -> None:
    outside.plan_fault(service, "slow", delay_ms=150)
    started = time.monotonic()
    assert ask(outside.url, CALLS[service], own=own) is not None
    assert time.monotonic() - started >= 0.15


@services
@pytest.mark.parametrize("fault", ["slow", "timeout"])
def test_no_answer_within_the_time_limit_may_be_retried(
    outside: Outside, service: str, own: OwnAccount, fault: str
) -> None:
    outside.plan_fault(service, fault, delay_ms=1000)
    started = time.monotonic()
    error = failure(outside.url, service, timeout_seconds=0.2, own=own)
    assert time.monotonic() - started < 0.9
    assert isinstance(error, OutsideUnavailable)
    assert (error.retryable, error.outcome_known) == (True, False)
    assert "no answer within 0.2 s" in str(error)


@services
@pytest.mark.parametrize("fault", ["error_500", "error_503", "lost_answer"])
def test_a_service_that_is_out_of_order_may_be_asked_again(
    outside: Outside, service: str, own: OwnAccount, fault: str
) -> None:
    outside.plan_fault(service, fault)
    error = failure(outside.url, service, own=own)
    assert isinstance(error, OutsideUnavailable)
    assert error.retryable
    assert ask(outside.url, CALLS[service], own=own) is not None


@services
def test_a_service_that_is_not_there_may_be_asked_again(service: str, own: OwnAccount) -> None:
    error = failure(f"http://127.0.0.1:{free_port()}", service, own=own)
    assert isinstance(error, OutsideUnavailable)
    assert "connection failed" in str(error)


@pytest.mark.parametrize("service", CALLS)
def test_a_wrong_credential_is_refused_and_not_retried(outside: Outside, service: str) -> None:
    with pytest.raises(OutsideRefused) as caught:
        ask(outside.url, CALLS[service], credential="stolen")
    assert (caught.value.status, caught.value.outside_code) == (401, "credential_missing")
    assert not caught.value.retryable
    assert caught.value.outcome_known
    assert "stolen" not in str(caught.value)


@pytest.mark.parametrize("service", [*REGISTERS, "sms"])
def test_a_refused_call_is_not_retried(outside: Outside, service: str) -> None:
    outside.plan_fault(service, "decline")
    error = failure(outside.url, service)
    assert isinstance(error, OutsideRefused)
    assert (error.status, error.outside_code, error.retryable) == (422, "declined", False)


@links
@pytest.mark.parametrize("call", [transfer, debit])
def test_a_declined_order_is_a_result(outside: Outside, call: type, own: OwnAccount) -> None:
    outside.plan_fault("bank", "decline", operation=f"{call.__name__}s")
    result = ask(outside.url, call, own=own)
    assert (result.status, result.reason_code, result.amount_fen) == ("declined", "declined_by_bank", 0)


@links
@pytest.mark.parametrize("call", [transfer, debit])
def test_a_pending_order_is_a_result_and_settles_later(outside: Outside, call: type, own: OwnAccount) -> None:
    outside.plan_fault("bank", "pending", operation=f"{call.__name__}s")
    result = ask(outside.url, call, own=own)
    assert (result.status, result.amount_fen, result.booked_on) == ("pending", 0, None)
    outside.answer("POST", "/control/settlements", {})

    settled = ask(outside.url, lambda gateways: gateways.bank.status(result.end_to_end_id), own=own)
    assert settled is not None
    assert (settled.status, settled.amount_fen) == ("settled", 1000)


def test_a_duplicate_message_is_told_as_such(outside: Outside) -> None:
    outside.plan_fault("sms", "duplicate")
    receipt = ask(outside.url, CALLS["sms"])
    assert isinstance(receipt, SmsReceipt)
    assert receipt.duplicate


@links
def test_a_duplicate_transfer_moves_money_once(outside: Outside, own: OwnAccount) -> None:
    balance_fen = outside.balance(LENDER)
    outside.plan_fault("bank", "duplicate")
    assert ask(outside.url, transfer, own=own).status is TransferStatus.SETTLED
    assert outside.balance(LENDER) == balance_fen - 1000


@links
@pytest.mark.parametrize("fault", ["slow", "lost_answer"])
def test_status_tells_what_became_of_a_transfer_without_an_answer(
    outside: Outside, fault: str, own: OwnAccount
) -> None:
    order = transfer_order()
    balance_fen = outside.balance(LENDER)

    async def pay(gateways: Gateways) -> None:
        outside.plan_fault("bank", fault, delay_ms=400, operation="transfers")
        with pytest.raises(OutsideUnavailable):
            await gateways.bank.transfer(order)

    ask(outside.url, pay, timeout_seconds=0.2, own=own)
    time.sleep(0.5)
    result = ask(outside.url, lambda gateways: gateways.bank.status(order.end_to_end_id), own=own)
    assert result is not None
    assert result.status is TransferStatus.SETTLED
    again = ask(outside.url, lambda gateways: gateways.bank.transfer(order), own=own)
    assert again == result
    assert outside.balance(LENDER) == balance_fen - order.amount_fen


@links
@pytest.mark.parametrize("killed_while_debiting", [False, True])
def test_after_sigkill_between_order_and_answer_status_is_right_and_money_moved_once(
    outside: Outside, killed_while_debiting: bool, own: OwnAccount
) -> None:
    paying = transfer_order()
    taking = ask(outside.url, lambda gateways: mandated(gateways, debit_order()), own=own)
    order_id = taking.end_to_end_id if killed_while_debiting else paying.end_to_end_id
    balance_fen = outside.balance(LENDER)

    async def send(gateways: Gateways) -> str:
        result = await (gateways.bank.debit(taking) if killed_while_debiting else gateways.bank.transfer(paying))
        return result.bank_reference

    outside.plan_fault("bank", "lost_answer", delay_ms=5000)
    with pytest.raises(OutsideUnavailable):
        ask(outside.url, send, timeout_seconds=0.3, own=own)
    outside.kill()
    with pytest.raises(OutsideUnavailable):
        ask(outside.url, send, timeout_seconds=0.3, own=own)
    outside.start()
    result = ask(outside.url, lambda gateways: gateways.bank.status(order_id), own=own)
    assert result is not None
    assert result.status is TransferStatus.SETTLED
    assert ask(outside.url, send, own=own) == result.bank_reference
    assert outside.balance(LENDER) == balance_fen + (1000 if killed_while_debiting else -1000)


@services
@pytest.mark.parametrize("status", [408, 425, 429, 502])
def test_a_service_that_says_later_may_be_asked_again(service: str, own: OwnAccount, status: int) -> None:
    with Receiver(status) as receiver:
        assert isinstance(failure(receiver.url, service, own=own), OutsideUnavailable)


@services
def test_a_redirect_is_not_followed(service: str, own: OwnAccount) -> None:
    with Receiver(307) as receiver:
        error = failure(receiver.url, service, own=own)
        assert isinstance(error, OutsideRefused)
        assert len(receiver.received) == 1


@services
@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>maintenance</html>",
        b"{}",
        b"[]",
        b'{"result": "perhaps", "reference": 7, "status": "settled"}',
        b'{"found": true, "enrolled": true, "reference": "x"}',
        "\udcff".encode(errors="surrogatepass"),
    ],
)
def test_a_malformed_answer_is_an_error_and_never_a_default(service: str, own: OwnAccount, body: bytes) -> None:
    with Receiver(200, body) as receiver:
        error = failure(receiver.url, service, own=own)
    assert isinstance(error, AnswerMalformed)
    assert (error.retryable, error.outcome_known) == (False, False)
    assert error.code == "outside_answer_malformed"


@services
def test_an_answer_that_unpacks_to_more_than_agreed_is_not_read(service: str, own: OwnAccount) -> None:
    with Receiver(200, gzip.compress(b" " * 30_000_000)) as receiver:
        receiver.headers["Content-Encoding"] = "gzip"
        tracemalloc.start()
        try:
            error = failure(receiver.url, service, own=own)
            _, most_bytes = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert isinstance(error, AnswerMalformed)
    assert "bytes" in str(error)
    assert most_bytes < 15_000_000


@services
def test_a_malformed_answer_with_personal_data_is_not_repeated(service: str, own: OwnAccount) -> None:
    fields = ("result", "reference", "debt_fen", "school", "model", "status", "amount_fen", "message_id", "duplicate")
    body = dict.fromkeys(fields, SOMEBODY.id_number) | {"found": True, "enrolled": True}
    with Receiver(200, json.dumps(body).encode()) as receiver:
        assert "the answer is not in the agreed form" in str(failure(receiver.url, service, own=own))


@pytest.mark.parametrize("code", [SOMEBODY.id_number, SOMEBODY.name, "a b", "A" * 70])
def test_a_refusals_code_is_passed_on_only_if_it_is_a_word(code: str) -> None:
    with Receiver(400, f'{{"code": "{code}"}}'.encode()) as receiver:
        error = failure(receiver.url, "identity")
    assert isinstance(error, OutsideRefused)
    assert error.outside_code is None
