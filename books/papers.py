"""Queries on the papers that were asked for, and on what they are made from."""

from datetime import datetime, timedelta

from sqlalchemy import func
from sqlmodel import Session, col, select

from models.documents import Document
from models.loans import LoanEvent, LoanTerms
from models.papers import PaperKind, PaperLanguage, PaperOrder


class PaperBook:
    """Papers asked for, waiting and made."""

    def __init__(self, session: Session) -> None:
        self.session = session

    def get(self, order_id: str) -> PaperOrder | None:
        """An order by its id, which is that of the document it becomes."""
        return self.session.get(PaperOrder, order_id)

    def by_key(self, key: str) -> PaperOrder | None:
        """The order with this key."""
        return self.session.exec(select(PaperOrder).where(PaperOrder.key == key)).first()

    def of_loan(self, loan: str) -> list[PaperOrder]:
        """A loan's papers, oldest first."""
        query = select(PaperOrder).where(PaperOrder.loan == loan).order_by(col(PaperOrder.id))
        return list(self.session.exec(query.limit(200)))

    def count(self, loan: str, without: str) -> int:
        """How many papers of a loan were asked for, but for those that somebody (`without`) asked for."""
        query = select(func.count()).where(PaperOrder.loan == loan, PaperOrder.asked_by != without)
        return self.session.exec(query).one()

    def is_due(self, now: datetime) -> bool:
        """Whether a paper waits to be made."""
        query = select(PaperOrder.id).where(col(PaperOrder.done_at).is_(None), PaperOrder.not_before <= now)
        return self.session.exec(query.limit(1)).first() is not None

    def claim(self, now: datetime, lease: timedelta) -> PaperOrder | None:
        """The paper that has waited longest; nobody else gets it before the lease is over."""
        query = (
            select(PaperOrder)
            .where(col(PaperOrder.done_at).is_(None), PaperOrder.not_before <= now)
            .order_by(col(PaperOrder.not_before), col(PaperOrder.id))
            .limit(1)
            .with_for_update(skip_locked=True)
        )
        order = self.session.exec(query).first()
        if order is not None:
            order.not_before = now + lease
            order.attempts += 1
            self.session.add(order)
        return order

    def contract_terms(self, loan: str) -> LoanTerms | None:
        """The terms of the newest offer, as they are signed.

        Those that only amend them later, or date them anew at the payout under the same decision, have no contract.
        """
        query = select(LoanTerms).where(LoanTerms.loan == loan).order_by(col(LoanTerms.version))
        agreed = [one for one in self.session.exec(query) if not one.amendments]
        return next((one for one in agreed if one.decision_id == agreed[-1].decision_id), None)

    def terms(self, loan: str, version: int) -> LoanTerms | None:
        """One version of a loan's terms."""
        query = select(LoanTerms).where(LoanTerms.loan == loan, LoanTerms.version == version)
        return self.session.exec(query).first()

    def events(self, loan: str, count: int) -> list[LoanEvent]:
        """The first `count` events of a loan's account in their order of arrival."""
        query = select(LoanEvent).where(LoanEvent.loan == loan, LoanEvent.position <= count)
        return list(self.session.exec(query.order_by(col(LoanEvent.position))))

    def contract_order(self, loan: str) -> PaperOrder | None:
        """The newest order of a contract that counts."""
        query = select(PaperOrder).where(
            PaperOrder.loan == loan,
            PaperOrder.kind == PaperKind.CONTRACT,
            PaperOrder.language == PaperLanguage.CHINESE,
        )
        return self.session.exec(query.order_by(col(PaperOrder.terms_version).desc()).limit(1)).first()

    def contract(self, loan: str, terms_version: int) -> Document | None:
        """The contract that counts, in Chinese, for one version of the terms."""
        query = (
            select(Document)
            .join(PaperOrder, col(PaperOrder.id) == col(Document.id))
            .where(
                PaperOrder.loan == loan,
                PaperOrder.kind == PaperKind.CONTRACT,
                PaperOrder.language == PaperLanguage.CHINESE,
                PaperOrder.terms_version == terms_version,
            )
        )
        return self.session.exec(query).first()
