"""Queries on customers, parties, collateral and contacts."""

import hashlib
import hmac
from collections.abc import Iterable, Sequence

from sqlalchemy import bindparam, update
from sqlmodel import Session, col, select

from books.rows import WRITTEN_AT_ONCE, write
from models.customers import Collateral, Customer, Party, PartyRole
from models.loans import Loan
from models.notices import Contact, Sms

FIRST_INDEX_KEY = b"loanwright-blind-index"
"""What keyed the digests of books before the key became a setting; a demonstration still uses it."""


class _IndexKeys:
    """The keys of this process's digests, the first one first; they are set once, at start."""

    held: tuple[bytes, ...] = (FIRST_INDEX_KEY,)


_PARTY = select(Party).where(col(Party.id) == bindparam("id")).execution_options(**WRITTEN_AT_ONCE)
_PARTIES = (
    select(Party)
    .where(col(Party.loan) == bindparam("loan"))
    .order_by(col(Party.role), col(Party.position))
    .execution_options(**WRITTEN_AT_ONCE)
)
_CUSTOMER = select(Customer).where(col(Customer.id) == bindparam("id"))
_OF_LOAN = (
    select(Customer).join(Loan, col(Loan.customer_id) == col(Customer.id)).where(col(Loan.number) == bindparam("loan"))
)
_HELD = select(Customer.id).where(col(Customer.id) == bindparam("id")).with_for_update()
_BY_INDEX = select(Customer).where(col(Customer.id_number_index).in_(bindparam("indexes", expanding=True)))
_COLLATERAL = select(Collateral).where(col(Collateral.loan) == bindparam("loan")).execution_options(**WRITTEN_AT_ONCE)
_MESSAGES = (
    select(Contact, Customer)
    .join(Customer, col(Contact.customer_id) == col(Customer.id))
    .where(col(Contact.key).in_(bindparam("keys", expanding=True)))
    .execution_options(**WRITTEN_AT_ONCE)
)


def set_index_keys(keys: Sequence[bytes]) -> None:
    """Sets the keys of this process's digests, the first one first."""
    if not keys:
        raise ValueError("digests need a key")
    _IndexKeys.held = tuple(keys)


def index_keys() -> tuple[bytes, ...]:
    """The keys of this process's digests, the first one first."""
    return _IndexKeys.held


def blind_index(text: str) -> str:
    """A keyed digest of a personal value: finds equal values without showing them."""
    return digest_under(_IndexKeys.held, text)


def digest_under(keys: Sequence[bytes], text: str) -> str:
    """The digest of a text under a row of keys, each over the digest of the one before.

    So a new key takes the digests that there are further without anybody opening the values behind them.
    """
    for key in keys:
        text = hmac.new(key, text.encode(), hashlib.sha256).hexdigest()
    return text


class CustomerBook:
    """Customers and the people and things around a loan."""

    def __init__(self, session: Session, *, holds: bool = False) -> None:
        self.session = session
        self._holds = holds
        # Kept for the length of the unit of work, which the session alone does not do.
        self._customers: dict[str, Customer] = {}
        self._parties: dict[str, list[Party]] = {}

    def get(self, customer_id: str) -> Customer | None:
        """A customer by id."""
        known = self._customers.get(customer_id)
        if known is None:
            known = self.session.exec(_CUSTOMER, params={"id": customer_id}).first()
            if known is not None:
                self._customers[customer_id] = known
        return known

    def of_loan(self, loan: str) -> Customer:
        """The borrower of a loan as a customer."""
        return self.session.exec(_OF_LOAN, params={"loan": loan}).one()

    def hold(self, customer_id: str) -> None:
        """Keeps other writing units of work that hold the customer waiting until this one ends; reading ones do not."""
        if self._holds:
            self.session.exec(_HELD, params={"id": customer_id}).first()

    def held_of_owner(self, owner_id: str, limit: int) -> list[str]:
        """Ids of customers whom somebody looks after, kept from other writers until this unit of work ends."""
        query = select(Customer.id).where(Customer.owner_id == owner_id).order_by(col(Customer.id)).limit(limit)
        return list(self.session.exec(query.with_for_update()))

    def give_to(self, customer_ids: Sequence[str], owner_id: str) -> None:
        """Has somebody look after these customers from now on."""
        self.session.execute(update(Customer).where(col(Customer.id).in_(customer_ids)).values(owner_id=owner_id))

    def by_id_number(self, id_numbers: list[str]) -> dict[str, Customer]:
        """Known customers with one of these ID numbers, by the number's digest; who was only stated is not found."""
        return self.by_index([blind_index(number) for number in id_numbers])

    def by_index(self, indexes: list[str]) -> dict[str, Customer]:
        """Customers by the digests of their ID numbers, or of the statements that they are."""
        found = self.session.exec(_BY_INDEX, params={"indexes": indexes})
        return {one.id_number_index: one for one in found}

    def by_id(self, customer_ids: Iterable[str]) -> list[Customer]:
        """Customers by their ids, in one query."""
        return list(self.session.exec(select(Customer).where(col(Customer.id).in_(set(customer_ids)))))

    def names(self, customer_ids: Iterable[str]) -> dict[str, str]:
        """The names of the customers of loans already given to a person, in one query."""
        return {customer.id: customer.name for customer in self.by_id(customer_ids)}

    def by_mobile(self, mobile: str) -> list[Customer]:
        """Customers with this mobile number."""
        query = select(Customer).where(Customer.mobile_index == blind_index(mobile))
        return list(self.session.exec(query.limit(20)))

    def parties(self, loan: str) -> list[Party]:
        """All parties of a loan."""
        if loan not in self._parties:
            self._parties[loan] = list(self.session.exec(_PARTIES, params={"loan": loan}))
        return list(self._parties[loan])

    def add_party(self, party: Party) -> None:
        """Records one more party of a loan."""
        write(self.session, party)
        self._parties.pop(party.loan, None)

    def party(self, party_id: str) -> Party | None:
        """One party by id."""
        return self.session.exec(_PARTY, params={"id": party_id}).first()

    def borrower(self, loan: str) -> Party:
        """The borrower of a loan."""
        (borrower,) = (party for party in self.parties(loan) if party.role is PartyRole.BORROWER)
        return borrower

    def payees(self, loan: str) -> list[Party]:
        """Who receives the payout, in order."""
        return [party for party in self.parties(loan) if party.role is PartyRole.PAYEE]

    def collateral(self, loan: str) -> list[Collateral]:
        """What secures the loan."""
        return list(self.session.exec(_COLLATERAL, params={"loan": loan}))

    def contacts(self, loan: str, limit: int = 100) -> list[Contact]:
        """The history of contact about a loan, newest first."""
        query = select(Contact).where(Contact.loan == loan).order_by(col(Contact.id).desc()).limit(limit)
        return list(self.session.exec(query))

    def was_told(self, key: str) -> bool:
        """Whether the contact with this key was made."""
        return self.session.exec(select(Contact.id).where(Contact.key == key)).first() is not None

    def contact(self, key: str) -> Contact | None:
        """The contact with this key."""
        return self.session.exec(select(Contact).where(Contact.key == key)).first()

    def messages(self, keys: list[str]) -> dict[str, Sms]:
        """Messages to customers, by the keys of their contacts."""
        found = self.session.exec(_MESSAGES, params={"keys": keys})
        return {contact.key: Sms(customer.mobile, contact.template or "", contact.text) for contact, customer in found}
