"""What is true of a loan at any stage: its workflow order, its stage, its case and its view."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any

from books.session import UnitOfWork
from lending.account import LoanAccount
from lending.calendar import BusinessClock
from lending.events import Event
from lending.floating import LoanPrimeRates
from lending.servicing import service
from lending.terms import Terms
from models.customers import PartyRole
from models.loans import Loan, Stage
from models.messages import BooksOrder, DownRule, LoanOrder, NextDay, OpenChange, Progress, StepKind
from models.payments import PaymentKind
from models.products import LoanCase, Product
from models.tasks import Task, TaskKind
from models.verification import ANSWERED, WhenDown, together
from services.errors import WrongStage
from services.policy_kinds import REFUSE
from services.products import catalogue

CO_SIGNERS = (PartyRole.JOINT_BORROWER, PartyRole.GUARANTOR)
"""Who is looked up beside the borrower, where the product says so."""
BEING_VERIFIED = frozenset({Stage.APPLICATION, Stage.VERIFICATION, Stage.GRADING})
"""On the way to a grade: it is not known whether the registers were asked already."""


def order_for(number: str, product: Product, clock: BusinessClock, co_signers: Iterable[PartyRole] = ()) -> LoanOrder:
    """The order that starts a loan's workflow at the application; co-signers in the order of the form."""
    checks = product.checks_for(co_signers)
    rules = {check: product.rule_for(check) for check in checks}
    return LoanOrder(
        loan=number,
        clock=clock,
        checks=together(checks, rules),
        down={
            check: DownRule(when_down=rule.when_down, wait_days=rule.wait_days)
            for check, rule in rules.items()
            if rule.when_down is not WhenDown.MARK
        },
        approval_days=product.approval_days,
        escalations=len(product.escalate_to),
        completion_days=product.completion_days,
        acceptance_days=product.acceptance_days,
    )


def order_from_books(work: UnitOfWork, loan: Loan) -> LoanOrder:
    """The order that takes a loan up at the stage where the books have it; its effects count on from the last one."""
    parties = sorted(work.customers.parties(loan.number), key=lambda one: one.position)
    co_signers = [one.role for one in parties if one.role in CO_SIGNERS]
    order = order_for(loan.number, catalogue().product(loan.product), work.clock, co_signers)
    kind = {
        Stage.APPROVAL: TaskKind.APPROVAL,
        Stage.RETURNED: TaskKind.COMPLETION,
        Stage.PAYOUT_FAILED: TaskKind.PAYOUT_PROBLEM,
    }.get(loan.stage)
    tasks = work.tasks.open_of(loan.number, kind) if kind else []
    newest = {payment.party_id: payment.key for payment in work.payments.of_loan(loan.number, PaymentKind.DISBURSEMENT)}
    grading = work.policies.grading(loan.number)
    graded_rounds = grading.round if grading else 0
    being_verified = loan.stage in BEING_VERIFIED
    next_day = None
    if loan.stage is Stage.REPAYMENT:
        day = loan.booked_to or loan.disbursed_on or loan.applied_on
        # Not a reminder: being taken up again is no reason to write to the borrower.
        unfinished = work.payments.under_way(loan.number, PaymentKind.INSTALLMENT, PaymentKind.PREPAYMENT)
        next_day = NextDay(date=day, why=StepKind.DUE, collect=bool(unfinished))
    return order.model_copy(
        update={
            "stage": loan.stage,
            "seq": work.outbox.last_effect(loan.number) + 1,
            "round": graded_rounds + 1 if being_verified else max(graded_rounds, 1),
            "task_id": tasks[0].id if tasks else None,
            "payouts": tuple(newest.values()),
            "money_came_in": bool(work.payments.to_book(loan.number)),
            "next_day": next_day,
            "changes": open_changes(work, loan),
        }
    )


def open_changes(work: UnitOfWork, loan: Loan) -> tuple[OpenChange, ...]:
    """The change of a running loan that waits for a decision, if there is one."""
    found = work.changes.open_of(loan.number) if loan.stage is Stage.REPAYMENT else None
    if found is None:
        return ()
    proposal, task = found
    return (OpenChange(task_id=task.id, expires_on=proposal.expires_on),)


def position(work: UnitOfWork, loan: Loan) -> Progress:
    """Where the books have a loan, in the form in which acts report it."""
    order = order_from_books(work, loan)
    return Progress(
        stage=loan.stage,
        task_id=order.task_id,
        payouts=order.payouts,
        next_day=order.next_day,
        changes=order.changes,
    )


def look_up_position(work: UnitOfWork, order: BooksOrder) -> Progress:
    """The same as an act, for a workflow that may have lost the answer to one that was done."""
    return position(work, work.loans.get(order.loan))


def require_stage(loan: Loan, act: str, *stages: Stage) -> None:
    """Refuses an act (WrongStage) unless the loan is at one of the stages."""
    if loan.stage not in stages:
        raise WrongStage(loan.number, loan.stage, act)


def move(work: UnitOfWork, loan: Loan, stage: Stage) -> None:
    """Writes the stage that the workflow has come to."""
    loan.stage = stage
    loan.updated_at = work.now
    work.session.add(loan)


def price_of(work: UnitOfWork, loan: Loan) -> tuple[int, str]:
    """The most that may be lent, in fen, and the yearly rate in percent, by the grade of a case.

    Where a person looks at what the rules refused it is what they give the worst grade. Before the grade nothing limits
    the case, and it has no price.
    """
    grading = work.policies.grading(loan.number)
    if grading is None:
        return loan.applied_fen, "0"
    look = work.tasks.second_look(loan.number) if grading.outcome == REFUSE else None
    priced = look if look is not None and look.round == grading.round else grading
    return priced.limit_fen, priced.annual_rate_percent


def most_to_approve(work: UnitOfWork, loan: Loan, task: Task | None = None) -> int:
    """The largest amount, in fen, that may be approved: what was applied for, within the limit of the grade.

    For the task of a second person it is what the first approved.
    """
    most = min(loan.applied_fen, price_of(work, loan)[0])
    first = work.tasks.first_approval(task) if task is not None else None
    return most if first is None else min(most, first.amount_fen or most)


def least_to_approve(loan: Loan) -> int:
    """The smallest amount, in fen, that the product of a loan lends by its form."""
    fields = catalogue().product(loan.product).form_fields
    return next((one.minimum for one in fields if one.name == "amount" and one.minimum), 1)


def case_of(
    work: UnitOfWork, loan: Loan, day: date, *, amount_fen: int | None = None, rates: LoanPrimeRates | None = None
) -> LoanCase:
    """The loan as its product's hooks see it: form, latest answers and approved figures.

    Published `rates` go with a case whose terms are asked for.
    """
    form = work.loans.application(loan.number).form
    answers: dict[str, Mapping[str, Any]] = {}
    for answer in work.documents.answers(loan.number):
        # The newest word counts: where the last round got no answer, an older one is none.
        answers.pop(answer.check_name, None)
        if answer.verdict in ANSWERED:
            answers[answer.check_name] = answer.answer
    return LoanCase(
        form=form,
        answers=answers,
        day=day,
        amount_fen=amount_fen or loan.approved_fen or loan.applied_fen,
        term=int(form["term"]),
        annual_rate_percent=price_of(work, loan)[1],
        rates=rates or {},
    )


def account_day(work: UnitOfWork, loan: Loan) -> date:
    """The day on which a loan's account is looked at now: today, or what its books have reached."""
    return max(work.today, loan.booked_to or work.today)


def account_of(work: UnitOfWork, loan: str, day: date, *, also: Sequence[Mapping[str, Any]] = ()) -> LoanAccount | None:
    """The loan's account at the end of a business date, None before it has terms and money.

    `also` are events that the books do not have yet.
    """
    terms = work.loans.terms(loan)
    events = work.loans.events(loan)
    if terms is None or not events:
        return None
    return service(Terms.parse(terms.body), [Event.parse(body) for body in (*(one.body for one in events), *also)], day)
