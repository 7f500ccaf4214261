"""The direct link: JSON with signatures, as bank-enterprise links without ISO 20022 are."""

import json
from collections.abc import Mapping
from datetime import date
from typing import Annotated, Literal, TypeVar
from urllib.parse import quote

from pydantic import Field, TypeAdapter

from gateways.bank_messages import (
    AmountFen,
    DebitOrder,
    Mandate,
    MandateRequest,
    OwnAccount,
    TransferOrder,
    TransferResult,
)
from gateways.connection import LARGEST_ANSWER_BYTES, Answer, Connection, with_parameters
from gateways.errors import AnswerMalformed, BankMessageBroken, OrderUnsendable, OutsideRefused
from gateways.link_signatures import is_answer_signed, sign_question
from gateways.statement_rules import checked
from gateways.texts import Reason, Reference, Text
from models.statements import LONGEST_REFERENCE, Direction, Statement, StatementEntry

LARGEST_STATEMENT_BYTES = 32 * 1024 * 1024

AnswerType = TypeVar("AnswerType")


class _Balance(Answer):
    account: str
    balance_fen: int


class _Line(Answer):
    reference: str
    end_to_end_id: str | None
    kind: str
    direction: Direction
    amount_fen: AmountFen
    booked_on: date
    counterparty_account: Text = Field(repr=False)
    counterparty_name: Text = Field(repr=False)
    text: Text = Field(repr=False)
    reason_code: Annotated[Reason, Field(max_length=LONGEST_REFERENCE)] | None = None


class _Statement(Answer):
    statement_id: Annotated[Reference, Field(max_length=LONGEST_REFERENCE)]
    account: str
    currency: Literal["CNY"]
    date: date
    opening_fen: Annotated[int, Field(ge=-(10**18), le=10**18)]
    closing_fen: Annotated[int, Field(ge=-(10**18), le=10**18)]
    lines: list[_Line]


class _Mandate(Answer):
    key: str
    mandate_id: Annotated[Reference, Field(max_length=LONGEST_REFERENCE)]
    signed_on: date


_RESULT = TypeAdapter(TransferResult)
_BALANCE = TypeAdapter(_Balance)
_STATEMENT = TypeAdapter(_Statement)
_MANDATE = TypeAdapter(_Mandate)


class DirectLink:
    """Speaks JSON with the bank; see `gateways.bank_messages.BankLink`.

    An answer that is not signed by the bank is none: what became of the order is not known.
    """

    def __init__(self, connection: Connection, own: OwnAccount) -> None:
        self._connection = connection
        self._own = own

    async def transfer(self, order: TransferOrder) -> TransferResult:
        """Sends a transfer."""
        question = {
            "end_to_end_id": order.end_to_end_id,
            "to_account": order.to_account,
            "to_name": order.to_name,
            "to_bank": order.to_bank,
            "amount_fen": order.amount_fen,
            "value_date": order.value_date.isoformat(),
            "purpose": order.purpose,
        }
        return await self._send("transfers", order.end_to_end_id, question)

    async def debit(self, order: DebitOrder) -> TransferResult:
        """Sends a direct debit, with its mandate."""
        question: dict[str, object] = {
            "end_to_end_id": order.end_to_end_id,
            "from_account": order.from_account,
            "from_name": order.from_name,
            "from_bank": order.from_bank,
            "amount_fen": order.amount_fen,
            "value_date": order.value_date.isoformat(),
            "purpose": order.purpose,
            "partial": order.partial,
        }
        if order.mandate is not None:
            question["mandate_id"] = order.mandate.mandate_id
            question["mandate_signed_on"] = order.mandate.signed_on.isoformat()
        return await self._send("debits", order.end_to_end_id, question)

    async def status(self, end_to_end_id: str) -> TransferResult | None:
        """Asks what became of an order."""
        try:
            return await self._ask("GET", f"orders/{quote(end_to_end_id, safe=':')}", _RESULT)
        except OutsideRefused as refusal:
            if refusal.outside_code == "order_unknown":
                return None
            raise

    async def recall(self, end_to_end_id: str, reason: str, value_date: date) -> TransferResult:
        """Asks for a transfer back."""
        path = f"orders/{quote(end_to_end_id, safe=':')}/recall"
        return await self._ask("POST", path, _RESULT, {"reason": reason, "value_date": value_date.isoformat()})

    async def balance(self, account: str) -> int:
        """Asks for a balance in fen."""
        answer = await self._ask("GET", f"accounts/{quote(account, safe='')}", _BALANCE)
        if answer.account != account:
            raise AnswerMalformed("bank", "accounts", "it is about another account")
        return answer.balance_fen

    async def statement(self, account: str, on: date) -> Statement:
        """Asks for a day's statement."""
        path = with_parameters(f"statements/{quote(account, safe='')}", {"date": on.isoformat()})
        answer = await self._ask("GET", path, _STATEMENT, largest_bytes=LARGEST_STATEMENT_BYTES)
        if answer.account != account or answer.date != on:
            raise AnswerMalformed("bank", "statements", "it is about another account or day")
        return checked(
            statement_id=answer.statement_id,
            account=account,
            business_date=on,
            opening_fen=answer.opening_fen,
            closing_fen=answer.closing_fen,
            entries=tuple(_entry(line) for line in answer.lines),
            broken=_broken,
        )

    async def register_mandate(self, request: MandateRequest) -> Mandate:
        """Enters a signed mandate."""
        question = {
            "key": request.key,
            "account": request.account,
            "name": request.name,
            "signed_on": request.signed_on.isoformat(),
            "document_sha256": request.document_sha256,
            "most_fen": request.most_fen,
        }
        answer = await self._ask("POST", "mandates", _MANDATE, question)
        if answer.key != request.key or answer.signed_on != request.signed_on:
            raise AnswerMalformed("bank", "mandates", "it is about another mandate")
        return Mandate(answer.mandate_id, answer.signed_on)

    async def _send(self, path: str, end_to_end_id: str, question: Mapping[str, object]) -> TransferResult:
        if not 0 < len(end_to_end_id) <= LONGEST_REFERENCE:
            raise OrderUnsendable(path, f"the order's id has not 1 to {LONGEST_REFERENCE} characters")
        return await self._ask("POST", path, _RESULT, question)

    async def _ask(
        self,
        method: str,
        path: str,
        form: TypeAdapter[AnswerType],
        question: Mapping[str, object] | None = None,
        *,
        largest_bytes: int = LARGEST_ANSWER_BYTES,
    ) -> AnswerType:
        """The bank's signed answer to a signed question."""
        body = None if question is None else json.dumps(question).encode()
        signed = sign_question(
            self._own.signing_secret, method, self._connection.address(path).raw_path_qs, body or b""
        )
        reply = await self._connection.exchange(method, path, body, signed.headers, largest_bytes=largest_bytes)
        if not is_answer_signed(self._own.signing_secret, signed.nonce, reply.status, reply.headers, reply.body):
            problem = f"it came with status {reply.status} and the bank did not sign it"
            raise AnswerMalformed("bank", path.split("/", 1)[0], problem)
        return self._connection.read(path, self._connection.taken(path, reply), form)


def _entry(line: _Line) -> StatementEntry:
    return StatementEntry(
        reference=line.reference,
        amount_fen=line.amount_fen,
        direction=line.direction,
        booked_on=line.booked_on,
        value_date=line.booked_on,
        end_to_end_id=line.end_to_end_id,
        counterparty_name=line.counterparty_name or None,
        counterparty_account=line.counterparty_account or None,
        remittance=line.text or None,
        is_reversal=line.kind in ("recall", "return"),
        return_reason=line.reason_code,
    )


def _broken(problem: str, field: str, entry: int | None = None) -> BankMessageBroken:
    names = {"amount": "amount_fen", "balance": "closing_fen"}
    name = names.get(field, field)
    return BankMessageBroken("statements", problem, name if entry is None else f"lines[{entry + 1}].{name}")
