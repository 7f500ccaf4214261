"""A statement is believed only if every rule holds, and a message that wants to do harm does none."""

import time
from collections.abc import Callable, Sequence
from datetime import date

import pytest
from lxml import etree  # type: ignore[import-untyped]  # lxml ships no types

from bench.statements import camt053, day_of_entries
from gateways.errors import BankMessageBroken
from gateways.iso20022.statements import read_balance, read_statement
from gateways.iso20022.xml import SMALL
from models.statements import Direction, Statement
from simulators.bank.store import Entry
from simulators.bank.xml_reports import balance_report, statement
from tests.simulators.running import LENDER

DAY = date(2026, 1, 6)
ENTRIES = (
    Entry("BK01", "L26000001:disbursement:1", "transfer", -600_000, DAY, "6990000000012345", "王明", "放款"),
    Entry("BK02", "L26000002:installment:3", "debit", 123_45, DAY, "6990000000054321", "欧阳雨欣", "还款"),
    Entry("BK03", None, "deposit", 5, DAY, "6230000000000000077", "付款人", "L26000003 还款"),
    Entry("BK04", "L26000001:disbursement:1", "recall", 600_000, DAY, "6990000000012345", "王明", "payout_incomplete"),
)


def told(entries: Sequence[Entry] = ENTRIES, opening_fen: int = 100) -> str:
    return statement("ST-1", LENDER, DAY, opening_fen, entries)


def read_it(text: str) -> Statement:
    return read_statement(text.encode(), LENDER, DAY)


def test_every_entry_is_read_in_our_terms() -> None:
    day = read_it(told())
    assert (day.statement_id, day.account, day.business_date, day.currency) == ("ST-1", LENDER, DAY, "CNY")
    assert (day.opening_fen, day.closing_fen) == (100, 100 + 123_50)
    paid, drawn, deposit, back = day.entries
    assert (paid.reference, paid.direction, paid.amount_fen) == ("BK01", Direction.OUT, 600_000)
    assert (paid.end_to_end_id, paid.counterparty_name) == ("L26000001:disbursement:1", "王明")
    assert (drawn.direction, drawn.amount_fen, drawn.counterparty_account) == (Direction.IN, 123_45, "6990000000054321")
    assert (deposit.end_to_end_id, deposit.remittance) == (None, "L26000003 还款")
    assert (back.direction, back.is_reversal, back.counterparty_name) == (Direction.IN, True, "王明")
    assert not any(entry.is_reversal for entry in (paid, drawn, deposit))


def test_an_overdrawn_account_has_balances_below_zero() -> None:
    day = read_it(told(ENTRIES[:1], opening_fen=-50))
    assert (day.opening_fen, day.closing_fen) == (-50, -600_050)


def test_a_copy_of_a_statement_is_known_by_its_content() -> None:
    assert read_it(told()) == read_it(told())
    renamed = read_it(told().replace("ST-1", "ST-2"))
    assert (renamed.statement_id, renamed.content_digest) == ("ST-2", read_it(told()).content_digest)
    corrected = told((*ENTRIES[:3], Entry("BK05", None, "deposit", 600_000, DAY, "", "", "")))
    assert read_it(corrected).content_digest != renamed.content_digest


@pytest.mark.parametrize(
    ("old", "new", "element"),
    [
        ('Ccy="CNY">123.45<', 'Ccy="USD">123.45<', "Ntry[2]/Amt"),
        (">123.45</Amt>", ">0.00</Amt>", "Ntry[2]/Amt"),
        (">123.45</Amt>", ">-123.45</Amt>", "Ntry[2]/Amt"),
        (">123.45</Amt>", ">123.455</Amt>", "Ntry[2]/Amt"),
        (">123.45</Amt>", ">99999999999999999.00</Amt>", "Ntry[2]/Amt"),
        (">123.45</Amt>", ">Infinity</Amt>", "Ntry[2]/Amt"),
        (">123.45</Amt>", ">123.44</Amt>", "Bal"),
        ("<Sum>12123.50</Sum>", "<Sum>12123.51</Sum>", "TxsSummry/TtlNtries/Sum"),
        ("<Sum>6123.50</Sum>", "<Sum>-6123.50</Sum>", "TxsSummry/TtlCdtNtries/Sum"),
        ("<AcctSvcrRef>BK03</AcctSvcrRef>", "<AcctSvcrRef>BK02</AcctSvcrRef>", "Ntry[3]/AcctSvcrRef"),
        ("BK03", "B" * 36, "Ntry[3]/AcctSvcrRef"),
        ("L26000002:installment:3", "L" * 36, "Ntry[2]/NtryDtls/TxDtls/Refs/EndToEndId"),
        ("<NbOfNtries>4</NbOfNtries>", "<NbOfNtries>5</NbOfNtries>", "TxsSummry/TtlNtries/NbOfNtries"),
        ("<NbOfNtries>3</NbOfNtries>", "<NbOfNtries>2</NbOfNtries>", "TxsSummry/TtlCdtNtries/NbOfNtries"),
        ("<Cd>CLBD</Cd>", "<Cd>CLAV</Cd>", "Bal[CLBD]"),
        ("<Cd>OPBD</Cd>", "<Cd>CLBD</Cd>", "Bal[OPBD]"),
        (">1.00</Amt>", ">1.01</Amt>", "Bal"),
        ("<LastPgInd>true</LastPgInd>", "<LastPgInd>false</LastPgInd>", "StmtPgntn"),
        (LENDER, "6200000000000000009", "Acct/Id"),
        ("<Ccy>CNY</Ccy>", "<Ccy>HKD</Ccy>", "Acct/Ccy"),
        ("<Id>ST-1</Id>", "<Id></Id>", "Id"),
        ("<Dt>2026-01-06</Dt></Dt></Bal><Tx", "<Dt>2026-01-07</Dt></Dt></Bal><Tx", "Bal[CLBD]/Dt"),
    ],
)
def test_a_broken_rule_is_an_error_that_names_the_element(old: str, new: str, element: str) -> None:
    text = told()
    assert old in text
    with pytest.raises(BankMessageBroken) as caught:
        read_it(text.replace(old, new))
    assert caught.value.element == element


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("<BookgDt><Dt>2026-01-06", "<BookgDt><Dt>2026-01-05", "not booked on the day"),
        ("<Cd>BOOK</Cd>", "<Cd>PDNG</Cd>", "not booked"),
        ("<CdtDbtInd>DBIT</CdtDbtInd>", "", "missing or empty"),
        ("<CdtDbtInd>DBIT</CdtDbtInd>", "<CdtDbtInd>X</CdtDbtInd>", "neither CRDT nor DBIT"),
        ("<BookgDt><Dt>2026-01-06", "<BookgDt><Dt>2026-02-30", "is not a day"),
    ],
)
def test_a_broken_entry_is_an_error(old: str, new: str, problem: str) -> None:
    text = told(ENTRIES[:1])
    assert old in text
    with pytest.raises(BankMessageBroken, match=problem):
        read_it(text.replace(old, new))


def test_an_error_says_in_which_line_the_entry_stands() -> None:
    with pytest.raises(BankMessageBroken) as caught:
        read_it(told().replace(">0.05</Amt>", ">0.00</Amt>"))
    assert caught.value.line == 4
    assert "line 4, Ntry[3]/Amt" in str(caught.value)


def test_two_statements_in_one_message_are_refused() -> None:
    text = told(ENTRIES[:1])
    start, end = text.index("<Stmt>"), text.index("</Stmt>") + len("</Stmt>")
    with pytest.raises(BankMessageBroken, match="occurs 2 times"):
        read_it(text[:end] + text[start:end] + text[end:])


def test_a_booking_of_several_transactions_has_no_counterparty_of_its_own() -> None:
    text = told(ENTRIES[:1])
    start, end = text.index("<TxDtls>"), text.index("</TxDtls>") + len("</TxDtls>")
    (entry,) = read_it(text[:end] + text[start:end] + text[end:]).entries
    assert (entry.end_to_end_id, entry.counterparty_name, entry.amount_fen) == (None, None, 600_000)


BILLION_LAUGHS = """<?xml version="1.0"?>
<!DOCTYPE Document [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;"><!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;">
<!ENTITY d "&c;&c;&c;&c;&c;&c;&c;&c;"><!ENTITY e "&d;&d;&d;&d;&d;&d;&d;&d;"><!ENTITY f "&e;&e;&e;&e;&e;&e;&e;&e;">]>
<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.08"><BkToCstmrStmt>&f;</BkToCstmrStmt></Document>"""
READS_A_FILE = """<?xml version="1.0"?><!DOCTYPE Document [<!ENTITY f SYSTEM "file:///etc/hostname">]>
<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.08"><BkToCstmrStmt>&f;</BkToCstmrStmt></Document>"""
DEEP = "<a>" * 10_000 + "</a>" * 10_000


@pytest.mark.parametrize(
    "text",
    [
        BILLION_LAUGHS,
        READS_A_FILE,
        READS_A_FILE.replace("SYSTEM", 'PUBLIC "x"'),
        '<!DOCTYPE Document SYSTEM "http://127.0.0.1:9/x.dtd"><Document/>',
        DEEP,
        "",
        " ",
        "not XML",
        "<Document/>",
        "<Document><BkToCstmrStmt></Document>",
        told()[:-30],
        told().replace("camt.053.001.08", "camt.053.001.02"),
        told().replace("camt.053.001.08", "camt.054.001.08"),
        told().replace("王明", "\x00"),
        told().replace("王明", "&name;"),
    ],
)
def test_what_is_no_statement_is_a_typed_error_and_does_no_harm(text: str) -> None:
    started = time.process_time()
    with pytest.raises(BankMessageBroken) as caught:
        read_it(text)
    assert time.process_time() - started < 1
    assert "王明" not in str(caught.value)


@pytest.mark.parametrize(
    "declared",
    [
        "<!DOCTYPE Document>",
        '<!DOCTYPE Document [<!ENTITY name "王">]>',
        '<!DOCTYPE Document [<!ENTITY name SYSTEM "file:///etc/hostname">]>',
        '<!DOCTYPE Document SYSTEM "http://127.0.0.1:9/x.dtd">',
    ],
)
def test_a_document_type_is_refused_even_where_all_else_is_right(declared: str) -> None:
    text = told().replace("<Document", f"{declared}<Document")
    if "ENTITY" in declared:
        text = text.replace("王明", "&name;")
    with pytest.raises(BankMessageBroken, match="declares a document type"):
        read_it(text)


def test_another_encoding_is_refused() -> None:
    text = told().replace('encoding="UTF-8"', 'encoding="GB18030"')
    with pytest.raises(BankMessageBroken, match="UTF-8"):
        read_statement(text.encode("gb18030"), LENDER, DAY)


def test_a_message_beyond_its_limits_is_refused() -> None:
    with pytest.raises(BankMessageBroken, match="bytes"):
        read_balance(b" " * (SMALL.size_bytes + 1), LENDER)
    many = balance_report(LENDER, 5, DAY).replace("</Rpt>", "<AddtlRptInf/>" * 1_001 + "</Rpt>")
    with pytest.raises(BankMessageBroken, match="elements"):
        read_balance(many.encode(), LENDER)


def test_a_huge_text_is_cut_and_costs_no_money() -> None:
    day = read_it(told().replace("王明", "王" * 300_000))
    assert day.entries[0].counterparty_name == "王" * 500
    assert day.entries[0].amount_fen == 600_000


def test_a_comment_within_an_amount_hides_nothing() -> None:
    day = read_it(told().replace(">123.45</Amt>", ">123<!-- 9 -->.45</Amt>"))
    assert day.entries[1].amount_fen == 123_45


def test_a_balance_is_read_for_the_account_that_was_asked_about() -> None:
    assert read_balance(balance_report(LENDER, 123, DAY).encode(), LENDER) == 123
    assert read_balance(balance_report(LENDER, -123, DAY).encode(), LENDER) == -123
    with pytest.raises(BankMessageBroken, match="another account"):
        read_balance(balance_report("1", 123, DAY).encode(), LENDER)


def test_five_thousand_entries_cost_little_more_than_their_xml() -> None:
    """Read beside the bare parser in one run: a search for each entry, or a tree walked twice, would show."""
    entries = day_of_entries(5_000, DAY)
    body = camt053(entries, DAY)
    assert len(read_statement(body, LENDER, DAY).entries) == 5_000
    reading = min(_cpu(lambda: read_statement(body, LENDER, DAY)) for _ in range(3))
    parsing = min(_cpu(lambda: etree.fromstring(body)) for _ in range(9))
    assert reading < 50 * parsing


def _cpu(act: Callable[[], object]) -> float:
    started = time.process_time()
    act()
    return time.process_time() - started
