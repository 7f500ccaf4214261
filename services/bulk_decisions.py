"""Several cases decided at once: only those that the policy calls simple, each on its own record."""

from enum import StrEnum

from books.session import UnitOfWork
from lending.errors import LendingError
from models.messages import DecisionOrder
from models.staff import Actor
from models.tasks import Outcome, Task, TaskKind, TaskStatus
from services import approval, audit
from services.authority import loan_band, standing_of
from services.errors import InvalidDecision, TaskClosed
from services.loans import most_to_approve

MOST_AT_ONCE = 50
KEPT_STATUSES = frozenset({403, 404, 409})
"""Refusals that are worth an entry: not allowed, not seen, too late, not simple."""


class Cause(StrEnum):
    """Why a case is not simple."""

    OTHER_DECISION = "other_decision"
    NOT_THE_WHOLE = "not_the_whole"
    DOCUMENTS = "documents"
    EXPIRED = "expired"
    LISTED = "listed"
    RULES = "rules"


class NotSimple(LendingError):
    """The case has to be looked at on its own, for this cause."""

    code = "not_simple"
    http_status = 409

    def __init__(self, cause: Cause, why: str) -> None:
        self.cause = cause
        super().__init__(f"this case is decided on its own: {why}")


def check_number(tasks: list[str]) -> None:
    """Refuses (InvalidDecision) an empty list and one that is too long."""
    if not 0 < len(set(tasks)) <= MOST_AT_ONCE:
        raise InvalidDecision(
            "nothing, or too much, is marked", fields={"tasks": f"mark at least one and at most {MOST_AT_ONCE}"}
        )


def check(work: UnitOfWork, actor: Actor, task: Task, order: DecisionOrder) -> None:
    """Refuses an approval together with others of what this person may not approve, or what is not simple.

    Simple is a case that the authority policy of the day calls so for the whole amount, which the grade has to allow,
    with all documents there and read and none in doubt, nobody on a list and every answer within its days: that goes
    for whatever the policy calls simple.
    """
    if task.status is not TaskStatus.OPEN or task.loan is None:
        raise TaskClosed(task.id)
    if task.kind is not TaskKind.APPROVAL or order.outcome is not Outcome.APPROVE or order.amount_fen is not None:
        raise NotSimple(Cause.OTHER_DECISION, "only applications are approved together, and with the whole amount")
    loan = work.loans.get(task.loan)
    if task.confirms is not None or most_to_approve(work, loan) < loan.applied_fen:
        raise NotSimple(Cause.NOT_THE_WHOLE, "the grade does not allow the whole amount, or a second person is asked")
    standing = standing_of(work, loan, work.today)
    known = standing.known
    if not known["documents_complete"] or known["documents_unread"] or known["documents_doubtful"]:
        raise NotSimple(Cause.DOCUMENTS, "a document is missing, not read yet or in doubt")
    if standing.expired:
        why = f"the answers of {', '.join(standing.expired)} are past their days; have them asked again"
        raise NotSimple(Cause.EXPIRED, why)
    if standing.is_listed:
        raise NotSimple(Cause.LISTED, "a person must look at this case before it is decided")
    if not loan_band(work, standing, loan.applied_fen, work.today).is_simple:
        raise NotSimple(Cause.RULES, "the rules do not call it simple")
    approval.check(work, actor, task, order)


def was_taken(work: UnitOfWork, actor: Actor, order: DecisionOrder) -> bool:
    """Whether this very decision is on record already: the same list sent twice decides once."""
    decision = work.tasks.decision(order.task_id)
    if decision is None:
        return False
    first = (decision.decided_by, decision.outcome, decision.amount_fen, decision.reason)
    return first == (actor.id, order.outcome, order.amount_fen, order.reason)


def note_refusal(work: UnitOfWork, actor: Actor, task_id: str, refusal: LendingError) -> None:
    """Keeps in the audit log that one of several was refused, and why."""
    if refusal.http_status in KEPT_STATUSES:
        audit.record(
            work,
            actor,
            "decision_refused",
            subject=task_id,
            after={"together": True, "code": refusal.code},
            reason=str(refusal),
            refused=True,
        )
