"""Row scope: which loans an acting person may see. Applied by the repositories and nowhere else."""

from sqlalchemy import ColumnElement, or_, true
from sqlmodel import col, select
from sqlmodel.sql.expression import SelectOfScalar

from models.customers import Customer
from models.loans import Application, Loan
from models.staff import Actor, Role, Staff


def loans_seen_by(actor: Actor) -> ColumnElement[bool]:
    """The condition on `Loan` that holds for rows this person may see."""
    if actor.role is Role.BORROWER:
        return col(Loan.customer_id) == (actor.customer_id or "")
    if actor.role in (Role.AGENT, Role.INTEGRATOR):
        return _of_agents([actor.id])
    if actor.role is Role.MANAGER:
        team = select(Staff.id).where(Staff.manager_id == actor.id)
        unowned = select(Customer.id).where(col(Customer.owner_id).is_(None))
        return or_(_of_agents(team), _of_agents([actor.id]), col(Loan.customer_id).in_(unowned))
    return true()


def _of_agents(agents: list[str] | SelectOfScalar[str]) -> ColumnElement[bool]:
    owned = select(Customer.id).where(col(Customer.owner_id).in_(agents))
    entered = select(Application.loan).where(col(Application.entered_by).in_(agents))
    return or_(col(Loan.customer_id).in_(owned), col(Loan.number).in_(entered))
