"""Queries on orders to the bank and on its entries."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from sqlalchemy import bindparam, func
from sqlalchemy import select as sa_select
from sqlalchemy.orm import defer
from sqlmodel import Session, col, select

from books.portions import in_portions
from books.sealing import opened
from models.customers import Party, PartyRole
from models.loans import Loan, Stage
from models.payments import (
    MONEY_MOVED,
    UNDER_WAY,
    BankEntry,
    Payment,
    PaymentKind,
    PaymentStatus,
    SuspenseProposal,
    SuspenseVerdict,
)

_PAYMENT_HELD = (
    select(Payment)
    .where(col(Payment.key) == bindparam("key"))
    .with_for_update()
    .execution_options(populate_existing=True)
)
_OF_LOAN = (
    select(Payment).where(col(Payment.loan) == bindparam("loan")).order_by(col(Payment.ordered_at), col(Payment.key))
)
_OF_KIND = _OF_LOAN.where(col(Payment.kind) == bindparam("kind"))
_TO_BOOK = _OF_LOAN.where(col(Payment.booked).is_(False), col(Payment.status).in_(MONEY_MOVED))

_PAYER = (
    col(Party.id),
    col(Party.loan),
    col(Party.name),
    col(Party.account),
    col(Loan.next_due_fen),
    col(Loan.overdue_fen),
    col(Loan.outstanding_fen),
)

PAYER_UNOPENED = tuple(
    defer(column)  # type: ignore[arg-type]  # columns at class level
    for column in (BankEntry.counterparty, BankEntry.counterparty_account, BankEntry.remittance)
)
"""What goes through many entries by their references and sums does not open who paid, so no damaged one stops it."""


@dataclass(frozen=True)
class Payer:
    """Somebody who may pay for a running loan: a party of it, with what the loan waits for; sums in fen."""

    loan: str
    name: str
    account: str | None
    next_due_fen: int
    overdue_fen: int
    outstanding_fen: int


class PaymentBook:
    """What we asked the bank to do and what it says it did."""

    def __init__(self, session: Session) -> None:
        self.session = session

    def get(self, key: str) -> Payment | None:
        """One order by its key, the EndToEndId."""
        return self.session.get(Payment, key)

    def held(self, key: str) -> Payment | None:
        """One order by its key, kept from other writers until the unit of work ends."""
        return self.session.exec(_PAYMENT_HELD, params={"key": key}).first()

    def of_loan(self, loan: str, kind: PaymentKind | None = None) -> list[Payment]:
        """All orders of a loan in their order."""
        if kind is None:
            return list(self.session.exec(_OF_LOAN, params={"loan": loan}))
        return list(self.session.exec(_OF_KIND, params={"loan": loan, "kind": kind}))

    def to_book(self, loan: str) -> list[Payment]:
        """Settled or returned orders that the ledger does not have yet."""
        return list(self.session.exec(_TO_BOOK, params={"loan": loan}))

    def under_way(self, loan: str, *kinds: PaymentKind) -> list[Payment]:
        """Orders of these kinds whose outcome is not known yet, oldest first."""
        query = select(Payment).where(
            Payment.loan == loan,
            col(Payment.kind).in_(kinds),
            col(Payment.status).in_(UNDER_WAY),
        )
        return list(self.session.exec(query.order_by(col(Payment.ordered_at), col(Payment.key))))

    def declined(self, loan: str, kind: PaymentKind) -> bool:
        """Whether the bank declined an order of this kind."""
        query = select(Payment.key).where(
            Payment.loan == loan, Payment.kind == kind, Payment.status == PaymentStatus.DECLINED
        )
        return self.session.exec(query.limit(1)).first() is not None

    def entry(self, reference: str) -> BankEntry | None:
        """One bank entry by the bank's reference."""
        return self.session.get(BankEntry, reference)

    def entries(self, loan: str, limit: int = 500) -> list[BankEntry]:
        """Bank entries of a loan."""
        query = (
            select(BankEntry).where(BankEntry.loan == loan).order_by(col(BankEntry.booked_on), col(BankEntry.reference))
        )
        return list(self.session.exec(query.limit(limit)))

    def entries_on(self, day: date, limit: int = 10_000) -> list[BankEntry]:
        """Bank entries of a business date."""
        query = select(BankEntry).where(BankEntry.booked_on == day).order_by(col(BankEntry.reference))
        return list(self.session.exec(query.limit(limit)))

    def entries_of(self, references: Iterable[str]) -> dict[str, BankEntry]:
        """Bank entries by their references, in few queries however many there are."""
        found: dict[str, BankEntry] = {}
        for some in in_portions(references):
            query = select(BankEntry).where(col(BankEntry.reference).in_(some)).options(*PAYER_UNOPENED)
            found |= {entry.reference: entry for entry in self.session.exec(query)}
        return found

    def entries_named(self, end_to_end_ids: Iterable[str]) -> list[BankEntry]:
        """Bank entries with one of these end-to-end ids, in few queries however many there are."""
        found: list[BankEntry] = []
        for some in in_portions(end_to_end_ids):
            query = select(BankEntry).where(col(BankEntry.end_to_end_id).in_(some))
            found += self.session.exec(query.options(*PAYER_UNOPENED))
        return found

    def orders(self, keys: Iterable[str]) -> dict[str, Payment]:
        """Orders by their keys, in few queries however many there are."""
        found: dict[str, Payment] = {}
        for some in in_portions(keys):
            query = select(Payment).where(col(Payment.key).in_(some))
            found |= {order.key: order for order in self.session.exec(query)}
        return found

    def entry_of_task(self, task_id: str) -> BankEntry | None:
        """The bank entry that a task is about."""
        return self.session.exec(select(BankEntry).where(BankEntry.task_id == task_id)).first()

    def loans_paid_from(self, account_index: str, limit: int = 20) -> list[str]:
        """Loans that money from an account, given by its digest, went to before."""
        query = select(BankEntry.loan).where(BankEntry.account_index == account_index, col(BankEntry.loan).is_not(None))
        return [loan for loan in self.session.exec(query.distinct().limit(limit)) if loan is not None]

    def payers(self) -> list[Payer]:
        """Everybody who may pay for a loan in repayment: its parties without the payees, in one query."""
        query = (
            sa_select(*_PAYER)
            .join(Loan, col(Loan.number) == col(Party.loan))
            .where(col(Loan.stage) == Stage.REPAYMENT, col(Party.role) != PartyRole.PAYEE)
        )
        return [
            Payer(
                loan,
                opened(self.session, Party.name, id_, name),
                opened(self.session, Party.account, id_, account),
                *sums,
            )
            for id_, loan, name, account, *sums in self.session.connection().execute(query).all()
        ]

    def proposal(self, proposal_id: str) -> SuspenseProposal | None:
        """One proposal on unmatched money."""
        return self.session.get(SuspenseProposal, proposal_id)

    def proposals(self, task_id: str) -> list[tuple[SuspenseProposal, SuspenseVerdict | None]]:
        """What was proposed for the money of a task, oldest first, with what a second person said to it."""
        query = (
            select(SuspenseProposal, SuspenseVerdict)
            .join(SuspenseVerdict, col(SuspenseVerdict.proposal_id) == col(SuspenseProposal.id), isouter=True)
            .where(SuspenseProposal.task_id == task_id)
            .order_by(col(SuspenseProposal.id))
        )
        return [(proposal, verdict) for proposal, verdict in self.session.exec(query)]

    def pending_proposal(self, task_id: str) -> SuspenseProposal | None:
        """The proposal for the money of a task that still waits for a second person."""
        for proposal, verdict in self.proposals(task_id):
            if verdict is None:
                return proposal
        return None

    def totals(self) -> dict[tuple[PaymentKind, PaymentStatus], tuple[int, int]]:
        """Number and settled sum in fen of all orders, by kind and status."""
        query = select(col(Payment.kind), col(Payment.status), func.count(), func.sum(Payment.settled_fen)).group_by(
            col(Payment.kind), col(Payment.status)
        )
        return {(kind, status): (count, int(total or 0)) for kind, status, count, total in self.session.exec(query)}
