"""The decision of a person on a case (maker-checker), and the offer that follows from it."""

from datetime import date, timedelta

from books.session import UnitOfWork
from lending.caps import require_cost_below
from lending.cost import cost_of_terms
from lending.entrusted import require_entrusted
from lending.money import yuan
from lending.terms import Terms
from models.customers import Party, PartyRole
from models.loans import Loan, LoanTerms, Stage
from models.messages import DecideOnBooks, DecisionOrder, Progress
from models.products import LoanCase, Payee
from models.staff import Actor, Role
from models.tasks import Decision, Outcome, Task, TaskKind, TaskStatus
from services import audit, changes
from services.disbursement import money_is_out, order_payouts
from services.errors import InvalidDecision, OwnCase, PayoutDoesNotAddUp, TaskClosed, TaskTaken
from services.limits import limits_of
from services.loans import case_of, move
from services.notices import send_sms
from services.papers import order_contract
from services.permissions import check_may_decide
from services.products import catalogue
from services.tasks import close, open_task

DECIDED = frozenset({TaskKind.APPROVAL, TaskKind.PAYOUT_PROBLEM, TaskKind.CHANGE})
"""Tasks that the loan waits for a decision on."""


def check(work: UnitOfWork, actor: Actor, task: Task, order: DecisionOrder, day: date | None = None) -> None:
    """Refuses a decision that this person may not take on a day or that is not well-formed. Changes nothing."""
    _check_form(work, actor, task, order)
    if task.kind is TaskKind.APPROVAL and order.outcome is Outcome.APPROVE:
        loan = work.loans.get(task.loan or "")
        _offered(work, loan, order.amount_fen or loan.applied_fen, day or work.today)
    if task.kind is TaskKind.CHANGE:
        changes.check_decision(work, actor, task, order.outcome, day or work.today)


def _check_form(work: UnitOfWork, actor: Actor, task: Task, order: DecisionOrder) -> None:
    if task.status is not TaskStatus.OPEN or task.loan is None:
        raise TaskClosed(task.id)
    check_may_decide(actor, task)
    if task.kind not in DECIDED:
        raise InvalidDecision(f"a task of the kind {task.kind} is finished, not decided")
    if task.assignee_id not in (None, actor.id) and actor.role is not Role.RISK:
        raise TaskTaken(task.id)
    if work.loans.application(task.loan).entered_by == actor.id:
        raise OwnCase
    if not order.reason.strip():
        raise InvalidDecision("a decision needs a reason", fields={"reason": "say why, in a sentence"})
    if task.kind is TaskKind.PAYOUT_PROBLEM and order.outcome is Outcome.RETURN:
        raise InvalidDecision("a payout is tried again or given up", fields={"outcome": "choose approve or refuse"})
    if task.kind is TaskKind.PAYOUT_PROBLEM and order.outcome is Outcome.REFUSE and money_is_out(work, task.loan):
        raise InvalidDecision(
            "money of this loan is out or its outcome is unknown; try the payout again first",
            fields={"outcome": "choose approve: nobody is paid twice"},
        )
    _check_amount(work, task, order)


def _check_amount(work: UnitOfWork, task: Task, order: DecisionOrder) -> None:
    loan = work.loans.get(task.loan or "")
    if order.outcome is not Outcome.APPROVE or task.kind is not TaskKind.APPROVAL:
        if order.amount_fen is not None:
            raise InvalidDecision("an amount goes with an approval only", fields={"amount": "leave the amount out"})
        return
    grading = work.policies.grading(loan.number)
    most = min(loan.applied_fen, grading.limit_fen) if grading else loan.applied_fen
    if not 0 < (loan.applied_fen if order.amount_fen is None else order.amount_fen) <= most:
        raise InvalidDecision(
            f"at most {yuan(most)} can be approved: not above what was applied for, nor above the limit of the grade",
            fields={"amount": f"above zero, at most {yuan(most)}"},
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
    """Records a decision and moves the case on: offer, refusal, back to the borrower, or another payout attempt."""
    decision = order.decision
    actor = audit.actor_of(decision.sender)
    task = work.tasks.get(decision.task_id)
    if task.loan != order.loan:
        raise TaskClosed(task.id)
    # What is offered is checked where it is made, below.
    _check_form(work, actor, task, decision)
    if task.kind is TaskKind.CHANGE:
        changes.check_decision(work, actor, task, decision.outcome, order.day)
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
    )
    work.write(row)
    close(work, task)
    before = loan.stage
    progress = _follow(work, loan, task, row, order)
    audit.record(
        work,
        actor,
        f"{task.kind}_decided",
        loan=loan.number,
        subject=task.id,
        before={"stage": before},
        after={"outcome": decision.outcome, "amount_fen": loan.approved_fen, "stage": progress.stage},
        reason=decision.reason,
    )
    return progress


def _follow(work: UnitOfWork, loan: Loan, task: Task, row: Decision, order: DecideOnBooks) -> Progress:
    if task.kind is TaskKind.CHANGE:
        return changes.follow_decision(work, loan, task, row, order)
    if task.kind is TaskKind.PAYOUT_PROBLEM:
        if row.outcome is Outcome.APPROVE:
            move(work, loan, Stage.DISBURSEMENT)
            return Progress(stage=Stage.DISBURSEMENT, payouts=order_payouts(work, loan, order.day))
        return _refuse(work, loan, order)
    if row.outcome is Outcome.APPROVE:
        return _offer(work, loan, row, order)
    if row.outcome is Outcome.REFUSE:
        return _refuse(work, loan, order)
    product = catalogue().product(loan.product)
    move(work, loan, Stage.RETURNED)
    due_on = order.day + timedelta(days=product.completion_days)
    task = open_task(work, loan, TaskKind.COMPLETION, Role.AGENT, due_on, "complete the application")
    send_sms(work, loan, "returned", f"{order.key}:sms", days=product.completion_days)
    return Progress(stage=Stage.RETURNED, task_id=task.id)


def _refuse(work: UnitOfWork, loan: Loan, order: DecideOnBooks) -> Progress:
    loan.closed_on = order.day
    move(work, loan, Stage.REFUSED)
    send_sms(work, loan, "refused", f"{order.key}:sms")
    return Progress(stage=Stage.REFUSED)


def _offered(work: UnitOfWork, loan: Loan, amount_fen: int, day: date) -> tuple[Terms, list[Payee]]:
    """Terms and payees of an approval of this amount on a day; refused where the law or the product's own sums forbid.

    A cost above the cap in force (`cost_above_cap`); more on the borrower's own card than goes without naming whom he
    pays (`entrusted_payment_required`); payees who do not receive the principal to the fen (`payout_does_not_add_up`).
    """
    product = catalogue().product(loan.product)
    limits = limits_of(work)
    case = case_of(work, loan, day, amount_fen=amount_fen, rates=limits.rates)
    terms = product.terms(case)
    require_cost_below(cost_of_terms(terms), limits.cost_cap(product, day))
    payees = product.payees(case)
    paid_fen = sum(payee.amount_fen for payee in payees)
    if not paid_fen == terms.principal_fen == amount_fen or any(payee.amount_fen <= 0 for payee in payees):
        raise PayoutDoesNotAddUp(product.code, amount_fen, paid_fen)
    require_entrusted(_on_own_card(case, payees), limits.own_card(product, day))
    return terms, payees


def _on_own_card(case: LoanCase, payees: list[Payee]) -> int:
    """What the borrower himself receives, whatever a payee is called."""
    own = case.form.get("bank_card")
    return sum(payee.amount_fen for payee in payees if payee.role is PartyRole.BORROWER or payee.account == own)


def _offer(work: UnitOfWork, loan: Loan, row: Decision, order: DecideOnBooks) -> Progress:
    product = catalogue().product(loan.product)
    loan.approved_fen = row.amount_fen or loan.applied_fen
    terms, payees = _offered(work, loan, loan.approved_fen, order.day)
    work.loans.add_terms(
        LoanTerms(
            loan=loan.number,
            version=1,
            decision_id=row.id,
            effective_from=order.day,
            body=terms.to_json(),
            created_at=work.now,
        )
    )
    order_contract(work, loan, order.day)
    for position, payee in enumerate(payees, 1):
        work.customers.add_party(
            Party(
                loan=loan.number,
                role=PartyRole.PAYEE,
                position=position,
                name=payee.name,
                account=payee.account,
                amount_fen=payee.amount_fen,
            )
        )
    move(work, loan, Stage.ACCEPTANCE)
    send_sms(work, loan, "offer", f"{order.key}:sms", amount=loan.approved_fen, days=product.acceptance_days)
    return Progress(stage=Stage.ACCEPTANCE)
