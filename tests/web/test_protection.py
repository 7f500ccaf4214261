"""Forms of other sites, headers, and pages that are not for everybody."""

import re
import socket
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest
from sqlalchemy import event, text

from books.session import Books
from models.staff import Role
from models.tasks import TaskKind
from tests.servers.routes import Address, addresses
from tests.services.procedure import OTHER_AGENT, Procedure
from tests.web.asking import FROM_ANOTHER_SITE, STAFF, TAKES_A_FILE, ask, borrower, made_web, path_of
from tests.web.conftest import Come
from tests.web.serving import Visitor, words
from web.permitted import roles_of
from web.session import LARGEST_FORM

BORROWERS_ACTS = ("acceptance", "completion", "withdrawal", "prepayment")


@dataclass(frozen=True)
class Sent:
    """A form that can be sent, and somebody whose role may send it: anybody else is refused before it is looked at."""

    address: Address
    visitor: Visitor


@pytest.fixture
def forms(come: Come, books: Books, procedure: Procedure) -> list[Sent]:
    """Every form of our pages."""
    people: dict[Role | None, Visitor] = {role: come(name) for name, role in STAFF.items()}
    people |= {None: come(), Role.BORROWER: borrower(come, procedure, procedure.offered())}
    found = []
    for address in addresses(made_web(books)):
        if address.method == "POST" and address.name != FROM_ANOTHER_SITE:
            roles = roles_of(address.name, address.endpoint) or {None}
            found.append(Sent(address, next(visitor for role, visitor in people.items() if role in roles)))
    assert len(found) > 50
    return found


@pytest.mark.parametrize("token", ["", "guessed"])
def test_a_form_without_our_token_is_refused(forms: list[Sent], token: str) -> None:
    answers = {sent.address: ask(sent.visitor, sent.address, token) for sent in forms}

    assert [address for address, answer in answers.items() if answer.status_code != 403] == []
    assert all("sent from another site" in words(answer.text) for answer in answers.values())


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://["},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
def test_a_form_that_another_site_sent_is_refused_even_with_the_token(come: Come, headers: dict[str, str]) -> None:
    visitor = come("manager-zhao")

    answer = visitor.client.post("/sign-out", data={"csrf": visitor.token("/")}, headers=headers)

    assert answer.status_code == 403
    assert visitor.get("/inbox").url.path == "/inbox"


def test_the_token_of_another_session_is_refused(come: Come) -> None:
    first, second = come("manager-zhao"), come("risk-qian")

    answer = second.client.post("/sign-out", data={"csrf": first.token("/")})

    assert answer.status_code == 403


@pytest.mark.parametrize("is_declared", [True, False])
def test_a_form_above_the_limit_is_refused(forms: list[Sent], is_declared: bool) -> None:
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    body = b"reason=" + b"x" * LARGEST_FORM
    for sent in forms:
        if sent.address.name not in TAKES_A_FILE:
            answer = sent.visitor.client.post(
                path_of(sent.address), content=body if is_declared else iter([body]), headers=headers
            )
            assert answer.status_code == 413, sent.address
            assert "What was sent is too large" in words(answer.text)


def test_a_stranger_with_a_huge_form_gets_a_page_in_his_language(come: Come) -> None:
    answer = come(language="zh").client.post("/sign-in", data={"staff_id": "x" * LARGEST_FORM})

    assert answer.status_code == 413
    assert answer.headers["connection"] == "close"
    assert "提交的内容过大" in answer.text
    assert "<h1>内容过大</h1>" in answer.text


def test_a_form_far_above_the_limit_is_refused_unread(come: Come) -> None:
    address = come().client.base_url
    head = (
        f"POST /sign-in HTTP/1.1\r\nHost: {address.netloc.decode()}\r\nContent-Length: {100 * LARGEST_FORM}\r\n"
        "Content-Type: application/x-www-form-urlencoded\r\n\r\n"
    )

    with socket.create_connection((address.host, address.port), timeout=10) as line:
        line.sendall(head.encode() + b"staff_id=x")

        assert line.recv(20).split()[1] == b"413"


def test_a_form_just_within_the_limit_is_read(come: Come) -> None:
    visitor = come()
    fields = {"csrf": visitor.token(), "staff_id": "manager-zhao", "more": ""}
    body = urlencode(fields).encode()

    answer = visitor.client.post(
        "/sign-in",
        content=body + b"x" * (LARGEST_FORM - len(body)),
        headers={"Content-Type": "application/x-www-form-urlencoded"},
    )

    assert (answer.status_code, answer.url.path) == (200, "/")


def test_a_form_in_parts_is_none_of_ours(come: Come) -> None:
    visitor = come("manager-zhao")

    answer = visitor.client.post("/sign-out", files={"csrf": (None, visitor.token("/"))})

    assert answer.status_code == 403
    assert visitor.get("/inbox").url.path == "/inbox"


@pytest.mark.parametrize("path", ["/loans/L2600%000001", "/loans/L26000001%00/stage", "/tasks/%00", "/tasks/%00/offer"])
def test_what_is_no_number_and_no_task_is_not_found(come: Come, books: Books, path: str) -> None:
    visitor = come("manager-zhao")
    statements: list[Any] = []
    event.listen(books.engine, "before_cursor_execute", lambda *call: statements.append(call[3]))

    assert visitor.get(path).status_code == 404
    assert r"\x00" not in repr(statements)


@pytest.mark.parametrize("path", ["/loans?after=L2600%000001", "/inbox?after=2026-01-05_%00"])
def test_a_place_in_a_list_that_is_none_is_the_beginning(come: Come, books: Books, path: str) -> None:
    visitor = come("manager-zhao")
    statements: list[Any] = []
    event.listen(books.engine, "before_cursor_execute", lambda *call: statements.append(call[3]))

    assert visitor.get(path).status_code == 200
    assert r"\x00" not in repr(statements)


def test_pages_carry_a_strict_content_policy_and_are_not_kept(come: Come) -> None:
    headers = come("manager-zhao").get("/").headers

    assert "script-src 'self'" in headers["content-security-policy"]
    assert "unsafe" not in headers["content-security-policy"]
    assert headers["cache-control"] == "no-store"
    assert headers["x-content-type-options"] == "nosniff"


def test_no_page_has_a_script_or_a_style_of_its_own(come: Come, procedure: Procedure) -> None:
    loan = procedure.graded()
    task = procedure.task(loan, TaskKind.APPROVAL).id
    visitor = come("manager-zhao")

    for path in ("/", "/inbox", "/loans", f"/loans/{loan}", f"/tasks/{task}"):
        html = visitor.get(path).text
        assert re.search(r"<script(?![^>]* src=)|<style| style=| on[a-z]+=|javascript:", html) is None, path


def test_styles_and_scripts_are_kept_by_browsers_as_long_as_they_are_the_same(come: Come) -> None:
    visitor = come()
    address = re.search(r'href="(/static/app\.css\?v=[^"]+)"', visitor.get("/sign-in").text)
    assert address is not None

    answer = visitor.get(address.group(1))

    assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert answer.headers["content-encoding"] == "gzip"


@pytest.mark.parametrize("staff_id", STAFF)
def test_every_member_of_staff_has_overview_inbox_and_loans(come: Come, staff_id: str) -> None:
    visitor = come(staff_id)

    for path in ("/", "/inbox", "/inbox/rows", "/loans"):
        answer = visitor.get(path)
        assert (answer.status_code, answer.url.path) == (200, path)
        assert answer.text.count("<h1") == (0 if path == "/inbox/rows" else 1)


@pytest.mark.parametrize("path", ["/inbox", "/inbox/rows", "/loans", "/loans/L26000001", "/tasks/0123"])
def test_a_borrower_sees_no_page_of_the_staff(come: Come, procedure: Procedure, books: Books, path: str) -> None:
    loan = procedure.graded()
    visitor = come()
    visitor.sign_in_as_borrower(loan, "0001")

    answer = visitor.get(path)

    assert answer.status_code == 403
    assert "Your role may not do this." in words(answer.text)
    with books.read() as work:
        assert [entry.role for entry in work.audit.page() if entry.refused] == ["borrower"]


@pytest.mark.parametrize("path", ["", "/stage", "/withdrawal", "/prepayment"])
def test_a_member_of_staff_sees_no_page_of_a_borrower(come: Come, procedure: Procedure, path: str) -> None:
    loan = procedure.graded()

    assert come("manager-zhao").get(f"/my/{loan}{path}").status_code == 403


@pytest.mark.parametrize("path", ["", "/stage", "/withdrawal"])
def test_a_borrower_does_not_find_the_loan_of_somebody_else(come: Come, procedure: Procedure, path: str) -> None:
    own, other = procedure.graded(), procedure.graded()
    visitor = come()
    visitor.sign_in_as_borrower(own, "0001")

    assert visitor.get(f"/my/{other}{path}").status_code == 404


@pytest.mark.parametrize("act", BORROWERS_ACTS)
def test_a_borrower_commands_no_loan_of_somebody_else(come: Come, procedure: Procedure, act: str) -> None:
    own, other = procedure.offered(), procedure.offered()
    visitor = come()
    visitor.sign_in_as_borrower(own, "0001")

    assert visitor.post(f"/my/{other}/{act}", seen_at=f"/my/{own}").status_code == 404


def test_an_agent_does_not_find_the_loan_of_a_colleague_and_the_refusal_is_kept(
    come: Come, procedure: Procedure, books: Books
) -> None:
    loan = procedure.graded(actor=OTHER_AGENT)
    agent = come("agent-lin")

    assert loan not in agent.get("/loans").text
    answer = agent.get(f"/loans/{loan}")
    assert answer.status_code == 404
    assert agent.get(f"/loans/{loan}/stage").status_code == 404
    with books.read() as work:
        refused = [
            (entry.act, entry.actor_id, entry.loan, entry.subject) for entry in work.audit.page() if entry.refused
        ]
    # It stands in no history of the loan, for its own people do not read who asked for it.
    assert refused == [("loan", "agent-lin", None, loan), ("loan_stage", "agent-lin", None, loan)]


@pytest.mark.parametrize("path", ["/nothing", "/loans/L26000001/nothing"])
def test_an_unknown_address_answers_in_the_visitors_language(come: Come, path: str) -> None:
    english, chinese = come("manager-zhao"), come("manager-zhao", language="zh-CN")

    assert "There is no page at this address." in words(english.get(path).text)
    answer = chinese.get(path)
    assert answer.status_code == 404
    assert "此地址没有页面" in answer.text
    assert "赵明远" in answer.text


def test_a_fragment_is_refused_as_a_message_above_the_page(come: Come) -> None:
    visitor = come("manager-zhao")

    answer = visitor.get("/loans/L26000404/stage", headers={"HX-Request": "true"})

    assert answer.status_code == 404
    assert answer.headers["hx-retarget"] == "#alerts"
    assert "<html" not in answer.text


def test_a_mistake_of_ours_is_a_page_with_a_reference(come: Come, books: Books) -> None:
    visitor = come("manager-zhao")
    with books.begin() as work:
        work.session.connection().execute(text("ALTER TABLE task RENAME TO mislaid"))

    answer = visitor.get("/inbox")
    assert answer.status_code == 500
    assert "The mistake is ours and has been noted." in words(answer.text)
    assert "mislaid" not in answer.text
    assert "script-src 'self'" in answer.headers["content-security-policy"]
    fragment = visitor.get("/inbox/rows", headers={"HX-Request": "true"})
    assert fragment.text.startswith('<div class="alert')


def test_htmx_is_sent_to_the_sign_in_when_the_session_is_over(pages: str) -> None:
    answer = httpx.get(f"{pages}/inbox/rows", headers={"HX-Request": "true"}, verify=False)

    assert answer.headers["hx-redirect"] == "/sign-in"


def test_htmx_is_sent_to_an_address_in_any_letters(come: Come) -> None:
    visitor = come()
    form = {"csrf": visitor.token("/sign-in"), "staff_id": "manager-zhao", "next": "/loans?about=中 文"}
    answer = visitor.client.post("/sign-in", data=form, headers={"HX-Request": "true"})

    assert (answer.status_code, answer.headers["hx-redirect"]) == (204, "/loans?about=%E4%B8%AD%20%E6%96%87")
