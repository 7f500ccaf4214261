"""The statement of a day (camt.053) and the balance of an account (camt.052)."""

from datetime import date

from gateways.errors import BankMessageBroken
from gateways.iso20022.entries import balance_of, check_account, entry_of
from gateways.iso20022.xml import STATEMENT, Node, read_kind
from gateways.statement_rules import checked
from models.statements import Direction, Statement, StatementEntry

DAY_STATEMENT = "camt.053.001.08"
BALANCE_REPORT = "camt.052.001.08"

_ELEMENTS = {
    "reference": "AcctSvcrRef",
    "end_to_end_id": "NtryDtls/TxDtls/Refs/EndToEndId",
    "amount": "Amt",
    "booked_on": "BookgDt",
    "balance": "Bal",
}


def read_statement(body: bytes, account: str, on: date) -> Statement:
    """The statement of an account for a day, as camt.053.

    Besides the rules of `gateways.statement_rules`: one statement, whole and not one page of several; opening (OPBD)
    and closing (CLBD) balance once each in CNY; every entry booked; number and sums of entries, where they are given,
    are right. Raises BankMessageBroken.
    """
    statement = read_kind("statements", body, DAY_STATEMENT, STATEMENT).only("Stmt", "")
    check_account(statement, account)
    if statement.has("StmtPgntn") and not (
        statement.text("StmtPgntn/PgNb") == "1" and statement.is_true("StmtPgntn/LastPgInd")
    ):
        raise statement.broken("it is one page of several", "StmtPgntn")
    opening_fen, _ = balance_of(statement, "OPBD")
    closing_fen, closed_on = balance_of(statement, "CLBD")
    if closed_on != on:
        raise statement.broken("it is about another day", "Bal[CLBD]/Dt")
    nodes = statement.each("Ntry", "Ntry")
    entries = tuple(entry_of(node) for node in nodes)

    def broken(problem: str, field: str, entry: int | None = None) -> BankMessageBroken:
        return (statement if entry is None else nodes[entry]).broken(problem, _ELEMENTS[field])

    result = checked(
        statement_id=statement.need("Id"),
        account=account,
        business_date=on,
        opening_fen=opening_fen,
        closing_fen=closing_fen,
        entries=entries,
        broken=broken,
    )
    _check_summary(statement, entries)
    return result


def read_balance(body: bytes, account: str) -> int:
    """The booked balance of an account in fen, as camt.052. Raises BankMessageBroken."""
    report = read_kind("accounts", body, BALANCE_REPORT).only("Rpt", "")
    check_account(report, account)
    balance_fen, _ = balance_of(report, "ITBD")
    return balance_fen


def _check_summary(statement: Node, entries: tuple[StatementEntry, ...]) -> None:
    """Number and sum of all entries, of those that came in and of those that went out, as far as they are given."""
    parts = (
        ("TtlNtries", entries),
        ("TtlCdtNtries", tuple(one for one in entries if one.direction is Direction.IN)),
        ("TtlDbtNtries", tuple(one for one in entries if one.direction is Direction.OUT)),
    )
    for name, counted in parts:
        number, total = f"TxsSummry/{name}/NbOfNtries", f"TxsSummry/{name}/Sum"
        given = statement.text(number)
        if given is not None and not (given.isascii() and given.isdecimal() and int(given[:15]) == len(counted)):
            raise statement.broken("it is not the number of entries", number)
        if statement.has(total) and statement.hundredths(total) != sum(one.amount_fen for one in counted):
            raise statement.broken("it is not the sum of the entries", total)
