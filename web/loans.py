"""The list of loans, and the page of one loan for the staff."""

import re
from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Query, Request, Response

from books.session import UnitOfWork
from lending.events import EventType
from models.keys import LOAN_PATTERN, workflow_id
from models.loans import Stage
from services.changes import changes_of
from services.contacts import contacts_of
from services.permissions import Action, allows
from services.products import catalogue
from services.status import schedule_of, status_of
from web import pages
from web.addresses import Number, query
from web.case import case_view
from web.changes import may_propose
from web.collateral import vehicle_part
from web.context import WebContext
from web.offers import offer_of
from web.papers import papers_of
from web.refusals import showing
from web.signing import signing_part
from web.stages import mark_of, stage_bar
from web.story import story
from web.visit import StaffVisit, Visit

router = APIRouter()

PAGE = 25

Text = Annotated[str, Query(max_length=40)]


@router.get("/loans", name="loans")
def loans(
    request: Request, visit: StaffVisit, stage: Text = "", product: Text = "", overdue: Text = "", after: Text = ""
) -> Response:
    """Loans that this person may see, newest first."""
    wanted_stage = Stage(stage) if stage in list(Stage) else None
    wanted_product = product if product in catalogue().codes() else None
    with showing(request, visit) as work:
        found = work.loans.page(
            visit.person,
            stage=wanted_stage,
            product=wanted_product,
            overdue=bool(overdue),
            after=after if re.fullmatch(LOAN_PATTERN, after) else None,
            limit=PAGE + 1,
        )
        names = work.customers.names([loan.customer_id for loan in found])
    asked = {"stage": wanted_stage or "", "product": wanted_product or "", "overdue": "yes" if overdue else ""}
    more = {**asked, "after": found[PAGE - 1].number} if len(found) > PAGE else None
    return pages.show(
        request,
        visit,
        "loans.html",
        loans=found[:PAGE],
        names=names,
        stages=list(Stage),
        products=catalogue().codes(),
        asked=asked,
        is_first=not after,
        first_page=query(asked),
        next_page=query(more) if more else None,
    )


@router.get("/loans/{number}", name="loan")
def loan(request: Request, visit: StaffVisit, number: Number) -> Response:
    """Everything about one loan."""
    context: WebContext = request.app.state.context
    with showing(request, visit) as work:
        status = status_of(work, visit.person, number)
        row = work.loans.get(number)
        names = work.staff.names()
        found = changes_of(work, visit.person, row)
        return pages.show(
            request,
            visit,
            "parts/loan_body.html" if pages.wants_fragment(request) else "loan.html",
            status=status,
            bar=stage_bar(status, mark_of(work, row)),
            live=f"/loans/{number}/stage",
            part=signing_part(work, visit, row),
            papers=papers_of(work, visit, row),
            case=case_view(work, visit, row),
            vehicle=vehicle_part(work, visit, row),
            offer=offer_of(status.terms) if status.terms else None,
            schedule=schedule_of(work, visit.person, number),
            payments=work.payments.of_loan(number),
            reversed_keys={one.body["of"] for one in work.loans.events(number) if one.type == EventType.REVERSAL},
            changes=found,
            proposable=may_propose(visit.person, row, found),
            contacts=contacts_of(work, row),
            may_enter_replies=allows(visit.person, Action.ENTER_REPLIES),
            names=names,
            story=story(status, names, work.clock, visit.language),
            temporal_url=_temporal_url(context, number),
        )


@router.get("/loans/{number}/stage", name="loan_stage")
def loan_stage(request: Request, visit: StaffVisit, number: Number, seen: Text = "") -> Response:
    """The stage bar alone, for the live refresh; nothing if it is as the page has it."""
    with showing(request, visit) as work:
        return stage_fragment(work, request, visit, number, seen, f"/loans/{number}/stage")


def stage_fragment(work: UnitOfWork, request: Request, visit: Visit, number: str, seen: str, live: str) -> Response:
    """The stage bar if it differs from the one `seen`; then the rest of the page is told to follow."""
    mark = mark_of(work, work.loans.seen_by(visit.person, number))
    if mark == seen:
        return Response(status_code=204)
    status = status_of(work, visit.person, number)
    bar = stage_bar(status, mark, to_borrower=visit.person.customer_id is not None)
    response = pages.show(request, visit, "parts/stage_bar.html", status=status, bar=bar, live=live, announced=True)
    response.headers["HX-Trigger-After-Settle"] = "loan-moved"
    return response


def _temporal_url(context: WebContext, number: str) -> str | None:
    if context.temporal_ui_url is None:
        return None
    workflow = quote(workflow_id(number), safe="")
    return f"{context.temporal_ui_url.rstrip('/')}/namespaces/{context.temporal_namespace}/workflows/{workflow}"
