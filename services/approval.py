"""The decision of a person on a case (maker-checker): what he may decide, and what follows from it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from books.session import UnitOfWork
from lending.money import yuan
from models.loans import Loan, Stage
from models.messages import DecideOnBooks, DecisionOrder, Progress
from models.staff import Actor, Role
from models.tasks import REASON_CODES, Decision, Outcome, Task, TaskKind, TaskStatus
from services import audit, changes, fast_lane, offers
from services.authority import Band, require_authority, standing_of
from services.co_signers import require_confirmed_co_signers
from services.collateral import after_end
from services.disbursement import money_is_out, order_payouts
from services.document_wishes import missing_words
from services.errors import InvalidDecision, NotAllowed, TaskClosed, TaskTaken
from services.four_eyes import acting_for, check_four_eyes, persons
from services.legal_bounds import require_lawful
from services.loans import least_to_approve, most_to_approve, move
from services.notices import send_sms
from services.payout_screening import findings_today
from services.permissions import check_may_decide
from services.products import catalogue
from services.referral import ask_people
from services.screening import FINDINGS
from services.tasks import close, close_all, open_task

DECIDED = frozenset({TaskKind.APPROVAL, TaskKind.PAYOUT_PROBLEM, TaskKind.CHANGE})
"""Tasks that the loan waits for a decision on."""


def check(work: UnitOfWork, actor: Actor, task: Task, order: DecisionOrder, day: date | None = None) -> None:
    """Refuses a decision that this person may not take on a day or that is not well-formed. Changes nothing.

    Who entered the case, looks after its customer or approved it first decides nothing (`own_case`), nor does his
    deputy for him. An approval needs authority for its amount under the policy of the day (`above_authority`), which
    asks for the documents too (`documents_incomplete`), and co-signers whose identity a register has confirmed: nobody
    else could sign what is offered (`co_signer_not_confirmed`).
    """
    day = day or work.today
    approving = _check(work, actor, task, order, day)
    if approving is not None:
        offers.offer_of(work, approving.loan, approving.amount_fen, day)


@dataclass(frozen=True)
class _Approving:
    """An approval of a case that was found allowed: of how much, by which band of authority, asked with which facts,
    and the checks whose answers are past their days.
    """

    loan: Loan
    amount_fen: int
    band: Band
    facts: Mapping[str, Any]
    expired: tuple[str, ...]


def _check(work: UnitOfWork, actor: Actor, task: Task, order: DecisionOrder, day: date) -> _Approving | None:
    if task.status is not TaskStatus.OPEN or task.loan is None:
        raise TaskClosed(task.id)
    check_may_decide(actor, task)
    if task.kind not in DECIDED:
        raise InvalidDecision(f"a task of the kind {task.kind} is finished, not decided")
    people = persons(work, actor, task)
    if task.assignee_id is not None and task.assignee_id not in people and actor.role is not Role.RISK:
        raise TaskTaken(task.id)
    hands = work.tasks.hands(task.loan)
    check_four_eyes(hands, people, _approved_before(work, task))
    if not order.reason.strip():
        raise InvalidDecision("a decision needs a reason", fields={"reason": "say why, in a sentence"})
    _check_codes(work, task, order)
    if task.kind is TaskKind.PAYOUT_PROBLEM and order.outcome is Outcome.RETURN:
        raise InvalidDecision("a payout is tried again or given up", fields={"outcome": "choose approve or refuse"})
    if task.kind is TaskKind.PAYOUT_PROBLEM and order.outcome is Outcome.REFUSE and money_is_out(work, task.loan):
        raise InvalidDecision(
            "money of this loan is out or its outcome is unknown; try the payout again first",
            fields={"outcome": "choose approve: nobody is paid twice"},
        )
    if order.outcome is not Outcome.APPROVE or task.kind is not TaskKind.APPROVAL:
        if order.amount_fen is not None:
            raise InvalidDecision("an amount goes with an approval only", fields={"amount": "leave the amount out"})
        if task.kind is TaskKind.CHANGE:
            changes.check_decision(work, people, task, order.outcome, day)
        return None
    loan = work.loans.get(task.loan)
    amount_fen = _amount(work, loan, task, order)
    # Two loans of one person are not approved at once: the second sees what he owes by the first.
    work.customers.hold(loan.customer_id)
    standing = standing_of(work, loan, day, amount_fen)
    require_lawful(work, loan, amount_fen, standing.known)
    band = require_authority(work, actor, standing, amount_fen, day)
    require_confirmed_co_signers(work, loan)
    return _Approving(loan, amount_fen, band, standing.facts(amount_fen), standing.expired)


def _approved_before(work: UnitOfWork, task: Task) -> set[str]:
    first = work.tasks.first_approval(task)
    return set() if first is None else {first.decided_by, first.stands_in_for or first.decided_by}


def _amount(work: UnitOfWork, loan: Loan, task: Task, order: DecisionOrder) -> int:
    """How much is approved: what was applied for, or what the first person approved, unless the decision names less.

    Never less than the product lends: a counter-offer is a loan like any other.
    """
    most, least = most_to_approve(work, loan, task), least_to_approve(loan)
    amount_fen = order.amount_fen
    if amount_fen is None:
        amount_fen = loan.applied_fen if task.confirms is None else most
    if not 0 < amount_fen <= most:
        raise InvalidDecision(
            f"at most {yuan(most)} can be approved: not above what was applied for, nor above the limit of the grade, "
            "nor above what was approved before",
            fields={"amount": f"above zero, at most {yuan(most)}"},
        )
    if amount_fen < least:
        raise InvalidDecision(
            f"this product lends {yuan(least)} at least; approve as much, refuse the case or send it back",
            fields={"amount": f"at least {yuan(least)}"},
        )
    return amount_fen


def _check_codes(work: UnitOfWork, task: Task, order: DecisionOrder) -> None:
    """Refuses codes of reasons with anything but the refusal of a case, and those that its product does not have."""
    if not order.reason_codes:
        return
    if task.kind is not TaskKind.APPROVAL or order.outcome is not Outcome.REFUSE:
        why = "leave them out, or refuse the case"
        raise InvalidDecision("codes of reasons go with the refusal of a case only", fields={REASON_CODES: why})
    product = catalogue().product(work.loans.get(task.loan or "").product)
    codes = [one.code for one in product.refusal_reasons]
    if not set(order.reason_codes) <= set(codes):
        raise InvalidDecision(
            "this product has no such reason of a refusal", fields={REASON_CODES: f"choose of {', '.join(codes)}"}
        )


def note_refusal(work: UnitOfWork, order: DecideOnBooks, why: str) -> None:
    """Records that a decision was refused whose sender did not wait for the answer."""
    decision = order.decision
    audit.record(
        work,
        audit.actor_of(decision.sender),
        "decision_refused",
        loan=order.loan,
        subject=decision.task_id,
        after={"outcome": decision.outcome},
        reason=why,
        refused=True,
    )


def decide(work: UnitOfWork, order: DecideOnBooks) -> Progress:
    """Records a decision and moves the case on: offer, refusal, back to the borrower, to a second person, or another
    payout attempt.
    """
    decision = order.decision
    actor = audit.actor_of(decision.sender)
    task = work.tasks.get(decision.task_id)
    if task.loan != order.loan:
        raise TaskClosed(task.id)
    if actor.role is Role.SYSTEM and task.kind is TaskKind.APPROVAL and task.status is TaskStatus.OPEN:
        return fast_lane.decide(work, order, task)
    _check_still_here(work, actor)
    # What is offered is checked where it is made, below.
    approving = _check(work, actor, task, decision, order.day)
    loan = work.loans.get(order.loan)
    row = Decision(
        loan=loan.number,
        task_id=task.id,
        outcome=decision.outcome,
        amount_fen=decision.amount_fen,
        reason=decision.reason,
        decided_by=actor.id,
        decided_as=actor.role,
        decided_on=order.day,
        decided_at=work.now,
        stands_in_for=acting_for(work, actor, task),
        facts=dict(approving.facts) if approving else _kept_with(work, loan, task, decision, actor),
        **(approving.band.rule if approving else {}),
    )
    work.write(row)
    close(work, task)
    before = loan.stage
    progress = _follow(work, loan, task, row, order, approving)
    after: dict[str, Any] = {"outcome": decision.outcome, "amount_fen": loan.approved_fen, "stage": progress.stage}
    if approving is not None:
        band = approving.band
        after |= {"amount_fen": approving.amount_fen, "policy": band.label, "row": band.fired_row}
        after["authority_reasons"] = list(band.reasons)
        if approving.expired:
            after["answers_expired"] = list(approving.expired)
        if progress.task_id is not None:
            after["second_person"] = progress.task_id
    if row.reason_codes:
        after[REASON_CODES] = list(row.reason_codes)
    if row.stands_in_for is not None:
        after["stands_in_for"] = row.stands_in_for
    audit.record(
        work,
        actor,
        f"{task.kind}_decided",
        loan=loan.number,
        subject=task.id,
        before={"stage": before},
        after=after,
        reason=decision.reason,
    )
    return progress


def _check_still_here(work: UnitOfWork, actor: Actor) -> None:
    """Refuses (NotAllowed) a decision of somebody who was disabled or given another role since he took it: it may have
    waited for the engine for hours.
    """
    person = work.staff.account(actor.id)
    if person is None or not person.active or person.role is not actor.role:
        raise NotAllowed("whoever took this decision does not hold the role any more in which he took it")


def _kept_with(work: UnitOfWork, loan: Loan, task: Task, order: DecisionOrder, actor: Actor) -> dict[str, Any] | None:
    """The codes of why a case is refused. Where risk has a payout tried again, who of the loan stands on which list:
    what he saw holds it no more.
    """
    if order.reason_codes:
        return {REASON_CODES: list(dict.fromkeys(order.reason_codes))}
    is_again = task.kind is TaskKind.PAYOUT_PROBLEM and order.outcome is Outcome.APPROVE
    if not is_again or actor.role is not Role.RISK:
        return None
    return {FINDINGS: [one.as_json() for one in findings_today(work, loan)]}


def _follow(
    work: UnitOfWork, loan: Loan, task: Task, row: Decision, order: DecideOnBooks, approving: _Approving | None
) -> Progress:
    if task.kind is TaskKind.CHANGE:
        return changes.follow_decision(work, loan, task, row, order)
    if task.kind is TaskKind.PAYOUT_PROBLEM:
        if row.outcome is Outcome.APPROVE:
            move(work, loan, Stage.DISBURSEMENT)
            return Progress(stage=Stage.DISBURSEMENT, payouts=order_payouts(work, loan, order.day))
        return _refuse(work, loan, order)
    if approving is not None:
        return _approve(work, loan, task, row, order, approving)
    if row.outcome is Outcome.REFUSE:
        return _refuse(work, loan, order)
    product = catalogue().product(loan.product)
    move(work, loan, Stage.RETURNED)
    due_on = order.day + timedelta(days=product.completion_days)
    task = open_task(work, loan, TaskKind.COMPLETION, Role.AGENT, due_on, "complete the application")
    missing = missing_words(work, loan, order.day)
    send_sms(work, loan, "returned", f"{order.key}:sms", days=product.completion_days, missing=missing)
    return Progress(stage=Stage.RETURNED, task_id=task.id)


def _approve(
    work: UnitOfWork, loan: Loan, task: Task, row: Decision, order: DecideOnBooks, approving: _Approving
) -> Progress:
    """The offer or, where the policy asks for two people, the task of the second: what cannot be offered goes to
    nobody.
    """
    offer = offers.offer_of(work, loan, approving.amount_fen, order.day)
    if approving.band.people > 1 and task.confirms is None:
        about = f"{task.about}; {yuan(approving.amount_fen)} approved by the first person"
        second = ask_people(work, loan, order.day, approving.band, about, confirms=row.id)
        return Progress(stage=Stage.APPROVAL, task_id=second.id)
    return offers.make(work, loan, offer, row, order.key)


def _refuse(work: UnitOfWork, loan: Loan, order: DecideOnBooks) -> Progress:
    loan.closed_on = order.day
    move(work, loan, Stage.REFUSED)
    for kind in (TaskKind.DOCUMENT, TaskKind.DOCUMENT_AGAIN):
        close_all(work, loan.number, kind)
    after_end(work, loan, order.day)
    send_sms(work, loan, "refused", f"{order.key}:sms")
    return Progress(stage=Stage.REFUSED)
