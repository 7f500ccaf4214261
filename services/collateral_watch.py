"""The daily look at collateral: who has to be reminded of a deadline or of a cover that ends, once for each."""

from datetime import date, timedelta

from books.session import UnitOfWork
from models.collateral import CollateralCondition, ConditionKind
from models.customers import Collateral
from models.loans import Loan, Stage
from models.recurring import CollateralLookedAt, CollateralOrder
from models.sealing import NOT_OPENED
from models.staff import Role
from models.tasks import TaskKind
from services import audit
from services.notices import send_sms
from services.tasks import open_task

PAGE = 50
"""Conditions a page: their loans are held until it is done."""


def watch(work: UnitOfWork, order: CollateralOrder) -> CollateralLookedAt:
    """Looks at the next conditions whose day has come by a business date; each then waits for its next one.

    The borrower is reminded before something is due after the payout, and before a cover ends, for which his agent gets
    a task. What is late, and a cover that has lapsed, is recorded. Days that were missed are made up for: of a cover
    that came and went meanwhile the borrower hears once.
    """
    found = work.collateral.to_look_at(order.day, PAGE)
    # Held in one order, so that two that look at once never wait for each other.
    for condition in sorted(found, key=lambda one: (one.loan, one.id)):
        loan = work.loans.get(condition.loan)
        work.session.refresh(condition)
        if condition.look_on is not None and condition.look_on <= order.day:
            condition.look_on = _looked_at(work, loan, condition, order.day)
            work.session.add(condition)
    return CollateralLookedAt(looked_at=len(found), complete=len(found) < PAGE)


def _looked_at(work: UnitOfWork, loan: Loan, condition: CollateralCondition, day: date) -> date | None:
    """The day of the next look. What cannot be opened of one loan holds up no other: the next day it is looked at
    again, and an administrator is asked.
    """
    try:
        with work.session.begin_nested():
            return _next_look(work, loan, condition, day)
    except NOT_OPENED as refusal:
        if all(task.role is not Role.ADMIN for task in work.tasks.open_of(loan.number, TaskKind.TROUBLE)):
            about = f"the collateral cannot be looked after: {refusal}"
            open_task(work, loan, TaskKind.TROUBLE, Role.ADMIN, day + timedelta(days=1), about)
        return day + timedelta(days=1)


def _next_look(work: UnitOfWork, loan: Loan, condition: CollateralCondition, day: date) -> date | None:
    if loan.stage is not Stage.REPAYMENT or condition.ended_on is not None:
        return None
    if condition.waits:
        return _look_at_deadline(work, loan, condition, day)
    thing = work.collateral.thing(loan.number)
    if condition.kind is not ConditionKind.INSURANCE or thing is None:
        return None
    return _look_at_cover(work, loan, thing, day)


def _look_at_deadline(work: UnitOfWork, loan: Loan, condition: CollateralCondition, day: date) -> date | None:
    due_on = condition.due_on
    if due_on is None:
        return None
    if day <= due_on:
        if all(one.kind is not condition.kind for one in work.collateral.unreviewed(loan.number)):
            send_sms(work, loan, f"{condition.kind}_due", f"{condition.id}:due", day=due_on)
        return due_on + timedelta(days=1)
    after = {"kind": condition.kind, "due_on": due_on.isoformat()}
    audit.record(work, audit.SYSTEM, "condition_overdue", loan=loan.number, subject=condition.id, after=after)
    return None


def _look_at_cover(work: UnitOfWork, loan: Loan, thing: Collateral, day: date) -> date | None:
    until = thing.insured_until
    if until is None:
        return None
    ends = day <= until
    due_on = until if ends else day + timedelta(days=1)
    open_task(work, loan, TaskKind.INSURANCE, Role.AGENT, due_on, f"the vehicle's insurance ends on {until}")
    template = "insurance_ending" if ends else "insurance_lapsed"
    send_sms(work, loan, template, f"{thing.id}:{template}:{until}", day=until)
    if ends:
        return until + timedelta(days=1)
    after = {"until": until.isoformat()}
    audit.record(work, audit.SYSTEM, "insurance_lapsed", loan=loan.number, subject=thing.id, after=after)
    return None
