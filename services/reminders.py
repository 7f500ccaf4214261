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
class OpenWindow:
    """A right that a borrower has today: which, until when, and how it reads by language."""

    window: Window
    closes_on: date

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
    told = [
        window.told_on(opens)
        for window in reminders.windows
        if (opens := window.opens_on(_terms(work, loan))) is not None
    ]
    coming = min((on for on in told if day < on < step.date), default=None)
    return step if coming is None else NextDay(date=coming, why=StepKind.WINDOW)


def tell_of_windows(work: UnitOfWork, loan: Loan, reminders: Reminders, day: date) -> None:
    """Tells a borrower of windows that are about to close, each once for good."""
    for open_one in _open(work, loan, reminders.windows, day):
        opens = open_one.window.opens_on(_terms(work, loan))
        key = f"{loan.number}:window:{open_one.window.code}"
        if opens is None or day < open_one.window.told_on(opens) or work.customers.was_told(key):
            continue
        send_sms(work, loan, "window_closes", key, sentence=open_one.says("zh"))


def open_windows(work: UnitOfWork, loan: Loan, day: date) -> list[OpenWindow]:
    """The windows that are open to a running loan on a day."""
    if loan.stage is not Stage.REPAYMENT or loan.written_off_on is not None:
        return []
    version = rules_of(work, loan.product, day)
    return _open(work, loan, _windows_of(work, version.key), day)


def _open(work: UnitOfWork, loan: Loan, windows: tuple[Window, ...], day: date) -> list[OpenWindow]:
    found = []
    for window in windows:
        opens = window.opens_on(_terms(work, loan))
        if opens is not None and opens <= day <= (closes := window.closes_on(opens)):
            found.append(OpenWindow(window, closes))
    return found


def _terms(work: UnitOfWork, loan: Loan) -> dict[str, Any]:
    terms = work.loans.terms(loan.number)
    return terms.body if terms else {}
