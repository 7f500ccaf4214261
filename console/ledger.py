"""Finance's acts on the ledger from the operator's command, and the trial balance as a table."""

from pathlib import Path

from pydantic import ValidationError
from rich.table import Column, Table

from books.session import Books
from console.acting import act
from lending.money import yuan
from services import chart
from services.chart import InvalidRule, LedgerRules
from services.periods import close_period
from services.reports import TrialBalance


def read_rules(file: Path) -> LedgerRules:
    """The versions in a JSON file; InvalidRule names each field that is wrong."""
    try:
        return LedgerRules.model_validate_json(file.read_bytes())
    except OSError as error:
        raise InvalidRule(f"{file} cannot be read: {error.strerror}") from error
    except ValidationError as error:
        wrong = {".".join(map(str, one["loc"])) or "file": one["msg"] for one in error.errors(include_input=False)}
        sentence = "; ".join(f"{field}: {message}" for field, message in wrong.items())
        raise InvalidRule(f"{file}: {sentence}", fields=wrong) from error


def revise(books: Books, actor_id: str, rules: LedgerRules) -> int:
    """Adds all versions of a file, or none if one is refused; returns how many."""
    return act(books, actor_id, "ledger_revised", lambda work, actor: chart.revise(work, actor, rules))


def close(books: Books, actor_id: str, month: str) -> None:
    """Closes a month for postings."""
    act(books, actor_id, "period_closed", lambda work, actor: close_period(work, actor, month))


def trial_balance_table(balance: TrialBalance) -> Table:
    """The trial balance in yuan."""
    # Folded where the window is narrow: a Chinese name has no spaces at which it could wrap, and would be cut.
    names = (Column(overflow="fold"), Column(overflow="fold"))
    table = Table("account", *names, title=f"trial balance at the end of {balance.as_of}")
    for heading in ("debit", "credit"):
        table.add_column(heading, justify="right")
    for line in balance.lines:
        table.add_row(
            line.code, line.name_en, line.name_zh, _or_nothing(line.debit_balance), _or_nothing(line.credit_balance)
        )
    table.add_section()
    table.add_row("", "together", "合计", yuan(balance.debit_balances), yuan(balance.credit_balances))
    return table


def _or_nothing(fen: int) -> str:
    return yuan(fen) if fen else ""
