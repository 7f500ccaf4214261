"""Orders in ISO 20022 are such as a bank's schema admits, say what was ordered, and are always the same message."""

from dataclasses import replace
from datetime import date
from importlib.resources import files

import pytest
from lxml import etree  # type: ignore[import-untyped]  # lxml ships no types

from gateways.bank_messages import DebitOrder, Mandate, OwnAccount, TransferOrder
from gateways.errors import OrderUnsendable
from gateways.iso20022 import orders

OWN = OwnAccount(number="6200000000000000001", name="本行放款专户", clearing_code="102100099996")
TRANSFER = TransferOrder(
    "L26000001:disbursement:1", "6990000000012345", "欧阳 雨欣", 1_234_567, date(2026, 1, 6), "放款 L26000001"
)
DEBIT = DebitOrder("L26000001:installment:2", "6990000000012345", "欧阳 雨欣", 50, date(2026, 2, 6), "还款")


def texts(body: bytes, *path: str) -> list[str]:
    """The texts of elements by their path, each part somewhere within the one before."""
    found = [etree.fromstring(body)]
    for part in path:
        found = [inner for one in found for inner in one.iter(f"{{*}}{part}") if inner is not one]
    return [one.text for one in found]


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        (orders.TRANSFER, orders.transfer(TRANSFER, OWN)),
        (orders.TRANSFER, orders.transfer(replace(TRANSFER, to_bank="103100000026", purpose=""), OWN)),
        (orders.DEBIT, orders.debit(DEBIT, OWN)),
        (orders.DEBIT, orders.debit(replace(DEBIT, partial=True, from_bank="103100000026"), OWN)),
        (orders.DEBIT, orders.debit(replace(DEBIT, mandate=Mandate("MD1", date(2026, 1, 1))), OWN)),
    ],
)
def test_the_published_schema_admits_every_order(kind: str, body: bytes) -> None:
    schema = files("sepaxml").joinpath("schemas", f"{kind}.xsd").read_bytes()
    etree.XMLSchema(etree.fromstring(schema)).assertValid(etree.fromstring(body))


def test_a_transfer_names_account_holder_amount_day_and_banks() -> None:
    body = orders.transfer(replace(TRANSFER, to_bank="103100000026"), OWN)
    assert texts(body, "EndToEndId") == texts(body, "MsgId") == ["L26000001:disbursement:1"]
    assert texts(body, "InstdAmt") == texts(body, "CtrlSum")[:1] == ["12345.67"]
    assert etree.fromstring(body).find(".//{*}InstdAmt").get("Ccy") == "CNY"
    assert texts(body, "ReqdExctnDt", "Dt") == ["2026-01-06"]
    assert texts(body, "DbtrAcct", "Othr", "Id") == ["6200000000000000001"]
    assert texts(body, "CdtrAcct", "Othr", "Id") == ["6990000000012345"]
    assert texts(body, "CdtrAcct", "Cd") == ["BBAN"]
    assert texts(body, "Cdtr", "Nm") == ["欧阳 雨欣"]
    assert texts(body, "DbtrAgt", "MmbId") == ["102100099996"]
    assert texts(body, "CdtrAgt", "MmbId") == ["103100000026"]
    assert texts(body, "ClrSysId", "Cd") == ["CNAPS", "CNAPS"]
    assert texts(body, "Ustrd") == ["放款 L26000001"]


def test_a_debit_names_its_mandate_and_whether_a_part_will_do() -> None:
    body = orders.debit(replace(DEBIT, partial=True, mandate=Mandate("MD0000000007", date(2026, 1, 5))), OWN)
    assert texts(body, "InstdAmt") == ["0.50"]
    assert texts(body, "MndtId") == ["MD0000000007"]
    assert texts(body, "DtOfSgntr") == ["2026-01-05"]
    assert texts(body, "ReqdColltnDt") == ["2026-02-06"]
    assert texts(body, "LclInstrm", "Prtry") == ["PART"]
    assert texts(body, "CdtrAcct", "Othr", "Id") == ["6200000000000000001"]
    assert texts(body, "DbtrAcct", "Othr", "Id") == ["6990000000012345"]
    assert texts(orders.debit(DEBIT, OWN), "LclInstrm", "Prtry") == []


def test_the_same_order_is_the_same_message_byte_for_byte() -> None:
    assert orders.transfer(TRANSFER, OWN) == orders.transfer(TRANSFER, OWN)
    assert orders.debit(DEBIT, OWN) == orders.debit(DEBIT, OWN)


def test_markup_in_a_name_stays_a_name() -> None:
    body = orders.transfer(replace(TRANSFER, to_name="</Nm><Nm>张 & 李"), OWN)
    assert texts(body, "Cdtr", "Nm") == ["</Nm><Nm>张 & 李"]


@pytest.mark.parametrize(
    ("change", "element"),
    [
        ({"to_name": "王" * 141}, "Nm"),
        ({"to_account": "6" * 35}, "Id"),
        ({"purpose": "x" * 141}, "Ustrd"),
        ({"amount_fen": 10**18 + 1}, "InstdAmt"),
        ({"to_name": "王\x00"}, "characters"),
        ({"to_name": "王\x1b"}, "characters"),
        ({"to_name": "王\ud800"}, "characters"),
        ({"end_to_end_id": "x" * 36}, "1 to 35"),
        ({"end_to_end_id": ""}, "1 to 35"),
    ],
)
def test_what_the_form_does_not_admit_is_not_sent(change: dict[str, object], element: str) -> None:
    order = replace(TRANSFER, **change)  # type: ignore[arg-type]  # a test changes fields by name
    with pytest.raises(OrderUnsendable, match=element) as caught:
        orders.transfer(order, OWN)
    assert (caught.value.retryable, caught.value.outcome_known) == (False, True)
    assert "王" not in str(caught.value)
