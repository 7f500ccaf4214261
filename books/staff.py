"""Queries on who may act."""

from dataclasses import dataclass

from sqlmodel import Session, col, select

from books.sign_in import secret_digest
from models.staff import Role, Staff


@dataclass(frozen=True, slots=True)
class Account:
    """A person or machine without the name: what it is, whether it may come in, and the scopes of a machine."""

    id: str
    role: Role
    active: bool
    scopes: str | None


class StaffBook:
    """People and machines."""

    def __init__(self, session: Session) -> None:
        self.session = session

    def get(self, staff_id: str) -> Staff | None:
        """One by id."""
        return self.session.get(Staff, staff_id)

    def account(self, staff_id: str) -> Account | None:
        """What a sign-in asks about somebody. It opens no sealed name: the time it takes tells nobody who there is."""
        query = select(Staff.id, Staff.role, Staff.active, Staff.scopes).where(Staff.id == staff_id)
        found = self.session.exec(query).first()
        return Account(*found) if found is not None else None

    def hold(self, staff_id: str) -> None:
        """Keeps other writing units of work that hold the person waiting until this one ends."""
        self.session.exec(select(Staff.id).where(Staff.id == staff_id).with_for_update()).first()

    def by_key(self, key: str) -> Staff | None:
        """The active holder of an API key."""
        query = select(Staff).where(Staff.key_hash == secret_digest(key), col(Staff.active).is_(True))
        return self.session.exec(query).first()

    def names(self) -> dict[str, str]:
        """The names of all staff by id."""
        return {person.id: person.name for person in self.all()}

    def all(self, role: Role | None = None, limit: int = 500) -> list[Staff]:
        """Everybody, or everybody of a role."""
        query = select(Staff).order_by(col(Staff.id)).limit(limit)
        return list(self.session.exec(query if role is None else query.where(Staff.role == role)))
