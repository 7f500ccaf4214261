"""Sessions: kept by us, seen and ended by their owner, and never longer than they should be."""

import re
from datetime import timedelta

import httpx
import pytest
from sqlmodel import select

from books.session import Books
from models.sign_in import WebSession
from services.sign_in import BORROWER_SPAN, STAFF_SPAN
from tests.services.procedure import Procedure
from tests.web.conftest import Come
from tests.web.serving import words
from tests.web.sign_in import NEXT_PASSWORD, PASSWORD, by_password, first_sign_in, send
from web.session import COOKIE, Sessions
from web.visit import browser_of


def earlier(books: Books, span: timedelta, column: str) -> None:
    """As if all sessions had been seen, or ended, earlier by this span."""
    with books.begin() as work:
        for one in work.session.exec(select(WebSession)):
            setattr(one, column, getattr(one, column) - span)
            work.session.add(one)


def test_somebody_sees_where_he_is_signed_in_and_nobody_elses_sessions(come: Come) -> None:
    here, there = come("manager-zhao"), come("manager-zhao", address="127.0.0.2")
    come("risk-qian")

    page = here.get("/sessions")

    assert page.text.count("<tr>") - 1 == 2
    assert "127.0.0.2" in page.text
    assert page.text.count("this one") == 1
    assert there.get("/inbox").url.path == "/inbox"


def test_one_session_can_be_ended_from_another(come: Come, books: Books) -> None:
    here, there = come("manager-zhao"), come("manager-zhao")
    page = here.get("/sessions")
    other = re.search(r'name="session" value="([0-9a-f]{32})"', page.text)
    assert other is not None

    answer = send(here, page, "/sessions/end", session=other[1])

    assert "That session has ended." in words(answer.text)
    assert there.get("/inbox").url.path == "/sign-in"
    assert here.get("/inbox").url.path == "/inbox"
    with books.read() as work:
        # That somebody came with the ended one is a refusal of its own.
        assert [entry.act for entry in work.audit.page()][-2:] == ["session_ended", "session_refused"]


@pytest.mark.parametrize("given", ["", "x", "' OR 1=1", None])
def test_nobody_ends_the_session_of_somebody_else(come: Come, books: Books, given: str | None) -> None:
    here, other = come("manager-zhao"), come("risk-qian")
    with books.read() as work:
        (theirs,) = work.sign_in.sessions_of("risk-qian", None, work.now)

    send(here, here.get("/sessions"), "/sessions/end", session=theirs.id if given is None else given)

    assert other.get("/inbox").url.path == "/inbox"


def test_signing_out_everywhere_else_leaves_this_session(come: Come) -> None:
    here, others = come("manager-zhao"), [come("manager-zhao") for _ in range(3)]

    answer = send(here, here.get("/sessions"), "/sessions/others")

    assert "You are signed in here and nowhere else." in words(answer.text)
    assert [one.get("/inbox").url.path for one in others] == ["/sign-in"] * 3
    assert here.get("/inbox").url.path == "/inbox"


def test_who_signs_out_leaves_a_cookie_that_is_worth_nothing(come: Come) -> None:
    visitor = come("manager-zhao")
    cookie = visitor.client.cookies[COOKIE]
    visitor.post("/sign-out", seen_at="/")
    visitor.client.cookies.set(COOKIE, cookie)

    assert visitor.get("/inbox").url.path == "/sign-in"


@pytest.mark.parametrize(("column", "span"), [("seen_at", STAFF_SPAN.idle), ("ends_at", STAFF_SPAN.most)])
def test_a_session_ends_when_nobody_uses_it_and_at_last_in_any_case(
    come: Come, books: Books, column: str, span: timedelta
) -> None:
    visitor = come("manager-zhao")
    earlier(books, span - timedelta(minutes=1), column)
    assert visitor.get("/inbox").url.path == "/inbox"
    earlier(books, span, column)

    assert visitor.get("/inbox").url.path == "/sign-in"


def test_a_borrowers_session_is_shorter(come: Come, books: Books, procedure: Procedure) -> None:
    loan = procedure.graded()
    visitor = come()
    visitor.sign_in_as_borrower(loan, "0001")
    earlier(books, BORROWER_SPAN.idle, "seen_at")

    assert visitor.get(f"/my/{loan}").url.path == "/sign-in"


def test_what_a_page_fetches_by_itself_keeps_nobody_signed_in(come: Come, books: Books) -> None:
    visitor = come("manager-zhao")

    def seen() -> object:
        with books.read() as work:
            return work.sign_in.sessions_of("manager-zhao", None, work.now)[0].seen_at

    earlier(books, timedelta(minutes=5), "seen_at")
    before = seen()
    visitor.get("/inbox/rows", headers={"HX-Request": "true"})
    assert seen() == before
    visitor.get("/inbox")
    assert seen() != before


def test_a_click_writes_down_once_a_minute_that_he_was_here(come: Come, books: Books) -> None:
    visitor = come("manager-zhao")
    visitor.get("/inbox")
    with books.read() as work:
        (held,) = work.sign_in.sessions_of("manager-zhao", None, work.now)

    assert held.seen_at == held.created_at


def test_a_password_is_changed_by_who_knows_it_and_all_other_sessions_end(come: Come, books: Books) -> None:
    here = come()
    phone, _ = first_sign_in(here, books)
    there = come()
    send(there, by_password(there, "agent-neu", PASSWORD), "/sign-in/code", code=phone.code())
    assert there.get("/inbox").url.path == "/inbox"

    page = here.get("/sessions")
    wrong = send(here, page, "/sessions/password", old="wrong", password=NEXT_PASSWORD, again=NEXT_PASSWORD)
    assert wrong.status_code == 422
    assert "This is not your password." in words(wrong.text)
    answer = send(here, page, "/sessions/password", old=PASSWORD, password=NEXT_PASSWORD, again=NEXT_PASSWORD)

    assert "Your password is changed." in words(answer.text)
    assert there.get("/inbox").url.path == "/sign-in"
    assert here.get("/inbox").url.path == "/inbox"
    assert by_password(come(), "agent-neu", PASSWORD).status_code == 422
    assert by_password(come(), "agent-neu", NEXT_PASSWORD).url.path == "/sign-in/code"


def test_new_recovery_codes_ask_for_the_password(come: Come, books: Books) -> None:
    visitor = come()
    _, codes = first_sign_in(visitor, books)
    page = visitor.get("/sessions")

    assert send(visitor, page, "/sessions/recovery-codes", old="wrong").status_code == 422
    shown = send(visitor, page, "/sessions/recovery-codes", old=PASSWORD)
    assert shown.status_code == 200
    assert len(re.findall(r"<code>[A-Z2-7-]{19}</code>", shown.text)) == 10
    assert not any(code in shown.text for code in codes)


def test_who_came_without_a_password_has_none_to_change(come: Come) -> None:
    visitor = come("manager-zhao")
    page = visitor.get("/sessions")

    assert "Change your password" not in words(page.text)
    assert send(visitor, page, "/sessions/password", old="", password=PASSWORD, again=PASSWORD).status_code == 422
    assert send(visitor, page, "/sessions/recovery-codes", old="").status_code == 422


def test_an_id_that_an_attacker_chose_is_never_signed_in(come: Come) -> None:
    visitor = come()
    planted = "A" * 43
    visitor.client.cookies.set(COOKIE, planted)
    visitor.post("/sign-in", staff_id="manager-zhao")
    other = come()
    other.client.cookies.set(COOKIE, planted)

    assert other.get("/inbox").url.path == "/sign-in"


def test_over_tls_the_cookie_is_this_hosts_alone(pages: str) -> None:
    answer = httpx.get(f"{pages}/sign-in", headers={"X-Forwarded-Proto": "https"}, verify=False)
    cookie = answer.headers["set-cookie"]

    assert cookie.startswith(f"__Host-{COOKIE}=")
    assert "Secure" in cookie
    assert "Path=/" in cookie
    assert "Domain" not in cookie


def test_the_cookie_of_the_language_goes_over_tls_where_the_pages_do(come: Come) -> None:
    visitor = come()

    def given(**headers: str) -> str:
        """The cookie that comes with the language chosen."""
        with httpx.Client(verify=False, headers=headers) as client:
            page = client.get(f"{visitor.url}/sign-in")
            found = re.search(r'name="csrf" value="([^"]*)"', page.text)
            assert found is not None
            sent = "; ".join(one.partition(";")[0] for one in page.headers.get_list("set-cookie"))
            answer = client.post(
                f"{visitor.url}/language", data={"csrf": found[1], "language": "en"}, headers={"Cookie": sent}
            )
            (cookie,) = [one for one in answer.headers.get_list("set-cookie") if one.startswith("loanwright_language=")]
        return cookie

    assert "Secure" not in given()
    assert "; Secure" in given(**{"X-Forwarded-Proto": "https"})


def test_the_token_of_a_form_belongs_to_one_cookie_and_one_secret() -> None:
    one = Sessions("one").with_id("a" * 43)

    assert one.csrf != Sessions("one").with_id("b" * 43).csrf
    assert one.csrf != Sessions("two").with_id("a" * 43).csrf
    assert "a" * 43 not in repr(one)
    assert one.csrf not in repr(one)


@pytest.mark.parametrize(
    ("agent", "name"),
    [
        ("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0", "Firefox, Linux"),
        ("Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/140.0 Safari/537.36 Edg/140.0", "Edge, Windows"),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) MicroMessenger/8.0", "WeChat, iPhone"),
        ("", None),
        ("curl/8", None),
    ],
)
def test_a_browser_is_named_in_two_words(agent: str, name: str | None) -> None:
    assert browser_of(agent) == name
