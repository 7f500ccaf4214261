"""Queries on loans taken over from other systems."""

from collections.abc import Iterable

from sqlmodel import Session, col, select

from models.portfolio import TakenOverLoan


class PortfolioBook:
    """The origins of loans."""

    def __init__(self, session: Session) -> None:
        self.session = session

    def known(self, origins: Iterable[tuple[str, str]]) -> dict[tuple[str, str], TakenOverLoan]:
        """Those of the (source, number there) that are in the books, with one query a source."""
        by_source: dict[str, list[str]] = {}
        for source, number in origins:
            by_source.setdefault(source, []).append(number)
        found: dict[tuple[str, str], TakenOverLoan] = {}
        for source, numbers in by_source.items():
            query = select(TakenOverLoan).where(
                TakenOverLoan.source == source, col(TakenOverLoan.source_loan).in_(numbers)
            )
            found |= {(one.source, one.source_loan): one for one in self.session.exec(query)}
        return found

    def origin(self, loan: str) -> TakenOverLoan | None:
        """Where a loan came from, None for one that began here."""
        return self.session.get(TakenOverLoan, loan)
