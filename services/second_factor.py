"""The second factor of the staff: codes of an authenticator (RFC 6238), and recovery codes for when it is lost."""

import base64
import secrets
from datetime import datetime
from hmac import compare_digest

import pyotp

from books.session import UnitOfWork
from books.sign_in import secret_digest
from models.sign_in import StaffCredential

ISSUER = "Loanwright"
STEP_SECONDS = 30
DRIFT = 1
"""Steps that a clock may be ahead or behind (RFC 6238, 5.2)."""
RECOVERY_CODES = 10
RECOVERY_BYTES = 10
"""Eighty bits: a copy of the books does not help to guess one, so that a fast digest is enough."""


def new_secret() -> str:
    """A secret for an authenticator, 160 bits as Base32."""
    return pyotp.random_base32(32)


def enrolment_uri(secret: str, staff_id: str) -> str:
    """What an authenticator reads from the picture on the enrolment page."""
    return pyotp.TOTP(secret).provisioning_uri(name=staff_id, issuer_name=ISSUER)


def is_code(credential: StaffCredential, code: str, now: datetime) -> bool:
    """Whether the authenticator shows this code now. Each works once: it and all before it are used up."""
    if credential.totp_secret is None or len(code) != 6:
        return False
    codes = pyotp.TOTP(credential.totp_secret)
    step = int(now.timestamp()) // STEP_SECONDS
    for one in range(step - DRIFT, step + DRIFT + 1):
        shown = codes.generate_otp(one)
        if compare_digest(shown.encode(), code.encode()) and one > credential.totp_last_step:
            credential.totp_last_step = one
            return True
    return False


def new_recovery_codes(work: UnitOfWork, staff_id: str) -> list[str]:
    """Ten codes, shown this once; those from before are worth nothing any more."""
    codes = [_in_groups(base64.b32encode(secrets.token_bytes(RECOVERY_BYTES)).decode()) for _ in range(RECOVERY_CODES)]
    work.sign_in.replace_recovery_codes(staff_id, [_digest(one) for one in codes], work.now)
    return codes


def use_recovery_code(work: UnitOfWork, staff_id: str, code: str) -> bool:
    """Whether this is a recovery code that was not used; it is by now."""
    return work.sign_in.use_recovery_code(staff_id, _digest(code), work.now)


def _digest(code: str) -> str:
    return secret_digest(code.upper().replace("-", "").replace(" ", ""))


def _in_groups(code: str) -> str:
    return "-".join(code[n : n + 4] for n in range(0, len(code), 4))
