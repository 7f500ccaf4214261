"""`loanwright audit verify` and `audit evidence`: what an auditor runs, and what he reads."""

import base64
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from books.session import Books
from models.attesting import SigningKey
from services.evidence import next_root, signed_files
from settings import Settings
from tests.books.migrated import books as books
from tests.console.running import Ended, loanwright
from tests.services.audit_log import seal, tamper, write

KEY = SigningKey.parse(Settings().signing_key.get_secret_value())


def verify(books: Books, *arguments: str, **environment: str) -> Ended:
    return loanwright("audit", "verify", *arguments, environment={"LOANWRIGHT_DATABASE_URL": books.url, **environment})


def test_a_log_that_is_whole_is_proved_and_what_waits_is_told(books: Books) -> None:
    write(books, 5)
    last = seal(books)
    write(books, 2)

    ended = verify(books)
    assert (ended.code, ended.out) == (0, "")
    assert "2 entries and 1 postings are not sealed yet, the oldest of " in ended.err
    assert f"last seal {last}, " in ended.err
    assert "audit log and ledger are whole" in ended.err
    told = verify(books, "--json").answer
    assert (told["whole"], told["findings"], told["unsealed"]) == (True, [], 2)
    assert (told["head"]["seal"], told["seals"]) == (last, last)
    with books.read() as work:
        assert told["entries"] == len(work.audit.page(limit=1000)) - 2


def test_what_was_tampered_with_is_named_and_the_command_ends_with_1(books: Books) -> None:
    ids = write(books, 4)
    no = seal(books)
    tamper(books, f"UPDATE audit_entry SET reason = 'looked at nothing' WHERE id = '{ids[1]}'")
    tamper(books, f"DELETE FROM audit_entry WHERE id = '{ids[3]}'")

    ended = verify(books)
    assert ended.code == 1
    assert sorted(ended.out.splitlines()) == [
        f"entry {ids[1]} of seal {no} was changed",
        f"entry {ids[3]} of seal {no} is gone",
    ]
    assert "2 differences" in ended.err
    told = verify(books, "--json")
    assert told.code == 1
    assert {(one["kind"], one["seal"], one["entry"]) for one in told.answer["findings"]} == {
        ("entry_changed", no, ids[1]),
        ("entry_missing", no, ids[3]),
    }
    assert verify(books, "--from", str(no + 1)).code == 0


@pytest.fixture
def folder(books: Books, tmp_path: Path) -> Path:
    """A folder with the signed root of yesterday."""
    write(books)
    seal(books, at=datetime.now(UTC) - timedelta(days=2))
    files = signed_files(tmp_path / "evidence", lambda: KEY)
    with books.read() as work:
        root = next_root(work, files.name)
    assert root is not None
    files.deposit(root)
    return tmp_path / "evidence"


def test_the_log_is_compared_with_the_roots_in_a_folder(books: Books, folder: Path) -> None:
    told = verify(books, "--evidence", str(folder), "--json").answer
    assert told["roots"] == 1
    assert {one["kind"] for one in told["findings"]} <= {"entry_misdated"}
    for table in ("audit_sealed", "audit_seal"):
        tamper(books, f"DELETE FROM {table}")
    seal(books)

    assert verify(books).code == 0
    ended = verify(books, "--evidence", str(folder))
    assert ended.code == 1
    assert "seal 1 is not the one whose hash was deposited for " in ended.out
    assert "1 deposited roots compared" in ended.err


def test_signed_roots_are_checked_without_any_books(folder: Path) -> None:
    nowhere = {"LOANWRIGHT_DATABASE_URL": f"sqlite:///{folder}/nowhere.db"}
    good = loanwright("audit", "evidence", str(folder), "--public-key", KEY.public, environment=nowhere)
    assert (good.code, len(good.out.splitlines())) == (0, 1)
    assert " seal 1 " in good.out

    other = SigningKey("other", bytes(32)).public
    ended = loanwright("audit", "evidence", str(folder), "--public-key", other, environment=nowhere)
    assert (ended.code, ended.out) == (1, "")
    assert "was changed, or was not signed by the key it is checked with" in ended.err


def test_what_a_key_of_before_signed_is_believed_where_it_is_named(books: Books, folder: Path) -> None:
    renewed = {"LOANWRIGHT_SIGNING_KEY": "renewed:" + base64.b64encode(bytes(32)).decode()}

    def kinds(**named: str) -> set[str]:
        told = verify(books, "--evidence", str(folder), "--json", **renewed, **named).answer
        return {one["kind"] for one in told["findings"]} - {"entry_misdated"}

    assert kinds() == {"deposit_unreadable"}
    assert (
        kinds(LOANWRIGHT_EVIDENCE_PUBLIC_KEYS=f"{SigningKey('other', bytes(31) + b'1').public}, {KEY.public}") == set()
    )


def test_a_changed_file_of_evidence_is_a_finding(books: Books, folder: Path) -> None:
    (file,) = folder.iterdir()
    signed = json.loads(file.read_text(encoding="utf-8"))
    signed["root"]["hash"] = "0" * 64
    file.write_text(json.dumps(signed), encoding="utf-8")
    findings = verify(books, "--evidence", str(folder), "--json").answer["findings"]
    assert "deposit_unreadable" in {one["kind"] for one in findings}
