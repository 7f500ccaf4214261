"""Queries on postings and balances."""

from datetime import date

from sqlalchemy import ColumnElement, and_, bindparam, case, func, true
from sqlmodel import Session, col, select

from books.rows import WRITTEN_AT_ONCE, write
from models.ledger import LedgerAccount, Posting

_MOVED = (
    select(Posting.debit, Posting.credit, func.sum(Posting.amount_fen))
    .where(col(Posting.loan) == bindparam("loan"))
    .group_by(col(Posting.debit), col(Posting.credit))
    .execution_options(**WRITTEN_AT_ONCE)
)


class LedgerBook:
    """Accounts, postings and the balances that follow from them."""

    def __init__(self, session: Session) -> None:
        self.session = session

    def posted(self, entry: str) -> bool:
        """Whether an entry is in the ledger."""
        return self.session.exec(select(Posting.id).where(Posting.entry == entry).limit(1)).first() is not None

    def add(self, posting: Posting) -> None:
        """Adds a posting."""
        write(self.session, posting)

    def of_loan(self, loan: str, limit: int = 2000) -> list[Posting]:
        """A loan's postings in their order."""
        query = select(Posting).where(Posting.loan == loan).order_by(col(Posting.id)).limit(limit)
        return list(self.session.exec(query))

    def moved(self, loan: str) -> dict[tuple[str, str], int]:
        """What a loan's postings moved in all: (debit, credit) → fen."""
        found = self.session.exec(_MOVED, params={"loan": loan})
        return {(debit, credit): int(total) for debit, credit, total in found}

    def moved_in_all(self) -> dict[tuple[str, str], int]:
        """What all postings moved: (debit, credit) → fen."""
        query = select(Posting.debit, Posting.credit, func.sum(Posting.amount_fen)).group_by(
            col(Posting.debit), col(Posting.credit)
        )
        return {(debit, credit): int(total) for debit, credit, total in self.session.exec(query)}

    def balance(self, account: str, on: date | None = None, loan: str | None = None) -> int:
        """Debits less credits of an account in fen, up to a value date, of one loan or of all."""
        conditions: list[ColumnElement[bool]] = [(col(Posting.debit) == account) | (col(Posting.credit) == account)]
        if on is not None:
            conditions.append(col(Posting.value_date) <= on)
        if loan is not None:
            conditions.append(col(Posting.loan) == loan)
        signed = case((col(Posting.debit) == account, Posting.amount_fen), else_=-col(Posting.amount_fen))
        return int(self.session.exec(select(func.coalesce(func.sum(signed), 0)).where(and_(true(), *conditions))).one())

    def by_month(self, debit: str, credit: str) -> dict[str, int]:
        """What was moved from one account to another by month (YYYY-MM) of the value date, in fen."""
        rows = self.session.exec(
            select(col(Posting.value_date), func.sum(Posting.amount_fen))
            .where(Posting.debit == debit, Posting.credit == credit)
            .group_by(col(Posting.value_date))
        )
        months: dict[str, int] = {}
        for day, total in rows:
            months[f"{day:%Y-%m}"] = months.get(f"{day:%Y-%m}", 0) + int(total)
        return months

    def accounts(self) -> list[LedgerAccount]:
        """The chart of accounts."""
        return list(self.session.exec(select(LedgerAccount).order_by(col(LedgerAccount.code))))
