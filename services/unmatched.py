"""What finance does with unmatched money: one person proposes, another confirms, and only then does it move."""

from dataclasses import dataclass
from datetime import date

from books.session import UnitOfWork
from models.loans import Stage
from models.payments import BankEntry, ProposalKind, SuspenseProposal, SuspenseVerdict
from models.staff import Actor
from models.tasks import Task, TaskKind, TaskStatus
from services import audit
from services.bank import book_to_loan
from services.errors import InvalidDecision, NothingProposed, OwnProposal, ProposalPending
from services.loans import require_stage
from services.matching import Match, likely_matches
from services.permissions import check_may_decide
from services.suspense import check_can_be_refunded, counts_from, order_refund, suspense_entry
from services.tasks import close, require_open


@dataclass(frozen=True)
class UnmatchedMoney:
    """What stands beside a task about unmatched money; `matches` are likely ones, the best first.

    `can_be_moved` is false for money that left, and for money whose task is closed.
    """

    entry: BankEntry
    value_date: date
    can_be_moved: bool
    proposal: SuspenseProposal | None
    matches: tuple[Match, ...] = ()


def unmatched_money(work: UnitOfWork, task: Task) -> UnmatchedMoney | None:
    """The bank entry that a task is about, with what was proposed and what it may be; None for any other task."""
    entry = work.payments.entry_of_task(task.id) if task.kind is TaskKind.UNMATCHED_MONEY else None
    if entry is None:
        return None
    movable = task.status is TaskStatus.OPEN and entry.direction == "in"
    return UnmatchedMoney(
        entry,
        counts_from(work, entry),
        movable,
        work.payments.pending_proposal(task.id),
        likely_matches(work, entry) if movable else (),
    )


def propose(
    work: UnitOfWork, actor: Actor, task: Task, kind: ProposalKind, loan: str | None, reason: str
) -> SuspenseProposal:
    """Keeps what a person of finance wants done with the money of a task; nothing moves by it.

    Refused: another role, a closed task, a second proposal beside one that waits (ProposalPending; the same one again
    by the same person is returned), a loan that is not in repayment, a refund to an account that nobody knows.
    """
    check_may_decide(actor, task)
    require_open(work, task)
    before = work.payments.pending_proposal(task.id)
    if before is not None:
        if (before.proposed_by, before.kind, before.loan, before.reason) == (actor.id, kind, loan, reason):
            return before
        raise ProposalPending(task.id)
    entry = _movable(work, task)
    if kind is ProposalKind.TO_LOAN:
        _require_running(work, loan)
    else:
        check_can_be_refunded(entry)
    proposal = SuspenseProposal(
        task_id=task.id,
        reference=entry.reference,
        kind=kind,
        loan=loan if kind is ProposalKind.TO_LOAN else None,
        reason=reason,
        proposed_by=actor.id,
        proposed_at=work.now,
    )
    work.write(proposal)
    audit.record(
        work,
        actor,
        "money_proposed",
        loan=proposal.loan,
        subject=entry.reference,
        after={"kind": kind, "amount_fen": entry.amount_fen, "proposal": proposal.id},
        reason=reason,
    )
    return proposal


def give_verdict(work: UnitOfWork, actor: Actor, task: Task, *, confirmed: bool, reason: str) -> SuspenseProposal:
    """A second person's word on what was proposed; confirmed, the money moves and the task is done.

    To a loan it goes by the outbox, as any deposit, and counts from the day it came in. A refund is ordered at the bank
    once. A proposer may take back what he proposed, but not confirm it (OwnProposal; the database refuses it too). The
    same verdict again by the same person changes nothing.
    """
    check_may_decide(actor, task)
    before = _given_before(work, actor, task, confirmed, reason)
    if before is not None:
        return before
    require_open(work, task)
    proposal = work.payments.pending_proposal(task.id)
    if proposal is None:
        raise NothingProposed(task.id)
    if confirmed and proposal.proposed_by == actor.id:
        raise OwnProposal
    entry = _movable(work, task)
    if confirmed and proposal.kind is ProposalKind.TO_LOAN:
        _require_running(work, proposal.loan)
    work.write(
        SuspenseVerdict(
            proposal_id=proposal.id, confirmed=confirmed, reason=reason, given_by=actor.id, given_at=work.now
        )
    )
    audit.record(
        work,
        actor,
        "money_confirmed" if confirmed else "money_proposal_refused",
        loan=proposal.loan,
        subject=entry.reference,
        before={"proposed_by": proposal.proposed_by},
        after={"kind": proposal.kind, "amount_fen": entry.amount_fen, "proposal": proposal.id},
        reason=reason,
    )
    if confirmed:
        close(work, task)
        if proposal.kind is ProposalKind.TO_LOAN:
            book_to_loan(work, entry, proposal.loan or "", proposal.id)
        else:
            order_refund(work, entry, proposal)
    return proposal


def _given_before(work: UnitOfWork, actor: Actor, task: Task, confirmed: bool, reason: str) -> SuspenseProposal | None:
    for proposal, verdict in reversed(work.payments.proposals(task.id)):
        if verdict is None:
            return None
        if (verdict.given_by, verdict.confirmed, verdict.reason) == (actor.id, confirmed, reason):
            return proposal
        return None
    return None


def _movable(work: UnitOfWork, task: Task) -> BankEntry:
    """The entry of a task whose money lies in suspense and may go on from there."""
    entry = work.payments.entry_of_task(task.id)
    if entry is None or entry.direction != "in" or not work.ledger.posted(suspense_entry(entry)):
        raise InvalidDecision(
            "no money in suspense belongs to this task; say that it is done", fields={"outcome": "choose done"}
        )
    return entry


def _require_running(work: UnitOfWork, number: str | None) -> None:
    if number is None:
        raise InvalidDecision("to which loan does the money go?", fields={"loan": "is needed"})
    require_stage(work.loans.get(number), "booking money from suspense", Stage.REPAYMENT)
