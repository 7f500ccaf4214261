"""Handing out work to people: nothing waits without a role, a date and, when late, somebody above."""

from datetime import date, timedelta
from typing import Any

from books.session import UnitOfWork
from models.keys import STAFF_ID_PATTERN, given_id
from models.loans import Loan, Stage
from models.messages import BooksOrder, Progress, TroubleOrder
from models.outbox import Topic
from models.staff import Actor, Role
from models.tasks import Task, TaskKind, TaskStatus
from models.verification import REGISTER_DOWN
from services import audit
from services.absences import deputy_of
from services.errors import InvalidDecision, NotAllowed, ProposalPending, TaskClosed, TaskTaken
from services.four_eyes import acting_for
from services.loans import position
from services.permissions import MAY_DECIDE, Action, allows, check_may_decide
from services.products import catalogue

FOLLOW_UPS = frozenset(
    {
        TaskKind.OVERDUE,
        TaskKind.EARLY_WARNING,
        TaskKind.DOCUMENT_AGAIN,
        TaskKind.UNMATCHED_MONEY,
        TaskKind.TROUBLE,
    }
)
"""Tasks that a person finishes without the loan's workflow waiting for it."""

ABOUT_ACCOUNTS = frozenset({TaskKind.ACCOUNT, TaskKind.ACCOUNT_CHANGE})
"""Tasks that end with what is done about an account: one closes by itself, the other with a second person's word."""

LONGEST_ABOUT = 200
"""Characters of the sentence that a task is about."""


def open_task(
    work: UnitOfWork, loan: Loan | None, kind: TaskKind, role: Role, due_on: date, about: str, **rule: Any
) -> Task:
    """Opens a task for a role; a loan has at most one open task of a kind, which is then returned.

    Troubles are one for each role, and one that is open already tells of the new one as well. `about` is cut to
    LONGEST_ABOUT. `rule` are further columns: by which rule the task is for this role.
    """
    if loan is not None:
        for task in work.tasks.open_of(loan.number, kind):
            if kind is not TaskKind.TROUBLE:
                return task
            if task.role is role:
                if about not in task.about:
                    task.about = f"{task.about}; {about}"[:LONGEST_ABOUT]
                    work.session.add(task)
                return task
    task = Task(
        loan=loan.number if loan else None,
        kind=kind,
        role=role,
        due_on=due_on,
        opened_at=work.now,
        about=about[:LONGEST_ABOUT],
        **rule,
    )
    work.write(task)
    return task


def close(work: UnitOfWork, task: Task, status: TaskStatus = TaskStatus.DONE) -> None:
    """Closes a task."""
    task.status = status
    task.closed_at = work.now
    work.session.add(task)


def close_all(work: UnitOfWork, loan: str, kind: TaskKind | None = None) -> None:
    """Cancels the open tasks of a loan, because what they asked for is no longer needed."""
    for task in work.tasks.open_of(loan, kind):
        close(work, task, TaskStatus.CANCELLED)


def claim(work: UnitOfWork, actor: Actor, task: Task) -> Task:
    """Takes a task into one's own hands; only who may decide it can."""
    # Before the task: whoever is disabled at this moment, or given another role, keeps nothing in his hands.
    work.staff.hold(actor.id)
    require_open(work, task)
    check_may_decide(actor, task)
    account = work.staff.account(actor.id)
    if account is None or not account.active or account.role is not actor.role:
        raise NotAllowed("whoever takes this task does not hold the role any more in which he asked for it")
    _check_hands(work, actor, task)
    return _assign(work, actor, task, actor.id, "task_claimed")


def release(work: UnitOfWork, actor: Actor, task: Task) -> Task:
    """Gives a task back to its role; only its holder, his deputy or a person above can."""
    require_open(work, task)
    if (
        task.assignee_id != actor.id
        and not allows(actor, Action.TAKE_FROM_OTHERS)
        and acting_for(work, actor, task) is None
    ):
        raise TaskTaken(task.id)
    return _assign(work, actor, task, None, "task_released")


def release_all(work: UnitOfWork, actor: Actor, staff_id: str, reason: str) -> None:
    """Gives all that somebody holds back to the roles that it waits for; `reason` stands in the entry of each task.

    The caller holds the row of that person, so that nothing gets into his hands meanwhile.
    """
    while held := work.tasks.held_by(staff_id):
        for task in held:
            _assign(work, actor, task, None, "task_released", reason=reason)
        work.session.flush()


def delegate(work: UnitOfWork, actor: Actor, task: Task, to: str) -> Task:
    """Hands a task to a named colleague who may decide it, or to his deputy while he is away."""
    present = deputy_of(work, to, work.today)
    for person in sorted({to, present}):
        # As when he takes it himself.
        work.staff.hold(person)
    require_open(work, task)
    if not allows(actor, Action.TAKE_FROM_OTHERS):
        check_may_decide(actor, task)
        _check_hands(work, actor, task)
    for person in dict.fromkeys((to, present)):
        colleague = work.staff.account(person)
        if colleague is None or not colleague.active or colleague.role not in MAY_DECIDE.get(task.role, set()):
            given = given_id(person, STAFF_ID_PATTERN)
            raise NotAllowed(f"the colleague {given} cannot take this task: it is for the role {task.role}")
    return _assign(work, actor, task, present, "task_delegated", instead_of=to if present != to else None)


def finish(work: UnitOfWork, actor: Actor, task: Task, note: str) -> Task:
    """Closes a follow-up that no workflow waits for (an overdue call, unmatched money) with a note on what was done."""
    require_open(work, task)
    check_may_decide(actor, task)
    if task.kind in ABOUT_ACCOUNTS:
        raise NotAllowed("this task ends with what is done about the account: see the accounts of the loan")
    if task.kind is TaskKind.DOCUMENT:
        raise NotAllowed("this task ends with a decision on each of the loan's documents that are in doubt")
    if task.kind not in FOLLOW_UPS:
        raise NotAllowed(f"a task of the kind {task.kind} is decided, not finished")
    if not note.strip():
        raise InvalidDecision("a follow-up needs a note on what was done", fields={"reason": "say what was done"})
    if task.kind is TaskKind.UNMATCHED_MONEY and work.payments.pending_proposal(task.id) is not None:
        raise ProposalPending(task.id)
    close(work, task)
    audit.record(work, actor, f"{task.kind}_finished", loan=task.loan, subject=task.id, reason=note)
    if task.loan is not None and REGISTER_DOWN in task.about:
        # The case stands still for that register: it asks once more and then goes on with a mark.
        work.outbox.put(Topic.VERIFY_AGAIN, f"helped:{task.id}", {"helped": task.id}, work.now, task.loan)
    return task


def escalate(work: UnitOfWork, order: BooksOrder) -> Progress:
    """Moves a late task to the next role above; at the top it stays as it is, late until a person decides."""
    loan = work.loans.get(order.loan)
    task = work.tasks.get(order.task_id or "")
    # Held until the commit: somebody may be taking it into his hands just now.
    work.session.refresh(task, with_for_update=True)
    # The loan may wait for another task by now than the one whose time was over.
    if task.status is not TaskStatus.OPEN or order.day <= task.due_on:
        return position(work, loan)
    product = catalogue().product(loan.product)
    ladder = product.escalate_to
    above = ladder[ladder.index(task.role) + 1 :] if task.role in ladder else ladder
    if above:
        due_on = order.day + timedelta(days=product.approval_days)
        hand_up(work, task, above[0], due_on, before={"role": task.role})
    return Progress(stage=loan.stage, task_id=task.id)


def hand_up(work: UnitOfWork, task: Task, role: Role, due_on: date, *, before: dict[str, Any]) -> None:
    """Takes a late task out of the hands that it is in, to a role above; `before` is what the audit log keeps of it."""
    task.role = role
    task.assignee_id = None
    task.escalations += 1
    task.due_on = due_on
    work.session.add(task)
    audit.record(
        work,
        audit.SYSTEM,
        "task_escalated",
        loan=task.loan,
        subject=task.id,
        before=before,
        after={"role": task.role, "escalations": task.escalations},
    )


def expire_completion(work: UnitOfWork, order: BooksOrder) -> Progress:
    """Closes a case whose borrower did not hand in what was missing."""
    loan = work.loans.get(order.loan)
    if loan.stage is not Stage.RETURNED:
        return position(work, loan)
    return close_case(work, loan, order, Stage.EXPIRED, "completion_expired")


def report_trouble(work: UnitOfWork, order: TroubleOrder) -> Progress:
    """Opens a task about something that a person has to look at; the loan stays where it is."""
    loan = work.loans.get(order.loan)
    task = open_task(work, loan, TaskKind.TROUBLE, order.role, order.day + timedelta(days=1), order.about)
    audit.record(work, audit.SYSTEM, "trouble_reported", loan=loan.number, subject=task.id, reason=order.about)
    return Progress(stage=loan.stage, task_id=order.task_id)


def close_case(work: UnitOfWork, loan: Loan, order: BooksOrder, stage: Stage, act: str) -> Progress:
    """Ends a case before any money moved: tasks fall away, the stage says how it ended."""
    close_all(work, loan.number)
    before = loan.stage
    loan.stage = stage
    loan.closed_on = order.day
    loan.updated_at = work.now
    work.session.add(loan)
    audit.record(work, audit.SYSTEM, act, loan=loan.number, before={"stage": before}, after={"stage": stage})
    return Progress(stage=stage)


def require_open(work: UnitOfWork, task: Task) -> None:
    """Refuses (TaskClosed) a task that is not open, and keeps an open one from other writers until the commit."""
    # Held until the commit: of two persons at the same moment, the second must see what the first did.
    work.session.refresh(task, with_for_update=True)
    if task.status is not TaskStatus.OPEN:
        raise TaskClosed(task.id)


def _check_hands(work: UnitOfWork, actor: Actor, task: Task) -> None:
    if task.assignee_id not in (None, actor.id) and acting_for(work, actor, task) is None:
        raise TaskTaken(task.id)


def _assign(
    work: UnitOfWork,
    actor: Actor,
    task: Task,
    to: str | None,
    act: str,
    *,
    instead_of: str | None = None,
    reason: str | None = None,
) -> Task:
    before = task.assignee_id
    task.assignee_id = to
    work.session.add(task)
    after = {"assignee": to} | ({"instead_of": instead_of} if instead_of else {})
    entry = {"assignee": before}
    audit.record(work, actor, act, loan=task.loan, subject=task.id, before=entry, after=after, reason=reason)
    return task
