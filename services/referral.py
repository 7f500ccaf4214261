"""What follows from the grade of a case: refused by the rules, decided by the fast lane, or on to people."""

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

from books.session import UnitOfWork
from lending.errors import LendingError
from models.loans import Loan, Stage
from models.messages import Progress, VerificationOrder
from models.staff import Role
from models.tasks import Task, TaskKind
from services import fast_lane
from services.authority import Band, band_once_complete, standing_with
from services.loans import move
from services.notices import send_sms
from services.policies import GradeOutcome
from services.policy_kinds import REFUSE
from services.products import catalogue
from services.tasks import close_all, open_task


def follow(
    work: UnitOfWork, loan: Loan, order: VerificationOrder, outcome: GradeOutcome, facts: Mapping[str, Any]
) -> Progress:
    """Moves a graded case on, by the facts that it was graded by. The borrower of a refused one is told at once."""
    if outcome.outcome == REFUSE:
        close_all(work, loan.number)
        loan.closed_on = order.day
        move(work, loan, Stage.REFUSED)
        send_sms(work, loan, "refused", f"{order.key}:sms")
        return Progress(stage=Stage.REFUSED)
    standing = standing_with(
        facts,
        product=loan.product,
        grade=outcome.grade,
        outcome=outcome.outcome,
        limit_fen=outcome.limit_fen,
        unanswered=facts["unanswered"],
    )
    about = f"{loan.product} {outcome.grade}"
    if order.unanswered:
        about += f", not answered: {', '.join(order.unanswered)}"
    try:
        decided = fast_lane.take(work, loan, order, standing)
    except LendingError as problem:
        # What the law or the product's sums forbid is no refusal of the case: a person may approve less.
        about += f", no automatic offer: {problem.code}"
        decided = None
    if decided is not None:
        return decided
    band = band_once_complete(work, standing, min(loan.applied_fen, outcome.limit_fen), order.day)
    return Progress(stage=Stage.APPROVAL, task_id=ask_people(work, loan, order.day, band, about).id)


def ask_people(work: UnitOfWork, loan: Loan, day: date, band: Band, about: str, *, confirms: str | None = None) -> Task:
    """Opens the task of who decides the case by its band, or of the second person who `confirms` the first's decision.

    What is beyond everybody's authority goes to risk, who may approve less or refuse.
    """
    product = catalogue().product(loan.product)
    move(work, loan, Stage.APPROVAL)
    due_on = day + timedelta(days=product.approval_days)
    role = band.decided_by or Role.RISK
    return open_task(work, loan, TaskKind.APPROVAL, role, due_on, about, confirms=confirms, **band.rule)
