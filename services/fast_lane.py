"""The fast lane: a case that its product's policy approves is decided without a person."""

from dataclasses import replace
from datetime import date

from books.session import UnitOfWork
from models.keys import new_id
from models.loans import Loan, Stage
from models.messages import BooksOrder, DecideOnBooks, DecisionOrder, Progress, Sender
from models.outbox import Topic
from models.policies import PolicyKind
from models.staff import Role
from models.tasks import Decision, Outcome, Task, TaskKind, TaskStatus
from services import audit, offers
from services.authority import Standing, standing_of
from services.errors import NotAllowed, TaskTaken
from services.legal_bounds import require_lawful
from services.policies import Answer, Version, deciding
from services.policy_kinds import REFUSE, name_of
from services.tasks import close, require_open
from services.verification import send_back


def answer(work: UnitOfWork, standing: Standing, amount_fen: int, day: date) -> Answer | None:
    """The answer of the product's fast lane in force on a day if it approves the case, None if a person decides.

    None as well where no fast lane is in force, for what the rules refused or the grade does not allow, and where an
    answer of a register is past its days or none has confirmed who a co-signer is.
    """
    rules = _rules(work, standing.product, day)
    if rules is None or standing.outcome == REFUSE or standing.expired or standing.is_unconfirmed:
        return None
    found = rules.ask(standing.facts(amount_fen))
    return found if found.values["outcome"] == "approve" and amount_fen <= standing.limit_fen else None


def take(
    work: UnitOfWork, loan: Loan, order: BooksOrder, standing: Standing, task: Task | None = None
) -> Progress | None:
    """Decides a case by the fast lane and makes the offer; None where a person decides, as on any case on which a
    person has decided something before.

    The decision is a row of its own with the policy and the row that approved. Without a task that waited for a person
    it has one that is opened and done at once. Refused, with nothing written, where the offer cannot be made.
    """
    found = answer(work, standing, loan.applied_fen, order.day)
    if found is None or work.tasks.decisions(loan.number):
        # Who sent a case back wants to see what came of it.
        return None
    # The grade may have been written a moment ago, and gives the price.
    work.policies.forget_grading(loan.number)
    # Two loans of one person are not approved at once: the second sees what he owes by the first.
    work.customers.hold(loan.customer_id)
    standing = standing_of(work, loan, order.day)
    found = answer(work, standing, loan.applied_fen, order.day)
    if found is None:
        return None
    require_lawful(work, loan, loan.applied_fen, standing.known)
    offer = offers.offer_of(work, loan, loan.applied_fen, order.day)
    if task is None:
        task = Task(
            loan=loan.number,
            kind=TaskKind.APPROVAL,
            role=Role.SYSTEM,
            status=TaskStatus.DONE,
            due_on=order.day,
            opened_at=work.now,
            closed_at=work.now,
            about=f"{standing.product} {standing.grade}, decided by {found.label}",
            policy_id=found.policy_id,
            fired_row=found.fired_row,
        )
        work.write(task)
    else:
        close(work, task)
    row = Decision(
        loan=loan.number,
        task_id=task.id,
        outcome=Outcome.APPROVE,
        reason=f"{found.label}, row {found.fired_row}: {', '.join(found.reasons)}",
        decided_by=audit.SYSTEM.id,
        decided_as=audit.SYSTEM.role,
        decided_on=order.day,
        decided_at=work.now,
        policy_id=found.policy_id,
        fired_row=found.fired_row,
        facts=standing.facts(loan.applied_fen),
    )
    work.write(row)
    progress = offers.make(work, loan, offer, row, order.key, automatic=True)
    audit.record(
        work,
        audit.SYSTEM,
        "approval_decided",
        loan=loan.number,
        subject=task.id,
        before={"stage": Stage.APPROVAL},
        after={
            "outcome": Outcome.APPROVE,
            "amount_fen": loan.approved_fen,
            "stage": progress.stage,
            "policy": found.label,
            "row": found.fired_row,
            "reasons": list(found.reasons),
        },
    )
    return progress


# -- documents that come after the application -------------------------------------------------------------------------


def look_again(work: UnitOfWork, loan: Loan, why: str) -> None:
    """Tells a loan that waits for a person to decide itself, if by now its fast lane approves it.

    `why` names what is new, such as a document that was read: one message for each. Nothing happens while somebody has
    the task in his hands, once it is late, or when anybody has decided on the case before.
    """
    if loan.stage is not Stage.APPROVAL or _rules(work, loan.product, work.today) is None:
        return
    tasks = work.tasks.open_of(loan.number, TaskKind.APPROVAL)
    if not tasks or not _is_untouched(work, tasks[0]):
        return
    standing = standing_of(work, loan, work.today)
    if standing.expired:
        if answer(work, replace(standing, expired=()), loan.applied_fen, work.today) is not None:
            # Graded anew by fresh answers, it comes to the fast lane again.
            send_back(work, loan, standing.expired)
        return
    if answer(work, standing, loan.applied_fen, work.today) is None:
        return
    decision = DecisionOrder(
        task_id=tasks[0].id,
        outcome=Outcome.APPROVE,
        reason="fast lane",
        sender=Sender(actor_id=audit.SYSTEM.id, role=audit.SYSTEM.role),
        command_id=new_id(),
        waits=False,
    )
    payload = {"decision": decision.model_dump(mode="json")}
    work.outbox.put(Topic.SIGNAL_LOAN, f"fast_lane:{tasks[0].id}:{why}", payload, work.now, loan.number)


def decide(work: UnitOfWork, order: DecideOnBooks, task: Task) -> Progress:
    """Takes up what `look_again` asked for, by the rules of the day; refused where a person has come first."""
    loan = work.loans.get(order.loan)
    # Held until the commit: whoever takes it into his hands at this moment is first or finds it decided.
    require_open(work, task)
    if not _is_untouched(work, task):
        raise TaskTaken(task.id)
    progress = take(work, loan, order, standing_of(work, loan, order.day), task)
    if progress is None:
        raise NotAllowed("the fast lane does not approve this case any more; a person decides it")
    return progress


def _rules(work: UnitOfWork, product: str, day: date) -> Version | None:
    found = work.policies.in_force(name_of(PolicyKind.FAST_LANE, product), day)
    return None if found.champion is None else deciding(work, found)


def _is_untouched(work: UnitOfWork, task: Task) -> bool:
    by_people = task.assignee_id is not None or task.escalations > 0
    return not by_people and not work.tasks.decisions(task.loan or "")
