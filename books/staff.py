"""Queries on who may act."""

import hashlib

from sqlmodel import Session, col, select

from models.staff import Role, Staff


def key_digest(key: str) -> str:
    """How an API key is stored: its SHA-256. Keys are long and random, so a slow hash adds nothing."""
    return hashlib.sha256(key.encode()).hexdigest()


class StaffBook:
    """People and machines."""

    def __init__(self, session: Session) -> None:
        self.session = session

    def get(self, staff_id: str) -> Staff | None:
        """One by id."""
        return self.session.get(Staff, staff_id)

    def by_key(self, key: str) -> Staff | None:
        """The active holder of an API key."""
        query = select(Staff).where(Staff.key_hash == key_digest(key), col(Staff.active).is_(True))
        return self.session.exec(query).first()

    def names(self) -> dict[str, str]:
        """The names of all staff by id."""
        return {person.id: person.name for person in self.all()}

    def all(self, role: Role | None = None, limit: int = 500) -> list[Staff]:
        """Everybody, or everybody of a role."""
        query = select(Staff).order_by(col(Staff.id)).limit(limit)
        return list(self.session.exec(query if role is None else query.where(Staff.role == role)))
