"""Queries on the digests by which customers are found."""

from collections.abc import Iterable, Sequence

from sqlmodel import Session, col, delete, exists, select

from books.rows import write_many
from books.scope import loans_seen_by, scope_of
from models.customers import Customer
from models.data_keys import DataKey
from models.loans import Loan
from models.search import SearchToken
from models.staff import Actor


class SearchBook:
    """Who is found by which digests."""

    def __init__(self, session: Session) -> None:
        self.session = session

    def forget(self, customer_id: str) -> None:
        """Removes the digests by which a customer was found."""
        self.session.exec(delete(SearchToken).where(col(SearchToken.customer_id) == customer_id))

    def put(self, customer_id: str, tokens: Iterable[str]) -> None:
        """Records by which digests a customer is found."""
        write_many(self.session, SearchToken, [{"token": one, "customer_id": customer_id} for one in tokens])

    def customers(self, actor: Actor, tokens: Sequence[str], after: str, limit: int) -> list[Customer]:
        """Customers with one of these digests of whom somebody may see a loan, in the order of their ids."""
        found = select(SearchToken.customer_id).where(col(SearchToken.token).in_(tokens))
        seen = exists().where(col(Loan.customer_id) == col(Customer.id), loans_seen_by(actor.role))
        query = (
            select(Customer)
            .where(col(Customer.id).in_(found), col(Customer.id) > after, seen)
            .order_by(col(Customer.id))
            .limit(limit)
        )
        return list(self.session.exec(query, params=scope_of(actor)))

    def loans(self, actor: Actor, customers: Iterable[str], limit: int) -> list[Loan]:
        """The loans of these customers that somebody may see, newest first."""
        query = select(Loan).where(col(Loan.customer_id).in_(set(customers)), loans_seen_by(actor.role))
        return list(self.session.exec(query.order_by(col(Loan.number).desc()).limit(limit), params=scope_of(actor)))

    def not_found_by_any(self, after: str, limit: int) -> list[str]:
        """The ids of customers without a digest whose data was not erased, in their order."""
        query = (
            select(Customer.id)
            .join(DataKey, col(DataKey.id) == col(Customer.id))
            .where(
                col(Customer.id) > after,
                col(DataKey.destroyed_at).is_(None),
                ~exists().where(col(SearchToken.customer_id) == col(Customer.id)),
            )
        )
        return list(self.session.exec(query.order_by(col(Customer.id)).limit(limit)))
