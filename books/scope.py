"""Row scope: which loans an acting person may see. Applied by the repositories and nowhere else."""

from collections.abc import Callable
from typing import Any

from sqlalchemy import ColumnElement, String, bindparam, false, or_, true
from sqlalchemy.orm import Mapped, aliased
from sqlmodel import col, select

from models.customers import Customer
from models.loans import Application, Loan
from models.staff import Actor, Role, Staff

SEE_ALL = frozenset({Role.RISK, Role.FINANCE, Role.AUDITOR, Role.ADMIN, Role.SYSTEM})
"""Roles that see every loan. Whoever is neither among them nor named below sees none."""

_ACTORS = bindparam("actor_ids", type_=String, expanding=True)
_CUSTOMER = bindparam("customer_id", type_=String)


def scope_of(actor: Actor) -> dict[str, Any]:
    """The parameters of a query that `loans_seen_by` limits: a deputy sees what those see for whom he stands in."""
    return {"actor_ids": [actor.id, *actor.stands_in_for], "customer_id": actor.customer_id or ""}


def loans_seen_by(role: Role) -> ColumnElement[bool]:
    """The condition on `Loan` that holds for rows a person of this role may see; `scope_of` says who asks."""
    if role is Role.BORROWER:
        return col(Loan.customer_id) == _CUSTOMER
    if role in (Role.AGENT, Role.INTEGRATOR):
        return _of_agents(lambda agent: agent.in_(_ACTORS))
    if role is Role.MANAGER:
        team = select(Staff.id).where(or_(col(Staff.manager_id).in_(_ACTORS), _without_manager()))
        unowned = select(Customer.id).where(col(Customer.owner_id).is_(None))
        # Two conditions and not one `or` within it, which PostgreSQL answers without the index.
        of_team, own = _of_agents(lambda agent: agent.in_(team)), _of_agents(lambda agent: agent.in_(_ACTORS))
        return or_(of_team, own, col(Loan.customer_id).in_(unowned))
    return true() if role in SEE_ALL else false()


def _without_manager() -> ColumnElement[bool]:
    """Holds for those in nobody's team, or in that of a manager who may not come in any more: their work is every
    manager's, or it would be nobody's.
    """
    above = aliased(Staff)
    managers = select(above.id).where(col(above.role) == Role.MANAGER, col(above.active).is_(True))
    return or_(col(Staff.manager_id).is_(None), col(Staff.manager_id).not_in(managers))


def _of_agents(is_one: Callable[[Mapped[Any]], ColumnElement[bool]]) -> ColumnElement[bool]:
    owned = select(Customer.id).where(is_one(col(Customer.owner_id)))
    entered = select(Application.loan).where(is_one(col(Application.entered_by)))
    return or_(col(Loan.customer_id).in_(owned), col(Loan.number).in_(entered))
