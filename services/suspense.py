"""Money that nobody claims or ordered: kept in suspense, with a task for finance, and sent back to who paid it."""

from datetime import date, timedelta

from books.session import UnitOfWork
from models import ledger as chart
from models.outbox import Topic
from models.payments import BankEntry, Payment, PaymentKind, PaymentStatus, SuspenseProposal
from models.staff import Role
from models.tasks import TaskKind
from services import audit
from services.errors import RefundImpossible
from services.ledger import post, post_payment
from services.tasks import open_task

FURTHEST_BACK = timedelta(days=180)
"""A bank may book late and correct itself; an earlier date is a mistake, which would open months long past."""


def came_in_on(work: UnitOfWork, entry: BankEntry) -> date:
    """The business date on which we heard of an entry."""
    return work.clock.business_date(entry.received_at)


def counts_from(work: UnitOfWork, entry: BankEntry) -> date:
    """The value date of an entry: the bank's own, but never after the day on which we heard of it, and that day where
    the bank's is FURTHEST_BACK and more before it.
    """
    came_in = came_in_on(work, entry)
    return entry.booked_on if came_in - FURTHEST_BACK <= entry.booked_on <= came_in else came_in


def to_suspense(work: UnitOfWork, entry: BankEntry, why: str) -> None:
    """Posts money that nobody claims, or that left without an order, to suspense and asks finance about it."""
    came_in = entry.direction == "in"
    post(
        work,
        entry=suspense_entry(entry),
        line="money",
        debit=chart.BANK if came_in else chart.SUSPENSE,
        credit=chart.SUSPENSE if came_in else chart.BANK,
        amount_fen=entry.amount_fen,
        about="unmatched",
        value_date=counts_from(work, entry),
        loan=None,
    )
    ask_finance(work, entry, why)


def suspense_entry(entry: BankEntry) -> str:
    """The ledger's name for the entry that took money into suspense."""
    return f"suspense:{entry.reference}"


def ask_finance(work: UnitOfWork, entry: BankEntry, why: str) -> None:
    """Opens a task about an entry; whoever does it sees the entry beside it."""
    about = f"bank reference {entry.reference}: {why}"
    # Due on the day on which it opens: the money may be of long ago, and nobody is late with what he is asked now.
    task = open_task(work, None, TaskKind.UNMATCHED_MONEY, Role.FINANCE, work.today, about)
    entry.task_id = task.id
    work.session.add(entry)
    audit.record(
        work,
        audit.SYSTEM,
        "money_unmatched",
        subject=entry.reference,
        after={"amount_fen": entry.amount_fen, "direction": entry.direction, "task": task.id},
    )


def check_can_be_refunded(entry: BankEntry) -> None:
    """Refuses (RefundImpossible) where the bank did not say whose account the money came from."""
    if not entry.counterparty_account or not entry.counterparty:
        raise RefundImpossible(entry.reference)


def order_refund(work: UnitOfWork, entry: BankEntry, proposal: SuspenseProposal) -> Payment:
    """Writes the order that sends money in suspense back to its payer; the outbox has the bank carry it out.

    The key is short, since a bank's end-to-end id has 35 characters.
    """
    check_can_be_refunded(entry)
    refund = Payment(
        key=f"R:{proposal.id}",
        kind=PaymentKind.REFUND,
        amount_fen=entry.amount_fen,
        value_date=work.today,
        ordered_at=work.now,
    )
    work.session.add(refund)
    work.outbox.put(Topic.REFUND, f"refund:{refund.key}", {"key": refund.key}, work.now)
    return refund


def payee_of_refund(work: UnitOfWork, refund: Payment) -> tuple[str, str]:
    """Account and holder that a refund goes to: whence the money came."""
    entry = _refunded(work, refund)
    return entry.counterparty_account or "", entry.counterparty or ""


def conclude_refund(work: UnitOfWork, refund: Payment) -> None:
    """Posts a refund that the bank carried out; one that it declined is finance's again: the money is still here."""
    if refund.status is PaymentStatus.SETTLED:
        post_payment(work, refund)
    elif refund.status is PaymentStatus.DECLINED:
        ask_finance(work, _refunded(work, refund), f"the refund was declined: {refund.reason_code}")


def _refunded(work: UnitOfWork, refund: Payment) -> BankEntry:
    proposal = work.payments.proposal(refund.key.removeprefix("R:"))
    entry = work.payments.entry(proposal.reference) if proposal else None
    if entry is None:
        raise LookupError(f"refund {refund.key} sends nothing back")
    return entry
