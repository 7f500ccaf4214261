"""The keys that seal documents: named, changed without losing what is there, and bound to the row of a content."""

import base64

import pytest

from models.sealing import KeyMissing, KeyRing, SealBroken
from settings import Settings

OLD, NEW = (base64.b64encode(bytes([n] * 32)).decode() for n in (1, 2))


def test_what_is_sealed_opens_for_what_it_was_bound_to_and_nothing_else() -> None:
    ring = KeyRing.parse(f"old:{OLD}")
    name, sealed = ring.seal(b"a content", "document 1")
    assert (name, ring.open(name, sealed, "document 1")) == ("old", b"a content")
    assert b"content" not in sealed
    for wrong, bound_to in (
        (sealed, "document 2"),
        (sealed[:-1], "document 1"),
        (sealed[:5], "document 1"),
        (b"", "document 1"),
        (bytes([sealed[0] ^ 1]) + sealed[1:], "document 1"),
    ):
        with pytest.raises(SealBroken):
            ring.open(name, wrong, bound_to)


def test_the_same_content_never_looks_the_same() -> None:
    ring = KeyRing.parse(f"old:{OLD}")
    assert ring.seal(b"a content", "d") != ring.seal(b"a content", "d")


def test_a_new_key_in_front_seals_and_the_old_one_still_opens() -> None:
    name, sealed = KeyRing.parse(f"old:{OLD}").seal(b"a content", "d")
    both = KeyRing.parse(f"new:{NEW}, old:{OLD}")
    assert both.newest == "new"
    assert both.seal(b"x", "d")[0] == "new"
    assert both.open(name, sealed, "d") == b"a content"
    with pytest.raises(KeyMissing, match="old"):
        KeyRing.parse(f"new:{NEW}").open(name, sealed, "d")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "old",
        f":{OLD}",
        f"old:{OLD[:-4]}",
        "old:not base64",
        f"OLD:{OLD}",
        f"a:{OLD},a:{NEW}",
        f"a:{OLD},",
        f"a b:{OLD}",
    ],
)
def test_a_ring_that_is_spelled_wrongly_is_refused_without_showing_a_key(text: str) -> None:
    with pytest.raises(ValueError, match="NAME:BASE64") as refused:
        KeyRing.parse(text)
    assert OLD[:8] not in str(refused.value)


def test_the_setting_takes_what_a_ring_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOANWRIGHT_KEYS", f"new:{NEW},old:{OLD}")
    assert KeyRing.parse(Settings().keys.get_secret_value()).newest == "new"
    monkeypatch.setenv("LOANWRIGHT_KEYS", f"new:{NEW},old")
    with pytest.raises(ValueError, match="NAME:BASE64"):
        Settings()
