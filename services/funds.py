"""The flow of funds as finance, risk and auditors see it: of a business date, and of a loan."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from books.session import UnitOfWork
from models.ledger import Posting
from models.payments import MONEY_MOVED, BankEntry, Payment, PaymentKind
from models.reconciliation import BankDifference, BankStatement, Reconciliation
from models.staff import Actor
from services.errors import InvalidPeriod
from services.permissions import Action, require

LONGEST_PERIOD_DAYS = 366


@dataclass(frozen=True)
class Flow:
    """What moved on a day in one direction, as what the books have it; None is money that nobody claims or ordered."""

    direction: str
    kind: PaymentKind | None
    count: int
    amount_fen: int


@dataclass(frozen=True)
class DayFunds:
    """A business date: the bank's statement if it came, what moved, and where bank and books differ."""

    day: date
    statement: BankStatement | None
    outcome: Reconciliation | None
    flows: tuple[Flow, ...]
    differences: tuple[BankDifference, ...]


@dataclass(frozen=True)
class LoanMovement:
    """Money of a loan that moved at the bank: its entry there (None before a notice), its order, and its postings."""

    payment: Payment
    entry: BankEntry | None
    postings: tuple[Posting, ...]


def reconciliations(work: UnitOfWork, actor: Actor, first: date, last: date) -> list[DayFunds]:
    """The business dates of a period that have a statement or a difference, the newest first; without their flows."""
    require(actor, Action.SEE_FUNDS)
    if not 0 <= (last - first).days < LONGEST_PERIOD_DAYS:
        raise InvalidPeriod(LONGEST_PERIOD_DAYS)
    newest: dict[date, tuple[BankStatement | None, Reconciliation | None]] = {}
    for statement, outcome in work.reconciliation.between(first, last):
        newest.setdefault(statement.business_date, (statement, outcome))
    differences: dict[date, list[BankDifference]] = {}
    for one in work.reconciliation.differences(first, last):
        differences.setdefault(one.business_date, []).append(one)
    days = sorted(newest.keys() | differences.keys(), reverse=True)
    found = []
    for day in days:
        kept, came_of_it = newest.get(day, (None, None))
        found.append(DayFunds(day, kept, came_of_it, (), tuple(differences.get(day, ()))))
    return found


def day_funds(work: UnitOfWork, actor: Actor, day: date) -> DayFunds:
    """The flow of funds of a day: by its statement or, before that came, by what notices told of."""
    require(actor, Action.SEE_FUNDS)
    statement = work.reconciliation.newest_of(day)
    moved = work.reconciliation.flow(statement.id) if statement else work.reconciliation.flow_of_entries(day)
    return DayFunds(
        day,
        statement,
        work.reconciliation.done(statement.id) if statement else None,
        tuple(Flow(*one) for one in moved),
        tuple(work.reconciliation.differences(day, day)),
    )


def loan_funds(work: UnitOfWork, actor: Actor, loan: str) -> list[LoanMovement]:
    """Every movement of money of a loan that this person may see, oldest first."""
    require(actor, Action.SEE_FUNDS)
    work.loans.seen_by(actor, loan)
    moved = [payment for payment in work.payments.of_loan(loan) if payment.status in MONEY_MOVED]
    entries = work.payments.entries_of(payment.bank_reference for payment in moved if payment.bank_reference)
    postings: dict[str, list[Posting]] = {}
    for posting in work.reconciliation.postings(name for payment in moved for name in _ledger_entries(payment)):
        postings.setdefault(posting.entry, []).append(posting)
    return [
        LoanMovement(payment, entries.get(payment.bank_reference or ""), tuple(_of(payment, postings)))
        for payment in moved
    ]


def _ledger_entries(payment: Payment) -> Sequence[str]:
    """The ledger's names of what a movement posted: into suspense, if nobody claimed it, then where it belongs.

    Money that is reversed and booked anew moved at the bank once: its posting to suspense goes by one reference.
    """
    return (f"suspense:{payment.bank_reference}", payment.key)


def _of(payment: Payment, postings: dict[str, list[Posting]]) -> list[Posting]:
    # Taken out, so that a posting is listed once, with the first of the movements that share a reference.
    found = [posting for name in _ledger_entries(payment) for posting in postings.pop(name, ())]
    return sorted(found, key=lambda posting: posting.id)
