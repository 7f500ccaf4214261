"""The bank's word on an order is taken only if it is whole and does not contradict itself or the order."""

from datetime import date

import pytest

from gateways.bank_messages import TransferResult, TransferStatus
from gateways.errors import AnswerMalformed, BankMessageBroken
from gateways.iso20022.answers import order_status, recall_status
from simulators.bank.orders import OrderKind, OrderStatus, Receipt
from simulators.bank.xml_reports import order_report, recall_report
from tests.gateways.calling import ISO, ON, ask, transfer_order
from tests.simulators.running import Receiver

KEY = "G-3:transfer:1"
SETTLED = Receipt(KEY, OrderKind.TRANSFER, OrderStatus.SETTLED, 1000, "BK1", ON, None, duplicate=False)
DECLINED = Receipt(KEY, OrderKind.TRANSFER, OrderStatus.DECLINED, 0, "BK1", None, "account_closed", duplicate=False)


def result_of(*changes: tuple[str, str], receipt: Receipt = SETTLED) -> TransferResult:
    """What the gateway makes of an answer, changed here and there."""
    answer = order_report(receipt, ON)
    for old, new in changes:
        assert old in answer
        answer = answer.replace(old, new)
    order = transfer_order(end_to_end_id=KEY)
    with Receiver(200, answer.encode()) as receiver:
        return ask(receiver.url, lambda gateways: gateways.bank.transfer(order), own=ISO)


def test_the_settlement_is_read() -> None:
    result = result_of()
    assert (result.status, result.amount_fen, result.booked_on) == (TransferStatus.SETTLED, 1000, ON)
    assert (result.bank_reference, result.reason_code) == ("BK1", None)


@pytest.mark.parametrize(
    "change",
    [
        (KEY, "G-3:transfer:2"),
        (">10.00<", ">9.99<"),
        (">10.00<", ">10.01<"),
        (">10.00<", ">0.00<"),
        (">10.00<", ">10.001<"),
        (">10.00<", ">-10.00<"),
        (">10.00<", ">NaN<"),
        (">10.00<", ">1E+1000000<"),
        (">10.00<", "><"),
        ("CNY", "USD"),
        (f">{ON}</IntrBkSttlmDt>", ">06.01.2026</IntrBkSttlmDt>"),
        (f"<IntrBkSttlmDt>{ON}</IntrBkSttlmDt>", ""),
        ("ACSC", "MAYB"),
        ("ACSC", "PATC"),
        ("<TxSts>ACSC</TxSts>", ""),
        ("</TxInfAndSts>", "</TxInfAndSts><TxInfAndSts><TxSts>RJCT</TxSts></TxInfAndSts>"),
        ("pain.002.001.10", "pain.002.001.03"),
        ("</Document>", ""),
    ],
)
def test_an_answer_that_contradicts_itself_or_the_order_is_an_error(change: tuple[str, str]) -> None:
    with pytest.raises(AnswerMalformed) as caught:
        result_of(change)
    assert (caught.value.outcome_known, caught.value.retryable) == (False, False)


def test_a_status_of_another_order_is_no_answer() -> None:
    with Receiver(200, order_report(SETTLED, ON).encode()) as receiver:
        told = ask(receiver.url, lambda gateways: gateways.bank.status(KEY), own=ISO)
        assert told is not None
        with pytest.raises(AnswerMalformed, match="another order"):
            ask(receiver.url, lambda gateways: gateways.bank.status("G-3:transfer:2"), own=ISO)


def test_an_error_names_line_and_element_and_no_value() -> None:
    answer = order_report(SETTLED, ON).replace("ACSC", "SECRET").encode()
    with pytest.raises(BankMessageBroken) as caught:
        order_status("transfers", answer)
    assert (caught.value.line, caught.value.element) == (2, "TxSts")
    assert "SECRET" not in str(caught.value)


@pytest.mark.parametrize("code", ["RCVD", "PDNG", "ACTC", "ACCP", "ACSP"])
def test_an_order_on_its_way_is_pending(code: str) -> None:
    assert result_of(("ACSC", code)).status is TransferStatus.PENDING


@pytest.mark.parametrize(
    ("reason", "word"),
    [
        ("<Cd>AC04</Cd>", "account_closed"),
        ("<Cd>AM04</Cd>", "insufficient_funds"),
        ("<Cd>MD01</Cd>", "mandate_unknown"),
        ("<Cd>FF05</Cd>", "bank_ff05"),
        ("<Prtry>card_expired</Prtry>", "card_expired"),
        ("<Prtry>王明 moved away</Prtry>", "declined_by_bank"),
    ],
)
def test_a_reason_becomes_a_word_of_ours(reason: str, word: str) -> None:
    assert result_of(("<Cd>AC04</Cd>", reason), receipt=DECLINED).reason_code == word


def test_a_decline_without_a_reason_is_a_decline() -> None:
    change = ("<StsRsnInf><Rsn><Cd>AC04</Cd></Rsn></StsRsnInf>", "")
    assert result_of(change, receipt=DECLINED).reason_code == "declined_by_bank"


def test_the_answer_to_a_recall_is_read() -> None:
    receipt = Receipt(KEY, OrderKind.RECALL, OrderStatus.SETTLED, 700, "BK2", ON, None, duplicate=False)
    back = recall_status("recall", recall_report(receipt, ON).encode())
    assert (back.end_to_end_id, back.status, back.amount_fen) == (KEY, TransferStatus.SETTLED, 700)
    assert (back.bank_reference, back.booked_on) == ("BK2", date(2026, 1, 6))
    declined = Receipt(KEY, OrderKind.RECALL, OrderStatus.DECLINED, 0, "BK3", None, "not_settled", duplicate=False)
    answer = recall_report(declined, ON).encode()
    assert recall_status("recall", answer).reason_code == "not_settled"
    with pytest.raises(BankMessageBroken, match="OrgnlEndToEndId"):
        recall_status("recall", answer.replace(b"<OrgnlEndToEndId>" + KEY.encode() + b"</OrgnlEndToEndId>", b""))
