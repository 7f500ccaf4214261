"""The root of every day is deposited outside, and the log is compared with it."""

import json
import stat
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from activities.sealing import SealingActs
from books.session import Books
from models.attesting import SigningKey
from models.chain import DailyRoot
from models.recurring import Deposited, SealingOrder
from services.audit_findings import FindingKind
from services.audit_proof import verify
from services.audit_search import deposit_states
from services.evidence import (
    Depository,
    NoEvidence,
    NotAsDeposited,
    day_of,
    evidence_in,
    install_depositories,
    next_root,
    read_file,
    signed_files,
)
from tests.services.audit_log import seal, tamper, write

KEY = SigningKey("test", bytes(range(32)))
NOON = datetime(2026, 3, 3, 4, tzinfo=UTC)
"""Noon in Shanghai."""
ROOT = DailyRoot(date(2026, 3, 3), 7, "e" * 64, NOON)


@pytest.fixture(autouse=True)
def _no_depository_afterwards() -> Iterator[None]:
    yield
    install_depositories([])


def deposit(books: Books) -> Deposited:
    return SealingActs(books).deposit_roots(SealingOrder())


def sealed_days(books: Books) -> list[int]:
    """Seals of two days that are long over and of today; the numbers of the last ones of each."""
    numbers = []
    for at in (NOON - timedelta(hours=13), NOON, NOON + timedelta(hours=11, minutes=59), datetime.now(UTC)):
        write(books)
        numbers.append(seal(books, at=at))
    return [numbers[0], numbers[2], numbers[3]]


def found_but_dates(books: Books, roots: Sequence[DailyRoot] = ()) -> list[tuple[FindingKind, int | None]]:
    """What a proof finds, but for dates: these tests seal today's entries on days of the past."""
    with books.read() as work:
        findings = verify(work, roots=roots).findings
    return [(one.kind, one.seal) for one in findings if one.kind is not FindingKind.ENTRY_MISDATED]


def test_a_day_is_deposited_once_it_is_over_and_only_once(books: Books, tmp_path: Path) -> None:
    install_depositories([signed_files(tmp_path / "evidence", lambda: KEY)])
    first, second, _ = sealed_days(books)

    with books.read() as work:
        assert next_root(work, "signed-files")
        assert deposit_states(work)[0].days_waiting > 1
    assert deposit(books) == Deposited(deposited=2)
    assert deposit(books) == Deposited()

    roots = evidence_in(tmp_path / "evidence", (KEY.public,)).roots
    assert [(root.day, root.seal_no) for root in roots] == [
        (date(2026, 3, 2), first),
        (date(2026, 3, 3), second),
    ]
    with books.read() as work:
        assert [(one.day, one.reference) for one in work.seals.deposits()] == [
            (date(2026, 3, 2), "audit-2026-03-02.json"),
            (date(2026, 3, 3), "audit-2026-03-03.json"),
        ]
        assert deposit_states(work)[0].days_waiting == 0


def test_a_depository_that_fails_is_asked_again_and_holds_up_no_other(books: Books) -> None:
    taken: list[DailyRoot] = []
    trouble = [TimeoutError("the notary sleeps"), None, None]

    def notary(root: DailyRoot) -> str | None:
        if (error := trouble.pop(0)) is not None:
            raise error
        taken.append(root)
        return f"notary:{root.seal_no}"

    install_depositories([Depository("notary", notary), Depository("nothing", lambda _: None)])
    sealed_days(books)

    assert deposit(books) == Deposited(failed=1)
    with books.read() as work:
        assert {one.name: one.days_waiting > 0 for one in deposit_states(work)} == {"notary": True, "nothing": True}
    assert deposit(books) == Deposited(deposited=2)
    assert [root.day for root in taken] == [date(2026, 3, 2), date(2026, 3, 3)]


def test_a_crash_between_deposit_and_record_makes_one_deposit(books: Books, tmp_path: Path) -> None:
    files = signed_files(tmp_path, lambda: KEY)
    install_depositories([files])
    sealed_days(books)
    with books.read() as work:
        root = next_root(work, files.name)
    assert root is not None
    files.deposit(root)
    written = (tmp_path / "audit-2026-03-02.json").read_bytes()

    assert deposit(books) == Deposited(deposited=2)
    assert (tmp_path / "audit-2026-03-02.json").read_bytes() == written


def test_a_chain_that_was_made_anew_as_a_whole_is_found_by_what_was_deposited(books: Books, tmp_path: Path) -> None:
    install_depositories([signed_files(tmp_path, lambda: KEY)])
    first, second, _ = sealed_days(books)
    deposit(books)
    with books.read() as work:
        entry = work.audit.page(limit=1000)[0]
    tamper(books, f"UPDATE audit_entry SET reason = 'nothing' WHERE id = '{entry.id}'")
    for table in ("audit_deposit", "audit_sealed", "audit_seal"):
        tamper(books, f"DELETE FROM {table}")
    for at in (NOON - timedelta(hours=13), NOON):
        seal(books, most=10, at=at)
    assert found_but_dates(books) == []

    roots = evidence_in(tmp_path, (KEY.public,)).roots
    findings = found_but_dates(books, roots)
    assert {seal for _, seal in findings} == {first, second}
    assert {kind for kind, _ in findings} <= {FindingKind.NOT_AS_DEPOSITED, FindingKind.SEAL_MISSING}


def test_the_last_seals_removed_with_all_that_lay_in_them_are_missed(books: Books) -> None:
    install_depositories([Depository("notary", lambda root: str(root.seal_no))])
    write(books)
    seal(books, at=NOON - timedelta(days=2))
    (entry,) = write(books)
    last = seal(books, at=NOON)
    deposit(books)
    tamper(
        books,
        f"DELETE FROM audit_sealed WHERE seal_no = {last}",
        f"DELETE FROM audit_seal WHERE no = {last}",
        f"DELETE FROM audit_entry WHERE id = '{entry}'",
    )
    assert found_but_dates(books) == [(FindingKind.SEAL_MISSING, last)]
    tamper(books, "DELETE FROM audit_deposit")
    assert found_but_dates(books) == []


def test_a_signed_file_is_believed_as_it_was_signed_and_no_other(tmp_path: Path) -> None:
    files = signed_files(tmp_path, lambda: KEY)
    name = files.deposit(ROOT)
    assert name is not None
    file = tmp_path / name
    assert read_file(file, KEY.public) == read_file(file, None) == ROOT
    assert stat.S_ISREG(file.stat().st_mode)
    assert [one.name for one in tmp_path.iterdir()] == [name]

    other = SigningKey("other", bytes(32))
    with pytest.raises(NoEvidence, match="not signed by the key"):
        read_file(file, other.public)
    signed = json.loads(file.read_text(encoding="utf-8"))
    signed["root"]["seal_no"] = 8
    file.write_text(json.dumps(signed), encoding="utf-8")
    with pytest.raises(NoEvidence, match=r"audit-2026-03-03\.json was changed"):
        read_file(file, None)


def test_a_file_with_another_root_is_not_written_over(tmp_path: Path) -> None:
    files = signed_files(tmp_path, lambda: KEY)
    files.deposit(ROOT)
    with pytest.raises(NotAsDeposited, match="2026-03-03"):
        files.deposit(DailyRoot(ROOT.day, 8, "f" * 64, NOON))


@pytest.mark.parametrize(
    "content", ["", "[]", '{"root": {}}', '{"root": 1}', "{" * 5_000, '{"root": null, "signature": "x"}']
)
def test_what_is_no_signed_file_is_told_by_name(tmp_path: Path, content: str) -> None:
    (tmp_path / "audit-2026-03-03.json").write_text(content, encoding="utf-8")
    found = evidence_in(tmp_path, (None,))
    (refusal,) = found.unreadable
    assert found.roots == ()
    assert refusal.kind is FindingKind.DEPOSIT_UNREADABLE
    assert "audit-2026-03-03.json" in refusal.sentence


def test_a_day_begins_at_midnight_in_shanghai() -> None:
    assert day_of(datetime(2026, 3, 2, 15, 59, 59, tzinfo=UTC)) == date(2026, 3, 2)
    assert day_of(datetime(2026, 3, 2, 16, tzinfo=UTC)) == date(2026, 3, 3)
