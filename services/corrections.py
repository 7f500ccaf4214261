"""The money side of corrections: what was posted by mistake leaves the loan, what came another way reaches it."""

from datetime import date
from typing import Any

from books.session import UnitOfWork
from lending.events import Event, EventType
from models import ledger as chart
from models.changes import ChangeProposal
from models.loans import Loan
from models.payments import BankEntry
from models.staff import Role
from models.tasks import TaskKind
from services.ledger import post
from services.suspense import ask_finance, suspense_entry
from services.tasks import open_task


def move_money(work: UnitOfWork, loan: Loan, proposal: ChangeProposal, body: dict[str, Any], day: date) -> None:
    """Moves the money of a correction between the loan and suspense.

    Money that came another way is taken out of suspense, where it is missing until whoever received it hands it in.
    Money of a reversed repayment goes to suspense, with a task for finance to find out whose it is.
    """
    if body["type"] == EventType.REPAYMENT:
        event = Event.parse(body)
        _post(work, loan, proposal.event_key, chart.SUSPENSE, chart.UNALLOCATED, event.amount_fen or 0, event.date)
        return
    posted = work.loans.event(body["of"])
    if posted is None:
        raise LookupError(f"loan {loan.number} has no event {body['of']}")
    amount_fen = Event.parse(posted.body).amount_fen or 0
    payment = work.payments.get(posted.key)
    entry = work.payments.entry(payment.bank_reference) if payment and payment.bank_reference else None
    name = proposal.event_key
    if entry is not None and not work.ledger.posted(suspense_entry(entry)):
        # Under this name finance finds it as any other money in suspense, and sends it on from there.
        name = suspense_entry(entry)
    _post(work, loan, name, chart.UNALLOCATED, chart.SUSPENSE, amount_fen, day)
    if entry is not None:
        _release(work, entry, f"its posting to loan {loan.number} was reversed")
    elif payment is not None:
        about = f"bank reference {payment.bank_reference or posted.key}: its posting to loan {loan.number} was reversed"
        open_task(work, None, TaskKind.UNMATCHED_MONEY, Role.FINANCE, day, about)


def _post(work: UnitOfWork, loan: Loan, entry: str, debit: str, credit: str, amount_fen: int, value_date: date) -> None:
    post(
        work,
        entry=entry,
        line="money",
        debit=debit,
        credit=credit,
        amount_fen=amount_fen,
        about="correction",
        value_date=value_date,
        loan=loan.number,
    )


def _release(work: UnitOfWork, entry: BankEntry, why: str) -> None:
    entry.loan = None
    entry.matched = False
    ask_finance(work, entry, why)
