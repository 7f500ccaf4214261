"""Refusals of the simulated services: a status, a stable code and a sentence, never the data that was sent."""

from typing import ClassVar

from lending.errors import LendingError


class Refusal(LendingError):
    """A call that a service does not carry out."""

    code: ClassVar[str] = "refused"
    http_status: ClassVar[int] = 422


class CredentialMissing(Refusal):
    """The call carries no valid credential of this service."""

    code = "credential_missing"
    http_status = 401


class DeclinedOnDemand(Refusal):
    """The fault `decline` was asked for."""

    code = "declined"


class FaultUnknown(Refusal):
    """A fault that does not exist or that this service cannot show."""

    code = "fault_unknown"


class ContentDiffers(Refusal):
    """A key was used before with other content."""

    code = "content_differs"
    http_status = 409


class OrderUnknown(Refusal):
    """No order of the bank has this end-to-end id."""

    code = "order_unknown"
    http_status = 404


class AccountUnknown(Refusal):
    """The bank has no such account."""

    code = "account_unknown"
    http_status = 404


class OtherBank(Refusal):
    """The data directory holds the bank of another population or lender."""

    code = "other_bank"
    http_status = 409


class SignatureWrong(Refusal):
    """A question on the direct link that is not signed, not fresh, or played back."""

    code = "signature_wrong"
    http_status = 401


class Malformed(Refusal):
    """A question with wrong or missing fields."""

    code = "malformed"


class MessageRefused(Refusal):
    """A message of ISO 20022 that breaks its schema or the bank's rules."""

    code = "message_refused"


class MessageIdTaken(Refusal):
    """A message id that came before with another order."""

    code = "message_id_taken"
    http_status = 409


class MandateRefused(Refusal):
    """A mandate that the holder of the account cannot have signed."""

    code = "mandate_refused"
