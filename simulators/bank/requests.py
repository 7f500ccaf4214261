"""What the bank takes in JSON."""

from datetime import date
from typing import Annotated

from pydantic import BaseModel, Field

EndToEndId = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9:/._-]{0,34}$")]
"""ISO 20022 has room for 35 characters, and the bank tells everything in it."""
MandateKey = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9:/._-]{0,63}$")]
AccountNumber = Annotated[str, Field(pattern=r"^\d{1,34}$")]
AmountFen = Annotated[int, Field(gt=0, le=10**13)]
ValueDate = Annotated[date, Field(ge=date(2000, 1, 1), le=date(2200, 12, 31))]
Words = Annotated[str, Field(max_length=140)]
ClearingCode = Annotated[str, Field(pattern=r"^\d{12}$")]


class TransferRequest(BaseModel):
    """Pay this amount out of the lender's account."""

    end_to_end_id: EndToEndId
    to_account: AccountNumber
    to_name: Words
    to_bank: ClearingCode | None = None
    amount_fen: AmountFen
    value_date: ValueDate
    purpose: Words


class DebitRequest(BaseModel):
    """Take this amount in by direct debit; with `partial`, what is there if it is less."""

    end_to_end_id: EndToEndId
    from_account: AccountNumber
    from_name: Words
    from_bank: ClearingCode | None = None
    amount_fen: AmountFen
    value_date: ValueDate
    purpose: Words
    partial: bool = False
    mandate_id: str | None = None
    mandate_signed_on: ValueDate | None = None


class DepositRequest(BaseModel):
    """Somebody pays into the lender's account from another bank. `text` is what he writes on the transfer."""

    end_to_end_id: EndToEndId
    from_account: AccountNumber
    from_name: Words
    amount_fen: AmountFen
    value_date: ValueDate
    text: Words = ""


class RecallRequest(BaseModel):
    """Take a settled transfer back."""

    reason: Words
    value_date: ValueDate


class MandateRequest(BaseModel):
    """Enter a mandate that the holder of the account has signed."""

    key: MandateKey
    account: AccountNumber
    name: Words
    signed_on: ValueDate
    document_sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    most_fen: AmountFen | None = None
