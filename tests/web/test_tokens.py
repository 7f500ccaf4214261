"""Tokens of people for the API: listed and ended at the pages, and made there by who came from a provider."""

import re
from collections.abc import Iterator
from datetime import timedelta

import pytest

from api.sign_in import NotSignedIn, SignIn
from books.session import Books
from gateways.oidc import OidcProvider
from models.staff import Actor, Role
from services.second_factor import new_recovery_codes
from services.sign_in import Origin, kept_hash
from services.sign_in_tokens import LASTS, give_token
from tests.servers.provider import CLIENT, SECRET, Provider, identity_provider
from tests.web.conftest import Come
from tests.web.serving import Visitor, serving, words
from tests.web.sign_in import NEXT_PASSWORD, PASSWORD, first_sign_in, send
from tests.web.test_provider_sign_in import comes_back


async def holder(books: Books, token: str) -> Actor | None:
    """Whom the API takes the token's holder for."""
    try:
        return await SignIn(books, demo_keys=False).actor(f"Bearer {token}")
    except NotSignedIn:
        return None


def token_by_password(books: Books, staff_id: str = "agent-neu") -> str:
    """A token as the API gives it."""
    with books.begin() as work:
        code = new_recovery_codes(work, staff_id)[0]
        given = give_token(work, staff_id, kept_hash(work, staff_id), code, Origin("192.0.2.9"), LASTS)
    assert given is not None
    return given.text


async def test_a_token_stands_beside_the_sessions_and_is_ended_there(come: Come, books: Books) -> None:
    visitor = come()
    first_sign_in(visitor, books)
    token = token_by_password(books)
    assert await holder(books, token) == Actor("agent-neu", Role.AGENT)

    page = visitor.get("/sessions")

    listed = words(page.text)
    assert "Token for the API ends at " in listed
    assert "192.0.2.9 By password with a second factor" in listed
    assert token not in page.text
    assert "Make a token" not in listed
    (other,) = re.findall(r'name="session" value="([0-9a-f]{32})"', page.text)
    said = send(visitor, page, "/sessions/end", session=other)
    assert "That session has ended." in words(said.text)
    assert await holder(books, token) is None


@pytest.mark.parametrize("how", ["others", "password"])
async def test_what_ends_the_other_sessions_ends_tokens(come: Come, books: Books, how: str) -> None:
    visitor = come()
    first_sign_in(visitor, books)
    token = token_by_password(books)

    page = visitor.get("/sessions")
    send(visitor, page, f"/sessions/{how}", old=PASSWORD, password=NEXT_PASSWORD, again=NEXT_PASSWORD)

    assert await holder(books, token) is None
    assert visitor.get("/inbox").url.path == "/inbox"


def test_a_token_opens_no_page(come: Come, books: Books) -> None:
    visitor = come()
    first_sign_in(visitor, books)
    visitor.client.cookies.set("loanwright_session", token_by_password(books))

    assert visitor.get("/inbox").url.path == "/sign-in"


@pytest.fixture
def provider() -> Iterator[Provider]:
    """A provider of this test alone."""
    with identity_provider() as made:
        yield made


@pytest.fixture
def guest(books: Books, provider: Provider) -> Iterator[Visitor]:
    """Somebody whom the provider lets in; there is no demonstration."""
    known = OidcProvider(provider.url, CLIENT, SECRET, "preferred_username")
    with serving(books, provider=known, demo=False) as url:
        made = Visitor(url)
        yield made
        made.close()


async def test_who_came_with_a_second_factor_makes_a_token_that_is_shown_once(
    guest: Visitor, provider: Provider, books: Books
) -> None:
    provider.claims = {"amr": ["pwd", "otp"]}
    comes_back(guest)

    page = send(guest, guest.get("/sessions"), "/sessions/token")

    assert page.status_code == 200
    assert page.headers["cache-control"] == "no-store"
    (token,) = re.findall(r'<code id="token"[^>]*>(lwp_[A-Za-z0-9_-]{43})</code>', page.text)
    assert await holder(books, token) == Actor("manager-zhao", Role.MANAGER)
    assert token not in guest.get("/sessions").text
    with books.read() as work:
        (issued,) = [one for one in work.audit.page() if one.act == "token_issued"]
        kept = [one for one in work.sign_in.sessions_of("manager-zhao", None, work.now) if one.token_role]
    assert (issued.actor_id, issued.after) == ("manager-zhao", {"method": "provider", "seconds": 900})
    assert [one.method for one in kept] == ["provider"]


def test_a_token_ends_with_the_session_that_it_came_from_at_the_latest(
    guest: Visitor, provider: Provider, books: Books
) -> None:
    provider.claims = {"amr": ["mfa"]}
    comes_back(guest)
    with books.begin() as work:
        (held,) = work.sign_in.sessions_of("manager-zhao", None, work.now)
        held.ends_at = ends_at = work.now + timedelta(minutes=5)

    send(guest, guest.get("/sessions"), "/sessions/token")

    with books.read() as work:
        assert {one.ends_at for one in work.sign_in.sessions_of("manager-zhao", None, work.now)} == {ends_at}


def test_without_a_second_factor_there_is_no_token(guest: Visitor, books: Books) -> None:
    comes_back(guest)

    page = send(guest, guest.get("/sessions"), "/sessions/token")

    assert page.status_code == 403
    assert "The identity provider did not say that you did." in words(page.text)
    with books.read() as work:
        (refused,) = [one for one in work.audit.page() if one.refused]
    assert (refused.actor_id, refused.act) == ("manager-zhao", "give_token")


@pytest.mark.parametrize("who", ["by password", "borrower of nobody", "demo"])
def test_whoever_came_otherwise_makes_none_here(come: Come, books: Books, who: str) -> None:
    visitor = come("manager-zhao") if who == "demo" else come()
    if who == "by password":
        first_sign_in(visitor, books)
    page = visitor.get("/sessions")

    answer = send(visitor, page, "/sessions/token")

    assert answer.status_code == 422 if who != "borrower of nobody" else answer.url.path == "/sign-in"
    with books.read() as work:
        assert [one for one in work.audit.page(limit=500) if one.act == "token_issued"] == []
