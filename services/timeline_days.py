"""How a loan stood at the end of any business date, as the books had it then."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from lending.account import LoanAccount
from lending.calendar import BusinessClock
from lending.errors import LendingError
from lending.events import Event
from lending.servicing import service
from lending.terms import Terms
from models.loans import LoanTerms, Stage
from models.tasks import Task
from services.bundle_money import balances
from services.timeline import Story

STAGE_AFTER = {
    "application_submitted": Stage.APPLICATION,
    "verified_again": Stage.VERIFICATION,
    "loan_reopened": Stage.REPAYMENT,
    "loan_taken_over": Stage.REPAYMENT,
}
"""Acts beside the workflow that move a loan; every other move is in the result of an act of its own."""


class DayToCome(LendingError):
    """Nobody knows how a loan will stand."""

    code = "day_to_come"
    http_status = 422

    def __init__(self, day: date) -> None:
        super().__init__(f"{day} is not over yet; ask for a day up to today", fields={"as_of": "is not over yet"})


@dataclass(frozen=True)
class DayState:
    """A loan at the end of a day. `stage` is None before it was applied for, `account` before money went out.

    `ledger` is what the postings written until then left on each account, in fen, debits less credits.
    """

    day: date
    stage: Stage | None
    terms: LoanTerms | None
    account: LoanAccount | None
    ledger: Mapping[str, int]
    open_tasks: tuple[Task, ...]


def state_on(story: Story, clock: BusinessClock, day: date, today: date) -> DayState:
    """The loan at the end of a day, of today as it stands now. Raises DayToCome."""
    if day > today:
        raise DayToCome(day)
    end = clock.opens_at(day + timedelta(days=1))
    terms = next((one for one in reversed(story.facts.terms) if one.created_at < end), None)
    return DayState(
        day=day,
        stage=stage_at(story, end),
        terms=terms,
        account=_account(story, terms, end, day),
        ledger=_ledger(story, end),
        open_tasks=tuple(
            one for one in story.facts.tasks if one.opened_at < end and (one.closed_at is None or one.closed_at >= end)
        ),
    )


def stage_at(story: Story, end: datetime) -> Stage | None:
    """The stage before an instant, by what the acts wrote; None before the application."""
    stage: Stage | None = None
    for act in sorted(story.acts.values(), key=lambda act: act.at):
        if act.at >= end:
            break
        for entry in act.entries:
            stage = STAGE_AFTER.get(entry.act, stage) if not entry.refused else stage
        for effect in sorted(act.effects, key=lambda effect: effect.n):
            # Whoever went around the program may have left any word: that it is the history's is compared elsewhere.
            spelled = effect.result.get("stage")
            stage = Stage(spelled) if spelled in list(Stage) else stage
    return stage


def _account(story: Story, terms: LoanTerms | None, end: datetime, day: date) -> LoanAccount | None:
    events = [Event.parse(one.body) for one in story.facts.events if one.recorded_at < end]
    return service(Terms.parse(terms.body), events, day) if terms is not None and events else None


def _ledger(story: Story, end: datetime) -> dict[str, int]:
    written = (one for one in story.facts.postings if one.booked_at < end)
    left = balances((one.debit, one.credit, one.amount_fen) for one in written)
    return {code: fen for code, fen in left.items() if fen}
