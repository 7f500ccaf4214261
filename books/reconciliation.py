"""Queries on the bank's statements and what they were compared with."""

from collections.abc import Iterable
from datetime import date, timedelta
from typing import Any

from sqlalchemy import ColumnElement, func
from sqlalchemy import select as sa_select
from sqlalchemy.orm import Mapped, defer
from sqlmodel import Session, col, select

from books.payments import PAYER_UNOPENED
from books.portions import in_portions
from models.ledger import Posting
from models.loans import Loan
from models.payments import MONEY_MOVED, OURS, BankEntry, Payment, PaymentKind
from models.reconciliation import BankDifference, BankStatement, MatchedBy, Reconciliation, StatementLine

_PAYER_UNOPENED = tuple(
    defer(column)  # type: ignore[arg-type]  # columns at class level
    for column in (StatementLine.counterparty, StatementLine.counterparty_account, StatementLine.remittance)
)


class ReconciliationBook:
    """Statements, their lines, and the differences that were found."""

    def __init__(self, session: Session) -> None:
        self.session = session

    def versions(self, day: date) -> list[BankStatement]:
        """The statements of a business date, the newest version last."""
        query = select(BankStatement).where(BankStatement.business_date == day).order_by(col(BankStatement.version))
        return list(self.session.exec(query))

    def statement(self, statement_id: str) -> BankStatement | None:
        """One statement by its id."""
        return self.session.get(BankStatement, statement_id)

    def lines(self, statement_id: str) -> list[StatementLine]:
        """The lines of a statement in the bank's order."""
        query = select(StatementLine).where(StatementLine.statement_id == statement_id).options(*_PAYER_UNOPENED)
        return list(self.session.exec(query.order_by(col(StatementLine.n))))

    def line(self, statement_id: str, n: int) -> StatementLine:
        """One line of a statement."""
        return self.session.get_one(StatementLine, (statement_id, n))

    def unbooked(self, statement_id: str) -> list[StatementLine]:
        """Lines that no notice told of and that the books do not have yet."""
        query = (
            select(StatementLine)
            .join(BankEntry, col(BankEntry.reference) == col(StatementLine.entry), isouter=True)
            .where(
                StatementLine.statement_id == statement_id,
                StatementLine.matched_by == MatchedBy.NOTHING,
                col(BankEntry.reference).is_(None),
            )
        )
        return list(self.session.exec(query.options(*_PAYER_UNOPENED).order_by(col(StatementLine.n))))

    def shown_elsewhere(self, references: Iterable[str], day: date) -> dict[str, str]:
        """Which of these bookings stand on the statement of another business date, and the bank entry of each."""
        found: dict[str, str] = {}
        for some in in_portions(references):
            query = (
                select(StatementLine.reference, StatementLine.entry)
                .join(BankStatement, col(BankStatement.id) == col(StatementLine.statement_id))
                .where(
                    col(StatementLine.reference).in_(some) | col(StatementLine.entry).in_(some),
                    BankStatement.business_date != day,
                )
            )
            for reference, entry in self.session.exec(query):
                found |= {reference: entry, entry: entry}
        return found

    def entries_not_on(self, statement_id: str, day: date) -> list[BankEntry]:
        """Bank entries of a day that no line of its statement is."""
        is_it = (col(StatementLine.entry) == col(BankEntry.reference)) & (StatementLine.statement_id == statement_id)
        query = (
            select(BankEntry)
            .join(StatementLine, is_it, isouter=True)
            .where(BankEntry.booked_on == day, col(StatementLine.n).is_(None))
            .options(*PAYER_UNOPENED)
        )
        return list(self.session.exec(query.order_by(col(BankEntry.reference))))

    def orders_not_on(self, statement_id: str, day: date) -> list[Payment]:
        """Our orders that, by the bank's own word, moved money on a day and that no line of its statement is."""
        is_it = (col(StatementLine.entry) == col(Payment.bank_reference)) & (StatementLine.statement_id == statement_id)
        query = (
            select(Payment)
            .join(StatementLine, is_it, isouter=True)
            .where(
                Payment.moved_on == day,
                col(Payment.kind).in_(OURS),
                col(Payment.status).in_(MONEY_MOVED),
                col(StatementLine.n).is_(None),
            )
        )
        return list(self.session.exec(query.order_by(col(Payment.key))))

    def done(self, statement_id: str) -> Reconciliation | None:
        """What came of a statement, if it was compared."""
        return self.session.get(Reconciliation, statement_id)

    def days_done(self, first: date, last: date) -> set[date]:
        """Business dates of a period that are reconciled."""
        query = select(col(Reconciliation.business_date)).where(
            Reconciliation.business_date >= first, Reconciliation.business_date <= last
        )
        return set(self.session.exec(query))

    def days_with_open_entries(self, first: date, last: date) -> set[date]:
        """Days of a period with a movement that no statement shows."""
        query = (
            select(col(BankEntry.booked_on))
            .join(StatementLine, col(StatementLine.entry) == col(BankEntry.reference), isouter=True)
            .where(BankEntry.booked_on >= first, BankEntry.booked_on <= last, col(StatementLine.statement_id).is_(None))
        )
        return set(self.session.exec(query.distinct()))

    def first_day_done(self) -> date | None:
        """The first business date that was ever reconciled."""
        query = select(col(Reconciliation.business_date)).order_by(col(Reconciliation.business_date)).limit(1)
        return self.session.exec(query).first()

    def first_application(self) -> date | None:
        """The day of the first application: before it there was no business."""
        return self.session.exec(select(col(Loan.applied_on)).order_by(col(Loan.number)).limit(1)).first()

    def between(self, first: date, last: date) -> list[tuple[BankStatement, Reconciliation]]:
        """Statements of a period that were compared, and what came of them; the newest date first."""
        query = (
            select(BankStatement, Reconciliation)
            .join(Reconciliation, col(Reconciliation.statement_id) == col(BankStatement.id))
            .where(BankStatement.business_date >= first, BankStatement.business_date <= last)
            .order_by(col(BankStatement.business_date).desc(), col(BankStatement.version).desc())
        )
        return [(statement, done) for statement, done in self.session.exec(query)]

    def differences(self, first: date, last: date) -> list[BankDifference]:
        """Differences of a period in the order in which they were found."""
        query = select(BankDifference).where(
            BankDifference.business_date >= first, BankDifference.business_date <= last
        )
        return list(self.session.exec(query.order_by(col(BankDifference.business_date), col(BankDifference.id))))

    def told(self, day: date) -> set[tuple[str, str]]:
        """Kind and subject of the differences of a day that are known."""
        query = select(BankDifference.kind, BankDifference.subject).where(BankDifference.business_date == day)
        return {(kind, subject) for kind, subject in self.session.exec(query)}

    def newest_of(self, day: date) -> BankStatement | None:
        """The newest version of the statement of a business date."""
        versions = self.versions(day)
        return versions[-1] if versions else None

    def neighbours(self, day: date) -> tuple[BankStatement | None, BankStatement | None]:
        """The statements of the days right before and after."""
        return self.newest_of(day - timedelta(days=1)), self.newest_of(day + timedelta(days=1))

    def flow(self, statement_id: str) -> list[tuple[str, PaymentKind | None, int, int]]:
        """What moved on a statement: direction, as what the books have it (None: unmatched), number and sum in fen."""
        line = (col(StatementLine.direction), col(StatementLine.amount_fen), col(StatementLine.entry))
        return self._moved(line, col(StatementLine.statement_id) == statement_id)

    def flow_of_entries(self, day: date) -> list[tuple[str, PaymentKind | None, int, int]]:
        """The same by what we know from notices, for a day whose statement has not come."""
        entry = (col(BankEntry.direction), col(BankEntry.amount_fen), col(BankEntry.reference))
        return self._moved(entry, col(BankEntry.booked_on) == day)

    def _moved(
        self, moved: tuple[Mapped[Any], Mapped[Any], Mapped[Any]], of_day: ColumnElement[bool]
    ) -> list[tuple[str, PaymentKind | None, int, int]]:
        direction, amount, reference = moved
        is_it = (col(Payment.bank_reference) == reference) & (col(Payment.kind) != PaymentKind.REALLOCATION)
        query = (
            sa_select(direction, col(Payment.kind), func.count(), func.sum(amount))
            .join(Payment, is_it, isouter=True)
            .where(of_day)
            .group_by(direction, col(Payment.kind))
            .order_by(direction, col(Payment.kind))
        )
        found = self.session.connection().execute(query)
        return [(way, kind, count, int(total)) for way, kind, count, total in found]

    def postings(self, entries: Iterable[str]) -> list[Posting]:
        """The postings of several entries of the ledger, in their order."""
        found: list[Posting] = []
        for some in in_portions(entries):
            found += self.session.exec(select(Posting).where(col(Posting.entry).in_(some)).order_by(col(Posting.id)))
        return found
