"""Members of staff who sign in with a password, for the tests of the pages."""

import re
from datetime import UTC, datetime

import httpx
import pyotp

from books.session import Books
from models.staff import Role
from services.audit import SYSTEM
from services.staff import add_person
from tests.web.serving import Visitor, hidden

PASSWORD = "vier Pferde ziehen einen Wagen"
NEXT_PASSWORD = "fuenf Pferde ziehen zwei Wagen"


def employed(books: Books, staff_id: str = "agent-neu", role: Role = Role.AGENT) -> str:
    """Adds somebody; the password for his first sign-in."""
    with books.begin() as work:
        return add_person(work, SYSTEM, staff_id, "新同事", role, None)


def by_password(visitor: Visitor, staff_id: str, password: str, back: str = "/") -> httpx.Response:
    """Tries to come in by password."""
    return visitor.post("/sign-in/password", staff_id=staff_id, password=password, next=back)


def send(visitor: Visitor, page: httpx.Response, action: str, **fields: str) -> httpx.Response:
    """Sends a form that stands on this page."""
    return visitor.client.post(action, data={"csrf": hidden(page.text, "csrf"), **fields})


class Authenticator:
    """The application on somebody's phone. It never shows the same code twice."""

    def __init__(self, secret: str) -> None:
        self._codes = pyotp.TOTP(secret)
        self._step = int(datetime.now(UTC).timestamp()) // 30 - 1

    @classmethod
    def reading(cls, page: httpx.Response) -> "Authenticator":
        """Set up by the key on the enrolment page."""
        found = re.search(r'<code id="secret">([A-Z2-7 ]+)</code>', page.text)
        assert found is not None
        return cls(found[1].replace(" ", ""))

    def code(self) -> str:
        """A code that is good now and was not shown before; two of them in half a minute, at most."""
        self._step += 1
        return self._codes.generate_otp(self._step)


def first_sign_in(visitor: Visitor, books: Books, staff_id: str = "agent-neu") -> tuple[Authenticator, list[str]]:
    """Goes all the way of a new colleague: his authenticator and his recovery codes."""
    page = by_password(visitor, staff_id, employed(books, staff_id))
    assert page.url.path == "/sign-in/new-password", page.text
    page = send(visitor, page, "/sign-in/new-password", password=PASSWORD, again=PASSWORD)
    assert page.url.path == "/sign-in/enrolment", page.text
    phone = Authenticator.reading(page)
    page = send(visitor, page, "/sign-in/enrolment", code=phone.code())
    codes = re.findall(r"<code>([A-Z2-7-]{19})</code>", page.text)
    assert len(codes) == 10, page.text
    return phone, codes
