"""Queries on orders to the bank and on its entries."""

from datetime import date

from sqlalchemy import bindparam, func
from sqlmodel import Session, col, select

from models.payments import MONEY_MOVED, BankEntry, Payment, PaymentKind, PaymentStatus

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
            col(Payment.status).in_([PaymentStatus.ORDERED, PaymentStatus.SENT, PaymentStatus.PENDING]),
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

    def totals(self) -> dict[tuple[PaymentKind, PaymentStatus], tuple[int, int]]:
        """Number and settled sum in fen of all orders, by kind and status."""
        query = select(col(Payment.kind), col(Payment.status), func.count(), func.sum(Payment.settled_fen)).group_by(
            col(Payment.kind), col(Payment.status)
        )
        return {(kind, status): (count, int(total or 0)) for kind, status, count, total in self.session.exec(query)}
