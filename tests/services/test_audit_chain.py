"""The audit log is sealed beside its writers, and whatever is done to it afterwards is found and named."""

import sqlite3
import threading
from contextlib import suppress
from datetime import timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, IntegrityError

from activities import sealing
from activities.sealing import SealingActs
from books.session import Books, was_written_before
from models.audit import AuditEntry
from models.chain import NO_SEAL, check_path, entry_bytes, first_id_at, leaf_hash
from models.keys import new_id
from models.recurring import SealingOrder
from services import audit
from services.audit_chain import SealedMeanwhile, keep, next_batch, open_since, proofs_of, waiting
from services.audit_chain import seal as seal_in
from services.audit_findings import FindingKind
from services.audit_proof import GRACE
from tests.services.audit_log import AFTER, SOMEBODY, found, outsider, seal, tamper, verdict, write


class PowerCut(Exception):
    """The end of everything that was not committed."""


@pytest.fixture
def ids(books: Books) -> list[str]:
    """Nine entries of this test in the last of the seals, of three entries each."""
    seal(books)
    written = write(books, 9)
    seal(books, most=3)
    return written


def number_of(books: Books, entry_id: str) -> int:
    with books.read() as work:
        return work.seals.places([entry_id])[entry_id].seal_no


def last_hash(books: Books) -> str:
    with books.read() as work:
        last = work.seals.last()
    assert last is not None
    return last.hash


# -- sealing ---------------------------------------------------------------------------------------------------------


def test_seals_follow_one_another_and_hold_every_entry_once(books: Books, ids: list[str]) -> None:
    found_whole = verdict(books)
    assert (found_whole.findings, found_whole.unsealed) == ([], 0)
    with books.read() as work:
        seals = list(reversed(work.seals.newest(None, 1000)))
        entries = work.audit.page(limit=1000)
        places = work.seals.places([entry.id for entry in entries])
    assert [one.previous for one in seals] == [NO_SEAL, *(one.hash for one in seals[:-1])]
    assert sum(one.count for one in seals) == len(entries) == len(places) == found_whole.entries
    assert [one.count for one in seals[-3:]] == [3, 3, 3]
    assert (seals[-3].first_id, seals[-1].last_id) == (ids[0], ids[-1])


def test_what_is_sealed_is_what_anybody_reads(books: Books, ids: list[str]) -> None:
    with books.read() as work:
        entries = [entry for entry in work.audit.page(limit=1000) if entry.id in ids]
        proofs = proofs_of(work, [*entries, "no entry"])
        roots = {no: work.seals.get(no) for no in {proof.seal_no for proof in proofs}}
    assert entries[0].after == AFTER
    assert [proof.entry_id for proof in proofs] == ids
    for entry, proof in zip(entries, proofs, strict=True):
        root = roots[proof.seal_no]
        assert root is not None
        assert proof.leaf == leaf_hash(entry_bytes(entry.model_dump()))
        assert check_path(proof.leaf, proof.path, root.root)
        assert root.content.hash == root.hash


def test_entries_that_are_not_sealed_yet_are_told_and_have_no_proof(books: Books) -> None:
    seal(books)
    new = write(books, 2)
    with books.read() as work:
        waits = waiting(work)
        assert proofs_of(work, new) == []
    assert (waits.count, verdict(books).unsealed, found(books)) == (2, 2, [])
    assert waits.oldest is not None
    with books.begin() as work:
        # The posting with which the books were opened is one of the three.
        assert seal_in(work) == 3
        assert seal_in(work) == 0
    with books.read() as work:
        assert waiting(work).count == 0


def test_an_entry_that_is_committed_late_lies_in_the_next_seal(books: Books) -> None:
    seal(books)
    early, late = new_id(), new_id()
    with books.begin() as work:
        audit.record(work, SOMEBODY, "second")
    no = seal(books)
    with books.begin() as work:
        for entry_id in (early, late):
            work.audit.add(id=entry_id, at=work.now, actor_id="system", role="system", act="first")
    assert seal(books) == no + 1
    assert number_of(books, early) == number_of(books, late) == no + 1
    assert found(books) == []


def test_writers_and_sealers_at_once_leave_every_entry_in_one_seal(books: Books) -> None:
    failures: list[Exception] = []
    writing = threading.Event()

    def write_some() -> None:
        try:
            for _ in range(12):
                with books.begin() as work:
                    for _ in range(5):
                        audit.record(work, SOMEBODY, "written", after=AFTER)
        except Exception as error:  # noqa: BLE001 told by the test
            failures.append(error)

    def seal_some() -> None:
        acts = SealingActs(books)
        try:
            while not writing.is_set():
                acts.seal_audit(SealingOrder())
        except Exception as error:  # noqa: BLE001 told by the test
            failures.append(error)

    writers = [threading.Thread(target=write_some) for _ in range(3)]
    sealers = [threading.Thread(target=seal_some) for _ in range(2)]
    for thread in (*writers, *sealers):
        thread.start()
    for thread in writers:
        thread.join()
    writing.set()
    for thread in sealers:
        thread.join()
    SealingActs(books).seal_audit(SealingOrder())
    assert failures == []
    proved = verdict(books)
    with books.read() as work:
        entries = work.audit.page(limit=1000)
    assert (proved.findings, proved.unsealed, proved.entries) == ([], 0, len(entries))
    assert sum(entry.act == "written" for entry in entries) == 3 * 12 * 5


def test_of_two_sealers_with_the_same_entries_one_seals_them(books: Books) -> None:
    seal(books)
    write(books, 4)
    with books.read() as work:
        mine = next_batch(work, open_since(work))
    assert mine is not None
    no = seal(books)
    with pytest.raises(SealedMeanwhile), books.begin() as work:
        keep(work, mine)
    assert seal(books) == no
    assert found(books) == []


def test_two_sealers_who_commit_at_the_same_moment_double_nothing(books: Books) -> None:
    seal(books)
    write(books, 4)
    outcomes: list[str] = []
    together = threading.Barrier(2)

    def run() -> None:
        with books.read() as work:
            batch = next_batch(work, open_since(work))
        assert batch is not None
        together.wait()
        try:
            with books.begin() as work:
                keep(work, batch)
        except SealedMeanwhile:
            outcomes.append("second")
        except IntegrityError as error:
            outcomes.append("second" if was_written_before(error) else str(error))
        else:
            outcomes.append("first")

    threads = [threading.Thread(target=run) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["first", "second"]
    assert (found(books), verdict(books).unsealed) == ([], 0)


def test_a_sealer_that_dies_in_the_middle_leaves_nothing_behind(books: Books) -> None:
    no = seal(books)
    write(books, 4)
    with suppress(PowerCut), books.begin() as work:
        seal_in(work)
        raise PowerCut
    assert seal(books) == no + 1
    assert (found(books), verdict(books).unsealed) == ([], 0)


def test_a_full_look_seals_what_the_look_at_the_last_minutes_passes_over(books: Books) -> None:
    with books.begin() as work:
        seal_in(work)
    with books.begin() as work:
        hour_ago = first_id_at(work.now - timedelta(hours=1))
        work.audit.add(id=hour_ago, at=work.now, actor_id="system", role="system", act="very_late")
    with books.begin() as work:
        assert seal_in(work) == 0
    assert SealingActs(books).seal_audit(SealingOrder()).sealed == 1


def test_a_full_look_goes_on_where_half_a_minute_was_over(books: Books, monkeypatch: pytest.MonkeyPatch) -> None:
    write(books, 30)
    monkeypatch.setattr(sealing, "WINDOW", 7)
    monkeypatch.setattr(sealing, "LONGEST_SECONDS", -1)
    acts = SealingActs(books)
    rounds = [acts.seal_audit(SealingOrder())]
    while not rounds[-1].complete:
        rounds.append(acts.seal_audit(SealingOrder()))
    assert len(rounds) > 4
    assert sum(one.sealed for one in rounds) >= 30
    assert (found(books), verdict(books).unsealed) == ([], 0)


def test_a_day_later_all_entries_are_looked_at_again(books: Books, monkeypatch: pytest.MonkeyPatch) -> None:
    acts = SealingActs(books)
    acts.seal_audit(SealingOrder())
    with books.begin() as work:
        hour_ago = first_id_at(work.now - timedelta(hours=1))
        work.audit.add(id=hour_ago, at=work.now, actor_id="system", role="system", act="very_late")
    assert acts.seal_audit(SealingOrder()).sealed == 0
    monkeypatch.setattr(sealing, "FULL_LOOK_SECONDS", 0)
    assert acts.seal_audit(SealingOrder()).sealed == 1


def test_an_id_of_the_future_keeps_nobody_from_being_sealed(books: Books) -> None:
    seal(books)
    with books.begin() as work:
        for entry_id in ("f" * 32, "zzz"):
            work.audit.add(id=entry_id, at=work.now, actor_id="x", role="x", act="x")
    seal(books)
    (later,) = write(books)
    seal(books)
    assert number_of(books, later)
    assert {(kind, entry) for kind, _, entry in found(books)} == {
        (FindingKind.ENTRY_MISDATED, "f" * 32),
        (FindingKind.ENTRY_MISDATED, "zzz"),
    }


# -- what was tampered with --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "change",
    [
        "actor_id = 'risk-qiao'",
        "role = 'admin'",
        "address = '192.0.2.8'",
        "address = NULL",
        "request_id = 'req-2'",
        "act = 'approval_decidee'",
        "loan = 'L26000002'",
        "subject = 'x'",
        "before = '{}'",
        "after = NULL",
        "reason = 'looked at everythinh'",
        "refused = true",
        "workflow_id = 'loan/L26000001'",
        "event_id = 7",
        "at = '2026-01-05 00:00:00.000000'",
    ],
)
def test_an_entry_of_which_anything_was_changed_is_named(books: Books, ids: list[str], change: str) -> None:
    tamper(books, f"UPDATE audit_entry SET {change} WHERE id = '{ids[4]}'")
    assert found(books) == [(FindingKind.ENTRY_CHANGED, number_of(books, ids[4]), ids[4])]


def test_a_value_that_cannot_be_read_any_more_is_a_change_like_any_other(books: Books, ids: list[str]) -> None:
    if books.is_sqlite:
        for change in ("at = 'never'", "before = '{'", "refused = x'00'", "event_id = 'x'"):
            tamper(books, f"UPDATE audit_entry SET {change} WHERE id = '{ids[4]}'")
            assert found(books) == [(FindingKind.ENTRY_CHANGED, number_of(books, ids[4]), ids[4])]
        tamper(books, f"INSERT INTO audit_entry SELECT * FROM audit_entry WHERE id = '{ids[4]}'".replace("*", OTHERS))
        seal(books)
        assert verdict(books).unsealed == 0
        tamper(books, "UPDATE audit_seal SET sealed_at = 'never' WHERE no = 1")
        assert (FindingKind.SEAL_CHANGED, 1, None) in found(books)
        return
    tamper(books, f"UPDATE audit_entry SET after = '{{\"a\": 1e400}}' WHERE id = '{ids[4]}'")
    assert found(books) == [(FindingKind.ENTRY_CHANGED, number_of(books, ids[4]), ids[4])]


OTHERS = ", ".join(f"'{new_id()}'" if name == "id" else name for name in AuditEntry.model_fields)


def test_an_entry_that_was_removed_is_named(books: Books, ids: list[str]) -> None:
    no = number_of(books, ids[4])
    tamper(books, f"DELETE FROM audit_entry WHERE id = '{ids[4]}'")
    assert found(books) == [(FindingKind.ENTRY_MISSING, no, ids[4])]


def test_an_entry_that_was_removed_with_its_record_is_missed_at_its_place(books: Books, ids: list[str]) -> None:
    no = number_of(books, ids[4])
    for table, key in (("audit_entry", "id"), ("audit_sealed", "entry_id")):
        tamper(books, f"DELETE FROM {table} WHERE {key} = '{ids[4]}'")
    proved = verdict(books)
    assert [(one.kind, one.seal) for one in proved.findings] == [(FindingKind.ENTRY_MISSING, no)]
    assert proved.findings[0].sentence == f"what stood at position 1 of seal {no} is gone"


def test_an_entry_that_was_added_to_a_seal_is_named(books: Books, ids: list[str]) -> None:
    no, (added,) = number_of(books, ids[4]), write(books)
    tamper(books, f"INSERT INTO audit_sealed VALUES ('{added}', {no}, 3, '{'0' * 64}')")
    assert found(books) == [(FindingKind.ENTRY_ADDED, no, added)]


def test_an_entry_that_was_added_with_an_old_id_is_named_sealed_or_not(books: Books) -> None:
    write(books, 3)
    seal(books)
    with books.begin() as work:
        old = first_id_at(work.now - GRACE - timedelta(minutes=1))[:-1] + "7"
        work.audit.add(id=old, at=work.now - GRACE, actor_id="risk-qian", role="risk", act="approval_decided")
    with books.read() as work:
        last = work.seals.last()
    assert last is not None
    assert found(books) == [(FindingKind.ENTRY_ADDED, None, old)]
    SealingActs(books).seal_audit(SealingOrder())
    assert found(books) == [(FindingKind.ENTRY_ADDED, last.no + 1, old)]


def test_entries_that_changed_their_places_are_named(books: Books, ids: list[str]) -> None:
    no = number_of(books, ids[3])
    swap = "UPDATE audit_sealed SET position = {to} WHERE entry_id = '{entry}'"
    tamper(
        books,
        swap.format(to=99, entry=ids[3]),
        swap.format(to=0, entry=ids[4]),
        swap.format(to=1, entry=ids[3]),
    )
    assert found(books) == [(FindingKind.ENTRY_REORDERED, no, ids[3])]


def test_an_entry_whose_record_was_changed_instead_is_told_from_one_that_was_changed(
    books: Books, ids: list[str]
) -> None:
    tamper(books, f"UPDATE audit_sealed SET leaf = '{'0' * 64}' WHERE entry_id = '{ids[4]}'")
    assert found(books) == [(FindingKind.RECORD_CHANGED, number_of(books, ids[4]), ids[4])]


def test_an_entry_that_was_changed_together_with_its_record_does_not_fit_the_seal(books: Books, ids: list[str]) -> None:
    no = number_of(books, ids[4])
    tamper(books, f"UPDATE audit_entry SET act = 'nothing' WHERE id = '{ids[4]}'")
    with books.read() as work:
        entry = work.audit.get(ids[4])
    assert entry is not None
    leaf = leaf_hash(entry_bytes(entry.model_dump()))
    tamper(books, f"UPDATE audit_sealed SET leaf = '{leaf}' WHERE entry_id = '{ids[4]}'")
    assert found(books) == [(FindingKind.ENTRY_REPLACED, no, None)]


@pytest.mark.parametrize("change", ["root = '{0}'", "previous = '{0}'", "hash = '{0}'", "first_id = 'x'"])
def test_a_seal_of_which_anything_was_changed_is_named(books: Books, ids: list[str], change: str) -> None:
    no = number_of(books, ids[4])
    tamper(books, f"UPDATE audit_seal SET {change.format('0' * 64)} WHERE no = {no}")
    assert (FindingKind.SEAL_CHANGED, no, None) in found(books)
    assert {seal for _, seal, _ in found(books)} <= {no, no + 1}


def test_a_seal_that_was_made_anew_is_not_followed_by_the_next_one(books: Books, ids: list[str]) -> None:
    no = number_of(books, ids[4])
    with books.read() as work:
        kept = work.seals.get(no)
        assert kept is not None
        kept.first_id = ids[5]
        forged = kept.content.hash
    tamper(books, f"UPDATE audit_seal SET first_id = '{ids[5]}', hash = '{forged}' WHERE no = {no}")
    # Itself it is named by its entries alone, the next one by its hash.
    assert found(books) == [(FindingKind.SEAL_CHANGED, no, None), (FindingKind.SEAL_CHANGED, no + 1, None)]


def test_a_seal_that_was_removed_is_named_in_the_middle_and_at_the_end(books: Books, ids: list[str]) -> None:
    no = number_of(books, ids[4])
    tamper(books, f"DELETE FROM audit_seal WHERE no IN ({no}, {no + 1})")
    # In the middle the numbers tell, at the end the entries that lay in it.
    assert {(kind, seal) for kind, seal, _ in found(books)} == {
        (FindingKind.SEAL_MISSING, no),
        (FindingKind.SEAL_MISSING, no + 1),
    }
    assert last_hash(books) != NO_SEAL


def test_all_seals_removed_but_for_what_they_held_is_found(books: Books) -> None:
    seal(books)
    tamper(books, "DELETE FROM audit_seal")
    assert {kind for kind, _, _ in found(books)} == {FindingKind.SEAL_MISSING}


def test_a_proof_can_begin_at_a_seal(books: Books, ids: list[str]) -> None:
    no = number_of(books, ids[0])
    tamper(books, f"UPDATE audit_entry SET act = 'nothing' WHERE id IN ('{ids[0]}', '{ids[8]}')")
    assert [entry for _, _, entry in found(books)] == [ids[0], ids[8]]
    assert [entry for _, _, entry in found(books, since=no + 1)] == [ids[8]]
    assert verdict(books, since=no + 1).entries == 6
    assert verdict(books, since=no + 50).entries == 0


# -- what the database refuses -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("table", ["audit_entry", "audit_seal", "audit_sealed"])
def test_rows_of_the_log_are_neither_changed_nor_removed_nor_replaced(books: Books, table: str) -> None:
    seal(books)
    statements = [f"UPDATE {table} SET {KEY[table]} = {KEY[table]}", f"DELETE FROM {table}"]
    if books.is_sqlite:
        statements += [f"INSERT OR REPLACE INTO {table} SELECT * FROM {table}"]
    else:
        statements += [f"TRUNCATE {table} CASCADE"]
    for statement in statements:
        with pytest.raises(DBAPIError, match="insert-only"), books.engine.begin() as connection:
            connection.execute(text(statement))
    assert found(books) == []


KEY = {"audit_entry": "id", "audit_seal": "no", "audit_sealed": "entry_id"}


def test_a_connection_that_is_not_ours_cannot_replace_either(books: Books, ids: list[str]) -> None:
    if not books.is_sqlite:
        with pytest.raises(DBAPIError, match="duplicate key"), books.engine.begin() as connection:
            connection.execute(text(f"INSERT INTO audit_entry SELECT * FROM audit_entry WHERE id = '{ids[0]}'"))
        return
    with pytest.raises(sqlite3.IntegrityError, match="insert-only"), outsider(books) as connection:
        connection.execute("INSERT OR REPLACE INTO audit_entry SELECT * FROM audit_entry")
    assert found(books) == []
