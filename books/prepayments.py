"""Queries on quotes for prepayments."""

from datetime import date

from sqlalchemy import func
from sqlmodel import Session, col, select
from sqlmodel.sql.expression import SelectOfScalar

from models.payments import Payment
from models.prepayments import PrepaymentQuote


class PrepaymentBook:
    """Sums that the lender said it would take as prepayments, and until when."""

    def __init__(self, session: Session) -> None:
        self.session = session

    def count_valid(self, loan: str, day: date) -> int:
        """How many quotes of a loan hold on a day."""
        query = select(func.count()).where(PrepaymentQuote.loan == loan, PrepaymentQuote.valid_until >= day)
        return self.session.exec(query).one()

    def open_on(self, loan: str, day: date) -> list[PrepaymentQuote]:
        """The quotes of a loan that hold on a day and that no payment has taken yet, newest first."""
        return list(self.session.exec(self._open(loan, day)))

    def fitting(self, loan: str, amount_fen: int, day: date) -> PrepaymentQuote | None:
        """The newest quote of exactly this sum that holds on a day and that no payment has taken yet."""
        query = self._open(loan, day).where(PrepaymentQuote.amount_fen == amount_fen)
        return self.session.exec(query.limit(1)).first()

    @staticmethod
    def _open(loan: str, day: date) -> SelectOfScalar[PrepaymentQuote]:
        taken = select(Payment.quote_id).where(Payment.loan == loan, col(Payment.quote_id).is_not(None))
        query = select(PrepaymentQuote).where(
            PrepaymentQuote.loan == loan,
            PrepaymentQuote.quoted_on <= day,
            PrepaymentQuote.valid_until >= day,
            col(PrepaymentQuote.id).not_in(taken),
        )
        return query.order_by(col(PrepaymentQuote.id).desc())
