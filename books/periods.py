"""Queries on months: what their ends need of every loan, and which of them are closed."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import ColumnElement, case, func, insert, or_, text
from sqlalchemy import select as sa_select
from sqlmodel import Session, col, select

from books.rows import write
from lending.account import Classification
from models.ledger import LOAN_PRINCIPAL, Posting
from models.loans import Loan, LoanEvent, LoanTerms
from models.months import Month
from models.periods import ClosedPeriod, LoanMonthEnd, MonthEnd, NonAccrualRule, ProvisionRate
from models.portfolio import TakenOverLoan


@dataclass(frozen=True)
class MonthFigures:
    """What the ends of a month for all loans add up to; sums in fen."""

    loans: int = 0
    non_accrual: int = 0
    accrued_fen: int = 0
    suspended_fen: int = 0
    memorandum_fen: int = 0
    provision_fen: int = 0


class PeriodBook:
    """Months of the ledger and the loans in them."""

    def __init__(self, session: Session) -> None:
        self.session = session

    # -- closed months ------------------------------------------------------------------------------------------------

    def last_closed(self) -> ClosedPeriod | None:
        """The newest closed month."""
        return self.session.exec(select(ClosedPeriod).order_by(col(ClosedPeriod.open_from).desc()).limit(1)).first()

    def closed(self, since: str) -> list[ClosedPeriod]:
        """Closed months from one (YYYY-MM) on."""
        return list(self.session.exec(select(ClosedPeriod).where(ClosedPeriod.month >= since)))

    def first_booking(self) -> date | None:
        """The oldest booking date of all."""
        return self.session.exec(select(func.min(Posting.booking_date))).one()

    def hold_postings(self) -> None:
        """Lets postings under way end and keeps new ones waiting until this unit of work ends.

        SQLite has one writer at a time anyway.
        """
        if self.session.get_bind().dialect.name == "postgresql":
            self.session.connection().execute(text("LOCK TABLE posting IN SHARE MODE"))

    def close(self, period: ClosedPeriod) -> None:
        """Records that a month is closed."""
        write(self.session, period)

    # -- month-ends ---------------------------------------------------------------------------------------------------

    def last_month_end(self) -> str | None:
        """The newest month that is posted for every loan, as YYYY-MM."""
        return self.session.exec(select(func.max(MonthEnd.month))).one()

    def has_month_end(self, month: str) -> bool:
        """Whether a month is posted for every loan."""
        return self.session.get(MonthEnd, month) is not None

    def ended(self, since: str) -> list[MonthEnd]:
        """Months from one (YYYY-MM) on that are posted for every loan."""
        return list(self.session.exec(select(MonthEnd).where(MonthEnd.month >= since)))

    def figures(self, since: str) -> dict[str, MonthFigures]:
        """What the months from one (YYYY-MM) on ended with, over all loans."""
        row = LoanMonthEnd
        query = (
            sa_select(
                col(row.month),
                func.count(),
                func.sum(case((col(row.non_accrual), 1), else_=0)),
                func.sum(row.accrued_interest_fen + row.accrued_penalty_fen + row.accrued_subsidy_fen),
                func.sum(row.suspended_interest_fen + row.suspended_penalty_fen),
                func.sum(row.memorandum_fen),
                func.sum(row.provision_fen),
            )
            .where(col(row.month) >= since)
            .group_by(col(row.month))
        )
        found = self.session.connection().execute(query)
        return {month: MonthFigures(*(int(figure) for figure in figures)) for month, *figures in found}

    def complete(self, month_end: MonthEnd) -> None:
        """Records that a month is posted for every loan."""
        write(self.session, month_end)

    def first_payout(self) -> date | None:
        """The value date of the first principal that went out."""
        return self.session.exec(select(func.min(Posting.value_date)).where(Posting.debit == LOAN_PRINCIPAL)).one()

    def loans_to_end(self, month: Month, *, after: str, limit: int, ready_only: bool) -> list[Loan]:
        """Loans whose month is not posted yet, by number.

        They are those that ran on the last day, and those that ended since the month before or left something in its
        postings; a loan taken over counts from the day on which its principal came into these books.
        With `ready_only`, not those that still have to live through a day of the month.
        """
        left_over = select(LoanMonthEnd.loan).where(
            LoanMonthEnd.month == str(month.before),
            or_(
                col(LoanMonthEnd.provision_fen) != 0,
                col(LoanMonthEnd.suspended_interest_fen) != 0,
                col(LoanMonthEnd.suspended_penalty_fen) != 0,
                col(LoanMonthEnd.memorandum_fen) != 0,
            ),
        )
        done = select(LoanMonthEnd.loan).where(LoanMonthEnd.month == str(month), LoanMonthEnd.loan == Loan.number)
        in_books = select(Posting.id).where(
            Posting.loan == Loan.number, Posting.debit == LOAN_PRINCIPAL, Posting.value_date <= month.last
        )
        conditions: list[ColumnElement[bool]] = [
            col(Loan.number) > after,
            in_books.exists(),
            col(Loan.disbursed_on) <= month.last,
            or_(
                col(Loan.closed_on).is_(None),
                col(Loan.closed_on) >= month.first,
                col(Loan.number).in_(left_over),
            ),
            ~done.exists(),
            # A loan that came over later was somebody else's then.
            ~select(TakenOverLoan.loan)
            .where(TakenOverLoan.loan == Loan.number, TakenOverLoan.cut_off > month.last)
            .exists(),
        ]
        if ready_only:
            conditions.append(or_(col(Loan.next_date).is_(None), col(Loan.next_date) > month.last))
        return list(self.session.exec(select(Loan).where(*conditions).order_by(col(Loan.number)).limit(limit)))

    def terms(self, loans: Iterable[str]) -> dict[str, LoanTerms]:
        """The newest terms of several loans."""
        query = select(LoanTerms).where(col(LoanTerms.loan).in_(list(loans))).order_by(col(LoanTerms.version))
        return {terms.loan: terms for terms in self.session.exec(query)}

    def versions(self, loan: str) -> list[LoanTerms]:
        """All versions of a loan's terms."""
        return list(self.session.exec(select(LoanTerms).where(LoanTerms.loan == loan)))

    def events(self, loans: Iterable[str]) -> dict[str, list[LoanEvent]]:
        """The events of several loans in their order of arrival."""
        query = select(LoanEvent).where(col(LoanEvent.loan).in_(list(loans)))
        events: dict[str, list[LoanEvent]] = {}
        for event in self.session.exec(query.order_by(col(LoanEvent.loan), col(LoanEvent.position))):
            events.setdefault(event.loan, []).append(event)
        return events

    def month_ends(self, month: str, loans: Iterable[str]) -> dict[str, LoanMonthEnd]:
        """How a month ended for several loans."""
        query = select(LoanMonthEnd).where(LoanMonthEnd.month == month, col(LoanMonthEnd.loan).in_(list(loans)))
        return {one.loan: one for one in self.session.exec(query)}

    def month_ends_of(self, loan: str) -> list[LoanMonthEnd]:
        """All month-ends of a loan, oldest first."""
        query = select(LoanMonthEnd).where(LoanMonthEnd.loan == loan)
        return list(self.session.exec(query.order_by(col(LoanMonthEnd.month))))

    def add_month_ends(self, rows: Sequence[LoanMonthEnd]) -> None:
        """Records how a month ended for several loans."""
        if rows:
            self.session.connection().execute(insert(LoanMonthEnd), [row.model_dump() for row in rows])

    # -- rules of a day -----------------------------------------------------------------------------------------------

    def non_accrual_rule(self, day: date) -> NonAccrualRule | None:
        """When loans stop accruing, as ruled on a day."""
        query = select(NonAccrualRule).where(NonAccrualRule.valid_from <= day)
        return self.session.exec(query.order_by(col(NonAccrualRule.valid_from).desc()).limit(1)).first()

    def provision_rates(self, day: date) -> dict[Classification, int]:
        """The share set aside for each class on a day, in basis points."""
        query = select(ProvisionRate).where(ProvisionRate.valid_from <= day).order_by(col(ProvisionRate.valid_from))
        return {rate.classification: rate.basis_points for rate in self.session.exec(query)}

    def has_provision_rate(self, classification: Classification, valid_from: date) -> bool:
        """Whether a class has a rate that begins on a day."""
        return self.session.get(ProvisionRate, (classification, valid_from)) is not None

    def add_rule(self, rule: NonAccrualRule | ProvisionRate) -> None:
        """Records a rule that is valid from a day on."""
        write(self.session, rule)
