"""The grade of a case by the rules in force on its day, and what follows from it."""

from datetime import timedelta
from hashlib import sha256
from typing import Any

from books.session import UnitOfWork
from lending.errors import LendingError
from models.grading import Grading, ShadowGrading
from models.loans import CLOSED, Loan, Stage
from models.messages import Progress, VerificationOrder
from models.tasks import TaskKind
from services import audit
from services.loans import case_of, move
from services.notices import send_sms
from services.policies import GradeOutcome, Version, deciding, version
from services.policy_publishing import policy_name
from services.products import catalogue
from services.tasks import close_all, open_task


def grade(work: UnitOfWork, order: VerificationOrder) -> Progress:
    """Grades a verified case: refused by a knock-out rule, or to the inbox of the approvers.

    The version in force on the order's business date decides, or the challenger where the case is in its share. What
    the other of the two says is kept beside it and changes nothing.
    """
    loan = work.loans.get(order.loan)
    if loan.stage in CLOSED:
        # The borrower walked away, and the engine lost his command after the books had it.
        return Progress(stage=loan.stage)
    product = catalogue().product(loan.product)
    facts = product.facts(case_of(work, loan, order.day))
    rules, outcome, by_challenger = _ask(work, loan, order, policy_name(product), facts)
    work.write(
        Grading(
            loan=loan.number,
            round=order.round,
            policy_id=rules.key,
            outcome=outcome.outcome,
            grade=outcome.grade,
            limit_fen=outcome.limit_fen,
            annual_rate_percent=outcome.annual_rate_percent,
            reasons=list(outcome.reasons),
            facts=facts,
            graded_at=work.now,
            graded_on=order.day,
            fired_row=outcome.fired_row,
            by_challenger=by_challenger,
        )
    )
    loan.grade = outcome.grade
    audit.record(
        work,
        audit.SYSTEM,
        "case_graded",
        loan=loan.number,
        after={
            "policy": rules.label,
            "row": outcome.fired_row,
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


def _ask(
    work: UnitOfWork, loan: Loan, order: VerificationOrder, name: str, facts: dict[str, Any]
) -> tuple[Version, GradeOutcome, bool]:
    """The version that decides, its outcome, and whether it is the challenger; the other's outcome is stored.

    A challenger that fails never holds up a case: the champion decides it, and the audit log says why.
    """
    found = work.policies.in_force(name, order.day)
    champion = deciding(work, found)
    outcome = champion.evaluate(facts)
    if found.challenger is None:
        return champion, outcome, False
    try:
        challenger = version(work, found.challenger.policy_id)
        challenged = challenger.evaluate(facts)
    except LendingError as failure:
        audit.record(
            work, audit.SYSTEM, "challenger_failed", loan=loan.number, subject=name, reason=f"{failure.code}: {failure}"
        )
        return champion, outcome, False
    if is_in_share(loan.number, challenger.key, found.challenger.share_percent):
        _keep_other(work, loan, order, champion, outcome)
        return challenger, challenged, True
    _keep_other(work, loan, order, challenger, challenged)
    return champion, outcome, False


def is_in_share(loan: str, policy_id: str, percent: int) -> bool:
    """Whether a challenger decides this loan: always the same answer, and another draw for another challenger."""
    drawn = int.from_bytes(sha256(f"{policy_id}:{loan}".encode()).digest()[:8])
    return drawn % 100 < percent


def _keep_other(work: UnitOfWork, loan: Loan, order: VerificationOrder, other: Version, outcome: GradeOutcome) -> None:
    work.write(
        ShadowGrading(
            loan=loan.number,
            round=order.round,
            policy_id=other.key,
            outcome=outcome.outcome,
            grade=outcome.grade,
            limit_fen=outcome.limit_fen,
            annual_rate_percent=outcome.annual_rate_percent,
            reasons=list(outcome.reasons),
            fired_row=outcome.fired_row,
            graded_at=work.now,
        )
    )
