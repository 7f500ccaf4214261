"""Who may do what, in one place."""

from models.changes import ChangeKind
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

MAY_SEE_FUNDS = frozenset({Role.FINANCE, Role.AUDITOR, Role.RISK})
"""Who may see what moved on the lender's account."""


def check_may_see_funds(actor: Actor) -> None:
    """Refuses the flow of funds to roles that neither move nor check money."""
    if actor.role not in MAY_SEE_FUNDS:
        raise NotAllowed(f"the role {actor.role} does not see the flow of funds")


def check_may_keep_limits(actor: Actor) -> None:
    """Refuses limits and published rates to everybody but risk."""
    if actor.role is not Role.RISK:
        raise NotAllowed("risk keeps limits and published rates, nobody else")


MAY_SEE_LISTINGS = frozenset({Role.RISK, Role.AUDITOR})
"""Who may see the lender's own list, and on which list somebody was found: for all others that would be tipping off."""


def check_may_see_listings(actor: Actor) -> None:
    """Refuses the lender's own list to everybody but risk and auditors."""
    if actor.role not in MAY_SEE_LISTINGS:
        raise NotAllowed(f"the role {actor.role} does not see the lender's own list")


def check_may_keep_listings(actor: Actor) -> None:
    """Refuses entries of the lender's own list to everybody but risk."""
    if actor.role is not Role.RISK:
        raise NotAllowed("risk keeps the lender's own list, nobody else")


MAY_SEE_POLICIES = frozenset({Role.RISK, Role.AUDITOR, Role.ADMIN})
"""Who may read the rules and what they would do to past cases."""


def check_may_see_policies(actor: Actor) -> None:
    """Refuses the rules to roles that neither own nor check them."""
    if actor.role not in MAY_SEE_POLICIES:
        raise NotAllowed(f"the role {actor.role} does not see the rules")


def check_may_change_policies(actor: Actor) -> None:
    """Refuses drafts, back-tests and publications by anybody but risk, who owns the rules."""
    if actor.role is not Role.RISK:
        raise NotAllowed(f"rules are changed by risk, not by the role {actor.role}")


MAY_SEE_WARNINGS = frozenset({Role.AGENT, Role.MANAGER, Role.RISK, Role.AUDITOR})
"""Who may see early warnings, each of the loans that he may see."""


def check_may_see_warnings(actor: Actor) -> None:
    """Refuses early warnings to roles that neither look after customers nor watch the portfolio."""
    if actor.role not in MAY_SEE_WARNINGS:
        raise NotAllowed(f"the role {actor.role} does not see early warnings")


_LEADS = frozenset({Role.MANAGER, Role.RISK})

MAY_PROPOSE = {
    ChangeKind.DEFERRAL: _LEADS | {Role.BORROWER, Role.AGENT, Role.INTEGRATOR},
    ChangeKind.RESTRUCTURING: _LEADS,
    ChangeKind.RATE_CHANGE: _LEADS,
    ChangeKind.WAIVER: _LEADS,
    ChangeKind.FEE: _LEADS,
    ChangeKind.WRITE_OFF: _LEADS,
    ChangeKind.CORRECTION: frozenset({Role.FINANCE}),
}
"""Who may propose a change to a running loan. Finance corrects what was posted, and never changes terms or amounts."""


def check_may_see_checks(actor: Actor) -> None:
    """Refuses borrowers what registers said: it may be about others, and is read out to him by a person."""
    if actor.role in (Role.BORROWER, Role.CO_SIGNER):
        raise NotAllowed("what registers answered is for the people who work on the case")


def may_see_check(actor: Actor, check: str) -> bool:
    """Whether somebody may see what a check came to: screening is for those who may see the lists behind it."""
    return actor.role in MAY_SEE_LISTINGS or not check.startswith("screening")


def check_may_propose(actor: Actor, kind: ChangeKind, loan: Loan) -> None:
    """Refuses a proposal of this kind by this role, and by a borrower for another's loan."""
    if actor.role not in MAY_PROPOSE[kind]:
        raise NotAllowed(f"a {kind} is not proposed by the role {actor.role}")
    if actor.role is Role.BORROWER and actor.customer_id != loan.customer_id:
        raise NotAllowed("this belongs to the borrower of the loan")


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
