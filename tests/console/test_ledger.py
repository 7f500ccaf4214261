"""`loanwright ledger` and `audit trial-balance`: what finance does to months and rules, and what auditors see."""

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from books.schema import migrate
from books.session import Books
from console.ledger import read_rules, trial_balance_table
from console.seed import seed
from lending.calendar import BusinessClock
from models.audit import AuditEntry
from models.ledger import INTEREST_INCOME
from services.chart import InvalidRule
from services.reports import TrialBalance, TrialBalanceLine
from settings import Settings
from tests.console.running import Ended, loanwright

OPENED = date(2026, 1, 5)
FINANCE = ("--actor", "finance-sun")


@pytest.fixture
def books(tmp_path: Path) -> Iterator[Books]:
    """Books whose 40th business day it is, with nothing in them but the opening balance of the first."""
    settings = Settings(database_url=f"sqlite:///{tmp_path / 'loanwright.db'}")
    migrate(settings.database_url)
    books = Books(settings.database_url)
    opened = datetime.now(UTC) - timedelta(seconds=39.5 * 3600)
    books.set_clock(BusinessClock(3600, opened, OPENED))
    seed(books, settings)
    yield books
    books.close()


def run(books: Books, *arguments: str) -> Ended:
    return loanwright(*arguments, "--data-dir", str(Path(books.url.removeprefix("sqlite:///")).parent))


def entries(books: Books, act: str) -> list[AuditEntry]:
    with books.read() as work:
        return [entry for entry in work.audit.page(limit=1000) if entry.act == act]


def test_the_trial_balance_names_each_account_in_both_languages(books: Books) -> None:
    today = run(books, "audit", "trial-balance")
    assert today.code == 0, today.err
    assert "2026-02-13" in today.out
    (bank,) = [line for line in today.out.splitlines() if "1001" in line]
    assert all(word in bank for word in ("Bank account", "银行存款", "500000000.00"))
    before = run(books, "audit", "trial-balance", "--as-of", "2026-01-04")
    assert before.code == 0
    assert "1001" not in before.out
    assert run(books, "audit", "trial-balance", "--as-of", "2026-02-30").code == 2


def test_no_name_is_cut_in_a_narrow_window() -> None:
    name = "应收客户贷款利息及应由国家财政贴息部分之外的其他应收未收款项合计"
    line = TrialBalanceLine("1132", "Interest receivable from borrowers and others", name, "asset", None, 10**12, 0)
    window = Console(width=80, file=StringIO())
    window.print(trial_balance_table(TrialBalance(OPENED, (line,))))
    assert isinstance(window.file, StringIO)
    shown = window.file.getvalue()
    assert "…" not in shown
    assert set(name) <= set(shown)


def test_finance_closes_a_month_and_nobody_else(books: Books) -> None:
    refused = run(books, "ledger", "close", "2026-01", "--actor", "risk-qian")
    assert (refused.code, refused.out) == (1, "")
    assert "may not close a month" in refused.err
    (entry,) = entries(books, "period_closed")
    assert (entry.actor_id, entry.refused) == ("risk-qian", True)

    assert "nobody" in run(books, "ledger", "close", "2026-01", "--actor", "nobody-there").err
    # The first booking is the opening balance, on the day of the seed.
    closed = run(books, "ledger", "close", "2026-02", *FINANCE)
    assert closed.code == 1
    assert "2026-02-28" in closed.err
    assert [one.refused for one in entries(books, "period_closed")] == [True, True]


def test_a_file_of_versions_is_taken_as_a_whole_or_not_at_all(books: Books, tmp_path: Path) -> None:
    file = tmp_path / "rules.json"
    good = {"code": INTEREST_INCOME, "valid_from": "2026-12-01", "vat_basis_points": 300}
    bad = {"classification": "loss", "valid_from": "2026-01-01", "basis_points": 9000}
    file.write_text(json.dumps({"accounts": [good], "provisions": [bad]}))
    refused = run(books, "ledger", "revise", str(file), *FINANCE)
    assert (refused.code, "begins after" in refused.err) == (1, True), refused.err
    with books.read() as work:
        assert work.ledger.rates(date(2026, 12, 1))[INTEREST_INCOME] == 600

    ruled = {"valid_from": "2026-12-01", "above_dpd": 60, "cured_at_dpd": 0}
    file.write_text(json.dumps({"accounts": [good], "non_accrual": [ruled]}))
    taken = run(books, "ledger", "revise", str(file), *FINANCE)
    assert taken.code == 0, taken.err
    with books.read() as work:
        assert work.ledger.rates(date(2026, 12, 1))[INTEREST_INCOME] == 300
        assert work.ledger.rates(date(2026, 11, 30))[INTEREST_INCOME] == 600
    (revised,) = entries(books, "account_revised")
    assert revised.before == {"vat_basis_points": 600}
    assert revised.after == {"vat_basis_points": 300, "valid_from": "2026-12-01"}


@pytest.mark.parametrize(
    ("content", "field"),
    [
        ('{"accounts": [{"valid_from": "2026-12-01"}]}', "accounts.0.code"),
        ('{"accounts": [{"code": "4001", "valid_from": "soon"}]}', "accounts.0.valid_from"),
        (
            '{"provisions": [{"classification": "fine", "valid_from": "2026-12-01", "basis_points": 1}]}',
            "provisions.0.",
        ),
        ('{"non_accrual": [{"valid_from": "2026-12-01", "above_dpd": "90", "cured_at_dpd": 0}]}', "above_dpd"),
        ('{"rates": []}', "rates"),
        ("[1", "file"),
    ],
)
def test_a_field_that_is_wrong_is_named(tmp_path: Path, content: str, field: str) -> None:
    file = tmp_path / "rules.json"
    file.write_text(content)
    with pytest.raises(InvalidRule) as refusal:
        read_rules(file)
    assert any(field in name for name in refusal.value.fields), refusal.value.fields


def test_a_file_that_is_not_there_is_refused_in_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(InvalidRule, match="cannot be read"):
        read_rules(tmp_path / "nowhere.json")
