"""Reminders as rules in force: on which days a running loan is reminded or dunned, and which windows it is told of."""

from dataclasses import dataclass, field
from datetime import date
from typing import Any

from books.session import UnitOfWork
from lending.account import LoanAccount
from lending.delinquency import Milestones
from models.loans import Loan, Stage
from models.messages import NextDay, StepKind
from models.policies import PolicyKind
from services.notices import send_sms
from services.policies import Version, deciding
from services.policy_kinds import name_of
from services.reminder_rules import Window, windows_of

HOUSE_RULES = name_of(PolicyKind.REMINDERS, "loans")
"""The rules for products that have none of their own in force."""

_windows: dict[str, tuple[Window, ...]] = {}
"""By version, whose content never changes."""


@dataclass(frozen=True)
class Reminders:
    """What the rules of a day say of a loan: its milestones, and the windows of its product."""

    milestones: Milestones = field(default_factory=Milestones)
    windows: tuple[Window, ...] = ()


@dataclass(frozen=True)
class LoanWindow:
    """A right that a borrower has: which, from when until when, and how it reads by language."""

    window: Window
    opens_on: date

    @property
    def closes_on(self) -> date:
        """The last day."""
        return self.window.closes_on(self.opens_on)

    @property
    def told_on(self) -> date:
        """The day on which he is told of it."""
        return self.window.told_on(self.opens_on)

    def says(self, language: str) -> str:
        """The sentence in a language."""
        return self.window.says(language, self.closes_on)


def rules_of(work: UnitOfWork, product: str, day: date) -> Version:
    """The rules by which a product reminds on a day: its own where any are in force, else those of the house."""
    own = name_of(PolicyKind.REMINDERS, product)
    found = work.policies.in_force_of([own, HOUSE_RULES], day)
    return deciding(work, found[own] if found[own].champion is not None else found[HOUSE_RULES])


def reminders_of(work: UnitOfWork, loan: Loan, account: LoanAccount, day: date) -> Reminders:
    """What the version in force on a day says of a running loan; one query, for every act asks it."""
    version = rules_of(work, loan.product, day)
    values = version.ask(facts_of(loan, account)).values
    milestones = Milestones(tuple(values["before_days"]), tuple(values["overdue_days"]))
    return Reminders(milestones, _windows_of(work, version.key))


def facts_of(loan: Loan, account: LoanAccount) -> dict[str, Any]:
    """The facts of `REMINDER_FACTS`."""
    rows = [row for row in account.rows if row.total > 0]
    return {
        "amount_fen": loan.approved_fen or loan.applied_fen,
        "grade": loan.grade or "",
        "first_installment": bool(rows) and rows[0].outstanding > 0 and rows[0].due > account.as_of,
        "was_late": any(row.dpd > 0 or (row.paid_on is not None and row.paid_on > row.due) for row in rows),
        "high_risk": loan.high_risk,
    }


def _windows_of(work: UnitOfWork, policy_id: str) -> tuple[Window, ...]:
    if policy_id not in _windows:
        _windows[policy_id] = windows_of(work.policies.get(policy_id).content)
    return _windows[policy_id]


def with_window(work: UnitOfWork, loan: Loan, reminders: Reminders, day: date, step: NextDay) -> NextDay:
    """The next day that matters: the day on which a window is told of, if one comes before it."""
    told = [one.told_on for one in _of_loan(work, loan, reminders.windows)]
    coming = min((on for on in told if day < on < step.date), default=None)
    return step if coming is None else NextDay(date=coming, why=StepKind.WINDOW)


def tell_of_windows(work: UnitOfWork, loan: Loan, reminders: Reminders, day: date) -> None:
    """Tells a borrower of windows that are about to close, each once for good."""
    for one in _open(work, loan, reminders.windows, day):
        key = f"{loan.number}:window:{one.window.code}"
        if day >= one.told_on and not work.customers.was_told(key):
            send_sms(work, loan, "window_closes", key, sentence=one.says("zh"))


def open_windows(work: UnitOfWork, loan: Loan, day: date) -> list[LoanWindow]:
    """The windows that are open to a running loan on a day."""
    if loan.stage is not Stage.REPAYMENT or loan.written_off_on is not None:
        return []
    version = rules_of(work, loan.product, day)
    return _open(work, loan, _windows_of(work, version.key), day)


def _open(work: UnitOfWork, loan: Loan, windows: tuple[Window, ...], day: date) -> list[LoanWindow]:
    return [one for one in _of_loan(work, loan, windows) if one.opens_on <= day <= one.closes_on]


def _of_loan(work: UnitOfWork, loan: Loan, windows: tuple[Window, ...]) -> list[LoanWindow]:
    """Those of the windows that the loan's terms have a first day for."""
    terms = work.loans.terms(loan.number) if windows else None
    if terms is None:
        return []
    return [LoanWindow(window, opens) for window in windows if (opens := window.opens_on(terms.body)) is not None]
