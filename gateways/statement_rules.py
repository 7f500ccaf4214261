"""What must hold of a statement before anybody relies on it, whatever form it came in."""

import hashlib
import json
from datetime import date
from typing import Protocol

from gateways.bank_messages import MOST_FEN
from gateways.errors import BankMessageBroken
from gateways.texts import fitted
from models.statements import CURRENCY, LONGEST_REFERENCE, Statement, StatementEntry


class Breaker(Protocol):
    """Makes the error for a field of ours, in the words of the form that the statement came in.

    `field` is one of reference, end_to_end_id, amount, booked_on, balance; `entry` counts from 0.
    """

    def __call__(self, problem: str, field: str, entry: int | None = None) -> BankMessageBroken: ...


def checked(
    *,
    statement_id: str,
    account: str,
    business_date: date,
    opening_fen: int,
    closing_fen: int,
    entries: tuple[StatementEntry, ...],
    broken: Breaker,
) -> Statement:
    """The statement, if all rules hold; else the error for the first that does not.

    A reference is there, at most 35 characters long, and occurs once; an end-to-end id is at most 35 characters long;
    neither holds a control character, which no books could keep. An amount is above zero; an entry is booked on the
    statement's day; opening balance and entries give the closing balance.
    """
    seen: set[str] = set()
    for n, entry in enumerate(entries):
        if not _fits(entry.reference):
            raise broken(f"a reference has 1 to {LONGEST_REFERENCE} characters", "reference", n)
        if entry.reference in seen:
            raise broken("the reference stood at an entry before", "reference", n)
        seen.add(entry.reference)
        if entry.end_to_end_id is not None and not _fits(entry.end_to_end_id):
            raise broken(f"an end-to-end id has 1 to {LONGEST_REFERENCE} characters", "end_to_end_id", n)
        if not 0 < entry.amount_fen <= MOST_FEN:
            raise broken("the amount is not above zero, or beyond all reason", "amount", n)
        if entry.booked_on != business_date:
            raise broken("the entry is not booked on the day of the statement", "booked_on", n)
    if opening_fen + sum(entry.signed_fen for entry in entries) != closing_fen:
        raise broken("opening balance and entries do not give the closing balance", "balance")
    return Statement(
        statement_id=statement_id,
        account=account,
        currency=CURRENCY,
        business_date=business_date,
        opening_fen=opening_fen,
        closing_fen=closing_fen,
        entries=entries,
        content_digest=_digest(account, business_date, opening_fen, closing_fen, entries),
    )


def _fits(reference: str) -> bool:
    return 0 < len(reference) <= LONGEST_REFERENCE and fitted(reference) == reference


def _digest(
    account: str, business_date: date, opening_fen: int, closing_fen: int, entries: tuple[StatementEntry, ...]
) -> str:
    content = [account, business_date.isoformat(), opening_fen, closing_fen]
    rows = [
        [
            *(entry.reference, entry.signed_fen, entry.booked_on.isoformat(), entry.value_date.isoformat()),
            *(entry.end_to_end_id, entry.counterparty_name, entry.counterparty_account, entry.remittance),
            entry.is_reversal,
            *([entry.return_reason] if entry.return_reason else []),
        ]
        for entry in entries
    ]
    return hashlib.sha256(json.dumps([*content, rows], ensure_ascii=False).encode()).hexdigest()
