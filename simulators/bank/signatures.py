"""Signatures of the direct link, as the bank checks and gives them. See docs/bank.md for what they cover."""

import hashlib
import hmac
import time
from collections.abc import Mapping

from simulators.refusals import SignatureWrong

TIMESTAMP_HEADER = "X-Link-Timestamp"
NONCE_HEADER = "X-Link-Nonce"
SIGNATURE_HEADER = "X-Link-Signature"

_OLDEST_SECONDS = 300


class SignatureDesk:
    """Believes each signed question once, and signs the answers."""

    def __init__(self, secret: str) -> None:
        self._secret = secret.encode()
        self._nonces: dict[str, float] = {}

    def check(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> str:
        """The nonce of a question that is signed, fresh and new. Raises SignatureWrong."""
        timestamp, nonce = headers.get(TIMESTAMP_HEADER, ""), headers.get(NONCE_HEADER, "")
        if not (timestamp.isascii() and timestamp.isdecimal() and len(timestamp) <= 12 and 16 <= len(nonce) <= 64):
            raise SignatureWrong(f"the question needs {TIMESTAMP_HEADER}, {NONCE_HEADER} and {SIGNATURE_HEADER}")
        lines = (method, path, timestamp, nonce, hashlib.sha256(body).hexdigest())
        if not hmac.compare_digest(self._mac(lines).encode(), headers.get(SIGNATURE_HEADER, "").encode()):
            raise SignatureWrong("the question is not signed by the customer")
        now = time.time()
        if abs(now - int(timestamp)) > _OLDEST_SECONDS:
            raise SignatureWrong("the question was signed more than five minutes ago, or in the future")
        self._nonces = {old: seen for old, seen in self._nonces.items() if now - seen <= 2 * _OLDEST_SECONDS}
        if nonce in self._nonces:
            raise SignatureWrong("the question was played back")
        self._nonces[nonce] = now
        return nonce

    def sign_answer(self, nonce: str, status: int, body: bytes) -> str:
        """The signature of the answer to the question with this nonce."""
        return self._mac((str(status), nonce, hashlib.sha256(body).hexdigest()))

    def _mac(self, lines: tuple[str, ...]) -> str:
        return "v1=" + hmac.new(self._secret, "\n".join(lines).encode(), hashlib.sha256).hexdigest()
