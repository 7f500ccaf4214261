"""Who visits a page, in which language, and who may."""

from dataclasses import dataclass, replace
from typing import Annotated

from fastapi import Depends, Request

from books.session import UnitOfWork
from models.loans import Loan
from models.sign_in import SessionState, WebSession
from models.staff import Actor, Role
from services.absences import stood_in_for
from services.errors import NotAllowed
from services.permissions import TABLE, Action, allows, check_may_speak_for, require
from services.reveals import shown_name
from services.sign_in import NOTED_EVERY, Origin, session_of
from web.context import WebContext
from web.errors import NotSignedIn
from web.language import Language, language_of
from web.session import Session, Sessions

STAFF_ROLES = TABLE[Action.USE_DESK]

_BROWSERS = (
    ("MicroMessenger/", "WeChat"),
    ("Edg/", "Edge"),
    ("Firefox/", "Firefox"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
)
"""Marks in what a browser says of itself. Most claim to be others as well, so that the first that fits counts."""
_SYSTEMS = (
    ("Android", "Android"),
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Windows", "Windows"),
    ("Mac OS", "macOS"),
    ("Linux", "Linux"),
)


@dataclass(frozen=True)
class Visit:
    """One request: whose session, acting as whom (None before the sign-in), in which language."""

    session: Session
    language: Language
    actor: Actor | None = None
    name: str = ""
    signed_in: WebSession | None = None
    """How he signed in, also while he is still about it."""

    @property
    def person(self) -> Actor:
        """Who acts; NotSignedIn before the sign-in."""
        if self.actor is None:
            raise NotSignedIn
        return self.actor

    def _may(self, action: Action) -> bool:
        return self.actor is not None and allows(self.actor, action)

    @property
    def is_staff(self) -> bool:
        """Whether a member of staff visits."""
        return self._may(Action.USE_DESK)

    @property
    def searches_customers(self) -> bool:
        """Whether this person may search for customers."""
        return self._may(Action.SEARCH_CUSTOMERS)

    @property
    def sees_funds(self) -> bool:
        """Whether the flow of funds is for this person."""
        return self._may(Action.SEE_FUNDS)

    @property
    def sees_listings(self) -> bool:
        """Whether the lender's own list, and who was found on which, is for this person."""
        return self._may(Action.SEE_LISTINGS)

    @property
    def sees_warnings(self) -> bool:
        """Whether early warnings are for this person."""
        return self._may(Action.SEE_WARNINGS)

    @property
    def sees_replies(self) -> bool:
        """Whether what borrowers said is for this person to read."""
        return self._may(Action.SEE_REPLIES)

    @property
    def sees_names(self) -> bool:
        """Whether customers' and parties' names are shown to this person in full."""
        return self._may(Action.SEE_NAMES)

    @property
    def sees_policies(self) -> bool:
        """Whether the rules are for this person."""
        return self._may(Action.SEE_POLICIES)

    @property
    def sees_permissions(self) -> bool:
        """Whether the table of permissions is for this person."""
        return self._may(Action.SEE_PERMISSIONS)

    @property
    def sees_audit(self) -> bool:
        """Whether the audit log is for this person."""
        return self._may(Action.READ_AUDIT)

    @property
    def sees_others(self) -> bool:
        """Whether this person sees all loans, and so may know on which others the same vehicle or file stands."""
        return self._may(Action.SEE_OTHERS)

    def speaks_for(self, loan: Loan) -> bool:
        """Whether the borrower of a loan visits, or somebody who speaks for him."""
        try:
            check_may_speak_for(self.person, loan)
        except NotAllowed:
            return False
        return True

    def named(self, name: str) -> str:
        """The name of a customer or party as it is for this visitor."""
        return shown_name(self.person, name)

    def home_of(self, number: str) -> str:
        """The address of a loan's own page for this visitor."""
        return f"/loans/{number}" if self.is_staff else f"/my/{number}"


def address_of(request: Request) -> str | None:
    """Where a request comes from."""
    return request.client.host if request.client else None


def request_id_of(request: Request) -> str:
    """By what a request is found again in logs and in the audit log."""
    given: str = request.state.request_id
    return given


def origin_of(request: Request) -> Origin:
    """Where a request comes from, and with what."""
    return Origin(address_of(request), browser_of(request.headers.get("user-agent", "")))


def browser_of(agent: str) -> str | None:
    """A browser and its system in two words, by which its owner knows it again; no more of it is kept."""
    names = [next((name for mark, name in marks if mark in agent), "") for marks in (_BROWSERS, _SYSTEMS)]
    return ", ".join(filter(None, names)) or None


def stranger(request: Request) -> Visit:
    """The visit of somebody whom we do not ask who he is."""
    sessions: Sessions = request.app.state.sessions
    return Visit(sessions.read(request) or sessions.new(), language_of(request))


def visit_of(request: Request) -> Visit:
    """The visit, its person looked up in the books: who was signed out elsewhere is a stranger at his next click."""
    visit = stranger(request)
    context: WebContext = request.app.state.context
    sessions: Sessions = request.app.state.sessions
    if sessions.read(request) is not None:
        # His name is only shown, and that somebody damaged it keeps nobody from his work.
        with context.books.read() as work, work.showing():
            visit = _known(work, visit, address_of(request), request_id_of(request))
            now = work.now
        held = visit.signed_in
        # What a page fetches by itself keeps nobody signed in.
        if held is not None and not _is_by_itself(request) and held.seen_at + NOTED_EVERY < now:
            with context.books.begin() as work:
                work.sign_in.seen(held.id, work.now)
    request.state.visit = visit
    return visit


def seen_visit(request: Request) -> Visit:
    """The visit as far as the request got: that of a stranger where nobody was looked up."""
    visit: Visit | None = getattr(request.state, "visit", None)
    return visit or stranger(request)


def _known(work: UnitOfWork, visit: Visit, address: str | None, request_id: str) -> Visit:
    found = session_of(work, visit.session.id)
    if found is None:
        return visit
    held, person = found
    if held.state is not SessionState.OPEN:
        return replace(visit, signed_in=held)
    if person is None:
        actor = Actor(held.customer_id or "", Role.BORROWER, held.customer_id, address, request_id)
        return replace(visit, signed_in=held, actor=actor)
    away = stood_in_for(work, person.id, work.today)
    actor = Actor(person.id, person.role, None, address, request_id, away)
    return replace(visit, signed_in=held, actor=actor, name=person.name)


def _is_by_itself(request: Request) -> bool:
    return request.method == "GET" and request.headers.get("hx-request") == "true"


AnyVisit = Annotated[Visit, Depends(visit_of)]


def _at_desk(visit: AnyVisit) -> Visit:
    require(visit.person, Action.USE_DESK)
    return visit


def _on_own_pages(visit: AnyVisit) -> Visit:
    require(visit.person, Action.USE_OWN_PAGES)
    return visit


StaffVisit = Annotated[Visit, Depends(_at_desk)]
"""A signed-in member of staff."""
BorrowerVisit = Annotated[Visit, Depends(_on_own_pages)]
"""A signed-in borrower."""
