"""Who visits a page, in which language, and who may."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request

from models.keys import new_id
from models.loans import Loan
from models.staff import Actor, Role
from services.absences import stood_in_for
from services.errors import NotAllowed
from services.permissions import (
    MAY_SEE_FUNDS,
    MAY_SEE_LISTINGS,
    MAY_SEE_POLICIES,
    MAY_SEE_WARNINGS,
    check_may_speak_for,
)
from web.context import WebContext
from web.errors import NotSignedIn
from web.language import Language, language_of
from web.session import Session, Sessions

STAFF_ROLES = (Role.AGENT, Role.MANAGER, Role.RISK, Role.FINANCE, Role.AUDITOR, Role.ADMIN)
SEES_OTHERS = frozenset({Role.RISK, Role.AUDITOR})


@dataclass(frozen=True)
class Visit:
    """One request: whose session, acting as whom (None before the sign-in), in which language."""

    session: Session
    language: Language
    actor: Actor | None = None
    name: str = ""

    @property
    def person(self) -> Actor:
        """Who acts; NotSignedIn before the sign-in."""
        if self.actor is None:
            raise NotSignedIn
        return self.actor

    @property
    def is_staff(self) -> bool:
        """Whether a member of staff visits."""
        return self.actor is not None and self.actor.role in STAFF_ROLES

    @property
    def sees_funds(self) -> bool:
        """Whether the flow of funds is for this person."""
        return self.actor is not None and self.actor.role in MAY_SEE_FUNDS

    @property
    def sees_listings(self) -> bool:
        """Whether the lender's own list, and who was found on which, is for this person."""
        return self.actor is not None and self.actor.role in MAY_SEE_LISTINGS

    @property
    def sees_warnings(self) -> bool:
        """Whether early warnings are for this person."""
        return self.actor is not None and self.actor.role in MAY_SEE_WARNINGS

    @property
    def sees_policies(self) -> bool:
        """Whether the rules are for this person."""
        return self.actor is not None and self.actor.role in MAY_SEE_POLICIES

    @property
    def sees_others(self) -> bool:
        """Whether this person sees all loans, and so may know on which others the same vehicle or file stands."""
        return self.actor is not None and self.actor.role in SEES_OTHERS

    def speaks_for(self, loan: Loan) -> bool:
        """Whether the borrower of a loan visits, or somebody who speaks for him."""
        try:
            check_may_speak_for(self.person, loan)
        except NotAllowed:
            return False
        return True

    def home_of(self, number: str) -> str:
        """The address of a loan's own page for this visitor."""
        return f"/loans/{number}" if self.is_staff else f"/my/{number}"


def address_of(request: Request) -> str | None:
    """Where a request comes from."""
    return request.client.host if request.client else None


def stranger(request: Request) -> Visit:
    """The visit of somebody whom we do not ask who he is."""
    sessions: Sessions = request.app.state.sessions
    return Visit(sessions.read(request) or Session(), language_of(request))


def visit_of(request: Request) -> Visit:
    """The visit, its person looked up in the books: a dismissed colleague is a stranger at his next click."""
    visit = stranger(request)
    context: WebContext = request.app.state.context
    address = address_of(request)
    session = visit.session
    if session.customer_id is not None:
        actor = Actor(session.customer_id, Role.BORROWER, session.customer_id, address, new_id())
        visit = Visit(session, visit.language, actor)
    elif session.staff_id is not None:
        with context.books.read() as work:
            person = work.staff.get(session.staff_id)
            if person is not None and person.active:
                away = stood_in_for(work, person.id, work.today)
                actor = Actor(person.id, person.role, None, address, new_id(), away)
                visit = Visit(session, visit.language, actor, person.name)
    request.state.visit = visit
    return visit


AnyVisit = Annotated[Visit, Depends(visit_of)]


def _only(*roles: Role) -> Callable[[Visit], Visit]:
    def check(visit: AnyVisit) -> Visit:
        if visit.person.role not in roles:
            raise NotAllowed(f"this page is not for the role {visit.person.role}")
        return visit

    return check


StaffVisit = Annotated[Visit, Depends(_only(*STAFF_ROLES))]
"""A signed-in member of staff."""
BorrowerVisit = Annotated[Visit, Depends(_only(Role.BORROWER))]
"""A signed-in borrower."""
