"""What statement (camt.053), notice (camt.054) and balance report (camt.052) have in common."""

from datetime import date

from gateways.iso20022.answers import reason_word
from gateways.iso20022.xml import Node
from gateways.texts import fitted
from models.statements import CURRENCY, LONGEST_REFERENCE, Direction, StatementEntry

BOOKED = "BOOK"
NOT_PROVIDED = "NOTPROVIDED"
"""What ISO 20022 writes where the payer gave no end-to-end id, and we where nobody knows a bank."""

_DIRECTIONS = {"CRDT": Direction.IN, "DBIT": Direction.OUT}


def check_account(report: Node, number: str) -> None:
    """Raises BankMessageBroken unless the report is about this account, in CNY."""
    if report.text("Acct/Ccy") not in (None, CURRENCY):
        raise report.broken(f"the currency is not {CURRENCY}", "Acct/Ccy")
    if _account_number(report, "Acct") != number:
        raise report.broken("it is about another account", "Acct/Id")


def balance_of(report: Node, code: str) -> tuple[int, date]:
    """The balance of a kind in fen, below zero where the account is overdrawn, and its day."""
    found = [one for one in report.each("Bal") if one.text("Tp/CdOrPrtry/Cd") == code]
    if len(found) != 1:
        raise report.broken(f"occurs {len(found)} times where it must occur once", f"Bal[{code}]")
    (balance,) = found
    balance.label = f"Bal[{code}]"
    fen = balance.fen("Amt")
    return fen if _direction(balance) is Direction.IN else -fen, balance.day_or_instant("Dt")


def entry_of(entry: Node) -> StatementEntry:
    """An entry in our terms. It must be booked; the rules on references and amounts come after."""
    if entry.need("Sts/Cd") != BOOKED:
        raise entry.broken("the entry is not booked", "Sts")
    direction = _direction(entry)
    # A booking of several transactions has no details of its own, and goes to a person.
    several = entry.each("NtryDtls/TxDtls")
    details = several[0] if len(several) == 1 else None
    # Some banks mark the entry of a return as a reversal, others give its return information, some both.
    is_reversal = entry.is_true("RvslInd") or (details is not None and details.has("RtrInf"))
    reason = reason_word(details, "RtrInf/Rsn") if is_reversal and details is not None else None
    # The other side paid where money came in and got it where money went out; in the return of a payout the roles stay.
    role = "Dbtr" if (direction is Direction.IN) != is_reversal else "Cdtr"
    booked_on = entry.day_or_instant("BookgDt")
    end_to_end_id = details.text("Refs/EndToEndId") if details else None
    name = details.text(f"RltdPties/{role}/Pty/Nm") if details else None
    remittance = " ".join(line for one in details.each("RmtInf/Ustrd") if (line := one.own_text())) if details else ""
    return StatementEntry(
        reference=entry.text("AcctSvcrRef") or entry.need("NtryRef"),
        amount_fen=entry.fen("Amt"),
        direction=direction,
        booked_on=booked_on,
        value_date=entry.day_or_instant("ValDt") if entry.has("ValDt") else booked_on,
        end_to_end_id=None if end_to_end_id == NOT_PROVIDED else end_to_end_id,
        counterparty_name=fitted(name) if name else None,
        counterparty_account=_account_number(details, f"RltdPties/{role}Acct") if details else None,
        remittance=fitted(remittance or entry.text("AddtlNtryInf") or "") or None,
        is_reversal=is_reversal,
        return_reason=fitted(reason, LONGEST_REFERENCE) if reason else None,
    )


def _direction(node: Node) -> Direction:
    direction = _DIRECTIONS.get(node.need("CdtDbtInd"))
    if direction is None:
        raise node.broken("is neither CRDT nor DBIT", "CdtDbtInd")
    return direction


def _account_number(node: Node, path: str) -> str | None:
    """The number of an account, which in China is no IBAN."""
    return node.text(f"{path}/Id/Othr/Id") or node.text(f"{path}/Id/IBAN")
