"""Rows that somebody adds to the sealed log, who may INSERT and nothing else: refused, or found and named."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy.exc import IntegrityError
from sqlmodel import SQLModel

from books.session import Books
from models.audit import AuditEntry, AuditSeal, SealedEntry
from models.chain import NO_SEAL, Seal, entry_bytes, first_id_at, leaf_hash, merkle_root
from services.audit_findings import FindingKind
from services.audit_proof import GRACE
from services.evidence import next_root
from tests.services.audit_log import found, outsider, seal, tamper, verdict, write

LONG_AGO = datetime(2026, 1, 27, 10, tzinfo=UTC)
CHECKS = {
    "audit_seal": ("ck_audit_seal_no", "ck_audit_seal_count"),
    "audit_sealed": ("ck_audit_sealed_seal_no", "ck_audit_sealed_position"),
}


def add(books: Books, *rows: SQLModel) -> None:
    with books.begin() as work:
        for row in rows:
            work.write(row)


def unchecked(books: Books) -> None:
    """Books whose database lets such rows through, as one does whose owner took the checks away."""
    if not books.is_sqlite:
        checks = [(table, name) for table, names in CHECKS.items() for name in names]
        tamper(books, *(f"ALTER TABLE {table} DROP CONSTRAINT {name}" for table, name in checks))


def forced(books: Books, *rows: SQLModel) -> None:
    """Adds rows past checks and foreign keys; on SQLite any connection can."""
    unchecked(books)
    if not books.is_sqlite:
        add(books, *rows)
        return
    with outsider(books) as connection:
        connection.execute("PRAGMA ignore_check_constraints = ON")
        for row in rows:
            values = row.model_dump()
            if isinstance(at := values.get("sealed_at"), datetime):
                values["sealed_at"] = at.strftime("%Y-%m-%d %H:%M:%S.%f")
            names, places = ", ".join(values), ", ".join("?" * len(values))
            statement = f"INSERT INTO {row.__tablename__} ({names}) VALUES ({places})"
            connection.execute(statement, tuple(values.values()))


def row_of(made: Seal) -> AuditSeal:
    return AuditSeal(**vars(made), hash=made.hash)


def last_seal(books: Books) -> Seal:
    with books.read() as work:
        last = work.seals.last()
    assert last is not None
    return last.content


def entry_of(at: datetime) -> AuditEntry:
    """An entry in somebody's name, with an id of an earlier day."""
    entry_id = first_id_at(at)[:12] + "7abc8abcdefabcdefabc"
    return AuditEntry(id=entry_id, at=at, actor_id="manager-zhao", role="manager", act="approval_decided")


def seal_over(books: Books, entry: AuditEntry, no: int, sealed_at: datetime) -> tuple[AuditSeal, SealedEntry]:
    """A seal that holds one entry and is right in itself."""
    leaf = leaf_hash(entry_bytes(entry.model_dump()))
    previous = last_seal(books).hash if no > 0 else NO_SEAL
    made = Seal(no, entry.id, entry.id, 1, merkle_root([leaf]), previous, sealed_at)
    return row_of(made), SealedEntry(entry_id=entry.id, seal_no=no, position=0, leaf=leaf)


@pytest.mark.parametrize("no", [0, -1])
def test_a_seal_before_the_first_is_refused_by_the_database(books: Books, no: int) -> None:
    write(books)
    seal(books)
    entry = entry_of(LONG_AGO)
    made, place = seal_over(books, entry, no, LONG_AGO)
    for row in (made, place):
        with pytest.raises(IntegrityError, match=r"ck_audit_seal(ed_seal)?_no"):
            add(books, row)


def test_an_empty_seal_and_a_place_before_the_first_are_refused_by_the_database(books: Books) -> None:
    (entry_id,) = write(books)
    no = seal(books)
    empty = Seal(no + 1, "", "", 0, merkle_root([]), last_seal(books).hash, datetime.now(UTC))
    with pytest.raises(IntegrityError, match="ck_audit_seal_count"):
        add(books, row_of(empty))
    with pytest.raises(IntegrityError, match="ck_audit_sealed_position"):
        add(books, SealedEntry(entry_id=f"{entry_id[:-1]}x", seal_no=no, position=-1, leaf=NO_SEAL))


@pytest.mark.parametrize("no", [0, -1])
def test_an_entry_under_a_seal_before_the_first_is_named_with_it(books: Books, no: int) -> None:
    write(books, 3)
    last = seal(books)
    entry = entry_of(LONG_AGO)
    add(books, entry)
    forced(books, *seal_over(books, entry, no, LONG_AGO))
    expected = [(FindingKind.SEAL_ADDED, no, None), (FindingKind.ENTRY_ADDED, no, entry.id)]
    assert found(books) == expected
    assert found(books, since=last + 1) == expected


def test_a_true_entry_that_is_hidden_under_no_seal_is_named(books: Books) -> None:
    write(books, 3)
    seal(books)
    (hidden,) = write(books)
    made = row_of(Seal(0, "", "", 1, NO_SEAL, NO_SEAL, LONG_AGO))
    forced(books, made, SealedEntry(entry_id=hidden, seal_no=0, position=0, leaf=NO_SEAL))
    write(books)
    seal(books)
    assert (FindingKind.ENTRY_ADDED, 0, hidden) in found(books)


def test_a_true_entry_that_is_hidden_between_two_seals_is_named(books: Books) -> None:
    if not books.is_sqlite:
        # A number of PostgreSQL is a whole one.
        return
    write(books, 3)
    no = seal(books)
    (hidden,) = write(books)
    with outsider(books) as connection:
        connection.execute(f"INSERT INTO audit_sealed VALUES ('{hidden}', {no}.5, 0, '{NO_SEAL}')")
    write(books)
    seal(books)
    assert found(books) == [(FindingKind.ENTRY_ADDED, None, hidden)]


@pytest.mark.parametrize("position", [-1, -7, 99])
def test_an_entry_at_a_place_that_a_seal_does_not_have_is_named(books: Books, position: int) -> None:
    write(books, 3)
    no = seal(books)
    (added,) = write(books)
    forced(books, SealedEntry(entry_id=added, seal_no=no, position=position, leaf=NO_SEAL))
    assert found(books) == [(FindingKind.ENTRY_ADDED, no, added)]


def test_an_empty_seal_of_the_past_is_named_and_lets_no_old_entry_in(books: Books) -> None:
    write(books, 9)
    no = seal(books, most=3)
    back = datetime(2025, 1, 1, tzinfo=UTC)
    forced(books, row_of(Seal(no + 1, "", "", 0, merkle_root([]), last_seal(books).hash, back)))
    named = [(FindingKind.SEAL_ADDED, no + 1, None), (FindingKind.SEAL_MISDATED, no + 1, None)]
    assert found(books) == named
    entry = entry_of(LONG_AGO)
    add(books, entry)
    assert found(books) == [*named, (FindingKind.ENTRY_ADDED, None, entry.id)]
    assert found(books, since=no + 2) == [(FindingKind.ENTRY_ADDED, None, entry.id)]


def test_a_seal_that_says_it_was_made_before_the_one_it_follows_is_named(books: Books) -> None:
    write(books, 3)
    no = seal(books)
    entry = entry_of(LONG_AGO)
    add(books, entry, *seal_over(books, entry, no + 1, LONG_AGO))
    expected = [(FindingKind.SEAL_MISDATED, no + 1, None), (FindingKind.ENTRY_ADDED, no + 1, entry.id)]
    assert found(books) == expected
    # A second one does not open the past behind the first.
    older = entry_of(LONG_AGO - timedelta(days=9))
    add(books, older, *seal_over(books, older, no + 2, LONG_AGO))
    assert found(books) == [*expected, (FindingKind.ENTRY_ADDED, no + 2, older.id)]


def test_a_seal_of_the_future_is_named_and_does_not_hold_up_what_is_deposited(books: Books) -> None:
    write(books, 3)
    with books.begin(datetime.now(UTC) - timedelta(days=2)) as work:
        day_ago = work.now
    seal(books, at=day_ago)
    (entry_id,) = write(books)
    with books.read() as work:
        entry = work.audit.get(entry_id)
    assert entry is not None
    future = datetime.now(UTC) + timedelta(days=400)
    made, place = seal_over(books, entry, 2, future)
    add(books, made, place)
    assert (FindingKind.SEAL_MISDATED, 2, None) in found(books)
    write(books)
    seal(books)
    with books.read() as work:
        root = next_root(work, "notary")
    assert root is not None
    assert (root.seal_no, root.sealed_at) == (1, day_ago)


def test_clocks_that_lie_apart_a_little_are_no_finding(books: Books) -> None:
    now = datetime.now(UTC)
    for at in (now + GRACE / 2, now - GRACE / 3):
        write(books, 2)
        seal(books, at=at)
    assert found(books) == []


@pytest.mark.parametrize("change", [{"first_id": "0" * 32}, {"last_id": "f" * 32}])
def test_a_seal_that_names_other_entries_than_it_holds_is_named(books: Books, change: dict[str, str]) -> None:
    write(books, 3)
    seal(books)
    (entry_id,) = write(books)
    with books.read() as work:
        entry = work.audit.get(entry_id)
    assert entry is not None
    no = last_seal(books).no + 1
    made, place = seal_over(books, entry, no, datetime.now(UTC))
    forged = row_of(Seal(**(vars(made.content) | change)))
    add(books, forged, place)
    assert found(books) == [(FindingKind.SEAL_CHANGED, no, None)]


def test_a_gap_of_numbers_is_one_finding_however_wide_it_is(books: Books) -> None:
    write(books, 3)
    no = seal(books)
    (entry_id,) = write(books)
    with books.read() as work:
        entry = work.audit.get(entry_id)
    assert entry is not None
    add(books, *seal_over(books, entry, no + 2_000_000, datetime.now(UTC)))
    (finding,) = verdict(books).findings
    assert (finding.kind, finding.seal) == (FindingKind.SEAL_MISSING, no + 1)
    assert finding.sentence == f"seals {no + 1} to {no + 1_999_999} are gone"


def test_the_root_of_a_day_is_that_of_the_highest_number(books: Books) -> None:
    write(books)
    seal(books, at=LONG_AGO + timedelta(minutes=5))
    write(books)
    no = seal(books, at=LONG_AGO)
    forced(books, row_of(Seal(0, "", "", 0, NO_SEAL, NO_SEAL, LONG_AGO + timedelta(minutes=9))))
    with books.read() as work:
        root = next_root(work, "notary")
    assert root is not None
    assert root.seal_no == no == 2
