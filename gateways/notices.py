"""The bank's call-backs: who may be believed."""

import hashlib
import hmac
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from datetime import date as business_date
from enum import StrEnum
from typing import Annotated, Literal, Self

from pydantic import Field, ValidationError, model_validator

from gateways.bank_messages import AmountFen, TransferStatus
from gateways.connection import Answer
from gateways.errors import BankMessageBroken, NoticeRejected
from gateways.iso20022.notifications import Booking, OrderReport, read_notification
from gateways.texts import Reason, Reference, Text, fitted_to
from models.statements import Direction

OLDEST_NOTICE = timedelta(minutes=5)

LONGEST_END_TO_END_ID = 96


class NoticeKind(StrEnum):
    """What was booked on the lender's account; a recall is money that came back, a return is money drawn that went."""

    TRANSFER = "transfer"
    DEBIT = "debit"
    DEPOSIT = "deposit"
    RECALL = "recall"
    RETURN = "return"


class BankNotice(Answer):
    """A booking on the lender's account, or the late decline of a pending order (amount 0, with its reason).

    `reference` is unique per booking: the same one again is the same booking, told twice. So it is refused, and not
    mended, if the books cannot keep it as it is. A payer from elsewhere may give no end-to-end id.
    """

    reference: Reference
    kind: NoticeKind
    status: Literal["settled", "declined"]
    end_to_end_id: Annotated[str, Field(min_length=1), fitted_to(LONGEST_END_TO_END_ID)] | None
    direction: Direction
    amount_fen: AmountFen
    booked_on: business_date
    counterparty_account: Text = Field(repr=False)
    counterparty_name: Text = Field(repr=False)
    text: Text = Field(repr=False)
    reason_code: Reason | None

    @model_validator(mode="after")
    def _hangs_together(self) -> Self:
        settled = self.status == "settled"
        explained = self.reason_code is not None
        if settled != (self.amount_fen > 0) or not (settled or explained):
            raise ValueError("settled has an amount, declined has a reason")
        if settled and explained and self.kind is not NoticeKind.RETURN:
            raise ValueError("only what was declined or returned has a reason")
        return self


_DECIDED_KINDS = {
    "pain.001": NoticeKind.TRANSFER,
    "pain.008": NoticeKind.DEBIT,
    "camt.055": NoticeKind.RECALL,
}
"""By the message that the order came in, whatever its version."""
_BOOKED_KINDS = {"ICDT": NoticeKind.TRANSFER, "IDDT": NoticeKind.DEBIT, "RCDT": NoticeKind.DEPOSIT}
"""By the family of ISO's bank transaction code."""


def verify_notice(
    body: bytes, headers: Mapping[str, str], secret: str, *, now: datetime | None = None, account: str | None = None
) -> BankNotice:
    """The notice in `body`, if the bank signed it with the shared secret within the last five minutes.

    The body is the direct link's JSON, or XML of ISO 20022: camt.054 with one booking, pain.002 or camt.029 with the
    decline of one order. A camt.054 names an account, which has to be `account` where that is given. The signature is
    `v1=` and the hexadecimal HMAC-SHA256 of the timestamp, a point and the body as sent. Raises NoticeRejected; its
    sentence carries nothing of the body.
    """
    lower = {name.lower(): value for name, value in headers.items()}
    timestamp = lower.get("x-bank-timestamp", "")
    signature = lower.get("x-bank-signature", "")
    if not (timestamp.isascii() and timestamp.isdecimal() and len(timestamp) <= 12):
        raise NoticeRejected("the notice has no timestamp in X-Bank-Timestamp")
    expected = hmac.new(secret.encode(), timestamp.encode() + b"." + body, hashlib.sha256).hexdigest()
    if not hmac.compare_digest(f"v1={expected}".encode(), signature.encode()):
        raise NoticeRejected("the notice is not signed by the bank")
    age_seconds = (now or datetime.now(UTC)).timestamp() - int(timestamp)
    if abs(age_seconds) > OLDEST_NOTICE.total_seconds():
        raise NoticeRejected("the notice was signed more than five minutes ago, or in the future")
    try:
        return _of_xml(body, account) if body.lstrip()[:1] == b"<" else BankNotice.model_validate_json(body)
    except ValidationError as error:
        fields = ", ".join(sorted({".".join(map(str, problem["loc"])) or "body" for problem in error.errors()}))
        raise NoticeRejected(f"the notice is not in the agreed form: {fields}") from None
    except BankMessageBroken as error:
        raise NoticeRejected(f"the notice is not in the agreed form: {error}") from None


def _of_xml(body: bytes, account: str | None) -> BankNotice:
    told = read_notification(body, account)
    return _of_booking(told) if isinstance(told, Booking) else _of_report(told)


def _of_booking(booking: Booking) -> BankNotice:
    entry = booking.entry
    otherwise = NoticeKind.TRANSFER
    if entry.direction is Direction.IN:
        # Without a code only its end-to-end id can tell whether money that came in was drawn by us.
        otherwise = NoticeKind.DEPOSIT if entry.end_to_end_id is None else NoticeKind.DEBIT
    taken_back = NoticeKind.RECALL if entry.direction is Direction.IN else NoticeKind.RETURN
    return BankNotice(
        reference=entry.reference,
        kind=taken_back if entry.is_reversal else _BOOKED_KINDS.get(booking.family or "", otherwise),
        status="settled",
        end_to_end_id=entry.end_to_end_id,
        direction=entry.direction,
        amount_fen=entry.amount_fen,
        booked_on=entry.booked_on,
        counterparty_account=entry.counterparty_account or "",
        counterparty_name=entry.counterparty_name or "",
        text=entry.remittance or "",
        reason_code=entry.return_reason if entry.is_reversal and taken_back is NoticeKind.RETURN else None,
    )


def _of_report(report: OrderReport) -> BankNotice:
    """The decline of an order. Its settlement is no notice: the booking is."""
    result = report.result
    kind = _DECIDED_KINDS.get(report.order_kind[:8])
    if kind is None:
        raise BankMessageBroken("notices", "it does not say what kind of order it is about", "OrgnlMsgNmId")
    if result.status is not TransferStatus.DECLINED:
        raise BankMessageBroken("notices", "only a decline is reported without a booking", "TxInfAndSts")
    return BankNotice(
        reference=result.bank_reference,
        kind=kind,
        status="declined",
        end_to_end_id=result.end_to_end_id,
        direction=Direction.OUT if kind is NoticeKind.TRANSFER else Direction.IN,
        amount_fen=0,
        booked_on=report.reported_on,
        counterparty_account="",
        counterparty_name="",
        text="",
        reason_code=result.reason_code,
    )
