"""A settled debit that the payer's bank takes back: told by notice and statement, over both links, with the reason."""

from datetime import date

from gateways.bank_messages import TransferResult
from gateways.iso20022.statements import read_statement
from gateways.notices import BankNotice, NoticeKind, verify_notice
from models.statements import Direction, StatementEntry
from simulators.bank.store import Entry
from simulators.bank.xml_reports import statement
from tests.gateways.calling import DIRECT, ISO, SOMEBODY, Gateways, ask, debit_order, draw
from tests.simulators.running import LENDER, NOTICE_SECRET, Outside, Receiver

DAY = date(2026, 4, 17)


def drawn(outside: Outside) -> TransferResult:
    async def call(gateways: Gateways) -> TransferResult:
        return await draw(gateways, debit_order(amount_fen=4_200, value_date=DAY))

    return ask(outside.url, call)


def give_back(outside: Outside, debit: TransferResult, **more: object) -> str:
    asked = {"end_to_end_id": debit.end_to_end_id, "value_date": DAY.isoformat(), **more}
    return str(outside.answer("POST", "/control/returns", asked)["reference"])


def of_day(outside: Outside, which: str) -> StatementEntry:
    own = {"iso20022": ISO, "direct": DIRECT}[which]
    day = ask(outside.url, lambda gateways: gateways.bank.statement(DAY), own=own)
    return day.entries[-1]


def test_a_return_is_told_once_by_notice_and_shown_by_both_statements(
    noticing_bank: Outside, receiver: Receiver
) -> None:
    debit = drawn(noticing_bank)
    reference = give_back(noticing_bank, debit)
    assert give_back(noticing_bank, debit) == reference

    received = receiver.wait_for(2)
    notices = [verify_notice(one.body, one.headers, NOTICE_SECRET) for one in received]
    told: BankNotice = next(one for one in notices if one.reference == reference)
    assert (told.kind, told.direction, told.amount_fen) == (NoticeKind.RETURN, Direction.OUT, 4_200)
    assert (told.end_to_end_id, told.reason_code, told.status) == (debit.end_to_end_id, "disputed", "settled")
    assert told.counterparty_account == SOMEBODY.account
    iso, direct = of_day(noticing_bank, "iso20022"), of_day(noticing_bank, "direct")
    assert iso == direct
    assert (iso.reference, iso.direction, iso.amount_fen) == (reference, Direction.OUT, 4_200)
    assert (iso.is_reversal, iso.return_reason, iso.end_to_end_id) == (True, "disputed", debit.end_to_end_id)


def test_only_a_settled_debit_is_given_back(outside: Outside) -> None:
    refused = outside.call("POST", "/control/returns", {"end_to_end_id": "G-1:none", "value_date": str(DAY)})

    assert refused.status_code == 404


def test_return_information_alone_marks_a_return() -> None:
    entry = Entry(
        "BR01", "L26000002:installment:3", "return", -123_45, DAY, SOMEBODY.account, SOMEBODY.name, "insufficient_funds"
    )
    written = statement("ST-1", LENDER, DAY, 0, [entry])
    assert "<RvslInd>true</RvslInd>" in written

    for text in (written, written.replace("<RvslInd>true</RvslInd>", "")):
        (read,) = read_statement(text.encode(), LENDER, DAY).entries
        assert (read.is_reversal, read.return_reason, read.direction) == (True, "insufficient_funds", Direction.OUT)
        assert read.counterparty_account == SOMEBODY.account
    plain = written.replace("<RvslInd>true</RvslInd>", "").replace("RtrInf", "Other")
    (read,) = read_statement(plain.encode(), LENDER, DAY).entries
    assert (read.is_reversal, read.return_reason) == (False, None)
