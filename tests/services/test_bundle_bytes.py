"""Whichever single byte of a bundle is changed, the check finds it and names the file that it belongs to."""

import io
import json
import zipfile
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from models.attesting import SigningKey
from models.chain import NO_SEAL, EntryProof, Seal, entry_bytes, leaf_hash, spelled
from services.bundle_archive import END, STORED, Member, archived, read_archive
from services.bundle_check import CHAIN, INVENTORY, MANIFEST, NEEDED, PROOFS, check
from services.bundle_inventory import ACT, inventory_of
from services.bundles import packed
from tests.services.bundle_places import name_at, named_by, places

LOAN = b'{"number": "L26000001", "applied_fen": 1, "applied_on": "2026-01-05", "booked_to": null}'
OBJECTS = {
    "balances.json": b"{}",
    PROOFS: b"{}",
    "loan.json": b'{"number": "L26000001", "applied_fen": 1, "applied_on": "2026-01-05", "booked_to": null}',
}
NAMES = (*NEEDED, PROOFS, CHAIN, "differences.json", "timeline.json")


def contents() -> dict[str, bytes]:
    """Nothing of everything, and the entry that says so, sealed alone."""
    files = {name: OBJECTS.get(name, b"[]") for name in NAMES} | {"readme.txt": b"read " * 50}
    at = datetime(2026, 1, 5, tzinfo=UTC)
    entry = {
        "id": "0" * 32,
        "at": spelled(at),
        "act": ACT,
        "subject": "L26000001",
        "after": inventory_of(files, [], []),
    }
    leaf = leaf_hash(entry_bytes(entry))
    seal = Seal(1, "0" * 32, "0" * 32, 1, leaf, NO_SEAL, at)
    proof = EntryProof("0" * 32, 1, 0, leaf, [])
    files[INVENTORY] = json.dumps({"entry": entry, "proof": asdict(proof)}).encode()
    files["seals.json"] = json.dumps([asdict(seal) | {"sealed_at": spelled(at), "hash": seal.hash}]).encode()
    return files


CONTENTS = contents()
KEY = SigningKey("test", bytes(range(32)))
MASKS = (0x01, 0x20, 0x80)


@pytest.fixture(scope="module")
def bundle() -> bytes:
    """A bundle in which nothing happened: the smallest that is sound."""
    return packed("L26000001", CONTENTS, KEY)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "bundle.zip"


def flip(bundle: bytes, place: int, mask: int) -> bytes:
    return bundle[:place] + bytes([bundle[place] ^ mask]) + bundle[place + 1 :]


def test_every_byte_of_a_bundle_is_found_and_its_file_named(bundle: bytes, path: Path) -> None:
    path.write_bytes(bundle)
    assert check(path, KEY.public).findings == []
    names = {place: name for name, begin, end in places(bundle) for place in range(begin, end)}
    assert set(names.values()) == {*CONTENTS, MANIFEST, "manifest.sig", END}
    missed = [
        (place, name)
        for place, name in names.items()
        if name not in named_by(path, flip(bundle, place, MASKS[place % 3]), KEY.public)
    ]
    assert missed == []


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(share=st.floats(0, 1, exclude_max=True), mask=st.integers(1, 255))
@example(share=0.0, mask=255)
def test_no_other_value_of_a_byte_passes_either(bundle: bytes, path: Path, share: float, mask: int) -> None:
    place = int(share * len(bundle))
    assert name_at(bundle, place) in named_by(path, flip(bundle, place, mask), KEY.public)


def test_a_byte_more_or_less_is_no_bundle(bundle: bytes, path: Path) -> None:
    for other in (bundle + b"\0", b"\0" + bundle, bundle[:-1], bundle[1:]):
        assert "no bundle" in named_by(path, other, KEY.public)


def test_any_program_unpacks_a_bundle(bundle: bytes) -> None:
    with zipfile.ZipFile(io.BytesIO(bundle)) as archive:
        assert archive.testzip() is None
        assert {name: archive.read(name) for name in CONTENTS} == CONTENTS


def test_the_same_content_packed_otherwise_is_a_change(bundle: bytes, path: Path) -> None:
    """What is unpacked is the same: only the digest of what is packed tells the two apart."""
    sound = read_archive(bundle, 100, bool)
    assert sound is not None
    members = [Member.of(one.name, CONTENTS.get(one.name, one.packed), STORED) for one in sound.members]
    path.write_bytes(archived(members))
    found = check(path, KEY.public).findings
    assert {one.file for one in found} == set(CONTENTS)
    assert {one.sentence.partition(",")[0] for one in found} == {"it was changed: it says the same"}
