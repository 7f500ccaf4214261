"""Only what the bank signed, lately and in the agreed form, is believed."""

import hashlib
import hmac
import json
from datetime import UTC, datetime, timedelta

import pytest

from gateways.bank_messages import MOST_FEN
from gateways.errors import NoticeRejected
from gateways.notices import NoticeKind, verify_notice
from models.statements import Direction
from simulators.bank.orders import Notice, OrderKind, OrderStatus
from simulators.bank.xml_reports import notice as notice_in_xml
from tests.gateways.calling import ON, SOMEBODY, ask, transfer
from tests.simulators.running import LENDER, NOTICE_SECRET, Outside, Receiver

NOW = datetime(2026, 1, 6, 12, 0, tzinfo=UTC)
NOTICE: dict[str, object] = {
    "reference": "BK000000000001",
    "kind": "deposit",
    "status": "settled",
    "end_to_end_id": "OWN-1",
    "direction": "in",
    "amount_fen": 5000,
    "booked_on": "2026-01-06",
    "counterparty_account": SOMEBODY.account,
    "counterparty_name": SOMEBODY.name,
    "text": "还款",
    "reason_code": None,
}


def signed(body: bytes, at: datetime = NOW, secret: str = NOTICE_SECRET) -> dict[str, str]:
    timestamp = str(int(at.timestamp()))
    mac = hmac.new(secret.encode(), timestamp.encode() + b"." + body, hashlib.sha256).hexdigest()
    return {"x-bank-timestamp": timestamp, "X-BANK-SIGNATURE": f"v1={mac}"}


def test_what_the_bank_sends_is_believed_also_the_second_time(noticing_bank: Outside, receiver: Receiver) -> None:
    noticing_bank.plan_fault("bank", "duplicate")
    result = ask(noticing_bank.url, transfer)
    notices = [verify_notice(one.body, one.headers, NOTICE_SECRET) for one in receiver.wait_for(2)]
    assert notices[0] == notices[1]
    assert (notices[0].reference, notices[0].kind) == (result.bank_reference, NoticeKind.TRANSFER)
    assert (notices[0].direction, notices[0].amount_fen) == (Direction.OUT, 1000)
    assert (notices[0].counterparty_account, notices[0].counterparty_name) == (SOMEBODY.account, SOMEBODY.name)


def test_a_signed_notice_is_read_whatever_the_case_of_its_headers() -> None:
    body = json.dumps(NOTICE).encode()
    notice = verify_notice(body, signed(body), NOTICE_SECRET, now=NOW)
    assert (notice.kind, notice.amount_fen, notice.text) == (NoticeKind.DEPOSIT, 5000, "还款")
    assert SOMEBODY.account not in repr(notice)
    assert SOMEBODY.name not in repr(notice)


def test_a_changed_body_is_rejected() -> None:
    body = json.dumps(NOTICE).encode()
    with pytest.raises(NoticeRejected, match="not signed"):
        verify_notice(body.replace(b"5000", b"9000"), signed(body), NOTICE_SECRET, now=NOW)


def test_another_secret_is_rejected() -> None:
    body = json.dumps(NOTICE).encode()
    with pytest.raises(NoticeRejected, match="not signed"):
        verify_notice(body, signed(body, secret="guess"), NOTICE_SECRET, now=NOW)


def test_a_changed_timestamp_is_rejected() -> None:
    body = json.dumps(NOTICE).encode()
    headers = signed(body, NOW - timedelta(days=1)) | {"x-bank-timestamp": str(int(NOW.timestamp()))}
    with pytest.raises(NoticeRejected, match="not signed"):
        verify_notice(body, headers, NOTICE_SECRET, now=NOW)


@pytest.mark.parametrize("shift", [timedelta(seconds=301), timedelta(seconds=-301)])
def test_an_old_notice_and_one_from_the_future_are_rejected(shift: timedelta) -> None:
    body = json.dumps(NOTICE).encode()
    with pytest.raises(NoticeRejected, match="five minutes"):
        verify_notice(body, signed(body), NOTICE_SECRET, now=NOW + shift)
    within = shift - timedelta(seconds=2) if shift > timedelta() else shift + timedelta(seconds=2)
    assert verify_notice(body, signed(body), NOTICE_SECRET, now=NOW + within)


@pytest.mark.parametrize("timestamp", ["", "soon", "-1", "²", "9" * 40])
def test_a_notice_without_a_proper_timestamp_is_rejected(timestamp: str) -> None:
    body = json.dumps(NOTICE).encode()
    with pytest.raises(NoticeRejected, match="no timestamp"):
        verify_notice(body, signed(body) | {"x-bank-timestamp": timestamp}, NOTICE_SECRET, now=NOW)


@pytest.mark.parametrize("signature", ["", "v1=", "v1=ü"])
def test_a_notice_without_a_proper_signature_is_rejected(signature: str) -> None:
    body = json.dumps(NOTICE).encode()
    headers = {"x-bank-timestamp": str(int(NOW.timestamp())), "x-bank-signature": signature}
    with pytest.raises(NoticeRejected, match="not signed"):
        verify_notice(body, headers, NOTICE_SECRET, now=NOW)


@pytest.mark.parametrize(
    "change",
    [
        {"amount_fen": -5},
        {"amount_fen": 0},
        {"amount_fen": "5000"},
        {"amount_fen": MOST_FEN + 1},
        {"amount_fen": 9 * 10**18},
        {"amount_fen": 10**25},
        {"kind": "gift"},
        {"reference": ""},
        {"reference": "BK\0001"},
        {"reference": "BK1\n"},
        {"reference": "B" * 65},
        {"status": "declined"},
        {"booked_on": "yesterday"},
    ],
)
def test_a_signed_notice_in_another_form_is_rejected_without_repeating_it(change: dict[str, object]) -> None:
    body = json.dumps(NOTICE | change).encode()
    with pytest.raises(NoticeRejected, match="agreed form") as caught:
        verify_notice(body, signed(body), NOTICE_SECRET, now=NOW)
    assert SOMEBODY.account not in str(caught.value)


def test_the_largest_amount_is_still_taken() -> None:
    body = json.dumps(NOTICE | {"amount_fen": MOST_FEN}).encode()
    assert verify_notice(body, signed(body), NOTICE_SECRET, now=NOW).amount_fen == MOST_FEN


def test_no_text_of_a_notice_loses_it() -> None:
    """Control characters become spaces, so that what they part stays apart; what is too long is cut."""
    texts = {
        "counterparty_account": "62\x00",
        "counterparty_name": "王\x00先生" + "x" * 50_000,
        "text": "还款\r\nL26000001\x1b\x85" + "好" * 10_000,
        "end_to_end_id": "\x00" + "e" * 5_000,
    }
    body = json.dumps(NOTICE | texts).encode()
    notice = verify_notice(body, signed(body), NOTICE_SECRET, now=NOW)
    assert notice.counterparty_account == "62 "
    assert notice.counterparty_name == "王 先生" + "x" * 496
    assert notice.text == "还款  L26000001  " + "好" * 485
    assert notice.end_to_end_id == " " + "e" * 95
    declined = {"status": "declined", "amount_fen": 0, "reason_code": "why\x00" + "!" * 5_000}
    body = json.dumps(NOTICE | declined).encode()
    assert verify_notice(body, signed(body), NOTICE_SECRET, now=NOW).reason_code == "why " + "!" * 60


def test_a_late_decline_is_a_notice_with_its_reason() -> None:
    change = {"kind": "transfer", "status": "declined", "amount_fen": 0, "reason_code": "account_closed"}
    body = json.dumps(NOTICE | change).encode()
    assert verify_notice(body, signed(body), NOTICE_SECRET, now=NOW).reason_code == "account_closed"


# -- notices in ISO 20022 ----------------------------------------------------------------------------------------------


def told(kind: OrderKind = OrderKind.DEPOSIT, status: OrderStatus = OrderStatus.SETTLED) -> Notice:
    """What the bank would tell of an order."""
    settled = status is OrderStatus.SETTLED
    returned = kind is OrderKind.RETURN
    return Notice(
        reference="BK000000000009",
        kind=kind,
        status=status,
        end_to_end_id="L26000001:order:1",
        direction="out" if kind in (OrderKind.TRANSFER, OrderKind.RETURN) else "in",
        amount_fen=5000 if settled else 0,
        booked_on=ON,
        counterparty_account=SOMEBODY.account,
        counterparty_name=SOMEBODY.name,
        text="" if returned else "还款 L26000001",
        reason_code=None if settled and not returned else "account_closed",
    )


@pytest.mark.parametrize("kind", list(OrderKind))
def test_a_booking_in_xml_says_what_it_says_in_json(kind: OrderKind) -> None:
    in_xml = notice_in_xml(told(kind), LENDER).encode()
    in_json = json.dumps(
        NOTICE
        | {
            "reference": "BK000000000009",
            "kind": kind,
            "end_to_end_id": "L26000001:order:1",
            "direction": told(kind).direction,
            "text": told(kind).text,
            "reason_code": told(kind).reason_code,
        }
    ).encode()
    from_xml, from_json = (verify_notice(body, signed(body), NOTICE_SECRET, now=NOW) for body in (in_xml, in_json))
    assert from_xml == from_json


@pytest.mark.parametrize("kind", [OrderKind.TRANSFER, OrderKind.DEBIT, OrderKind.RECALL])
def test_a_late_decline_in_xml_names_its_order_and_its_reason(kind: OrderKind) -> None:
    body = notice_in_xml(told(kind, OrderStatus.DECLINED), LENDER).encode()
    notice = verify_notice(body, signed(body), NOTICE_SECRET, now=NOW)
    assert (notice.status, notice.kind, notice.reason_code) == ("declined", NoticeKind(kind), "account_closed")
    assert (notice.end_to_end_id, notice.amount_fen, notice.booked_on) == ("L26000001:order:1", 0, ON)


def test_a_payer_who_gave_no_end_to_end_id_has_none() -> None:
    body = notice_in_xml(told(), LENDER).replace("L26000001:order:1", "NOTPROVIDED").encode()
    assert verify_notice(body, signed(body), NOTICE_SECRET, now=NOW).end_to_end_id is None


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("CNY", "USD"),
        (">50.00<", ">0.00<"),
        (">50.00<", ">-50.00<"),
        (">50.00<", ">50.001<"),
        ("BK000000000009", "B" * 36),
        ("L26000001:order:1", "L" * 36),
        ("<Cd>BOOK</Cd>", "<Cd>PDNG</Cd>"),
        ("camt.054.001.08", "camt.053.001.08"),
        ("</Document>", ""),
        ("<?xml", "<!DOCTYPE x [<!ENTITY y SYSTEM 'file:///etc/hostname'>]><?xml"),
        ("<CdtDbtInd>CRDT</CdtDbtInd>", ""),
        ("<CdtDbtInd>CRDT</CdtDbtInd>", "<CdtDbtInd>CRDT</CdtDbtInd><CdtDbtInd>DBIT</CdtDbtInd>"),
        ('<Amt Ccy="CNY">50.00</Amt>', '<Amt Ccy="CNY">50.00</Amt><Amt Ccy="CNY">60.00</Amt>'),
        (">50.00<", "><x/>50.00<"),
        (">50.00<", ">50.00<x/>9<"),
        (">50.00<", ">５０.００<"),
        (">50.00<", ">50.００<"),
    ],
)
def test_a_signed_notice_in_xml_that_breaks_a_rule_is_rejected(old: str, new: str) -> None:
    text = notice_in_xml(told(), LENDER)
    assert old in text
    body = text.replace(old, new).encode()
    with pytest.raises(NoticeRejected, match="agreed form") as caught:
        verify_notice(body, signed(body), NOTICE_SECRET, now=NOW)
    assert SOMEBODY.name not in str(caught.value)


def test_a_booking_on_another_account_of_ours_is_rejected() -> None:
    """It would stand in the ledger's bank account, and be missing in that account's statement."""
    body = notice_in_xml(told(), LENDER).encode()
    assert verify_notice(body, signed(body), NOTICE_SECRET, now=NOW, account=LENDER).amount_fen == 5000
    with pytest.raises(NoticeRejected, match="another account"):
        verify_notice(body, signed(body), NOTICE_SECRET, now=NOW, account="6200000000000000002")


@pytest.mark.parametrize(
    ("end_to_end_id", "kind"), [("L26000001:order:1", NoticeKind.DEBIT), ("NOTPROVIDED", NoticeKind.DEPOSIT)]
)
def test_money_without_a_bank_transaction_code_is_a_debit_if_it_names_an_order(
    end_to_end_id: str, kind: NoticeKind
) -> None:
    text = notice_in_xml(told(), LENDER).replace("L26000001:order:1", end_to_end_id)
    body = text.replace("<Fmly><Cd>RCDT</Cd>", "<Fmly><Cd>XXXX</Cd>").encode()
    assert verify_notice(body, signed(body), NOTICE_SECRET, now=NOW).kind is kind


def test_two_bookings_in_one_notice_are_rejected() -> None:
    """The agreed form is one notice a booking; nothing of two is taken rather than one of them."""
    text = notice_in_xml(told(), LENDER)
    start, end = text.index("<Ntry>"), text.index("</Ntry>") + len("</Ntry>")
    body = (text[:end] + text[start:end] + text[end:]).encode()
    with pytest.raises(NoticeRejected, match="occurs 2 times"):
        verify_notice(body, signed(body), NOTICE_SECRET, now=NOW)


def test_a_settlement_reported_without_its_booking_is_no_notice() -> None:
    text = notice_in_xml(told(OrderKind.TRANSFER, OrderStatus.DECLINED), LENDER)
    body = text.replace("RJCT", "PDNG").encode()
    with pytest.raises(NoticeRejected, match="only a decline"):
        verify_notice(body, signed(body), NOTICE_SECRET, now=NOW)
