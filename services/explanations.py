"""How the figures of a loan came to be, step by step, for whoever may see the loan."""

from dataclasses import dataclass
from datetime import date
from typing import Generic, TypeVar

from books.session import UnitOfWork
from lending.events import Event
from lending.explain import Explanation, SettlementExplanation, UnknownInstallment, explain, explain_settlement
from lending.prepayment import fee_of
from lending.terms import Terms
from lending.wording import EventNames, Language, names_of
from models.loans import Stage
from models.staff import Actor
from services.loans import account_day, require_stage

Steps = TypeVar("Steps", Explanation, SettlementExplanation)


@dataclass(frozen=True)
class Explained(Generic[Steps]):
    """An explanation, and the events that it speaks of.

    `fee_fen` is what the contract asks on top for clearing the loan before its time.
    """

    steps: Steps
    events: tuple[Event, ...]
    fee_fen: int = 0

    def names(self, language: Language) -> EventNames:
        """What the events are called in its sentences."""
        return names_of(self.events, language)


def explain_installment(work: UnitOfWork, actor: Actor, number: str, n: int) -> Explained[Explanation]:
    """How installment `n` came to be: as promised before the payout, as serviced after it.

    Refused: a loan that this person may not see, a number that no installment has, and any before there are terms.
    """
    terms, events, day = _facts(work, actor, number)
    if terms is None:
        raise UnknownInstallment(n, 0)
    if not events:
        # Before the payout the plan is explained: nobody is late with money he has not got.
        day = terms.disbursement_date
    return Explained(explain(terms, events, day, n), events)


def explain_clearing(work: UnitOfWork, actor: Actor, number: str) -> Explained[SettlementExplanation]:
    """How the sum came to be that clears a running loan today; refused at any other stage."""
    terms, events, day = _facts(work, actor, number)
    require_stage(work.loans.get(number), "settlement", Stage.REPAYMENT)
    if terms is None:
        raise LookupError(f"loan {number} runs without terms")
    return Explained(explain_settlement(terms, events, day), events, fee_of(terms, events, day, None))


def _facts(work: UnitOfWork, actor: Actor, number: str) -> tuple[Terms | None, tuple[Event, ...], date]:
    loan = work.loans.seen_by(actor, number)
    terms = work.loans.terms(number)
    events = tuple(Event.parse(one.body) for one in work.loans.events(number))
    return Terms.parse(terms.body) if terms else None, events, account_day(work, loan)
