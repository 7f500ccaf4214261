"""The chain over the audit log as pure figures: bytes, tree, paths, hashes of seals."""

from datetime import UTC, date, datetime, timedelta, timezone
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.audit import AuditEntry
from models.chain import (
    ENTRY_FIELDS,
    NO_SEAL,
    DailyRoot,
    Seal,
    check_path,
    entry_bytes,
    first_id_at,
    inclusion_path,
    leaf_hash,
    merkle_root,
    written_at,
)
from models.keys import new_id

AT = datetime(2026, 1, 5, 1, 2, 3, 456789, UTC)
ENTRY = {
    "id": "019b8c2a3f007000800000000000000a",
    "at": AT,
    "actor_id": "risk-qian",
    "role": "risk",
    "act": "approval_decided",
    "after": {"stage": "refused", "amount_fen": None},
    "reason": "还款能力不足",
    "refused": False,
}
SEAL = Seal(2, "a", "b", 2, "c" * 64, NO_SEAL, AT)
leaves_of = st.lists(st.binary(max_size=8), min_size=1, max_size=40).map(lambda all_: [leaf_hash(one) for one in all_])


def test_every_column_of_an_entry_is_sealed() -> None:
    assert set(ENTRY_FIELDS) == set(AuditEntry.model_fields)


def test_an_entry_has_one_spelling_which_others_can_make_too() -> None:
    assert entry_bytes(ENTRY) == (
        b'{"act":"approval_decided","actor_id":"risk-qian","after":{"amount_fen":null,"stage":"refused"},'
        b'"at":"2026-01-05T01:02:03.456789+00:00","id":"019b8c2a3f007000800000000000000a",'
        b'"reason":"\\u8fd8\\u6b3e\\u80fd\\u529b\\u4e0d\\u8db3","refused":false,"role":"risk"}'
    )


def test_what_an_entry_lacks_is_left_out_so_that_later_columns_leave_it_as_it_was() -> None:
    assert entry_bytes(ENTRY | {"workflow_id": None, "event_id": None}) == entry_bytes(ENTRY)
    assert entry_bytes(ENTRY | {"event_id": 0}) != entry_bytes(ENTRY)


def test_the_same_instant_in_another_zone_is_the_same_entry() -> None:
    assert entry_bytes(ENTRY | {"at": AT.astimezone(timezone(timedelta(hours=8)))}) == entry_bytes(ENTRY)
    assert entry_bytes(ENTRY | {"at": "2026-01-05T01:02:03.456789+00:00"}) == entry_bytes(ENTRY)


def test_the_root_is_the_tree_hash_of_rfc_6962() -> None:
    leaves = [sha256(b"\x00" + one).digest() for one in (b"a", b"b", b"c")]
    left = sha256(b"\x01" + leaves[0] + leaves[1]).digest()
    root = sha256(b"\x01" + left + leaves[2]).hexdigest()

    assert merkle_root([leaf_hash(one) for one in (b"a", b"b", b"c")]) == root
    assert merkle_root([leaf_hash(b"a")]) == leaf_hash(b"a")
    assert merkle_root([]) == sha256(b"").hexdigest()


@given(leaves=leaves_of, data=st.data())
def test_the_path_leads_from_every_leaf_to_the_root_and_from_no_other(leaves: list[str], data: st.DataObject) -> None:
    position = data.draw(st.integers(0, len(leaves) - 1))
    path, root = inclusion_path(leaves, position), merkle_root(leaves)

    assert check_path(leaves[position], path, root)
    assert not check_path(leaf_hash(b"a leaf of another tree"), path, root)
    assert not check_path(leaves[position], path, leaf_hash(b"another root"))


@pytest.mark.parametrize("path", [[["up", "00"]], [["left", "no hash"]], [["left"]], [["left", "00", "00"]]])
def test_what_is_no_path_leads_nowhere(path: list[list[str]]) -> None:
    assert not check_path(leaf_hash(b"a"), path, leaf_hash(b"a"))


def test_a_node_is_never_taken_for_a_leaf() -> None:
    two = [leaf_hash(b"a"), leaf_hash(b"b")]
    assert leaf_hash(bytes.fromhex(two[0]) + bytes.fromhex(two[1])) != merkle_root(two)


@pytest.mark.parametrize(
    "change",
    [
        {"no": 3},
        {"first_id": "x"},
        {"last_id": "x"},
        {"count": 3},
        {"root": "d" * 64},
        {"previous": "1" * 64},
        {"sealed_at": AT + timedelta(microseconds=1)},
    ],
    ids=lambda change: next(iter(change)),
)
def test_the_hash_of_a_seal_covers_all_that_it_says(change: dict[str, object]) -> None:
    assert Seal(**{**vars(SEAL), **change}).hash != SEAL.hash


def test_an_id_tells_when_its_entry_was_written() -> None:
    before = datetime.now(UTC)
    entry_id = new_id()
    assert before - timedelta(milliseconds=1) <= written_at(entry_id) <= datetime.now(UTC)
    assert first_id_at(written_at(entry_id)) <= entry_id < first_id_at(written_at(entry_id) + timedelta(milliseconds=1))
    assert first_id_at(datetime(1960, 1, 1, tzinfo=UTC)) == "0" * 32


def test_a_daily_root_is_read_as_it_was_written() -> None:
    root = DailyRoot(date(2026, 1, 5), 7, "e" * 64, AT)
    assert DailyRoot.read(root.content()) == root
    with pytest.raises(KeyError):
        DailyRoot.read({"day": "2026-01-05", "sealed_at": AT.isoformat()})
