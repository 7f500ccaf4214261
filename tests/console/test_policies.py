"""Rules from the operator's command: drafted, back-tested into a file, published, replayed."""

import csv
import json
import re
from datetime import date
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from sqlalchemy import text
from typer.testing import CliRunner

from books.session import Books
from console.policies import app
from lending.errors import LendingError
from models.performance import LoanPerformance
from models.policies import Policy, PolicyPart
from services.policy_publishing import all_lives
from tests.modules.applications import DAY
from tests.services.policies import MICRO_PRICES, micro_rules, put_in_force
from tests.services.procedure import AUDITOR, Procedure

RISK, OTHER = ("--actor", "risk-shen"), ("--actor", "risk-qian")


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
    lines = [" ".join(line.replace("│", " ").split()) for line in told.splitlines()]
    assert "in force 1 100.00 % 12000.00 120.00" in lines
    # By product and by month, the draft's figures below those in force.
    for part in ("micro", f"{DAY:%Y-%m}"):
        at = lines.index(f"{part} 1 1 100.00 % 12000.00 120.00")
        assert lines[at + 1] == "100.00 % 7000.00 70.00"
    with target.open(encoding="utf-8", newline="") as opened:
        (case,) = csv.DictReader(opened)
    assert (case["loan"], case["after_limit"], case["after_row"]) == (loan, "7000.00", "9")
    assert case["outcome"] == "not_paid_out"

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
    told = run("compare", MICRO_PRICES, "2", *OTHER)
    # Who decided it is drawn by lot.
    assert re.search("1 cases, [01] of them decided by the challenger; 0 came out alike", told)
    assert "outcome 0, grade 0, limit 1, rate 0" in told
    lines = [" ".join(line.replace("│", " ").split()) for line in told.splitlines()]
    assert "champion 1 12000.00" in lines
    assert "challenger 1 7000.00" in lines
    assert "2 is retired" in run("retire", MICRO_PRICES, "2", *OTHER, "--reason", "seen enough")


def test_a_back_test_shows_how_far_it_is(books: Books, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    procedure = Procedure(books)
    procedure.graded()
    procedure.apply()
    run("draft", MICRO_PRICES, rules(tmp_path, micro_rules(name=MICRO_PRICES)), *RISK, "--reason", "the same")
    shown = StringIO()
    monkeypatch.setattr("console.policies.say", Console(file=shown, force_terminal=True, width=100))
    run("backtest", MICRO_PRICES, "2", *RISK, "--from", str(DAY))
    assert "back-testing" in shown.getvalue()
    assert "2/2" in shown.getvalue()


def test_a_back_test_tells_what_became_of_the_loans(books: Books, tmp_path: Path) -> None:
    procedure = Procedure(books)
    procedure.running()
    with books.begin() as work:
        work.session.connection().execute(text("UPDATE loan SET disbursed_on = '2024-01-05'"))
        work.write(LoanPerformance(loan="L26000001", worst_dpd=0, observed_to=date(2025, 1, 5), simulated=True))
    run("draft", MICRO_PRICES, rules(tmp_path, micro_rules(name=MICRO_PRICES)), *RISK, "--reason", "the same")
    told = run("backtest", MICRO_PRICES, "2", *RISK, "--from", str(DAY))
    assert "0 of 1" in told
    assert "1 of these loans are made up" in told


def test_names_are_whole_in_a_terminal_of_80_columns(books: Books, monkeypatch: pytest.MonkeyPatch) -> None:
    longest = f"knockout-{'dealer_inventory_of_other_lenders'[:29]}"
    with books.begin() as work:
        reason = "losses went up in the spring, and the committee agreed to lend less"
        work.write(Policy(name=longest, version=1, content={}, drafted_by=RISK[1], drafted_at=work.now, reason=reason))
        cheaper = micro_rules(name=MICRO_PRICES)
        put_in_force(work, MICRO_PRICES, 2, cheaper, part=PolicyPart.CHALLENGER, share_percent=20)
        known = [life.policy for lives in all_lives(work, AUDITOR).values() for life in lives]
    monkeypatch.setattr("console.policies.out", Console(width=80, markup=False))
    lines = run("list", "--actor", "auditor-wei").splitlines()
    assert max(map(len, lines)) <= 80
    first = [line.split("│")[1].strip() for line in lines if line.startswith("│")]
    assert [name for name in first if name] == [f"{policy.name}/{policy.version}" for policy in known]
    told = "\n".join(lines)
    for whole in ("challenger 20 %", "in_force", "shipped", "risk-shen", str(DAY)):
        assert whole in told


@pytest.mark.usefixtures("books")
def test_a_draft_with_problems_ends_with_1_and_names_them(tmp_path: Path) -> None:
    file = rules(tmp_path, micro_rules({6: {"exposure_fen": "> 90元"}}, MICRO_PRICES))
    told = run("draft", MICRO_PRICES, file, *RISK, "--reason", "try", ends=1)
    assert "row 6, exposure_fen: an integer cannot be compared with > 90元" in " ".join(told.split())
    assert "cannot be read" in run("draft", MICRO_PRICES, str(tmp_path / "none.json"), *RISK, "--reason", "x", ends=1)
    with pytest.raises(LendingError, match="nobody with the id"):
        run("list", "--actor", "nobody")
