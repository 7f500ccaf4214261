"""How personal data is sealed: AES-256-GCM, under data keys that lie in the books under a ring of keys with names."""

import base64
import binascii
import hmac
import os
import re
from collections.abc import Mapping

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from lending.errors import LendingError

KEY_BYTES = 32
MARK_LETTERS = 16
NONCE_BYTES = 12
"""Drawn at random: NIST SP 800-38D allows 2**32 contents under one key that way."""
VERSION = "s1"
"""How a value is sealed under a data key; another way gets another name."""
HEAD_BYTES = 40
"""Version and name of the key stand in the first of them."""
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


NOT_OPENED = (SealBroken, KeyMissing)
"""Why a sealed value cannot be opened."""


class PersonErased(LendingError):
    """The key of a customer was destroyed: what was sealed with it is gone, and nothing new is written about him."""

    code = "person_erased"
    http_status = 410

    def __init__(self, customer_id: str) -> None:
        super().__init__(f"the personal data of customer {customer_id} was erased after the legal period")


class KeyRing:
    """Keys by name. The first one seals; the others only open what was sealed with them before."""

    def __init__(self, keys: Mapping[str, bytes]) -> None:
        if not keys or any(len(key) != KEY_BYTES for key in keys.values()):
            raise ValueError(f"a ring has at least one key, each of {KEY_BYTES} bytes")
        self.newest = next(iter(keys))
        self.names = tuple(keys)
        self._keys = dict(keys)
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

    def derived(self, label: bytes) -> "KeyRing":
        """A ring of the same names for another use: derived from these (HKDF, RFC 5869), it opens nothing of theirs."""

        def derive(key: bytes) -> bytes:
            return HKDF(hashes.SHA256(), KEY_BYTES, salt=None, info=label).derive(key)

        return KeyRing({name: derive(key) for name, key in self._keys.items()})

    def marks(self) -> dict[str, str]:
        """By name, what may be kept of each key in clear: no key follows from it, and two keys have different ones."""
        return {name: hmac.new(key, b"mark", "sha256").hexdigest()[:MARK_LETTERS] for name, key in self._keys.items()}

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


class DataCipher:
    """Seals and opens values under one data key. What is sealed names the key: `s1.<key>.<nonce and ciphertext>`."""

    def __init__(self, name: str, key: bytes) -> None:
        self.name = name
        self._cipher = AESGCM(key)
        self._head = f"{VERSION}.{name}."

    def seal(self, content: bytes, bound_to: str) -> str:
        """Text that opens for the same `bound_to` only."""
        return self._head + base64.b64encode(self._encrypt(content, bound_to)).decode()

    def seal_file(self, content: bytes, bound_to: str) -> bytes:
        """The same in bytes, for what is large."""
        return self._head.encode() + self._encrypt(content, bound_to)

    def open(self, kept: str | bytes, bound_to: str) -> bytes:
        """What was sealed. Raises SealBroken."""
        try:
            body = kept[len(self._head) :]
            sealed = body if isinstance(body, bytes) else base64.b64decode(body, validate=True)
            return self._cipher.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], bound_to.encode())
        except (InvalidTag, ValueError):
            raise SealBroken(bound_to) from None

    def _encrypt(self, content: bytes, bound_to: str) -> bytes:
        nonce = os.urandom(NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, content, bound_to.encode())


class LockedFile:
    """A file that was read with its row and opens when it is asked for. Without a cipher its key was destroyed, or is
    not to be had because of `broken`.
    """

    __slots__ = ("_bound_to", "_broken", "_cipher", "_owner", "kept")

    def __init__(
        self, kept: bytes, cipher: DataCipher | None, owner: str, bound_to: str, broken: LendingError | None = None
    ) -> None:
        self.kept = kept
        self._cipher, self._owner, self._bound_to, self._broken = cipher, owner, bound_to, broken

    def open(self) -> bytes:
        """The file. Raises SealBroken, KeyMissing and PersonErased."""
        if self._broken is not None:
            raise self._broken
        key_of(self.kept, self._bound_to)
        if self._cipher is None:
            raise PersonErased(self._owner)
        return self._cipher.open(self.kept, self._bound_to)


def key_of(kept: str | bytes, bound_to: str) -> str:
    """The name of the data key of what is sealed. Raises SealBroken for what no data key sealed."""
    head = kept[:HEAD_BYTES].decode("ascii", "replace") if isinstance(kept, bytes) else kept[:HEAD_BYTES]
    parts = head.split(".", 2)
    if len(parts) != 3 or parts[0] != VERSION:
        raise SealBroken(bound_to)
    return parts[1]


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
