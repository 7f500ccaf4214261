"""Statements of the lender's account, as a gateway gives them."""

from dataclasses import replace
from datetime import date
from hashlib import sha256
from typing import Any

from models.statements import Direction, Statement, StatementEntry
from tests.services.procedure import Procedure

ACCOUNT = "6200000000000000001"
DAY = date(2026, 1, 5)


def line(reference: str, fen: int, day: date = DAY, **changes: Any) -> StatementEntry:
    """A booking; below zero it left the account."""
    entry = StatementEntry(
        reference=reference,
        amount_fen=abs(fen),
        direction=Direction.IN if fen > 0 else Direction.OUT,
        booked_on=day,
        value_date=day,
        end_to_end_id=None,
        counterparty_name="王先生",
        counterparty_account="6230000000000000077",
        remittance=None,
    )
    return replace(entry, **changes)


def statement(*lines: StatementEntry, day: date = DAY, opening: int = 1_000_000, **changes: Any) -> Statement:
    """A statement that adds up, unless the changes say otherwise."""
    digest = sha256(repr((day, opening, lines)).encode()).hexdigest()
    whole = Statement(
        statement_id=f"S{day:%Y%m%d}-{digest[:6]}",
        account=ACCOUNT,
        currency="CNY",
        business_date=day,
        opening_fen=opening,
        closing_fen=opening + sum(one.signed_fen for one in lines),
        entries=lines,
        content_digest=digest,
    )
    return replace(whole, **changes)


def paid_out(procedure: Procedure) -> tuple[str, str]:
    """A loan that was paid out with the bank's word, but before its notice; and the key of the order."""
    loan = procedure.running()
    return loan, procedure.payments(loan)[0].key
