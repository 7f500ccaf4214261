"""A bundle shows one moment of the books, and leads to the roots of whoever keeps them."""

from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from books.session import Books, UnitOfWork
from console.seed import load_products
from engine import bundles
from engine.stories import FoundRuns
from models.attesting import signing_key
from models.chain import DailyRoot
from models.staff import Actor, Role
from services import audit
from services.audit_chain import seal
from services.bundle_check import check
from services.evidence import day_of, keep_deposit
from services.story_books import book_differences
from services.timeline import Story, tell
from settings import Settings
from tests.services.procedure import Procedure

AUDITOR = Actor("auditor-wei", Role.AUDITOR)


@pytest.fixture(autouse=True)
def products() -> None:
    load_products(Settings())


def made(books: Books, loan: str) -> bytes:
    return bundles._made(books, FoundRuns([], engine_answered=True), AUDITOR, loan)


def deposited(books: Books, depository: str) -> DailyRoot:
    """The root of a further seal, as one depository was given it."""
    with books.begin() as work:
        audit.record(work, audit.SYSTEM, "looked")
        seal(work)
        last = work.seals.last()
        assert last is not None
        root = DailyRoot(day_of(last.sealed_at), last.no, last.hash, last.sealed_at)
        keep_deposit(work, depository, root, "r")
    return root


def test_an_act_between_two_looks_leaves_a_bundle_of_one_moment(
    procedure: Procedure, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    loan, books = procedure.running(), procedure.books
    procedure.day = date(2026, 2, 5)
    after: list[int] = []

    def told_amid_an_act(work: UnitOfWork, *args: Any, **ways: Any) -> Story:
        before = work.ledger.moved(loan)
        story = tell(work, *args, **ways)
        procedure.collect(loan)
        procedure.advance(loan)
        after.append(len(book_differences_of(work, story)))
        assert work.ledger.moved(loan) == before
        return story

    monkeypatch.setattr(bundles, "tell", told_amid_an_act)
    file = tmp_path / "bundle.zip"
    file.write_bytes(made(books, loan))
    assert after == [0]
    assert check(file, signing_key().public).findings == []


def book_differences_of(work: UnitOfWork, story: Story) -> Sequence[object]:
    # What is only just happening is told of later.
    work.now += timedelta(minutes=5)
    return list(book_differences(work, story))


def test_a_bundle_leads_to_the_roots_of_each_depository(procedure: Procedure, tmp_path: Path) -> None:
    loan, books = procedure.running(), procedure.books
    file = tmp_path / "bundle.zip"
    made(books, loan)
    roots = [deposited(books, "notary"), deposited(books, "court")]
    file.write_bytes(made(books, loan))
    for root in roots:
        report = check(file, signing_key().public, [root])
        assert (report.findings, report.warnings) == ([], [])


def test_a_bundle_and_its_roots_are_checked_with_the_keys_of_now_and_before(
    procedure: Procedure, tmp_path: Path
) -> None:
    file = tmp_path / "bundle.zip"
    file.write_bytes(made(procedure.books, procedure.running()))
    other = "A" * 43 + "="
    assert check(file, [other, signing_key().public]).findings == []
    assert {one.file for one in check(file, [other]).findings} == {"manifest.json", "manifest.sig"}
