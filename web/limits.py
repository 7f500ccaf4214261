"""Caps and published rates: what is in force, what waits, and how two people of risk bring in a new row."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Any, ClassVar

from fastapi import APIRouter, Request, Response

from books.session import UnitOfWork
from lending.errors import LendingError
from lending.floating_clause import Tenor
from lending.money import to_fen
from models.limits import SHIPPED_BY, LimitKind, LimitOutcome, LimitStatus
from services.limit_changes import LICENCES, InvalidLimit, LimitState, decide_limit, limit_states, propose_limit
from services.limits import ROWS, CostCapRow, OwnCardRow, PrimeRateRow
from services.permissions import Action, allows, require
from services.products import catalogue
from web import formats, labels, pages, refusals
from web.addresses import Id
from web.context import in_books
from web.decision import DecisionForm, read_note, read_verdict
from web.forms import EnteredForm, Entry, FormField
from web.language import Language, marked
from web.refusals import showing
from web.session import posted
from web.visit import StaffVisit, Visit

router = APIRouter()

_REASON = FormField("reason", Entry.LINE, marked("Reason"), marked("The person who decides reads it."))
_SINCE = FormField("since", Entry.DAY, marked("In force since"))
_UNTIL = FormField("until", Entry.DAY, marked("Last day"), marked("Empty, until a later row."), optional=True)
_PERCENT = FormField("percent", Entry.PERCENT, marked("Per cent a year"))
_SOURCES = (
    FormField("source_zh", Entry.LINE, marked("Source in Chinese"), marked("The rule and its article.")),
    FormField("source_en", Entry.LINE, marked("Source in English")),
)


@dataclass(frozen=True)
class LimitForm(EnteredForm):
    """A row as it was entered."""

    sentences: ClassVar[Mapping[str, str]] = {
        "on": marked("A day up to today."),
        "since": marked("A day."),
        "until": marked("A day after the first one."),
        "percent": marked("A rate in per cent, such as 6.5."),
        "lpr_multiple": marked("A number, such as 4."),
        "most": marked("An amount above zero."),
        "tenor": marked("Choose one of these."),
        "product": marked("Choose one of these."),
        "licence": marked("Choose one of these."),
        "source_zh": marked("A sentence of at most 300 characters."),
        "source_en": marked("A sentence of at most 300 characters."),
        "reason": marked("A sentence of at most 300 characters."),
        "row": marked("Give either a percentage or a multiple, and a last day that is not before the first."),
    }

    def read(self) -> tuple[dict[str, Any], str]:
        """The row in the form of limits.json, and the reason; InvalidLimit names what cannot be read."""
        row, wrong = self.entered()
        if wrong:
            raise InvalidLimit("the form is not complete", fields=dict.fromkeys(wrong, ""))
        reason = row.pop("reason")
        if "source_zh" in row:
            row["source"] = {"en": row.pop("source_en"), "zh": row.pop("source_zh")}
        return row, reason


@dataclass(frozen=True)
class LimitShown:
    """A row in words, with how it stands."""

    state: LimitState
    figure: str
    since: date
    until: date | None
    holds_for: str
    source: str
    before: str


def form_for(kind: LimitKind) -> LimitForm:
    """The empty form of a kind of row."""
    if kind is LimitKind.PRIME_RATE:
        tenor = FormField("tenor", Entry.CHOICE, marked("For loans of"), choices=tuple(Tenor), group="tenor")
        return LimitForm((tenor, FormField("on", Entry.DAY, marked("Published on")), _PERCENT, _REASON))
    known = LICENCES | {one.licence for one in catalogue().products if one.licence}
    scope = (
        _SINCE,
        _UNTIL,
        FormField(
            "product", Entry.CHOICE, marked("Product"), optional=True, choices=catalogue().codes(), group="product"
        ),
        FormField(
            "licence", Entry.CHOICE, marked("Licence"), optional=True, choices=tuple(sorted(known)), group="licence"
        ),
        *_SOURCES,
        _REASON,
    )
    if kind is LimitKind.OWN_CARD:
        return LimitForm((FormField("most", Entry.MONEY, marked("Most that goes to the borrower's own card")), *scope))
    multiple = FormField("lpr_multiple", Entry.PERCENT, marked("Or times the one-year loan prime rate"), optional=True)
    return LimitForm((replace(_PERCENT, optional=True), multiple, *scope))


@router.get("/limits", name="limits")
def limits(request: Request, visit: StaffVisit) -> Response:
    """What is in force by kind, newest first, and what waits for a second person."""
    with showing(request, visit) as work:
        found = _shown(work, visit.language)
        in_force = [(kind, [one for one in found if _is(one, LimitStatus.IN_FORCE, kind)]) for kind in LimitKind]
        return pages.show(
            request,
            visit,
            "limits.html",
            waiting=[one for kind in LimitKind for one in found if _is(one, LimitStatus.OPEN, kind)],
            in_force=in_force,
            names=_names(work, visit),
            is_risk=allows(visit.person, Action.KEEP_LIMITS),
        )


@router.get("/limits/{kind}", name="limit_form")
def limit_form(request: Request, visit: StaffVisit, kind: LimitKind) -> Response:
    """The empty form of a row."""
    require(visit.person, Action.KEEP_LIMITS)
    return _form_page(request, visit, kind, form_for(kind))


@router.post("/limits/{kind}", name="propose_limit")
async def propose(request: Request, visit: StaffVisit, kind: LimitKind) -> Response:
    """Proposes a row; nothing changes until another person of risk puts it in force."""
    form = form_for(kind).filled(await posted(request, visit.session))
    try:
        require(visit.person, Action.KEEP_LIMITS)
        row, reason = form.read()
        await in_books(request, lambda work: propose_limit(work, visit.person, kind, row, reason))
    except LendingError as error:
        if error.http_status == 403:
            raise
        await asyncio.to_thread(refusals.note, request, visit, error)
        refused = form.with_problems(error, visit.language)
        return await asyncio.to_thread(_form_page, request, visit, kind, refused, error.http_status)
    return pages.go(request, "/limits")


@router.post("/limits/rows/{limit_id}/decision", name="decide_limit")
async def decide(request: Request, visit: StaffVisit, limit_id: Id) -> Response:
    """Another person of risk puts a row in force or refuses it."""
    fields = await posted(request, visit.session)
    reason = read_note(DecisionForm.from_fields(fields))
    outcome = LimitOutcome.APPROVE if read_verdict(fields) else LimitOutcome.REFUSE
    await in_books(request, lambda work: decide_limit(work, visit.person, limit_id, outcome, reason))
    return pages.go(request, "/limits")


def _form_page(request: Request, visit: Visit, kind: LimitKind, form: LimitForm, status: int = 200) -> Response:
    return pages.show(request, visit, "limit_form.html", status, kind=kind, form=form)


def _is(one: LimitShown, status: LimitStatus, kind: LimitKind) -> bool:
    return one.state.status is status and one.state.kind is kind


def _names(work: UnitOfWork, visit: Visit) -> dict[str, str]:
    return work.staff.names() | {SHIPPED_BY: visit.language.say("Shipped")}


def _shown(work: UnitOfWork, language: Language) -> list[LimitShown]:
    """All rows in words, those that begin last first."""
    states = limit_states(work)
    rows = {one.id: one for one in states}
    found = [_in_words(one, rows.get(one.corrects or ""), language) for one in states]
    return sorted(found, key=lambda one: one.since, reverse=True)


def _in_words(state: LimitState, corrected: LimitState | None, language: Language) -> LimitShown:
    row = ROWS[state.kind].model_validate(state.row)
    before = _figure(corrected, language) if corrected else ""
    if isinstance(row, PrimeRateRow):
        holds_for = labels.label(row.tenor, "tenor", language)
        return LimitShown(state, _figure(state, language), row.on, None, holds_for, "", before)
    holds_for = ", ".join(
        named
        for named in (
            pages.product_name(row.product, language) if row.product else "",
            labels.label(row.licence, "licence", language) if row.licence else "",
        )
        if named
    )
    return LimitShown(
        state,
        _figure(state, language),
        row.since,
        row.until,
        holds_for or language.say("All loans"),
        pages.source_name(row.named, language),
        before,
    )


def _figure(state: LimitState, language: Language) -> str:
    """What a row allows or says."""
    match ROWS[state.kind].model_validate(state.row):
        case PrimeRateRow(percent=percent) | CostCapRow(percent=str(percent)):
            return formats.percent(percent, language)
        case CostCapRow(lpr_multiple=multiple):
            return language.say("%(multiple)s times the one-year loan prime rate", multiple=multiple)
        case OwnCardRow(most=most):
            return formats.money(to_fen(most), language)
