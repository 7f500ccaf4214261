"""Queries on quotes for prepayments."""

from datetime import date

from sqlalchemy import func
from sqlmodel import Session, col, select

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

    def fitting(self, loan: str, amount_fen: int, day: date) -> PrepaymentQuote | None:
        """The newest quote of exactly this sum that holds on a day and that no payment has taken yet."""
        taken = select(Payment.quote_id).where(Payment.loan == loan, col(Payment.quote_id).is_not(None))
        query = select(PrepaymentQuote).where(
            PrepaymentQuote.loan == loan,
            PrepaymentQuote.amount_fen == amount_fen,
            PrepaymentQuote.quoted_on <= day,
            PrepaymentQuote.valid_until >= day,
            col(PrepaymentQuote.id).not_in(taken),
        )
        return self.session.exec(query.order_by(col(PrepaymentQuote.id).desc()).limit(1)).first()
