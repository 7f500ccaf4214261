"""Signatures of the direct link: who asks the bank, who answers, and that nothing was changed or played back.

The question's signature covers method, path with query, time, nonce and body; the answer's covers status, the nonce of
its question, and body. Both are `v1=` and the hexadecimal HMAC-SHA256 under the secret that lender and bank share.
"""

import hashlib
import hmac
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass

TIMESTAMP_HEADER = "X-Link-Timestamp"
NONCE_HEADER = "X-Link-Nonce"
SIGNATURE_HEADER = "X-Link-Signature"


@dataclass(frozen=True, slots=True)
class SignedQuestion:
    """The headers that sign a question, and its nonce, which signs the answer with."""

    nonce: str
    headers: Mapping[str, str]


def sign_question(secret: str, method: str, path: str, body: bytes) -> SignedQuestion:
    """Signs a question as of now, under a nonce that is used once."""
    nonce = secrets.token_hex(16)
    timestamp = str(int(time.time()))
    signature = _mac(secret, method, path, timestamp, nonce, body)
    headers = {TIMESTAMP_HEADER: timestamp, NONCE_HEADER: nonce, SIGNATURE_HEADER: signature}
    return SignedQuestion(nonce, headers)


def is_answer_signed(secret: str, nonce: str, status: int, headers: Mapping[str, str], body: bytes) -> bool:
    """Whether the bank gave this answer, and gave it to the question with this nonce."""
    expected = _mac(secret, str(status), nonce, body)
    return hmac.compare_digest(expected.encode(), headers.get(SIGNATURE_HEADER, "").encode())


def _mac(secret: str, *parts: str | bytes) -> str:
    """The body goes in by its digest, so that no line of it can pass for a part of its own."""
    lines = [hashlib.sha256(part).hexdigest() if isinstance(part, bytes) else part for part in parts]
    return "v1=" + hmac.new(secret.encode(), "\n".join(lines).encode(), hashlib.sha256).hexdigest()
