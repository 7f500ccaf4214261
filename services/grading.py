"""The grade of a case by the decision table in force, and what follows from it."""

from datetime import timedelta

from books.session import UnitOfWork
from models.grading import Grading, Policy
from models.loans import CLOSED, Stage
from models.messages import Progress, VerificationOrder
from models.products import Product
from models.tasks import TaskKind
from services import audit
from services.loans import case_of, move
from services.notices import send_sms
from services.policies import evaluate
from services.products import catalogue
from services.tasks import close_all, open_task


def publish_shipped_policies(work: UnitOfWork) -> None:
    """Puts each product's shipped decision table into the books, where none of that name is yet."""
    for product in catalogue().products:
        if work.policies.in_force(_policy_name(product)) is None:
            work.session.add(
                Policy(
                    name=_policy_name(product),
                    version=1,
                    content=dict(product.grading),
                    published_by="shipped",
                    published_at=work.now,
                )
            )
    work.session.flush()


def grade(work: UnitOfWork, order: VerificationOrder) -> Progress:
    """Grades a verified case: refused by a knock-out rule, or to the inbox of the approvers."""
    loan = work.loans.get(order.loan)
    if loan.stage in CLOSED:
        # The borrower walked away, and the engine lost his command after the books had it.
        return Progress(stage=loan.stage)
    product = catalogue().product(loan.product)
    policy = work.policies.in_force(_policy_name(product))
    if policy is None:
        raise LookupError(f"no policy {_policy_name(product)} in the books; run the migrations and the seed")
    facts = product.facts(case_of(work, loan, order.day))
    outcome = evaluate(f"{policy.name}/{policy.version}", policy.content, facts)
    work.write(
        Grading(
            loan=loan.number,
            round=order.round,
            policy_id=policy.id,
            outcome=outcome.outcome,
            grade=outcome.grade,
            limit_fen=outcome.limit_fen,
            annual_rate_percent=outcome.annual_rate_percent,
            reasons=list(outcome.reasons),
            facts=facts,
            graded_at=work.now,
        )
    )
    loan.grade = outcome.grade
    audit.record(
        work,
        audit.SYSTEM,
        "case_graded",
        loan=loan.number,
        after={
            "policy": f"{policy.name}/{policy.version}",
            "outcome": outcome.outcome,
            "grade": outcome.grade,
            "reasons": list(outcome.reasons),
            "unanswered": list(order.unanswered),
        },
    )
    if outcome.outcome == "refuse":
        close_all(work, loan.number)
        loan.closed_on = order.day
        move(work, loan, Stage.REFUSED)
        send_sms(work, loan, "refused", f"{order.key}:sms")
        return Progress(stage=Stage.REFUSED)
    move(work, loan, Stage.APPROVAL)
    about = f"{product.code} {outcome.grade}" + (
        f", not answered: {', '.join(order.unanswered)}" if order.unanswered else ""
    )
    due_on = order.day + timedelta(days=product.approval_days)
    task = open_task(work, loan, TaskKind.APPROVAL, product.approver_role, due_on, about)
    return Progress(stage=Stage.APPROVAL, task_id=task.id)


def _policy_name(product: Product) -> str:
    return f"grading-{product.code}"
