"""Where roots go is set up as any process sets it up: by the settings and the modules that they name."""

import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import ModuleType

import pytest

from activities.sealing import SealingActs
from books.session import Books
from console.seed import load_products
from models.chain import DailyRoot
from models.recurring import Deposited, SealingOrder
from services.evidence import depositories, install_depositories
from services.products import product_hook
from settings import Settings
from tests.books.migrated import books as books
from tests.console.running import loanwright
from tests.services.audit_log import seal, write

TAKEN: list[DailyRoot] = []


@product_hook
def loanwright_evidence(root: DailyRoot) -> str | None:
    """A module's depository, as docs/audit.md shows it."""
    TAKEN.append(root)
    return f"notary:{root.seal_no}"


@pytest.fixture(autouse=True)
def _as_it_was() -> Iterator[None]:
    TAKEN.clear()
    yield
    install_depositories([])


def deposit_yesterday(books: Books) -> Deposited:
    """Seals something two days ago, and has it deposited as the worker does."""
    write(books)
    seal(books, at=datetime.now(UTC) - timedelta(days=2))
    return SealingActs(books).deposit_roots(SealingOrder())


def references(books: Books) -> list[tuple[str, str]]:
    with books.read() as work:
        return [(one.depository, one.reference) for one in work.seals.deposits()]


def test_a_module_that_takes_evidence_is_handed_each_root_and_its_reference_is_kept(
    books: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = ModuleType("notary")
    vars(module)["loanwright_evidence"] = loanwright_evidence
    monkeypatch.setitem(sys.modules, "notary", module)
    monkeypatch.setenv("LOANWRIGHT_MODULES", "modules.micro,notary")
    monkeypatch.delenv("LOANWRIGHT_EVIDENCE_FOLDER", raising=False)
    load_products(Settings())
    assert [one.name for one in depositories()] == ["notary"]

    assert deposit_yesterday(books) == Deposited(deposited=1)
    [root] = TAKEN
    with books.read() as work:
        kept = work.seals.get(root.seal_no)
    assert kept is not None
    assert kept.hash == root.hash
    assert references(books) == [("notary", f"notary:{root.seal_no}")]


def test_the_folder_of_the_settings_gets_a_signed_root_a_day_that_the_books_are_proved_with(
    books: Books, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "evidence"
    monkeypatch.setenv("LOANWRIGHT_EVIDENCE_FOLDER", str(folder))
    load_products(Settings())
    assert [one.name for one in depositories()] == ["signed-files"]

    assert deposit_yesterday(books) == Deposited(deposited=1)
    [file] = folder.iterdir()
    assert references(books) == [("signed-files", file.name)]
    ended = loanwright(
        "audit", "verify", "--evidence", str(folder), "--json", environment={"LOANWRIGHT_DATABASE_URL": books.url}
    )
    assert ended.answer["roots"] == 1
    assert {one["kind"] for one in ended.answer["findings"]} <= {"entry_misdated"}


def test_without_a_folder_and_without_such_a_module_nothing_is_deposited(
    books: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOANWRIGHT_EVIDENCE_FOLDER", "")
    load_products(Settings())
    assert depositories() == ()
    assert deposit_yesterday(books) == Deposited()
