"""The bank's call-backs: who may be believed."""

import hashlib
import hmac
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from datetime import date as business_date
from enum import StrEnum
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, ValidationError, model_validator

from gateways.bank import AmountFen, Direction
from gateways.connection import Answer
from gateways.errors import NoticeRejected

OLDEST_NOTICE = timedelta(minutes=5)

CONTROLS = r"\x00-\x1f\x7f-\x9f"
LONGEST_END_TO_END_ID = 96
LONGEST_REASON = 64
LONGEST_TEXT = 500
"""For names and remittance texts; ISO 20022 allows 140 characters of each."""


def _fitted(longest: int) -> AfterValidator:
    """Text as the books can keep it, without control characters and cut: no money is lost because of a text."""
    return AfterValidator(lambda text: re.sub(f"[{CONTROLS}]", " ", text)[:longest])


Text = Annotated[str, _fitted(LONGEST_TEXT)]


class NoticeKind(StrEnum):
    """What was booked on the lender's account; a recall is money that came back."""

    TRANSFER = "transfer"
    DEBIT = "debit"
    DEPOSIT = "deposit"
    RECALL = "recall"


class BankNotice(Answer):
    """A booking on the lender's account, or the late decline of a pending order (amount 0, with its reason).

    `reference` is unique per booking: the same one again is the same booking, told twice. So it is refused, and not
    mended, if the books cannot keep it as it is.
    """

    reference: Annotated[str, Field(min_length=1, max_length=64, pattern=f"^[^{CONTROLS}]+$")]
    kind: NoticeKind
    status: Literal["settled", "declined"]
    end_to_end_id: Annotated[str, Field(min_length=1), _fitted(LONGEST_END_TO_END_ID)]
    direction: Direction
    amount_fen: AmountFen
    booked_on: business_date
    counterparty_account: str = Field(repr=False)
    counterparty_name: Text = Field(repr=False)
    text: Text = Field(repr=False)
    reason_code: Annotated[str, _fitted(LONGEST_REASON)] | None

    @model_validator(mode="after")
    def _hangs_together(self) -> Self:
        settled = self.status == "settled"
        if settled != (self.amount_fen > 0) or settled == (self.reason_code is not None):
            raise ValueError("settled has an amount, declined has a reason")
        return self


def verify_notice(body: bytes, headers: Mapping[str, str], secret: str, *, now: datetime | None = None) -> BankNotice:
    """The notice in `body`, if the bank signed it with the shared secret within the last five minutes.

    The signature is `v1=` and the hexadecimal HMAC-SHA256 of the timestamp, a point and the body as sent. Raises
    NoticeRejected; its sentence carries nothing of the body.
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
        return BankNotice.model_validate_json(body)
    except ValidationError as error:
        fields = ", ".join(sorted({".".join(map(str, problem["loc"])) or "body" for problem in error.errors()}))
        raise NoticeRejected(f"the notice is not in the agreed form: {fields}") from None
