"""Signatures under files that leave the house."""

import base64

import pytest

from models.attesting import SigningKey, verify
from settings import Settings

# RFC 8032, section 7.1, test 2.
SEED = bytes.fromhex("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb")
PUBLIC = base64.b64encode(bytes.fromhex("3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c")).decode()
SIGNATURE = bytes.fromhex(
    "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
    "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"
)


def test_a_key_signs_as_the_standard_has_it() -> None:
    key = SigningKey.parse(f"2026:{base64.b64encode(SEED).decode()}")

    assert (key.name, key.public) == ("2026", PUBLIC)
    assert key.sign(b"\x72") == SIGNATURE
    assert verify(PUBLIC, SIGNATURE, b"\x72")


@pytest.mark.parametrize(
    ("public", "signature", "content"),
    [
        (PUBLIC, SIGNATURE, b"\x73"),
        (PUBLIC, SIGNATURE[:-1] + b"\x01", b"\x72"),
        (PUBLIC, b"", b"\x72"),
        (base64.b64encode(bytes(32)).decode(), SIGNATURE, b"\x72"),
        ("no key", SIGNATURE, b"\x72"),
        ("", SIGNATURE, b"\x72"),
    ],
    ids=["content", "signature", "none", "another key", "no key", "empty"],
)
def test_anything_else_is_no_signature(public: str, signature: bytes, content: bytes) -> None:
    assert not verify(public, signature, content)


@pytest.mark.parametrize("text", ["", "demo", "demo:", "demo:AAAA", ":" + base64.b64encode(SEED).decode()])
def test_what_is_no_key_is_refused_and_not_repeated(text: str) -> None:
    with pytest.raises(ValueError, match="signing key") as refusal:
        SigningKey.parse(text)
    assert "AAAA" not in str(refusal.value)


def test_the_demonstration_has_a_key() -> None:
    assert SigningKey.parse(Settings().signing_key.get_secret_value()).name == "demo"
