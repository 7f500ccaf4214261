"""Unmatched money in the inbox: what one person of finance proposes, and what another says to it."""

import re

from fastapi import APIRouter, Request, Response

from books.session import UnitOfWork
from models.keys import LOAN_PATTERN
from models.payments import ProposalKind
from services.errors import InvalidDecision
from services.unmatched import give_verdict, propose
from web import pages
from web.addresses import Id
from web.context import in_books
from web.decision import DecisionForm, read_note, read_verdict
from web.session import posted
from web.visit import StaffVisit

router = APIRouter()


@router.post("/tasks/{task_id}/proposal", name="propose_money")
async def propose_money(request: Request, visit: StaffVisit, task_id: Id) -> Response:
    """Keeps what is proposed; nothing moves by it."""
    fields = await posted(request, visit.session)
    kind = fields.get("kind", "")
    loan = (fields.get("loan", "").strip() or fields.get("other_loan", "").strip()).upper() or None
    reason = read_note(DecisionForm.from_fields(fields))
    if kind not in list(ProposalKind) or (loan is not None and not re.fullmatch(LOAN_PATTERN, loan)):
        raise InvalidDecision("the proposal cannot be read", fields={"loan": ""})

    def keep(work: UnitOfWork) -> None:
        propose(work, visit.person, work.tasks.seen_by(visit.person, task_id), ProposalKind(kind), loan, reason)

    await in_books(request, keep)
    return pages.go(request, f"/tasks/{task_id}")


@router.post("/tasks/{task_id}/verdict", name="judge_money")
async def judge_money(request: Request, visit: StaffVisit, task_id: Id) -> Response:
    """Confirms a proposal, by which the money moves, or refuses it."""
    fields = await posted(request, visit.session)
    reason = read_note(DecisionForm.from_fields(fields))
    confirmed = read_verdict(fields)

    def keep(work: UnitOfWork) -> None:
        task = work.tasks.seen_by(visit.person, task_id)
        give_verdict(work, visit.person, task, confirmed=confirmed, reason=reason)

    await in_books(request, keep)
    return pages.go(request, f"/tasks/{task_id}")
