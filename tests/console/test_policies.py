"""Rules from the operator's command: drafted, back-tested into a file, published, replayed."""

import csv
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from books.session import Books
from console.policies import app
from lending.errors import LendingError
from settings import settings
from tests.books.migrated import seeded_file
from tests.modules.applications import DAY
from tests.servers.shared import SharedServers
from tests.services.policies import MICRO_PRICES, micro_rules
from tests.services.procedure import Procedure

RISK, OTHER = ("--actor", "risk-shen"), ("--actor", "risk-qian")


@pytest.fixture
def books(servers: SharedServers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Books]:
    """Seeded books that the command finds by its setting."""
    with seeded_file(servers, tmp_path) as made:
        monkeypatch.setenv("LOANWRIGHT_DATABASE_URL", made.url)
        settings.cache_clear()
        yield made
    settings.cache_clear()


def run(*words: str, ends: int = 0) -> str:
    result = CliRunner().invoke(app, list(words))
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == ends, result.output
    return result.output


def rules(folder: Path, content: Any) -> str:
    file = folder / "rules.json"
    file.write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")
    return str(file)


def test_a_draft_is_back_tested_published_and_replayed(books: Books, tmp_path: Path) -> None:
    procedure = Procedure(books)
    loan = procedure.graded()
    file = rules(tmp_path, micro_rules({12: {"limit_fen": "700000"}}, MICRO_PRICES))
    assert "pricing-micro/2 is drafted" in run("draft", MICRO_PRICES, file, *RISK, "--reason", "losses went up")
    target = tmp_path / "changed.csv"
    told = run("backtest", MICRO_PRICES, "2", *RISK, "--from", str(DAY), "--csv", str(target))
    assert "1 of 1 cases change" in told
    with target.open(encoding="utf-8", newline="") as opened:
        (case,) = csv.DictReader(opened)
    assert (case["loan"], case["after_limit"], case["after_row"]) == (loan, "7000.00", "9")

    with pytest.raises(LendingError, match="does not publish"):
        run("publish", MICRO_PRICES, "2", *RISK, "--reason", "agreed")
    assert "2 is champion" in run("publish", MICRO_PRICES, "2", *OTHER, "--reason", "agreed")
    again = procedure.graded()
    assert "pricing-micro/2" in run("replay", again, *OTHER)
    assert "pricing-micro/1" in run("replay", loan, "--actor", "auditor-wei")
    assert "in_force" in run("list", "--actor", "auditor-wei")
    narrowed = run("list", "--actor", "auditor-wei", "--kind", "pricing", "--scope", "micro")
    assert "pricing-micro/2" in narrowed
    assert "grading-micro" not in narrowed
    assert "pricing-auto" not in narrowed
    with books.read() as work:
        assert [entry.act for entry in work.audit.page(limit=1000) if entry.refused] == ["policy_published"]


def test_a_challenger_is_published_compared_and_retired(books: Books, tmp_path: Path) -> None:
    file = rules(tmp_path, micro_rules({12: {"limit_fen": "700000"}}, MICRO_PRICES))
    run("draft", MICRO_PRICES, file, *RISK, "--reason", "losses went up")
    run("backtest", MICRO_PRICES, "2", *RISK, "--from", str(DAY))
    told = run("publish", MICRO_PRICES, "2", *OTHER, "--reason", "try", "--challenger", "--share", "20")
    assert "2 is challenger" in told
    Procedure(books).graded()
    assert "1 cases" in run("compare", MICRO_PRICES, "2", *OTHER)
    assert "2 is retired" in run("retire", MICRO_PRICES, "2", *OTHER, "--reason", "seen enough")


@pytest.mark.usefixtures("books")
def test_a_draft_with_problems_ends_with_1_and_names_them(tmp_path: Path) -> None:
    file = rules(tmp_path, micro_rules({6: {"exposure_fen": "> 90元"}}, MICRO_PRICES))
    told = run("draft", MICRO_PRICES, file, *RISK, "--reason", "try", ends=1)
    assert "row 6, exposure_fen: an integer cannot be compared with > 90元" in " ".join(told.split())
    assert "cannot be read" in run("draft", MICRO_PRICES, str(tmp_path / "none.json"), *RISK, "--reason", "x", ends=1)
    with pytest.raises(LendingError, match="nobody with the id"):
        run("list", "--actor", "nobody")
