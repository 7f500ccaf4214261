"""Queries on who may act."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Any

from sqlalchemy import ColumnElement, FromClause, and_, func, inspect, update
from sqlmodel import Session, col, select

from books.sign_in import secret_digest
from books.stored import rows_by_key, stored
from models.staff import Role, Staff
from models.standing import StaffStanding

STAFF = inspect(Staff).local_table
STANDING = inspect(StaffStanding).local_table
AT_ONCE = 500
WHO = {"role": "role", "manager": "manager_id", "customer": "customer_id", "scopes": "scopes", "active": "active"}
"""What an audit entry says of somebody, by the column that holds it."""


@dataclass(frozen=True, slots=True)
class StoredPerson:
    """Somebody's row but for the sealed name, as it is stored. `who` has the columns of `WHO` under its names."""

    id: Any
    key_hash: Any
    who: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class StoredStanding:
    """A version of what somebody is, as it is stored."""

    entry_id: Any
    staff_id: Any
    version: Any
    who: Mapping[str, Any]


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

    def standing(self, staff_id: str) -> StoredStanding | None:
        """The newest version of what somebody is, as it is stored."""
        newest = select(func.max(STANDING.c.version)).where(STANDING.c.staff_id == staff_id).scalar_subquery()
        return next(iter(self._standings(and_(STANDING.c.staff_id == staff_id, STANDING.c.version == newest))), None)

    def next_version(self, staff_id: str) -> int:
        """The number of the version that follows the newest."""
        query = select(func.coalesce(func.max(col(StaffStanding.version)), 0) + 1)
        return self.session.exec(query.where(StaffStanding.staff_id == staff_id)).one()

    def put(self, staff_id: str, columns: Mapping[str, Any]) -> None:
        """Makes these columns of somebody's row say what he is."""
        self.session.exec(update(Staff).where(col(Staff.id) == staff_id).values(columns))

    def hold_role(self, role: Role) -> list[str]:
        """The ids of those active in a role; none of them changes it until this unit of work ends."""
        query = select(Staff.id).where(Staff.role == role, col(Staff.active).is_(True)).order_by(col(Staff.id))
        return list(self.session.exec(query.with_for_update()))

    def team_of(self, manager_id: str) -> int:
        """How many active people and machines are in the team of a manager."""
        query = select(func.count()).where(Staff.manager_id == manager_id, col(Staff.active).is_(True))
        return self.session.exec(query).one()

    def as_stored(self, staff_id: str) -> StoredPerson | None:
        """Somebody's row as it is stored."""
        return next(iter(self._people(STAFF.c.id == staff_id)), None)

    def all_as_stored(self) -> Iterator[StoredPerson]:
        """Everybody's, in the order of their ids."""
        return rows_by_key(lambda after, limit: self._people(STAFF.c.id > after, limit), attrgetter("id"), AT_ONCE)

    def standings(self) -> Iterator[StoredStanding]:
        """All versions of what people are, as they are stored, in the order of their audit entries."""
        return rows_by_key(
            lambda after, limit: self._standings(STANDING.c.entry_id > after, limit), attrgetter("entry_id"), AT_ONCE
        )

    def _people(self, which: ColumnElement[bool], limit: int = 1) -> list[StoredPerson]:
        rows = self._stored(STAFF, ("id", "key_hash"), which, limit)
        return [StoredPerson(row[0], row[1], dict(zip(WHO, row[2:], strict=True))) for row in rows]

    def _standings(self, which: ColumnElement[bool], limit: int = 1) -> list[StoredStanding]:
        rows = self._stored(STANDING, ("entry_id", "staff_id", "version"), which, limit)
        return [StoredStanding(row[0], row[1], row[2], dict(zip(WHO, row[3:], strict=True))) for row in rows]

    def _stored(
        self, table: FromClause, names: tuple[str, ...], which: ColumnElement[bool], limit: int
    ) -> Sequence[Any]:
        """Rows in the order of the first of these columns, each with them and with those of `WHO`."""
        columns = [table.c[name] for name in (*names, *WHO.values())]
        return stored(self.session, columns, which, order=columns[:1], limit=limit)

    def names(self) -> dict[str, str]:
        """The names of all staff by id."""
        return {person.id: person.name for person in self.all()}

    def all(self, role: Role | None = None, limit: int = 500) -> list[Staff]:
        """Everybody, or everybody of a role."""
        query = select(Staff).order_by(col(Staff.id)).limit(limit)
        return list(self.session.exec(query if role is None else query.where(Staff.role == role)))
