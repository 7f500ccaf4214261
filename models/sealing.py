"""How the contents of documents are sealed: AES-256-GCM, under the newest of a ring of keys that have names."""

import base64
import binascii
import os
import re
from collections.abc import Mapping

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from lending.errors import LendingError

KEY_BYTES = 32
NONCE_BYTES = 12
"""Drawn at random: NIST SP 800-38D allows 2**32 contents under one key that way."""
_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,15}")


class SealBroken(LendingError):
    """What is kept is not what was sealed: changed, cut, or moved here from another row."""

    code = "seal_broken"
    http_status = 500

    def __init__(self, bound_to: str) -> None:
        super().__init__(f"{bound_to} is damaged or was tampered with; the operator has to look into it")


class KeyMissing(LendingError):
    """The key that a content was sealed with is not in the ring any more."""

    code = "key_missing"
    http_status = 500

    def __init__(self, name: str) -> None:
        super().__init__(f"the key {name} is not among LOANWRIGHT_KEYS; the operator has to put it back")


class KeyRing:
    """Keys by name. The first one seals; the others only open what was sealed with them before."""

    def __init__(self, keys: Mapping[str, bytes]) -> None:
        if not keys or any(len(key) != KEY_BYTES for key in keys.values()):
            raise ValueError(f"a ring has at least one key, each of {KEY_BYTES} bytes")
        self.newest = next(iter(keys))
        self._ciphers = {name: AESGCM(key) for name, key in keys.items()}

    @classmethod
    def parse(cls, text: str) -> "KeyRing":
        """The ring as a setting spells it: `NAME:BASE64` with commas, the newest first.

        Raises ValueError without repeating any key.
        """
        keys: dict[str, bytes] = {}
        for part in text.split(","):
            name, _, spelled = part.strip().partition(":")
            try:
                key = base64.b64decode(spelled, validate=True)
            except (binascii.Error, ValueError):
                key = b""
            if _NAME.fullmatch(name) is None or len(key) != KEY_BYTES or name in keys:
                raise ValueError("must be NAME:BASE64 of 32 bytes each, with commas, the newest first")
            keys[name] = key
        return cls(keys)

    def seal(self, content: bytes, bound_to: str) -> tuple[str, bytes]:
        """The name of the key and the sealed content, which opens for the same `bound_to` only."""
        nonce = os.urandom(NONCE_BYTES)
        return self.newest, nonce + self._ciphers[self.newest].encrypt(nonce, content, bound_to.encode())

    def open(self, key_id: str, sealed: bytes, bound_to: str) -> bytes:
        """The content. Raises KeyMissing and SealBroken."""
        if key_id not in self._ciphers:
            raise KeyMissing(key_id)
        try:
            return self._ciphers[key_id].decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], bound_to.encode())
        except (InvalidTag, ValueError):
            raise SealBroken(bound_to) from None


class _Held:
    """The ring of this process; it is set once, at start."""

    ring: KeyRing | None = None


def set_keys(ring: KeyRing) -> None:
    """Sets the keys with which this process seals and opens."""
    _Held.ring = ring


def keys() -> KeyRing:
    """The ring of this process. Nothing is ever kept open for want of a key: without a ring this raises."""
    if _Held.ring is None:
        raise RuntimeError("no keys are set; call set_keys at the start of the process")
    return _Held.ring
