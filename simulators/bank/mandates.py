"""Mandates: who has signed that the lender may debit his account."""

import sqlite3
from dataclasses import dataclass
from datetime import date

from simulators.bank.requests import MandateRequest
from simulators.bank.store import TREASURY_ACCOUNT, BankStore
from simulators.refusals import AccountUnknown, ContentDiffers, MandateRefused


@dataclass(frozen=True, slots=True)
class RegisteredMandate:
    """A mandate under its number at the bank."""

    key: str
    mandate_id: str
    signed_on: date
    duplicate: bool


class MandateDesk:
    """Enters mandates, and says what stands against a debit.

    Every debit needs one. The state alone pays without: it has an agreement of its own with the bank.
    """

    def __init__(self, store: BankStore) -> None:
        self._store = store

    def register(self, request: MandateRequest) -> RegisteredMandate:
        """The mandate of this key; the first one again if the same came before.

        Refused: an account that the bank does not have, that is closed or another's, and a key that came with another
        mandate.
        """
        with self._store.transaction():
            known = self._by("key", request.key)
            if known is None:
                self._check_account(request)
                self._store.connection.execute(
                    "INSERT INTO mandates (key, account, name, signed_on, document_sha256, most_fen)"
                    " VALUES (?, ?, ?, ?, ?, ?)",
                    _row(request),
                )
            elif tuple(known)[1:] != _row(request):
                raise ContentDiffers("this key was used for another mandate")
            stored = self._by("key", request.key)
            assert stored is not None
            return RegisteredMandate(request.key, _mandate_id(stored["id"]), request.signed_on, known is not None)

    def objection(
        self, account: str, name: str, mandate_id: str | None, signed_on: date | None, amount_fen: int
    ) -> str | None:
        """Why this account cannot be debited under this mandate; None if it can. Call it inside a transaction."""
        if mandate_id is None:
            return None if account == TREASURY_ACCOUNT else "mandate_missing"
        digits = mandate_id.removeprefix("MD")
        known = self._by("id", int(digits)) if digits.isascii() and digits.isdecimal() and len(digits) <= 12 else None
        if known is None or (known["account"], known["name"]) != (account, name):
            return "mandate_unknown"
        if signed_on is None or known["signed_on"] != signed_on.isoformat():
            return "mandate_unknown"
        if known["most_fen"] is not None and amount_fen > known["most_fen"]:
            return "mandate_exceeded"
        return None

    def _check_account(self, request: MandateRequest) -> None:
        holder = self._store.account(request.account, date.min)
        if holder is None:
            raise AccountUnknown("the bank has no such account")
        if holder.closed or holder.name != request.name:
            raise MandateRefused("the account is closed or another's")

    def _by(self, column: str, value: str | int) -> sqlite3.Row | None:
        row: sqlite3.Row | None = self._store.connection.execute(
            f"SELECT id, key, account, name, signed_on, document_sha256, most_fen FROM mandates WHERE {column} = ?",
            (value,),
        ).fetchone()
        return row


def _mandate_id(number: int) -> str:
    return f"MD{number:010d}"


def _row(request: MandateRequest) -> tuple[str, str, str, str, str, int | None]:
    return (
        *(request.key, request.account, request.name, request.signed_on.isoformat()),
        *(request.document_sha256, request.most_fen),
    )
