"""What was said with a borrower: the messages to him, and what staff heard from him, which is entered here."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import ClassVar

from fastapi import APIRouter, Request, Response

from lending.errors import LendingError
from models.notices import ReplyChannel
from services.contacts import InvalidContact, enter_reply, read_contacts
from services.permissions import Action, allows
from web import pages, refusals
from web.addresses import Number, on_day
from web.context import WebContext
from web.forms import EnteredForm, Entry, FormField
from web.language import marked
from web.orders import heading
from web.refusals import showing
from web.session import posted
from web.visit import StaffVisit, Visit

router = APIRouter()

FIELDS = (
    FormField("channel", Entry.CHOICE, marked("How he reached you"), choices=tuple(ReplyChannel), group="channel"),
    FormField("on", Entry.DAY, marked("On which day")),
    FormField("text", Entry.LINE, marked("What he said"), marked("He can read it on his page.")),
)


@dataclass(frozen=True)
class ReplyForm(EnteredForm):
    """What a borrower said, as somebody enters it."""

    sentences: ClassVar[Mapping[str, str]] = {
        "channel": marked("Choose one of these."),
        "on": marked("Today, or a day of the last 30."),
        "text": marked("Write a sentence of at most 300 characters."),
    }

    def read(self) -> tuple[ReplyChannel, date, str]:
        """The channel, the day and the words; InvalidContact names every field that cannot be read."""
        asked, wrong = self.entered()
        on = on_day(asked.get("on", ""))
        if on is None and "on" not in wrong:
            wrong.append("on")
        if asked.get("channel") not in (None, *ReplyChannel):
            wrong.append("channel")
        if wrong or on is None:
            raise InvalidContact("a field cannot be read", fields=dict.fromkeys(wrong, ""))
        return ReplyChannel(asked["channel"]), on, asked["text"]


@router.get("/loans/{number}/contacts", name="contacts")
def contacts_page(request: Request, visit: StaffVisit, number: Number) -> Response:
    """All that was said about a loan, newest first, and the form for what is to be added. Who reads what the borrower
    said is recorded.
    """
    return _page(request, visit, number)


@router.post("/loans/{number}/contacts", name="enter_reply")
async def enter(request: Request, visit: StaffVisit, number: Number) -> Response:
    """Keeps what the borrower said; the same form sent again is the same entry."""
    fields = await posted(request, visit.session)
    return await asyncio.to_thread(_entered, request, visit, number, fields)


def _entered(request: Request, visit: Visit, number: str, fields: Mapping[str, str]) -> Response:
    context: WebContext = request.app.state.context
    form = ReplyForm(FIELDS).filled(fields)
    command: str = heading(visit.person, number, "reply", form.given_id)["command_id"]
    try:
        with context.books.begin() as work:
            loan = work.loans.seen_by(visit.person, number)
            enter_reply(work, visit.person, loan, *form.read(), command)
    except LendingError as error:
        if error.code != InvalidContact.code:
            raise
        refusals.note(request, visit, error)
        return _page(request, visit, number, form.with_problems(error, visit.language), error.http_status)
    return pages.go(request, f"/loans/{number}/contacts")


def _page(
    request: Request, visit: Visit, number: str, form: ReplyForm | None = None, http_status: int = 200
) -> Response:
    with showing(request, visit, recorded=visit.sees_replies) as work:
        loan = work.loans.seen_by(visit.person, number)
        return pages.show(
            request,
            visit,
            "contacts.html",
            http_status,
            loan=loan,
            contacts=read_contacts(work, visit.person, loan),
            may_enter=allows(visit.person, Action.ENTER_REPLIES),
            form=form or ReplyForm(FIELDS, {"on": work.today.isoformat()}),
        )
