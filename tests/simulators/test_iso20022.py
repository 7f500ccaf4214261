"""The bank in ISO 20022: it takes what the schema admits and its rules allow, and keeps one order to a message."""

from datetime import date
from itertools import count

import httpx
import pytest

from gateways.bank_messages import DebitOrder, Mandate, OwnAccount, TransferOrder
from gateways.iso20022 import orders
from tests.simulators.orders import holder, transfer
from tests.simulators.running import LENDER, Outside

OWN = OwnAccount()
DAY = date(2026, 1, 6)

_numbers = count(1)


def pain001(amount_fen: int = 1000) -> str:
    person = holder()
    order = TransferOrder(f"X-1:transfer:{next(_numbers)}", person.account, person.name, amount_fen, DAY, "loan")
    return orders.transfer(order, OWN).decode()


def pain008(mandate: Mandate | None = None) -> str:
    person = holder()
    key = f"X-1:debit:{next(_numbers)}"
    order = DebitOrder(key, person.account, person.name, 500, DAY, "installment", mandate=mandate)
    return orders.debit(order, OWN).decode()


def entered(outside: Outside) -> Mandate:
    person = holder()
    facts = {"account": person.account, "name": person.name, "signed_on": f"{DAY}", "document_sha256": "a" * 64}
    answer = outside.answer("POST", "/bank/mandates", facts | {"key": "X-1:mandate"})
    return Mandate(answer["mandate_id"], DAY)


def send(outside: Outside, path: str, body: str | bytes) -> httpx.Response:
    headers = {"Authorization": "Bearer demo-bank", "Content-Type": "application/xml"}
    content = body.encode() if isinstance(body, str) else body
    return httpx.post(outside.url + path, content=content, headers=headers)


def test_transfer_and_debit_are_carried_out_and_answered_with_a_status_report(outside: Outside) -> None:
    balance_fen = outside.balance(LENDER)
    for path, body in (("/bank/transfers", pain001()), ("/bank/debits", pain008(entered(outside)))):
        answer = send(outside, path, body)
        assert answer.headers["Content-Type"] == "application/xml"
        assert "pain.002.001.10" in answer.text
        assert "<TxSts>ACSC</TxSts>" in answer.text
    assert outside.balance(LENDER) == balance_fen - 1000 + 500


def test_a_repeated_message_gets_the_first_result(outside: Outside) -> None:
    body = pain001()
    first = send(outside, "/bank/transfers", body)
    balance_fen = outside.balance(LENDER)
    assert send(outside, "/bank/transfers", body).text == first.text
    assert outside.balance(LENDER) == balance_fen


def test_the_same_order_is_known_whichever_link_it_came_by(outside: Outside) -> None:
    order = transfer(holder())
    outside.answer("POST", "/bank/transfers", order)
    answer = httpx.get(
        f"{outside.url}/bank/orders/{order['end_to_end_id']}",
        headers={"Authorization": "Bearer demo-bank", "Accept": "application/xml"},
    )
    assert "<TxSts>ACSC</TxSts>" in answer.text


def test_a_message_id_that_came_with_another_order_is_refused(outside: Outside) -> None:
    first, other = pain001(), pain001()
    send(outside, "/bank/transfers", first)
    key = first.split("<MsgId>")[1].split("<")[0]
    stolen = other.replace(f"<MsgId>{other.split('<MsgId>')[1].split('<')[0]}<", f"<MsgId>{key}<")
    answer = send(outside, "/bank/transfers", stolen)
    assert (answer.status_code, answer.json()["code"]) == (409, "message_id_taken")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("<CtrlSum>10.00", "<CtrlSum>10.01"),
        ('Ccy="CNY"', 'Ccy="USD"'),
        (LENDER, "6200000000000000009"),
        ("<NbOfTxs>1<", "<NbOfTxs>2<"),
        (">10.00<", ">10.001<"),
        (">10.00<", ">-10.00<"),
        (">10.00<", ">0.00<"),
        ("<PmtMtd>TRF</PmtMtd>", "<PmtMtd>GIFT</PmtMtd>"),
        ("<PmtMtd>TRF</PmtMtd>", ""),
        ("<Cdtr><Nm>", "<Cdtr><Surprise/><Nm>"),
        ("pain.001.001.09", "pain.001.001.03"),
        ("</Document>", ""),
        ("<?xml", "<!DOCTYPE x [<!ENTITY y 'z'>]><?xml"),
        (">2026-01-06<", ">9999-01-06<"),
    ],
)
def test_a_message_that_breaks_schema_or_rules_is_refused_and_moves_nothing(
    outside: Outside, old: str, new: str
) -> None:
    body = pain001()
    assert old in body
    balance_fen = outside.balance(LENDER)
    answer = send(outside, "/bank/transfers", body.replace(old, new))
    assert (answer.status_code, answer.json()["code"] in ("message_refused", "malformed")) == (422, True)
    assert holder().name not in answer.text
    assert outside.balance(LENDER) == balance_fen


def test_a_debit_is_no_transfer_and_a_mandate_no_xml(outside: Outside) -> None:
    assert send(outside, "/bank/transfers", pain008()).json()["code"] == "message_refused"
    assert send(outside, "/bank/mandates", pain008()).json()["code"] == "malformed"
    assert send(outside, "/bank/transfers", b"<" * 70_000).json()["code"] == "message_refused"


def test_an_order_in_json_must_be_signed(outside: Outside) -> None:
    answer = httpx.post(
        f"{outside.url}/bank/transfers", json=transfer(holder()), headers={"Authorization": "Bearer demo-bank"}
    )
    assert (answer.status_code, answer.json()["code"]) == (401, "signature_wrong")


def test_a_fault_is_shown_in_xml_as_well(outside: Outside) -> None:
    outside.plan_fault("bank", "decline", operation="transfers")
    answer = send(outside, "/bank/transfers", pain001())
    assert "<TxSts>RJCT</TxSts>" in answer.text
    assert "<Cd>MS03</Cd>" in answer.text
