"""Changes to a running loan under four eyes: one person proposes, another decides on a preview, the loan applies it."""

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

from books.changes import Change
from books.session import UnitOfWork
from lending.account import LoanAccount
from lending.errors import LendingError
from lending.money import yuan
from models.changes import CHANGES_TERMS, ChangeEnd, ChangeKind, ChangeOutcome, ChangeProposal, ChangeTask
from models.loans import Loan, LoanEvent, LoanTerms, Stage
from models.messages import (
    BooksOrder,
    ChangeProgress,
    DecideOnBooks,
    OpenChange,
    Progress,
    ProposeOnBooks,
    TakeBackOnBooks,
)
from models.staff import Actor, Role
from models.tasks import Decision, Outcome, Task, TaskKind, TaskStatus
from services import audit
from services.authority import Band, change_band, change_expires_after
from services.corrections import move_money
from services.errors import (
    ChangeClosed,
    ChangePending,
    ChangeStale,
    ConsentMissing,
    InvalidChange,
    InvalidDecision,
    NotAllowed,
    OwnChange,
    UnknownChange,
)
from services.loans import position, require_stage
from services.notices import send_sms, tell_others
from services.permissions import check_may_propose
from services.previews import Preview, preview
from services.reopening import start_again, take_up
from services.repayments import follow_account
from services.tasks import close, open_task


def day_of(loan: Loan, day: date) -> date:
    """The day on which a change would apply: the books never go back behind what they are brought up to."""
    return max(day, loan.booked_to or day)


def try_out(
    work: UnitOfWork, actor: Actor, loan: Loan, kind: ChangeKind, asked: Mapping[str, Any], day: date
) -> tuple[Preview, Band]:
    """What a change would come to and who would decide it; refused if this person could not propose it now."""
    check_may_propose(actor, kind, loan)
    _require_stage(loan, kind, asked)
    open_now = work.changes.open_of(loan.number)
    if open_now is not None and not _is_overdue(loan, open_now[0], day):
        raise ChangePending(loan.number)
    found = preview(work, loan, kind, asked, day_of(loan, day))
    found.require_cost_allowed()
    return found, change_band(work, kind, found.amount_fen, day)


def _require_stage(loan: Loan, kind: ChangeKind, asked: Mapping[str, Any]) -> None:
    """A loan changes while it is repaid; of a settled one money can still be reversed, which takes it up again."""
    takes_up = kind is ChangeKind.CORRECTION and "of" in asked
    require_stage(loan, kind, *((Stage.REPAYMENT, Stage.SETTLED) if takes_up else (Stage.REPAYMENT,)))


def _is_overdue(loan: Loan, proposal: ChangeProposal, day: date) -> bool:
    """Whether a proposal has expired and no workflow was there to note it, the loan being settled."""
    return loan.stage is Stage.SETTLED and day > proposal.expires_on


def propose(work: UnitOfWork, order: ProposeOnBooks) -> ChangeProgress:
    """Records a proposal with its preview and asks the first person who has to agree. The loan stays as it is."""
    loan = work.loans.get(order.loan)
    actor = audit.actor_of(order.change.sender)
    kind, day = order.change.kind, day_of(loan, order.day)
    asked = {name: value for name, value in order.change.asked.items() if value is not None}
    if kind is ChangeKind.CORRECTION and "of" not in asked:
        # Confirmed on a later day, the money still counts from the day on which it came.
        asked = {"received_on": day.isoformat()} | asked
    if not order.change.reason.strip():
        raise InvalidChange("a change needs a reason", fields={"reason": "say why, in a sentence"})
    found, band = try_out(work, actor, loan, kind, asked, day)
    if work.changes.open_of(loan.number) is not None:
        expire(work, order.model_copy(update={"day": day}))
    terms = work.loans.terms(loan.number)
    proposal = ChangeProposal(
        loan=loan.number,
        kind=kind,
        asked=asked,
        reason=order.change.reason,
        amount_fen=found.amount_fen,
        figures=found.figures,
        position=work.loans.next_position(loan.number),
        terms_version=terms.version if terms else 0,
        fallen_due=_fallen_due(found.before),
        people=band.people,
        proposed_by=actor.id,
        proposed_as=actor.role,
        proposed_on=day,
        proposed_at=work.now,
        expires_on=day + timedelta(days=change_expires_after(work, band)),
    )
    work.write(proposal)
    change = _ask(work, loan, proposal, band.decided_by or Role.RISK, found, band.rule)
    audit.record(
        work,
        actor,
        "change_proposed",
        loan=loan.number,
        subject=proposal.id,
        after={"kind": kind, "amount_fen": proposal.amount_fen, "asked": asked, "task": change.task_id},
        reason=proposal.reason,
    )
    return ChangeProgress(proposal=proposal.id, changes=(change,))


def _ask(
    work: UnitOfWork, loan: Loan, proposal: ChangeProposal, role: Role, found: Preview, rule: Mapping[str, Any]
) -> OpenChange:
    about = f"{proposal.name} of {yuan(proposal.amount_fen)} proposed"
    if found.lacks_consent:
        about += "; guarantors have not agreed"
    if "not_past_due" in found.warnings:
        about += "; the loan is not past due"
    task = open_task(work, loan, TaskKind.CHANGE, role, proposal.expires_on, about, **rule)
    work.write(ChangeTask(task_id=task.id, proposal_id=proposal.id))
    return OpenChange(task_id=task.id, expires_on=proposal.expires_on)


def _fallen_due(account: LoanAccount) -> int:
    return sum(row.due <= account.as_of for row in account.rows)


def take_back(work: UnitOfWork, order: TakeBackOnBooks) -> ChangeProgress:
    """Ends a proposal at the wish of the person who made it."""
    loan = work.loans.get(order.loan)
    actor = audit.actor_of(order.withdrawal.sender)
    task = check_withdrawal(work, actor, loan, order.withdrawal.proposal)
    close(work, task, TaskStatus.CANCELLED)
    return _ended(work, loan, order.withdrawal.proposal, ChangeOutcome.WITHDRAWN, actor, order.day)


def check_withdrawal(work: UnitOfWork, actor: Actor, loan: Loan, proposal_id: str) -> Task:
    """The task of an open proposal that this person may take back; refused for anybody but the proposer."""
    book = work.changes
    proposal = book.proposal(proposal_id)
    if proposal is None or proposal.loan != loan.number:
        raise UnknownChange(proposal_id)
    found = book.open_of(loan.number)
    if found is None or found[0].id != proposal_id:
        raise ChangeClosed(proposal_id)
    if proposal.proposed_by != actor.id:
        raise NotAllowed("a proposal is taken back by the person who made it; another person may refuse it")
    return found[1]


def expire(work: UnitOfWork, order: BooksOrder) -> ChangeProgress:
    """Ends a proposal that nobody decided in time."""
    loan = work.loans.get(order.loan)
    found = work.changes.open_of(loan.number)
    if found is None:
        return ChangeProgress(proposal="")
    proposal, task = found
    if order.day <= proposal.expires_on:
        return ChangeProgress(
            proposal=proposal.id, changes=(OpenChange(task_id=task.id, expires_on=proposal.expires_on),)
        )
    close(work, task, TaskStatus.CANCELLED)
    return _ended(work, loan, proposal.id, ChangeOutcome.EXPIRED, audit.SYSTEM, order.day)


def _ended(
    work: UnitOfWork,
    loan: Loan,
    proposal_id: str,
    outcome: ChangeOutcome,
    actor: Actor,
    day: date,
    terms: LoanTerms | None = None,
) -> ChangeProgress:
    work.write(ChangeEnd(proposal_id=proposal_id, outcome=outcome, by=actor.id, on=day, at=work.now))
    after = terms.mark if terms else None
    audit.record(work, actor, f"change_{outcome}", loan=loan.number, subject=proposal_id, after=after)
    return ChangeProgress(proposal=proposal_id)


def check_decision(work: UnitOfWork, persons: set[str], task: Task, outcome: Outcome, day: date) -> None:
    """Refuses a decision on a change by who proposed it or agreed to it, and an approval of what is not true any more.

    `persons` are who decides and for whom he stands in. Role, the hands the case went through and the words were
    checked before, as for every decision.
    """
    if outcome is Outcome.RETURN:
        raise InvalidDecision("a change is approved or refused", fields={"outcome": "choose approve or refuse"})
    book = work.changes
    proposal = book.of_task(task.id)
    if proposal is None:
        raise LookupError(f"task {task.id} asks about no proposal")
    if not persons.isdisjoint({proposal.proposed_by, *book.agreed(proposal.id)}):
        raise OwnChange
    if outcome is Outcome.APPROVE:
        loan = work.loans.get(proposal.loan)
        found = _require_unchanged(work, loan, proposal, day_of(loan, day))
        found.require_cost_allowed()
        if found.lacks_consent:
            raise ConsentMissing(loan.number)


def _require_unchanged(work: UnitOfWork, loan: Loan, proposal: ChangeProposal, day: date) -> Preview:
    """The change computed anew, on the state that it was previewed on; refused (ChangeStale) on any other."""
    _require_stage(loan, proposal.kind, proposal.asked)
    if day > proposal.expires_on:
        raise ChangeClosed(proposal.id)
    if work.loans.next_position(loan.number) != proposal.position or work.payments.to_book(loan.number):
        raise ChangeStale("money came in or something else was booked")
    terms = work.loans.terms(loan.number)
    if terms is None or terms.version != proposal.terms_version:
        raise ChangeStale("the terms of the loan changed")
    found = preview(work, loan, proposal.kind, proposal.asked, day, proposal.event_key)
    if _fallen_due(found.before) != proposal.fallen_due:
        raise ChangeStale("an installment fell due")
    return found


def follow_decision(work: UnitOfWork, loan: Loan, task: Task, decision: Decision, order: DecideOnBooks) -> Progress:
    """What a decision on a change comes to: refused, on to the next person who has to agree, or applied."""
    book = work.changes
    proposal = book.of_task(task.id)
    if proposal is None:
        raise LookupError(f"task {task.id} asks about no proposal")
    actor = audit.actor_of(order.decision.sender)
    if decision.outcome is Outcome.REFUSE:
        _ended(work, loan, proposal.id, ChangeOutcome.REFUSED, actor, order.day)
        if proposal.proposed_as in (Role.BORROWER, Role.AGENT, Role.INTEGRATOR):
            send_sms(work, loan, "change_refused", f"{order.key}:sms")
        return position(work, loan)
    if len(set(book.approved_by(proposal.id))) < proposal.people:
        found = _require_unchanged(work, loan, proposal, day_of(loan, order.day))
        rule = {"policy_id": task.policy_id, "fired_row": task.fired_row, "people": task.people}
        _ask(work, loan, proposal, task.role, found, rule)
        return position(work, loan)
    return _apply(work, loan, proposal, decision, actor, order)


def _apply(
    work: UnitOfWork, loan: Loan, proposal: ChangeProposal, decision: Decision, actor: Actor, order: DecideOnBooks
) -> Progress:
    """Books the change: its event, the money it moves, the new version of the terms; then the account follows."""
    day = day_of(loan, order.day)
    found = _require_unchanged(work, loan, proposal, day)
    was_settled = loan.stage is Stage.SETTLED
    if was_settled:
        take_up(work, loan, proposal.event_key)
    work.loans.add_event(
        LoanEvent(
            key=proposal.event_key,
            loan=loan.number,
            position=proposal.position,
            type=found.body["type"],
            date=date.fromisoformat(found.body["date"]),
            body=found.body,
            recorded_at=work.now,
        )
    )
    if proposal.kind is ChangeKind.CORRECTION:
        move_money(work, loan, proposal, found.body, day)
    terms = _amend_terms(work, loan, decision, found.body, day) if proposal.kind in CHANGES_TERMS else None
    progress = follow_account(work, loan, day, order.key)
    if was_settled:
        start_again(work, loan, proposal.event_key)
    if proposal.kind in CHANGES_TERMS and loan.next_due is not None:
        send_sms(work, loan, "terms_changed", f"{order.key}:terms", due=loan.next_due, amount=loan.next_due_fen)
    if proposal.kind in CHANGES_TERMS:
        tell_others(work, loan, "others_terms_changed", f"{order.key}:terms")
    elif proposal.kind is ChangeKind.WRITE_OFF:
        send_sms(work, loan, "written_off", f"{order.key}:written_off_sms", amount=proposal.amount_fen)
        tell_others(work, loan, "others_written_off", f"{order.key}:written_off")
    _ended(work, loan, proposal.id, ChangeOutcome.APPLIED, actor, day, terms)
    return progress.model_copy(update={"changes": ()})


def _amend_terms(work: UnitOfWork, loan: Loan, decision: Decision, body: dict[str, Any], day: date) -> LoanTerms:
    before = work.loans.terms(loan.number)
    if before is None:
        raise LookupError(f"loan {loan.number} has no terms")
    amended = LoanTerms(
        loan=loan.number,
        version=before.version + 1,
        decision_id=decision.id,
        effective_from=day,
        body=before.body,
        amendments=[*(before.amendments or []), body],
        created_at=work.now,
    )
    work.loans.add_terms(amended)
    return amended


def changes_of(work: UnitOfWork, actor: Actor, loan: Loan) -> list[Change]:
    """What was proposed for a loan, newest first; a borrower sees what he asked for himself."""
    return [
        one
        for one in all_changes(work, loan)
        if actor.role is not Role.BORROWER or one.proposal.proposed_by == actor.id
    ]


def all_changes(work: UnitOfWork, loan: Loan) -> list[Change]:
    """What was proposed for a loan by anybody, newest first."""
    return work.changes.of_loan(loan.number)


def preview_of(work: UnitOfWork, loan: Loan, proposal: ChangeProposal, day: date) -> Preview | None:
    """The preview of an open proposal as of a day; None where it is not true any more."""
    try:
        return _require_unchanged(work, loan, proposal, day_of(loan, day))
    except LendingError:
        return None
