"""Finance's acts on the ledger from the operator's command, and the trial balance as a table."""

from collections.abc import Callable
from datetime import date
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from rich.table import Table

from books.session import Books, UnitOfWork
from lending.account import Classification
from lending.errors import LendingError
from lending.money import yuan
from models.staff import Actor, Role
from services import audit
from services.chart import InvalidRule, revise_account, rule_non_accrual, rule_provision
from services.errors import NotAllowed
from services.periods import close_period
from services.reports import TrialBalance


class _Dated(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    valid_from: date = Field(strict=False)


class _Account(_Dated):
    code: str
    name_en: str | None = None
    name_zh: str | None = None
    vat_basis_points: int | None = None
    parent: str | None = None


class _NonAccrual(_Dated):
    above_dpd: int
    cured_at_dpd: int


class _Provision(_Dated):
    classification: Classification = Field(strict=False)
    basis_points: int


class LedgerRules(BaseModel):
    """A file of dated versions: accounts with what changes, non-accrual rules, provision rates."""

    model_config = ConfigDict(extra="forbid")

    accounts: tuple[_Account, ...] = ()
    non_accrual: tuple[_NonAccrual, ...] = ()
    provisions: tuple[_Provision, ...] = ()


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

    def act(work: UnitOfWork, actor: Actor) -> None:
        for account in rules.accounts:
            changes = account.model_dump(exclude={"code", "valid_from"}, exclude_unset=True)
            revise_account(work, actor, account.code, account.valid_from, changes)
        for rule in rules.non_accrual:
            rule_non_accrual(work, actor, rule.valid_from, rule.above_dpd, rule.cured_at_dpd)
        for rate in rules.provisions:
            rule_provision(work, actor, rate.valid_from, rate.classification, rate.basis_points)

    _act(books, actor_id, "ledger_revised", act)
    return len(rules.accounts) + len(rules.non_accrual) + len(rules.provisions)


def close(books: Books, actor_id: str, month: str) -> None:
    """Closes a month for postings."""
    _act(books, actor_id, "period_closed", lambda work, actor: close_period(work, actor, month))


def _act(books: Books, actor_id: str, name: str, act: Callable[[UnitOfWork, Actor], object]) -> None:
    """An act of a person of the staff; a refusal goes into the audit log as well."""
    with books.read() as work:
        person = work.staff.get(actor_id)
    if person is None or not person.active:
        raise NotAllowed(f"there is nobody with the id {actor_id} who may act")
    actor = Actor(person.id, Role(person.role))
    try:
        with books.begin() as work:
            act(work, actor)
    except LendingError as refusal:
        with books.begin() as work:
            audit.record(work, actor, name, reason=str(refusal), refused=True)
        raise


def trial_balance_table(balance: TrialBalance) -> Table:
    """The trial balance in yuan."""
    table = Table("account", "", "", title=f"trial balance at the end of {balance.as_of}")
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
