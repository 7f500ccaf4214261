"""Who may do what, in one place."""

from models.loans import Loan
from models.staff import Actor, Role
from models.tasks import Task
from services.errors import NotAllowed

MAY_DECIDE = {
    Role.MANAGER: {Role.MANAGER, Role.RISK},
    Role.RISK: {Role.RISK},
    Role.FINANCE: {Role.FINANCE},
    Role.AGENT: {Role.AGENT, Role.MANAGER},
}
"""Who may decide a task that is for a role."""

MAY_ENTER = {Role.BORROWER, Role.AGENT, Role.MANAGER, Role.INTEGRATOR}
"""Who may enter applications and documents."""


def check_may_decide(actor: Actor, task: Task) -> None:
    """Refuses a decision on a task that is for somebody else's role."""
    if actor.role not in MAY_DECIDE.get(task.role, set()):
        raise NotAllowed(f"a task for the role {task.role} cannot be decided by the role {actor.role}")


def check_may_enter(actor: Actor) -> None:
    """Refuses applications and documents from roles that do not bring any in."""
    if actor.role not in MAY_ENTER:
        raise NotAllowed(f"the role {actor.role} does not enter applications or documents")


def check_may_speak_for(actor: Actor, loan: Loan) -> None:
    """Refuses a borrower's act by anybody but the borrower, the one who enters cases for him, or an integrator."""
    if actor.role is Role.BORROWER and actor.customer_id == loan.customer_id:
        return
    if actor.role not in (Role.AGENT, Role.MANAGER, Role.INTEGRATOR):
        raise NotAllowed("this belongs to the borrower, or to the agent or system that speaks for him")
