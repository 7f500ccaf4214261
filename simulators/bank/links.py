"""The two languages of the bank's interface: ISO 20022 in XML, and JSON with signatures."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from typing import Protocol

from fastapi.encoders import jsonable_encoder
from starlette.responses import JSONResponse, Response

from simulators.bank import xml_orders, xml_reports
from simulators.bank.orders import Notice, OrderKind, Receipt
from simulators.bank.requests import DebitRequest, MandateRequest, RecallRequest, TransferRequest
from simulators.bank.signatures import SIGNATURE_HEADER, SignatureDesk
from simulators.bank.store import Entry
from simulators.refusals import Malformed, SignatureWrong

XML = "application/xml"


@dataclass(frozen=True, slots=True)
class DayStatement:
    """The statement of an account for a day."""

    statement_id: str
    account: str
    on: date
    opening_fen: int
    entries: Sequence[Entry]


class Link(Protocol):
    """Reads questions and writes answers."""

    def transfer(self) -> tuple[str | None, TransferRequest]:
        """The question as a transfer, with the id of its message if it has one."""

    def debit(self) -> tuple[str | None, DebitRequest]:
        """The question as a debit, likewise."""

    def recall(self) -> RecallRequest:
        """The question as a recall."""

    def mandate(self) -> MandateRequest:
        """The question as a mandate to enter."""

    def receipt(self, receipt: Receipt, on: date) -> Response:
        """The answer to a transfer, a debit, or the question about one."""

    def recall_receipt(self, receipt: Receipt, on: date) -> Response:
        """The answer to a recall."""

    def balance(self, account: str, balance_fen: int, closed: bool, on: date) -> Response:
        """The answer with a balance."""

    def statement(self, statement: DayStatement) -> Response:
        """The answer with a statement."""

    def signed(self, response: Response) -> Response:
        """The answer, signed where the language has signatures; refusals are answers too."""


class XmlLink:
    """ISO 20022."""

    def __init__(self, body: bytes, lender_account: str) -> None:
        self._body = body
        self._lender_account = lender_account

    def transfer(self) -> tuple[str | None, TransferRequest]:
        """A pain.001."""
        return xml_orders.read_transfer(self._body, self._lender_account)

    def debit(self) -> tuple[str | None, DebitRequest]:
        """A pain.008."""
        return xml_orders.read_debit(self._body, self._lender_account)

    def recall(self) -> RecallRequest:
        """A camt.055."""
        return xml_orders.read_recall(self._body)

    def mandate(self) -> MandateRequest:
        """Refused: the messages for it are not agreed."""
        raise Malformed("mandates are entered in JSON")

    def receipt(self, receipt: Receipt, on: date) -> Response:
        """A pain.002."""
        return _xml(xml_reports.order_report(receipt, on))

    def recall_receipt(self, receipt: Receipt, on: date) -> Response:
        """A camt.029."""
        return _xml(xml_reports.recall_report(receipt, on))

    def balance(self, account: str, balance_fen: int, closed: bool, on: date) -> Response:  # noqa: ARG002 as the other
        """A camt.052."""
        return _xml(xml_reports.balance_report(account, balance_fen, on))

    def statement(self, statement: DayStatement) -> Response:
        """A camt.053."""
        return _xml(
            xml_reports.statement(
                statement.statement_id, statement.account, statement.on, statement.opening_fen, statement.entries
            )
        )

    def signed(self, response: Response) -> Response:
        """As it is: this link trusts its connection."""
        return response


class JsonLink:
    """The direct link. A question without a nonce was not signed, and its answer is not either."""

    def __init__(self, body: bytes, nonce: str | None, signatures: SignatureDesk) -> None:
        self._body = body
        self._nonce = nonce
        self._signatures = signatures

    def transfer(self) -> tuple[str | None, TransferRequest]:
        """A transfer; refused without a signature."""
        self._require_signature()
        return None, TransferRequest.model_validate_json(self._body)

    def debit(self) -> tuple[str | None, DebitRequest]:
        """A debit; refused without a signature."""
        self._require_signature()
        return None, DebitRequest.model_validate_json(self._body)

    def recall(self) -> RecallRequest:
        """A recall; refused without a signature."""
        self._require_signature()
        return RecallRequest.model_validate_json(self._body)

    def mandate(self) -> MandateRequest:
        """A mandate; refused without a signature."""
        self._require_signature()
        return MandateRequest.model_validate_json(self._body)

    def receipt(self, receipt: Receipt, on: date) -> Response:  # noqa: ARG002 as the other
        """The receipt."""
        return JSONResponse(jsonable_encoder(receipt))

    def recall_receipt(self, receipt: Receipt, on: date) -> Response:
        """The receipt."""
        return self.receipt(receipt, on)

    def balance(self, account: str, balance_fen: int, closed: bool, on: date) -> Response:  # noqa: ARG002 as the other
        """Balance, and whether the account is closed."""
        return JSONResponse({"account": account, "closed": closed, "balance_fen": balance_fen})

    def statement(self, statement: DayStatement) -> Response:
        """Balances and lines."""
        content = {
            "statement_id": statement.statement_id,
            "account": statement.account,
            "currency": "CNY",
            "date": statement.on,
            "opening_fen": statement.opening_fen,
            "closing_fen": statement.opening_fen + sum(entry.amount_fen for entry in statement.entries),
            "lines": [
                asdict(entry)
                | {"direction": "in" if entry.amount_fen > 0 else "out", "amount_fen": abs(entry.amount_fen)}
                | ({"text": "", "reason_code": entry.text} if entry.kind == OrderKind.RETURN else {})
                for entry in statement.entries
            ],
        }
        return JSONResponse(jsonable_encoder(content))

    def signed(self, response: Response) -> Response:
        """With the signature that ties it to its question."""
        if self._nonce is not None:
            signature = self._signatures.sign_answer(self._nonce, response.status_code, bytes(response.body))
            response.headers[SIGNATURE_HEADER] = signature
        return response

    def _require_signature(self) -> None:
        if self._nonce is None:
            raise SignatureWrong("an order must be signed")


def notice_in_json(notice: Notice) -> str:
    """A notice on the direct link."""
    body: Mapping[str, object] = asdict(notice) | {"booked_on": notice.booked_on.isoformat()}
    return json.dumps(body, ensure_ascii=False)


def _xml(text: str) -> Response:
    return Response(text.encode(), media_type=XML)
