"""Signatures under files that leave the house: Ed25519 (RFC 8032), checked by anybody who has the public key."""

import base64
import binascii
import re

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

KEY_BYTES = 32
_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,15}")


class SigningKey:
    """A key with a name: it signs, and tells by which public key its signatures are checked."""

    def __init__(self, name: str, seed: bytes) -> None:
        if _NAME.fullmatch(name) is None or len(seed) != KEY_BYTES:
            raise ValueError(f"a signing key has a short name and {KEY_BYTES} bytes")
        self.name = name
        self._key = Ed25519PrivateKey.from_private_bytes(seed)

    @classmethod
    def parse(cls, text: str) -> "SigningKey":
        """The key as a setting spells it: `NAME:BASE64` of 32 bytes. Raises ValueError without repeating it."""
        name, _, spelled = text.strip().partition(":")
        return cls(name, _bytes(spelled))

    def sign(self, content: bytes) -> bytes:
        """The signature under this content, 64 bytes."""
        return self._key.sign(content)

    @property
    def public(self) -> str:
        """The public key in Base64, to be handed to whoever is to check signatures."""
        return base64.b64encode(self._key.public_key().public_bytes_raw()).decode()


def verify(public: str, signature: bytes, content: bytes) -> bool:
    """Whether the holder of this public key (Base64) signed exactly this content; False for what is no key."""
    try:
        Ed25519PublicKey.from_public_bytes(_bytes(public)).verify(signature, content)
    except (InvalidSignature, ValueError):
        return False
    return True


def _bytes(spelled: str) -> bytes:
    try:
        return base64.b64decode(spelled, validate=True)
    except (binascii.Error, ValueError):
        return b""


class _Held:
    """The key of this process; it is set once, at start."""

    key: SigningKey | None = None


def set_signing_key(key: SigningKey) -> None:
    """Sets the key with which this process signs."""
    _Held.key = key


def signing_key() -> SigningKey:
    """The key of this process. Nothing leaves unsigned for want of a key: without one this raises."""
    if _Held.key is None:
        raise RuntimeError("no signing key is set; call set_signing_key at the start of the process")
    return _Held.key
