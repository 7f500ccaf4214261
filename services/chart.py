"""The chart of accounts and the rules of the ledger: dated versions, each valid from a day that is still to come."""

from collections.abc import Mapping
from datetime import date, timedelta

from pydantic import BaseModel, ConfigDict, Field

from books.session import UnitOfWork
from lending.account import Classification
from lending.errors import LendingError
from models.ledger import AccountVersion
from models.periods import NonAccrualRule, ProvisionRate
from models.staff import Actor
from models.words import WORDS_PATTERN
from services import audit
from services.permissions import Action, require

MOST_DPD = 3650
"""A loan that accrues after ten years without a payment is no rule, but a slip of the keys."""

MOST_DAYS_AHEAD = 366
"""How far ahead a rule may begin. An account's versions follow each other, so that one from a far day, which nobody can
take back, would keep every other out until then.
"""


class InvalidRule(LendingError):
    """A version of an account or a rule that cannot be; `fields` names what is wrong."""

    code = "invalid_rule"
    http_status = 422


class _Dated(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    valid_from: date = Field(strict=False)


class AccountRule(_Dated):
    """An account with what changes about it; what is left out stays as it is."""

    code: str = Field(max_length=8, pattern=WORDS_PATTERN)
    name_en: str = Field(default="", min_length=1, max_length=64, pattern=WORDS_PATTERN)
    name_zh: str = Field(default="", min_length=1, max_length=64, pattern=WORDS_PATTERN)
    vat_basis_points: int = 0
    parent: str | None = Field(default=None, max_length=8, pattern=WORDS_PATTERN)


class NonAccrualLimits(_Dated):
    """Beyond how many days past due a loan stops accruing, and at how many it begins again."""

    above_dpd: int
    cured_at_dpd: int


class ProvisionShare(_Dated):
    """The share of the principal that is set aside for loans of a class."""

    classification: Classification = Field(strict=False)
    basis_points: int


class LedgerRules(BaseModel):
    """Dated versions: accounts with what changes, non-accrual rules, provision rates."""

    model_config = ConfigDict(extra="forbid")

    accounts: tuple[AccountRule, ...] = ()
    non_accrual: tuple[NonAccrualLimits, ...] = ()
    provisions: tuple[ProvisionShare, ...] = ()


def revise(work: UnitOfWork, actor: Actor, rules: LedgerRules) -> int:
    """Adds all versions, each valid from a day to come, and returns how many; all or none, as the unit of work ends."""
    require(actor, Action.KEEP_CHART)
    for account in rules.accounts:
        changes = account.model_dump(exclude={"code", "valid_from"}, exclude_unset=True)
        revise_account(work, actor, account.code, account.valid_from, changes)
    for rule in rules.non_accrual:
        rule_non_accrual(work, actor, rule.valid_from, rule.above_dpd, rule.cured_at_dpd)
    for share in rules.provisions:
        rule_provision(work, actor, share.valid_from, share.classification, share.basis_points)
    return len(rules.accounts) + len(rules.non_accrual) + len(rules.provisions)


def revise_account(work: UnitOfWork, actor: Actor, code: str, valid_from: date, changes: Mapping[str, object]) -> None:
    """Adds a version of an account: its names, its tax rate in basis points or its group from a day on.

    Kind and normal side stay: what they say of earlier postings would change with them. Refused: anybody but finance,
    an account that is not there, and a day that is not in the future, since postings of that day may be split already.
    """
    _check(work, actor, valid_from)
    known = work.ledger.versions(code)
    if not known:
        raise InvalidRule(f"there is no account {code}", fields={"code": "unknown"})
    if known[-1].valid_from >= valid_from:
        raise InvalidRule(
            f"account {code} has a version from {known[-1].valid_from} already", fields={"valid_from": "too early"}
        )
    unknown = sorted(changes.keys() - {"name_en", "name_zh", "vat_basis_points", "parent"})
    if unknown or not changes:
        raise InvalidRule("an account changes its names, tax rate or group", fields=dict.fromkeys(unknown, "unknown"))
    parent = changes.get("parent")
    if parent is not None and not work.ledger.versions(str(parent)):
        raise InvalidRule(f"there is no account {parent} to belong to", fields={"parent": "unknown"})
    before = known[-1].model_dump(include=set(changes))
    rate = changes.get("vat_basis_points", 0)
    if not isinstance(rate, int) or not 0 <= rate < 10_000:
        raise InvalidRule("a tax rate is from 0 to 9999 basis points", fields={"vat_basis_points": "0 to 9999"})
    work.ledger.add_version(AccountVersion(**known[-1].model_dump() | dict(changes) | {"valid_from": valid_from}))
    _record(work, actor, "account_revised", code, valid_from, changes, before)


def rule_non_accrual(work: UnitOfWork, actor: Actor, valid_from: date, above_dpd: int, cured_at_dpd: int) -> None:
    """Rules beyond how many days past due a loan stops accruing, and at how many it begins again."""
    _check(work, actor, valid_from)
    if not 0 <= cured_at_dpd <= above_dpd:
        raise InvalidRule("a loan is cured at fewer days than it stops at", fields={"cured_at_dpd": "0 to above_dpd"})
    if above_dpd > MOST_DPD:
        raise InvalidRule(
            f"a loan stops accruing beyond {MOST_DPD} days at most", fields={"above_dpd": f"at most {MOST_DPD}"}
        )
    known = work.periods.non_accrual_rule(valid_from)
    if known is not None and known.valid_from == valid_from:
        raise InvalidRule(f"there is a non-accrual rule from {valid_from} already", fields={"valid_from": "taken"})
    work.periods.add_rule(NonAccrualRule(valid_from=valid_from, above_dpd=above_dpd, cured_at_dpd=cured_at_dpd))
    after = {"above_dpd": above_dpd, "cured_at_dpd": cured_at_dpd}
    before = known.model_dump(mode="json", include={"valid_from", *after}) if known is not None else None
    _record(work, actor, "non_accrual_ruled", "non_accrual", valid_from, after, before)


def rule_provision(
    work: UnitOfWork, actor: Actor, valid_from: date, classification: Classification, basis_points: int
) -> None:
    """Rules the share of the principal that is set aside for loans of a class, in basis points."""
    _check(work, actor, valid_from)
    if not 0 <= basis_points <= 10_000:
        raise InvalidRule("a provision is from 0 to 10000 basis points", fields={"basis_points": "0 to 10000"})
    if work.periods.has_provision_rate(classification, valid_from):
        raise InvalidRule(f"{classification} has a rate from {valid_from} already", fields={"valid_from": "taken"})
    before = {"basis_points": work.periods.provision_rates(valid_from).get(classification)}
    rate = ProvisionRate(classification=classification, valid_from=valid_from, basis_points=basis_points)
    work.periods.add_rule(rate)
    _record(work, actor, "provision_ruled", classification, valid_from, {"basis_points": basis_points}, before)


def _check(work: UnitOfWork, actor: Actor, valid_from: date) -> None:
    require(actor, Action.KEEP_CHART)
    if valid_from <= work.today:
        raise InvalidRule(f"a rule begins after {work.today}", fields={"valid_from": "in the future"})
    latest = work.today + timedelta(days=MOST_DAYS_AHEAD)
    if valid_from > latest:
        raise InvalidRule(
            f"a rule begins within {MOST_DAYS_AHEAD} days, on {latest} at the latest",
            fields={"valid_from": f"on {latest} at the latest"},
        )
    # Held until the end: of two rules at the same moment the second sees the first.
    work.outbox.hold("chart")


def _record(
    work: UnitOfWork,
    actor: Actor,
    act: str,
    subject: str,
    valid_from: date,
    after: Mapping[str, object],
    before: Mapping[str, object] | None = None,
) -> None:
    audit.record(
        work,
        actor,
        act,
        subject=subject,
        before=dict(before) if before is not None else None,
        after={**after, "valid_from": valid_from.isoformat()},
    )
