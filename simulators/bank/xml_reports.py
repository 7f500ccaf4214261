"""Writes what the bank says in ISO 20022: pain.002, camt.029, camt.052, camt.053 and camt.054."""

from collections.abc import Sequence
from datetime import date
from xml.sax.saxutils import escape

from simulators.bank.orders import Notice, OrderKind, OrderStatus, Receipt
from simulators.bank.store import Entry
from simulators.bank.xml_orders import DEBIT, NAMESPACE, RECALL, TRANSFER

_STATUSES = {OrderStatus.SETTLED: "ACSC", OrderStatus.PENDING: "PDNG", OrderStatus.DECLINED: "RJCT"}
_RECALL_STATUSES = {OrderStatus.SETTLED: "ACCR", OrderStatus.PENDING: "PDCR", OrderStatus.DECLINED: "RJCR"}
_REASONS = {
    "account_unknown": "AC01",
    "account_closed": "AC04",
    "insufficient_funds": "AM04",
    "name_mismatch": "BE01",
    "mandate_unknown": "MD01",
    "declined_by_bank": "MS03",
}
_ORDER_KINDS = {OrderKind.DEBIT: DEBIT, OrderKind.RECALL: RECALL}
_FAMILIES = {
    "transfer": ("ICDT", "DMCT"),
    "debit": ("IDDT", "PMDD"),
    "recall": ("ICDT", "RRTN"),
    "return": ("IDDT", "UPDD"),
}
"""ISO's bank transaction codes by kind of booking; all else is a transfer that came in or went out."""


def order_report(receipt: Receipt, on: date) -> str:
    """What became of a transfer or debit, as pain.002."""
    status = _tag("TxSts", _STATUSES[receipt.status])
    group = _tag("OrgnlMsgId", receipt.end_to_end_id) + _tag("OrgnlMsgNmId", _ORDER_KINDS.get(receipt.kind, TRANSFER))
    settled = ""
    if receipt.booked_on is not None:
        moved = _amount("IntrBkSttlmAmt", receipt.amount_fen) + _tag("IntrBkSttlmDt", receipt.booked_on.isoformat())
        settled = _around("OrgnlTxRef", moved)
    transaction = (
        _tag("StsId", receipt.bank_reference)
        + _tag("OrgnlEndToEndId", receipt.end_to_end_id)
        + status
        + _reason("StsRsnInf", receipt.reason_code)
        + _tag("AcctSvcrRef", receipt.bank_reference)
        + settled
    )
    payment = _tag("OrgnlPmtInfId", receipt.end_to_end_id) + _around("TxInfAndSts", transaction)
    content = (
        _around("GrpHdr", _tag("MsgId", f"S{receipt.bank_reference}") + _made(on))
        + _around("OrgnlGrpInfAndSts", group)
        + _around("OrgnlPmtInfAndSts", payment)
    )
    return _document("pain.002.001.10", "CstmrPmtStsRpt", content)


def recall_report(receipt: Receipt, on: date) -> str:
    """What became of a recall, as camt.029."""
    parties = _around("Assgnr", _party("本行")) + _around("Assgne", _party("客户"))
    transaction = (
        _tag("CxlStsId", receipt.bank_reference)
        + _tag("OrgnlEndToEndId", receipt.end_to_end_id)
        + _tag("TxCxlSts", _RECALL_STATUSES[receipt.status])
        + _reason("CxlStsRsnInf", receipt.reason_code)
    )
    payment = _tag("OrgnlPmtInfId", receipt.end_to_end_id) + _around("TxInfAndSts", transaction)
    back = ""
    if receipt.booked_on is not None:
        moved = _amount("IntrBkSttlmAmt", receipt.amount_fen) + _tag("IntrBkSttlmDt", receipt.booked_on.isoformat())
        back = _around("RsltnRltdInf", _tag("EndToEndId", receipt.end_to_end_id) + moved)
    content = (
        _around("Assgnmt", _tag("Id", f"R{receipt.bank_reference}") + parties + _made(on))
        + _around("Sts", _tag("Conf", "CNCL" if receipt.status is OrderStatus.SETTLED else "RJCR"))
        + _around("CxlDtls", _around("OrgnlPmtInfAndSts", payment))
        + back
    )
    return _document("camt.029.001.09", "RsltnOfInvstgtn", content)


def balance_report(account: str, balance_fen: int, on: date) -> str:
    """The booked balance of an account, as camt.052."""
    report = _tag("Id", f"BL-{on:%Y%m%d}") + _made(on) + _account(account) + _balance("ITBD", balance_fen, on)
    content = _around("GrpHdr", _tag("MsgId", f"BL-{on:%Y%m%d}") + _made(on)) + _around("Rpt", report)
    return _document("camt.052.001.08", "BkToCstmrAcctRpt", content)


def statement(statement_id: str, account: str, on: date, opening_fen: int, entries: Sequence[Entry]) -> str:
    """The statement of a day, as camt.053 on one page."""
    closing_fen = opening_fen + sum(entry.amount_fen for entry in entries)
    incoming = [entry.amount_fen for entry in entries if entry.amount_fen > 0]
    outgoing = [-entry.amount_fen for entry in entries if entry.amount_fen < 0]
    totals = (
        _total("TtlNtries", [*incoming, *outgoing])
        + _total("TtlCdtNtries", incoming)
        + _total("TtlDbtNtries", outgoing)
    )
    content = (
        _tag("Id", statement_id)
        + _around("StmtPgntn", _tag("PgNb", "1") + _tag("LastPgInd", "true"))
        + _made(on)
        + _account(account)
        + _balance("OPBD", opening_fen, on)
        + _balance("CLBD", closing_fen, on)
        + _around("TxsSummry", totals)
        + "".join(_entry(entry) for entry in entries)
    )
    header = _around("GrpHdr", _tag("MsgId", statement_id) + _made(on))
    return _document("camt.053.001.08", "BkToCstmrStmt", header + _around("Stmt", content))


def notice(told: Notice, account: str) -> str:
    """A booking as camt.054; the decline of an order as the pain.002 or camt.029 that its status would be."""
    if told.status is OrderStatus.DECLINED:
        receipt = Receipt(
            told.end_to_end_id, told.kind, told.status, 0, told.reference, None, told.reason_code, duplicate=False
        )
        return (recall_report if told.kind is OrderKind.RECALL else order_report)(receipt, told.booked_on)
    entry = Entry(
        reference=told.reference,
        end_to_end_id=told.end_to_end_id,
        kind=told.kind,
        amount_fen=told.amount_fen if told.direction == "in" else -told.amount_fen,
        booked_on=told.booked_on,
        counterparty_account=told.counterparty_account,
        counterparty_name=told.counterparty_name,
        text=told.reason_code or told.text,
    )
    header = _around("GrpHdr", _tag("MsgId", f"N{told.reference}") + _made(told.booked_on))
    content = _tag("Id", f"N{told.reference}") + _made(told.booked_on) + _account(account) + _entry(entry)
    return _document("camt.054.001.08", "BkToCstmrDbtCdtNtfctn", header + _around("Ntfctn", content))


def _entry(entry: Entry) -> str:
    came_in = entry.amount_fen > 0
    family, sub_family = _FAMILIES.get(entry.kind, ("RCDT" if came_in else "ICDT", "DMCT"))
    code = _tag("Cd", "PMNT") + _around("Fmly", _tag("Cd", family) + _tag("SubFmlyCd", sub_family))
    is_return = entry.kind in (OrderKind.RECALL, OrderKind.RETURN)
    # A return keeps the roles of the transfer that it takes back.
    role = "Dbtr" if came_in != is_return else "Cdtr"
    parties = ""
    if entry.counterparty_name:
        parties += _around(role, _party(entry.counterparty_name))
    if entry.counterparty_account:
        parties += _around(f"{role}Acct", _number(entry.counterparty_account))
    refs = _tag("AcctSvcrRef", entry.reference) + _tag("EndToEndId", entry.end_to_end_id or "NOTPROVIDED")
    details = _around("Refs", refs) + _around("RltdPties", parties)
    if entry.kind == OrderKind.RETURN:
        details += _reason("RtrInf", entry.text)
    elif entry.text:
        details += _around("RmtInf", _tag("Ustrd", entry.text))
    day = _tag("Dt", entry.booked_on.isoformat())
    content = (
        _tag("NtryRef", entry.reference)
        + _amount("Amt", abs(entry.amount_fen))
        + _tag("CdtDbtInd", "CRDT" if came_in else "DBIT")
        + (_tag("RvslInd", "true") if is_return else "")
        + _around("Sts", _tag("Cd", "BOOK"))
        + _around("BookgDt", day)
        + _around("ValDt", day)
        + _tag("AcctSvcrRef", entry.reference)
        + _around("BkTxCd", _around("Domn", code))
        + _around("NtryDtls", _around("TxDtls", details))
    )
    return _around("Ntry", content) + "\n"


def _document(kind: str, name: str, content: str) -> str:
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<Document xmlns="{NAMESPACE}{kind}">'
        f"{_around(name, content)}</Document>\n"
    )


def _around(name: str, content: str) -> str:
    return f"<{name}>{content}</{name}>"


def _tag(name: str, text: str) -> str:
    return f"<{name}>{escape(text)}</{name}>"


def _made(on: date) -> str:
    """The bank has no clock: what it writes is made at the beginning of the day it is about."""
    return _tag("CreDtTm", f"{on.isoformat()}T00:00:00+08:00")


def _amount(name: str, fen: int) -> str:
    return f'<{name} Ccy="CNY">{fen // 100}.{fen % 100:02d}</{name}>'


def _reason(name: str, reason_code: str | None) -> str:
    if reason_code is None:
        return ""
    code = _REASONS.get(reason_code)
    reason = _tag("Cd", code) if code is not None else _tag("Prtry", reason_code)
    return _around(name, _around("Rsn", reason))


def _party(name: str) -> str:
    return _around("Pty", _tag("Nm", name))


def _number(account: str) -> str:
    return _around("Id", _around("Othr", _tag("Id", account)))


def _account(account: str) -> str:
    return _around("Acct", _number(account) + _tag("Ccy", "CNY"))


def _balance(code: str, fen: int, on: date) -> str:
    kind = _around("Tp", _around("CdOrPrtry", _tag("Cd", code)))
    side = _tag("CdtDbtInd", "CRDT" if fen >= 0 else "DBIT")
    return _around("Bal", kind + _amount("Amt", abs(fen)) + side + _around("Dt", _tag("Dt", on.isoformat())))


def _total(name: str, amounts: list[int]) -> str:
    fen = sum(amounts)
    return _around(name, _tag("NbOfNtries", str(len(amounts))) + _tag("Sum", f"{fen // 100}.{fen % 100:02d}"))
