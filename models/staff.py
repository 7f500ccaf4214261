"""People and machines that act: staff, borrowers, integrators and the system itself."""

from dataclasses import dataclass
from enum import StrEnum

from sqlmodel import Field, SQLModel

from models.columns import Personal, Spelled


class Role(StrEnum):
    """What somebody is to the lender."""

    BORROWER = "borrower"
    CO_SIGNER = "co_signer"
    AGENT = "agent"
    MANAGER = "manager"
    RISK = "risk"
    FINANCE = "finance"
    AUDITOR = "auditor"
    ADMIN = "admin"
    INTEGRATOR = "integrator"
    SYSTEM = "system"
    STRANGER = "stranger"
    """Whoever has not shown who he is. He may do nothing; what he was refused is on record."""


class Scope(StrEnum):
    """What a machine account may be let do; its role bounds it besides."""

    APPLICATIONS = "applications"
    LOANS_READ = "loans:read"
    LOANS_WRITE = "loans:write"
    DOCUMENTS = "documents"
    PAYMENTS = "payments"
    CALCULATIONS = "calculations"
    WEBHOOKS = "webhooks"


@dataclass(frozen=True)
class Actor:
    """Who acts. `id` is a staff id, a customer id for a borrower, or the name of a part of the system.

    `stands_in_for` are the absent colleagues whose deputy he is today: he sees what they see. `scopes` limit a machine
    that came with a token; None limits nobody.
    """

    id: str
    role: Role
    customer_id: str | None = None
    address: str | None = None
    request_id: str | None = None
    stands_in_for: tuple[str, ...] = ()
    scopes: frozenset[Scope] | None = None


class Staff(SQLModel, table=True):
    """A person or machine account of the lender, or a borrower's access to his own loans."""

    __tablename__ = "staff"
    __sealed_for__ = "customer_id"

    id: str = Field(primary_key=True, max_length=64)
    name: str = Field(sa_type=Personal)
    role: Role = Field(sa_type=Spelled(Role), index=True)
    manager_id: str | None = Field(default=None, foreign_key="staff.id", index=True)
    customer_id: str | None = Field(default=None, max_length=32, index=True)
    key_hash: str = Field(max_length=64, unique=True)
    active: bool = True
    scopes: str | None = Field(default=None, max_length=200, description="of a machine account, with spaces")
