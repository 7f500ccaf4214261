"""Queries on who may act."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import String, func, inspect, type_coerce
from sqlmodel import Session, col, select

from books.sign_in import secret_digest
from models.staff import Role, Staff
from models.standing import StaffStanding

STAFF = inspect(Staff).local_table
STORED = ("id", "role", "manager_id", "customer_id", "scopes", "active", "key_hash")


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

    def standing(self, staff_id: str) -> StaffStanding | None:
        """The newest version of what somebody is."""
        query = (
            select(StaffStanding)
            .where(StaffStanding.staff_id == staff_id)
            .order_by(col(StaffStanding.version).desc())
            .limit(1)
        )
        return self.session.exec(query).first()

    def key_hash(self, staff_id: str) -> str:
        """The digest of somebody's key, without a look at the sealed name."""
        return self.session.exec(select(Staff.key_hash).where(Staff.id == staff_id)).one()

    def hold_role(self, role: Role) -> list[str]:
        """The ids of those active in a role; none of them changes it until this unit of work ends."""
        query = select(Staff.id).where(Staff.role == role, col(Staff.active).is_(True)).order_by(col(Staff.id))
        return list(self.session.exec(query.with_for_update()))

    def team_of(self, manager_id: str) -> int:
        """How many active people and machines are in the team of a manager."""
        query = select(func.count()).where(Staff.manager_id == manager_id, col(Staff.active).is_(True))
        return self.session.exec(query).one()

    def as_stored(self, after: str, limit: int) -> list[Any]:
        """Rows as they are stored, but for the sealed name, by id after `after`: `STORED` says in which order."""
        rows = select(*(type_coerce(STAFF.c[name], String) for name in STORED)).order_by(STAFF.c.id).limit(limit)
        return list(self.session.execute(rows.where(STAFF.c.id > after)))

    def names(self) -> dict[str, str]:
        """The names of all staff by id."""
        return {person.id: person.name for person in self.all()}

    def all(self, role: Role | None = None, limit: int = 500) -> list[Staff]:
        """Everybody, or everybody of a role."""
        query = select(Staff).order_by(col(Staff.id)).limit(limit)
        return list(self.session.exec(query if role is None else query.where(Staff.role == role)))
