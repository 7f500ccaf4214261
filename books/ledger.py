"""Queries on postings, balances and the chart of accounts."""

from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any

from sqlalchemy import ColumnElement, Date, and_, bindparam, case, func, insert, literal, or_, true, union_all
from sqlalchemy.orm import aliased
from sqlmodel import Session, col, select

from books.rows import WRITTEN_AT_ONCE, write
from models.ledger import AccountVersion, Posting
from models.periods import ClosedPeriod

TAX = "vat"
"""What stands in place of a credited account where a row of `_STANDING` is a rate of tax."""

# The database finds the first open day in the statement that writes: nobody has to ask for it before.
_OPEN_FROM = select(func.max(ClosedPeriod.open_from)).scalar_subquery()
_DATED = bindparam("dated", type_=Date)
_INSERT = insert(Posting).values(booking_date=case((_OPEN_FROM > _DATED, _OPEN_FROM), else_=_DATED))

_MOVED = (
    select(Posting.debit, Posting.credit, func.sum(Posting.amount_fen))
    .where(col(Posting.loan) == bindparam("loan"))
    .group_by(col(Posting.debit), col(Posting.credit))
)
_LATER = aliased(AccountVersion)
_DAY = bindparam("day", type_=Date)
_VALID = and_(
    col(AccountVersion.valid_from) <= _DAY,
    ~select(_LATER.code)
    .where(
        col(_LATER.code) == col(AccountVersion.code),
        col(_LATER.valid_from) > col(AccountVersion.valid_from),
        col(_LATER.valid_from) <= _DAY,
    )
    .exists(),
)
_RATES = select(AccountVersion.code, literal(TAX), AccountVersion.vat_basis_points).where(
    col(AccountVersion.vat_basis_points) > 0, _VALID
)
_MOVED_AT_ONCE = _MOVED.execution_options(**WRITTEN_AT_ONCE)
_STANDING = union_all(_MOVED, _RATES).execution_options(**WRITTEN_AT_ONCE)


class LedgerBook:
    """Accounts, postings and the balances that follow from them."""

    def __init__(self, session: Session) -> None:
        self.session = session

    def posted(self, entry: str) -> bool:
        """Whether an entry is in the ledger."""
        return self.session.exec(select(Posting.id).where(Posting.entry == entry).limit(1)).first() is not None

    def add(self, rows: Sequence[dict[str, Any]]) -> None:
        """Adds postings, given by their columns without the booking date: the value date, or the first open day."""
        if rows:
            self.session.connection().execute(_INSERT, [row | {"dated": row["value_date"]} for row in rows])

    def of_loan(self, loan: str, limit: int = 2000) -> list[Posting]:
        """A loan's postings in their order."""
        query = select(Posting).where(Posting.loan == loan).order_by(col(Posting.id)).limit(limit)
        return list(self.session.exec(query))

    def page(self, account: str, first: date, last: date, *, after: str | None, limit: int) -> list[Posting]:
        """Postings to and from an account booked in a period, the newest first, those before the id `after`."""
        query = select(Posting).where(
            or_(col(Posting.debit) == account, col(Posting.credit) == account),
            col(Posting.booking_date) >= first,
            col(Posting.booking_date) <= last,
        )
        if after is not None:
            query = query.where(col(Posting.id) < after)
        return list(self.session.exec(query.order_by(col(Posting.id).desc()).limit(limit)))

    def booked_by_month(self, account: str, since: date) -> dict[str, int]:
        """Debits less credits of an account by month (YYYY-MM) of the booking date, from a day on, in fen."""
        signed = case((col(Posting.debit) == account, Posting.amount_fen), else_=-col(Posting.amount_fen))
        rows = self.session.exec(
            select(col(Posting.booking_date), func.sum(signed))
            .where(
                or_(col(Posting.debit) == account, col(Posting.credit) == account), col(Posting.booking_date) >= since
            )
            .group_by(col(Posting.booking_date))
        )
        months: dict[str, int] = {}
        for day, total in rows:
            months[f"{day:%Y-%m}"] = months.get(f"{day:%Y-%m}", 0) + int(total)
        return months

    def moved(self, loan: str) -> dict[tuple[str, str], int]:
        """What a loan's postings moved in all: (debit, credit) → fen."""
        found = self.session.exec(_MOVED_AT_ONCE, params={"loan": loan})
        return {(debit, credit): int(total) for debit, credit, total in found}

    def standing(self, loan: str, day: date) -> tuple[dict[tuple[str, str], int], dict[str, int]]:
        """What a loan's postings moved, and the tax rates of the day by account, in one look: see `moved`, `rates`."""
        found = self.session.connection().execute(_STANDING, {"loan": loan, "day": day}).all()
        rates = {code: int(rate) for code, kind, rate in found if kind == TAX}
        return {(debit, credit): int(total) for debit, credit, total in found if credit != TAX}, rates

    def rates(self, day: date) -> dict[str, int]:
        """The rates of value-added tax of a day in basis points, by income account; without those that bear none."""
        found = self.session.connection().execute(_RATES, {"day": day}).all()
        return {code: int(rate) for code, _, rate in found}

    def moved_in_all(self) -> dict[tuple[str, str], int]:
        """What all postings moved: (debit, credit) → fen."""
        query = select(Posting.debit, Posting.credit, func.sum(Posting.amount_fen)).group_by(
            col(Posting.debit), col(Posting.credit)
        )
        return {(debit, credit): int(total) for debit, credit, total in self.session.exec(query)}

    def moved_of(self, loans: Iterable[str], until: date) -> dict[str, dict[tuple[str, str], int]]:
        """What the postings of several loans moved up to a value date: loan → (debit, credit) → fen."""
        query = (
            select(Posting.loan, Posting.debit, Posting.credit, func.sum(Posting.amount_fen))
            .where(col(Posting.loan).in_(list(loans)), col(Posting.value_date) <= until)
            .group_by(col(Posting.loan), col(Posting.debit), col(Posting.credit))
        )
        moved: dict[str, dict[tuple[str, str], int]] = {}
        for loan, debit, credit, total in self.session.exec(query):
            moved.setdefault(loan or "", {})[(debit, credit)] = int(total)
        return moved

    def booked_until(self, as_of: date) -> list[tuple[str, str, int]]:
        """What was moved from account to account by booking dates up to a day: debit, credit, fen."""
        query = (
            select(Posting.debit, Posting.credit, func.sum(Posting.amount_fen))
            .where(col(Posting.booking_date) <= as_of)
            .group_by(col(Posting.debit), col(Posting.credit))
        )
        return [(debit, credit, int(total)) for debit, credit, total in self.session.exec(query)]

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

    def accounts(self, on: date) -> list[AccountVersion]:
        """The chart of accounts as it is on a day, by code."""
        query = select(AccountVersion).where(_VALID).order_by(col(AccountVersion.code))
        return list(self.session.exec(query, params={"day": on}))

    def versions(self, code: str) -> list[AccountVersion]:
        """All versions of an account, oldest first."""
        query = select(AccountVersion).where(AccountVersion.code == code)
        return list(self.session.exec(query.order_by(col(AccountVersion.valid_from))))

    def add_version(self, version: AccountVersion) -> None:
        """Records what an account is from a day on."""
        write(self.session, version)
