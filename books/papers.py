"""Queries on the papers that were asked for, and on what they are made from."""

from datetime import datetime, timedelta

from sqlalchemy import bindparam, func
from sqlmodel import Session, col, select

from books.rows import WRITTEN_AT_ONCE
from models.documents import Document
from models.loans import LoanEvent, LoanTerms
from models.papers import PaperKind, PaperLanguage, PaperOrder

_BY_KEY = select(PaperOrder).where(col(PaperOrder.key) == bindparam("key"))
_WAITING = (col(PaperOrder.done_at).is_(None), col(PaperOrder.not_before) <= bindparam("now"))
_IS_DUE = select(PaperOrder.id).where(*_WAITING).limit(1)
_NEXT = (
    select(PaperOrder)
    .where(*_WAITING)
    .order_by(col(PaperOrder.not_before), col(PaperOrder.id))
    .limit(1)
    .with_for_update(skip_locked=True)
)
_AGREED = (
    select(LoanTerms.version, LoanTerms.decision_id, LoanTerms.amendments)
    .where(col(LoanTerms.loan) == bindparam("loan"))
    .order_by(col(LoanTerms.version))
    .execution_options(**WRITTEN_AT_ONCE)
)
_TERMS = (
    select(LoanTerms)
    .where(col(LoanTerms.loan) == bindparam("loan"), col(LoanTerms.version) == bindparam("version"))
    .execution_options(**WRITTEN_AT_ONCE)
)
_CONTRACT_ORDERS = select(PaperOrder).where(
    col(PaperOrder.loan) == bindparam("loan"),
    PaperOrder.kind == PaperKind.CONTRACT,
    PaperOrder.language == PaperLanguage.CHINESE,
)
_CONTRACT_ORDER = _CONTRACT_ORDERS.order_by(col(PaperOrder.terms_version).desc()).limit(1)
_CONTRACT = (
    select(Document)
    .join(PaperOrder, col(PaperOrder.id) == col(Document.id))
    .where(
        col(PaperOrder.loan) == bindparam("loan"),
        PaperOrder.kind == PaperKind.CONTRACT,
        PaperOrder.language == PaperLanguage.CHINESE,
        col(PaperOrder.terms_version) == bindparam("version"),
    )
    .execution_options(**WRITTEN_AT_ONCE)
)


class PaperBook:
    """Papers asked for, waiting and made."""

    def __init__(self, session: Session) -> None:
        self.session = session
        # A contract is kept once and never changed: read once for a unit of work, with all its pages.
        self._contracts: dict[tuple[str, int], Document] = {}

    def get(self, order_id: str) -> PaperOrder | None:
        """An order by its id, which is that of the document it becomes."""
        return self.session.get(PaperOrder, order_id)

    def by_key(self, key: str) -> PaperOrder | None:
        """The order with this key."""
        return self.session.exec(_BY_KEY, params={"key": key}).first()

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
        return self.session.exec(_IS_DUE, params={"now": now}).first() is not None

    def claim(self, now: datetime, lease: timedelta) -> PaperOrder | None:
        """The paper that has waited longest; nobody else gets it before the lease is over."""
        order = self.session.exec(_NEXT, params={"now": now}).first()
        if order is not None:
            order.not_before = now + lease
            order.attempts += 1
            self.session.add(order)
        return order

    def contract_version(self, loan: str) -> int | None:
        """The version of the terms of the newest offer, as they are signed; None before there is any.

        Terms that only amend them later, or date them anew at the payout under the same decision, have no contract.
        """
        found = self.session.exec(_AGREED, params={"loan": loan})
        agreed = [(version, decision) for version, decision, amendments in found if not amendments]
        return next((version for version, decision in agreed if decision == agreed[-1][1]), None)

    def terms(self, loan: str, version: int) -> LoanTerms | None:
        """One version of a loan's terms."""
        return self.session.exec(_TERMS, params={"loan": loan, "version": version}).first()

    def events(self, loan: str, count: int) -> list[LoanEvent]:
        """The first `count` events of a loan's account in their order of arrival."""
        query = select(LoanEvent).where(LoanEvent.loan == loan, LoanEvent.position <= count)
        return list(self.session.exec(query.order_by(col(LoanEvent.position))))

    def contract_order(self, loan: str) -> PaperOrder | None:
        """The newest order of a contract that counts."""
        return self.session.exec(_CONTRACT_ORDER, params={"loan": loan}).first()

    def contract(self, loan: str, terms_version: int) -> Document | None:
        """The contract that counts, in Chinese, for one version of the terms."""
        known = self._contracts.get((loan, terms_version))
        if known is None:
            known = self.session.exec(_CONTRACT, params={"loan": loan, "version": terms_version}).first()
            if known is not None:
                self._contracts[loan, terms_version] = known
        return known
