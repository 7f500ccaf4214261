"""Early warnings: which loans are getting worse, why, and what to do next."""

from datetime import date
from enum import StrEnum
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from api.context import Acting, Looking
from api.problems import refusals
from api.shapes import Limit, Shown
from books.behaviour import WarningFilter
from lending.money import yuan
from models.behaviour import Urgency
from services.early_warnings import (
    PLACE_PATTERN,
    ListedWarning,
    early_warnings,
    how_good,
    newest_month,
    place_of,
    spelled,
)
from services.warning_words import Cause

router = APIRouter(prefix="/early-warnings", tags=["early warnings"], responses=refusals(403))

MonthName = Annotated[
    str | None,
    Query(pattern=r"^[0-9]{4}-(0[1-9]|1[0-2])$", description="YYYY-MM; the newest scored month if left out"),
]
ProductCode = Annotated[str | None, Query(pattern=r"^[a-z][a-z0-9_]{0,31}$", description="only loans of this product")]
Band = Annotated[str | None, Query(pattern=r"^[A-Z][A-Z0-9]?$", description="only loans in this band")]
LastSeen = Annotated[str | None, Query(pattern=PLACE_PATTERN, description="`next` of the page before")]


class UrgencyName(StrEnum):
    """How urgent a warning is."""

    SERIOUS = "serious"
    WATCH = "watch"

    @property
    def stored(self) -> int:
        """As the books spell it."""
        return Urgency.SERIOUS if self is UrgencyName.SERIOUS else Urgency.WATCH


class Sentence(BaseModel):
    """A sentence in both languages."""

    en: str
    zh: str


class Reason(BaseModel):
    """What costs points, by the card of the month."""

    code: str
    sentence: Sentence


class WarningCause(Reason):
    """What changed in the month, and what to do next."""

    next_step: Sentence


class WarningView(BaseModel):
    """A loan that was warned of. `…_before` are the figures of the month before, null for a loan without one."""

    loan: str
    product: str
    month: str
    urgency: UrgencyName
    points: int
    points_before: int | None
    band: str
    band_before: str | None
    dpd: int = Field(description="days past due now")
    outstanding: str
    next_due: date | None
    causes: list[WarningCause]
    reasons: list[Reason]
    task_id: str | None = Field(description="on which its owner sees to it; null if it is only to be watched")


class WarningsPage(Shown):
    """Warnings of a month, the most urgent and weakest loans first; `next` is the `after` of the following page.

    `month` is null before the first month is scored.
    """

    month: str | None
    items: list[WarningView]
    next: str | None


class ForesightView(BaseModel):
    """Of the warnings of the last twelve months that are old enough: how many came true, and what they missed.

    A warning comes true when its loan is 30 days past due or more within the three months after it. The shares are in
    basis points, and null where there are too few cases to say.
    """

    warned: int
    warned_became_late: int
    precision_bp: int | None
    became_late: int
    became_late_warned: int
    recall_bp: int | None


@router.get("")
def list_early_warnings(
    actor: Acting,
    look: Looking,
    month: MonthName = None,
    product: ProductCode = None,
    urgency: UrgencyName | None = None,
    band: Band = None,
    after: LastSeen = None,
    limit: Limit = 50,
) -> WarningsPage:
    """The warnings that this person may see: agents of their customers, managers of the team, risk of all."""
    with look() as work:
        wanted = month or newest_month(work, actor)
        if wanted is None:
            return WarningsPage(month=None, items=[], next=None)
        narrowed = WarningFilter(wanted, product, urgency.stored if urgency else None, band)
        found = early_warnings(work, actor, narrowed, place_of(after or ""), limit)
    last = spelled(found[-1].place) if len(found) == limit else None
    return WarningsPage(month=wanted, items=[_view(one) for one in found], next=last)


@router.get("/foresight")
def show_foresight(actor: Acting, look: Looking) -> ForesightView:
    """How good past warnings were, over all loans."""
    with look() as work:
        found = how_good(work, actor)
    return ForesightView(
        warned=found.warned,
        warned_became_late=found.warned_became,
        precision_bp=found.precision_bp,
        became_late=found.became,
        became_late_warned=found.became_warned,
        recall_bp=found.recall_bp,
    )


def _view(one: ListedWarning) -> WarningView:
    warning, loan = one.warning, one.loan
    return WarningView(
        loan=warning.loan,
        product=loan.product,
        month=warning.month,
        urgency=UrgencyName(one.urgency),
        points=warning.points,
        points_before=warning.points_before,
        band=warning.band,
        band_before=warning.band_before,
        dpd=loan.dpd,
        outstanding=yuan(loan.outstanding_fen),
        next_due=loan.next_due,
        causes=[
            WarningCause(code=cause.code, sentence=_said(cause), next_step=Sentence(en=cause.next_en, zh=cause.next_zh))
            for cause in one.causes
        ],
        reasons=[Reason(code=reason.code, sentence=_said(reason)) for reason in one.reasons],
        task_id=warning.task_id,
    )


def _said(cause: Cause) -> Sentence:
    return Sentence(en=cause.en, zh=cause.zh)
