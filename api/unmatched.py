"""Unmatched money as the inbox's API shows it, and what is said to it: proposed by one, confirmed by another."""

from datetime import date, datetime
from enum import StrEnum

from pydantic import BaseModel, Field

from api.shapes import Shown
from books.session import UnitOfWork
from lending.money import yuan
from models.payments import ProposalKind
from models.staff import Actor
from models.tasks import Task
from services.errors import InvalidDecision
from services.matching import Reason
from services.permissions import Action, allows
from services.reveals import shown_name
from services.unmatched import give_verdict, propose, unmatched_money


class MoneyVerb(StrEnum):
    """What is said to unmatched money, besides `done`: a proposal, or a second person's word on it."""

    BOOK = "book"
    RETURN = "return"
    APPROVE = "approve"
    REFUSE = "refuse"


SENTENCES = {
    MoneyVerb.BOOK: "the booking is proposed; another person of finance confirms it",
    MoneyVerb.RETURN: "sending the money back is proposed; another person of finance confirms it",
    MoneyVerb.APPROVE: "confirmed: the money is on its way",
    MoneyVerb.REFUSE: "the proposal is refused; the money stays where it is",
}


class MatchView(BaseModel):
    """A loan that the money may belong to; `score` runs to 100 and only orders them."""

    loan: str
    score: int
    reasons: list[Reason]


class ProposalView(BaseModel):
    """What is proposed and waits for another person."""

    kind: ProposalKind
    loan: str | None
    reason: str
    proposed_by: str
    proposed_at: datetime


class MoneyView(Shown):
    """The bank entry that a task is about, the likely loans and the proposal that waits."""

    bank_reference: str
    direction: str
    amount: str
    booked_on: date
    value_date: date = Field(description="from which a loan would count it")
    counterparty: str | None
    remittance: str | None
    can_be_moved: bool
    matches: list[MatchView]
    proposal: ProposalView | None


def money_view(work: UnitOfWork, actor: Actor, task: Task) -> MoneyView | None:
    """The money of a task, None for a task about anything else. Who paid, and his text, are for who sees names."""
    found = unmatched_money(work, task)
    if found is None:
        return None
    entry = found.entry
    return MoneyView(
        bank_reference=entry.reference,
        direction=entry.direction,
        amount=yuan(entry.amount_fen),
        booked_on=entry.booked_on,
        value_date=found.value_date,
        counterparty=entry.counterparty and shown_name(actor, entry.counterparty),
        remittance=entry.remittance if allows(actor, Action.SEE_NAMES) else None,
        can_be_moved=found.can_be_moved,
        matches=[MatchView(loan=one.loan, score=one.score, reasons=list(one.reasons)) for one in found.matches],
        proposal=ProposalView.model_validate(found.proposal.model_dump()) if found.proposal else None,
    )


def say_to_money(work: UnitOfWork, actor: Actor, task: Task, verb: MoneyVerb, loan: str | None, reason: str) -> str:
    """Carries out what a person says to unmatched money; returns a sentence on what came of it."""
    if verb is not MoneyVerb.BOOK and loan is not None:
        raise InvalidDecision("only money that is booked goes to a loan", fields={"loan": "only with book"})
    if verb in (MoneyVerb.APPROVE, MoneyVerb.REFUSE):
        give_verdict(work, actor, task, confirmed=verb is MoneyVerb.APPROVE, reason=reason)
    else:
        kind = ProposalKind.TO_LOAN if verb is MoneyVerb.BOOK else ProposalKind.REFUND
        propose(work, actor, task, kind, loan, reason)
    return SENTENCES[verb]
