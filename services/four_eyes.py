"""Never by one person alone, in one place: who entered a case, who looks after its customer, who approved it first."""

from books.session import UnitOfWork
from books.tasks import Hands
from models.staff import Actor
from models.tasks import Task
from services.absences import deputy_of
from services.errors import OwnApproval, OwnCase, OwnCustomer


def acting_for(work: UnitOfWork, actor: Actor, task: Task) -> str | None:
    """The absent colleague in whose hands the task is, if this person acts for him today; None if for himself."""
    holder = task.assignee_id
    if holder in (None, actor.id) or deputy_of(work, holder, work.today) != actor.id:
        return None
    return holder


def persons(work: UnitOfWork, actor: Actor, task: Task) -> set[str]:
    """As whom somebody acts on a task: himself, and the absent colleague in whose hands it is if he is his deputy."""
    absent = acting_for(work, actor, task)
    return {actor.id} if absent is None else {actor.id, absent}


def check_four_eyes(hands: Hands, people: set[str], approved: set[str]) -> None:
    """Refuses a decision by who entered the case (OwnCase), who looks after its customer (OwnCustomer), or who approved
    it already (OwnApproval).

    `people` are the one who decides and the one for whom he stands in, `approved` those of the first approval: a
    decision that a deputy takes counts as both persons'.
    """
    if hands.entered_by in people:
        raise OwnCase
    if hands.owner_id in people:
        raise OwnCustomer
    if people & approved:
        raise OwnApproval
