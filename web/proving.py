"""Proofs of the audit log and the ledger for auditors: have one made, and what each came to."""

import asyncio
from functools import partial
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from engine.proving import ask_for_proof
from lending.errors import LendingError
from models.keys import ID_PATTERN
from services import proving
from web import pages, refusals
from web.addresses import Id, query
from web.context import WebContext
from web.language import marked
from web.refusals import showing
from web.session import posted
from web.visit import StaffVisit, Visit

router = APIRouter(prefix="/audit/verifications")

PAGE = 50
SAID = {"asked": marked("The proof has begun. What it comes to stands here when it is done, within minutes.")}
"""What the page says after an act."""

LastSeen = Annotated[str | None, Query(pattern=ID_PATTERN)]
Said = Annotated[str, Query(max_length=20)]


@router.get("", name="verifications")
def verifications(request: Request, visit: StaffVisit, after: LastSeen = None, said: Said = "") -> Response:
    """What proofs came to, the newest first."""
    return _page(request, visit, after=after, said=said)


def _page(
    request: Request,
    visit: Visit,
    status: int = 200,
    *,
    after: str | None = None,
    said: str = "",
    problem: str | None = None,
) -> Response:
    with showing(request, visit) as work:
        found = proving.verifications(work, visit.person, after, PAGE + 1)
        return pages.show(
            request,
            visit,
            "verifications.html",
            status,
            found=found[:PAGE],
            standing=proving.standing(work),
            staff=work.staff.names(),
            problem=problem,
            done=visit.language.say(SAID[said]) if said in SAID else "",
            is_first=after is None,
            next_page=query({"after": found[PAGE - 1].id}) if len(found) > PAGE else None,
        )


@router.post("", name="prove_audit_log")
async def prove_audit_log(request: Request, visit: StaffVisit) -> Response:
    """Has audit log and ledger proved now, or joins the proof that is under way."""
    await posted(request, visit.session)
    context: WebContext = request.app.state.context
    try:
        await ask_for_proof(context.books, context.commands.client, visit.person)
    except LendingError as error:
        problem = await refusals.told(request, visit, error)
        return await asyncio.to_thread(partial(_page, request, visit, error.http_status, problem=problem))
    return pages.go(request, "/audit/verifications?said=asked")


@router.get("/{id}", name="verification")
def verification(request: Request, visit: StaffVisit, id: Id) -> Response:
    """One proof, with what it found in words."""
    with showing(request, visit) as work:
        found = proving.verification(work, visit.person, id)
        return pages.show(request, visit, "verification.html", found=found, staff=work.staff.names())
