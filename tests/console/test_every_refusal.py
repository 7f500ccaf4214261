"""Every way to be refused leaves an entry that says who, from where and why: API, pages, codec and commands."""

import getpass
import hashlib
import hmac
import json
import socket
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import httpx
import pytest

from books.session import Books
from models.audit import AuditEntry
from models.columns import UNOPENED
from models.staff import Actor, Role, Scope
from services.audit import SYSTEM
from services.refusals import COUNTED, refusal_log
from services.reveals import MOST_DOCUMENTS_AN_HOUR, Part, open_document
from services.sign_in_machines import add_secret
from services.staff import add_machine
from tests.api.serving import SECRET, Caller
from tests.api.serving import serving as serving_api
from tests.books.migrated import seeded_file
from tests.console.running import loanwright
from tests.servers.shared import SharedServers
from tests.services.audit_log import tamper
from tests.services.document_files import A_PDF
from tests.services.procedure import Procedure
from tests.web.serving import Visitor
from tests.web.serving import serving as serving_pages
from tests.web.sign_in import PASSWORD, by_password, employed, send

UI = {"Origin": "http://temporal.example"}
EVIL = {"Origin": "http://evil.example"}
BOMB = b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]><x>&e;</x>'
MACHINE = "dealer-system"
STRANGER, OPERATOR = ("unknown", Role.STRANGER), ("operator", Role.SYSTEM)
MANAGER, AUDITOR = ("manager-zhao", Role.MANAGER), ("auditor-wei", Role.AUDITOR)


@dataclass
class House:
    """API and pages on one lender's books, and somebody who tries what he may not."""

    books: Books
    api: Caller
    pages: str
    loan: str
    other: str
    customer: str
    secret: str
    came: list[Visitor] = field(default_factory=list)

    def visitor(self, staff_id: str | None = None, address: str | None = None) -> Visitor:
        """Somebody with a browser."""
        self.came.append(Visitor(self.pages, address=address))
        return self.came[-1].sign_in(staff_id) if staff_id else self.came[-1]

    def entries(self) -> list[AuditEntry]:
        """All refusals on record that stand one by one."""
        refusal_log(self.books).flush()
        found: list[AuditEntry] = []
        with self.books.read() as work:
            while page := work.audit.page(found[-1].id if found else "", 1000):
                found += page
        return [one for one in found if one.refused and one.act != COUNTED]

    def token(self, **more: str) -> httpx.Response:
        """Asks for a token."""
        return self.api.post("/auth/token", {"client_id": MACHINE, **more}, None)

    def notice(self, body: bytes, *, signed_with: str = SECRET, seconds_ago: int = 0) -> httpx.Response:
        """A notice as whoever poses as the bank sends it."""
        at = str(int(time.time()) - seconds_ago)
        signature = hmac.new(signed_with.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()
        headers = {"X-Bank-Timestamp": at, "X-Bank-Signature": f"v1={signature}"}
        return self.api.call("POST", "/bank/notices", None, headers=headers, content=body)

    def upload(self, name: str, content: bytes) -> httpx.Response:
        """A file by API."""
        file = {"file": (name, content, "image/png")}
        path = f"/loans/{self.loan}/documents"
        return self.api.call("POST", path, "integrator-demo", files=file, data={"kind": "id_card"})

    def reveal(self, **body: str) -> httpx.Response:
        """Asks to see a mobile number in full."""
        return self.api.post(f"/loans/{self.loan}/reveals", {"field": "mobile", **body})

    def open_document(self, who: str) -> httpx.Response:
        """Asks for the content of what a customer handed in."""
        file = {"file": ("card.pdf", A_PDF, "application/pdf")}
        path = f"/loans/{self.loan}/documents"
        kept = self.api.call("POST", path, "integrator-demo", files=file, data={"kind": "id_card"}).json()["id"]
        return self.api.get(f"{path}/{kept}/content", who)

    def copy_documents(self) -> httpx.Response:
        """Asks for one more than anybody may open within an hour."""
        with self.books.begin() as work:
            for n in range(MOST_DOCUMENTS_AN_HOUR):
                open_document(work, Actor(*MANAGER), self.loan, f"{n:032x}", Part.FILE)
        return self.open_document(MANAGER[0])

    def codec(self, who: str | None, content: bytes, headers: dict[str, str]) -> httpx.Response:
        """What Temporal's pages, or others, ask the codec."""
        return self.visitor(who).client.post("/codec/decode", content=content, headers=headers, follow_redirects=False)


@pytest.fixture(scope="module")
def house(servers: SharedServers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """One house for all tests of this file, for each looks at what it has added."""
    with seeded_file(servers, tmp_path_factory.mktemp("refused")) as books:
        procedure = Procedure(books)
        loan, other = procedure.graded(), procedure.graded()
        with books.begin() as work:
            account = add_machine(work, SYSTEM, MACHINE, "?", frozenset({Scope.LOANS_READ}))
            secret = add_secret(work, SYSTEM, account)
            customer = work.loans.get(loan).customer_id
        with serving_api(books) as api, serving_pages(books) as pages:
            house = House(books, api, pages, loan, other, customer, secret)
            yield house
            for one in house.came:
                one.close()


def locked(house: House) -> httpx.Response:
    """The right secret, after too many wrong ones."""
    for _ in range(5):
        house.token(client_secret="wrong")
    return house.token(client_secret=house.secret)


def locked_page(house: House) -> httpx.Response:
    """A password after too many wrong ones."""
    employed(house.books, "agent-zu")
    for _ in range(5):
        by_password(house.visitor(address="127.0.0.3"), "agent-zu", "wrong")
    return by_password(house.visitor(address="127.0.0.3"), "agent-zu", "wrong")


def wrong_at_enrolment(house: House) -> httpx.Response:
    """A code that no authenticator shows."""
    visitor = house.visitor(address="127.0.0.4")
    page = by_password(visitor, "agent-neu", employed(house.books))
    page = send(visitor, page, "/sign-in/new-password", password=PASSWORD, again=PASSWORD)
    return send(visitor, page, "/sign-in/enrolment", code="000000")


def form(house: House, who: str | None, path: str, headers: dict[str, str] | None = None, **fields: str) -> object:
    """A form as no page of ours sends it, from an address of its own for strangers."""
    visitor = house.visitor(who) if who else house.visitor(address="127.0.0.5")
    fields = {"csrf": visitor.token("/sign-in" if who is None else "/loans")} | fields
    return visitor.client.post(path, data=fields, headers=headers)


def large_form(house: House, who: str | None, path: str) -> object:
    """Far more than a form holds."""
    visitor = house.visitor(who) if who else house.visitor(address="127.0.0.5")
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    return visitor.client.post(path, content=b"a" * 400_000, headers=headers)


def forged_cookie(house: House) -> object:
    """A session that nobody was given."""
    visitor = house.visitor()
    visitor.client.cookies.set("loanwright_session", "A" * 43)
    return visitor.get("/loans", follow_redirects=False)


def page_upload(house: House, content: bytes) -> object:
    """A file on a page."""
    visitor = house.visitor("agent-lin")
    path = f"/loans/{house.loan}/documents"
    return visitor.client.post(
        path, data={"csrf": visitor.token(path), "kind": "id_card"}, files={"file": ("../../etc/passwd", content)}
    )


def too_many(times: int, ask: Callable[[int], httpx.Response]) -> httpx.Response:
    """Asks until it is too much."""
    for n in range(times):
        if (answer := ask(n)).status_code == 429:
            return answer
    raise AssertionError(answer.text)


def tampered(house: House) -> object:
    """A name that somebody exchanged in the database is looked at: it stands there as one that cannot be opened."""
    change = "SET name = substr(name, 1, length(name) - 1) || 'A'"
    tamper(house.books, f"UPDATE customer {change}", f"UPDATE party {change}")
    answer = house.api.get(f"/loans/{house.loan}/signatures")
    assert (answer.status_code, UNOPENED in answer.text) == (200, True), answer.text
    return answer


def keyless(house: House) -> object:
    """A customer's key lies under a key of the ring that is gone."""
    with house.books.read() as work:
        whose = work.loans.get(house.other).customer_id
    tamper(house.books, f"UPDATE data_key SET ring_key = 'gone' WHERE id = '{whose}'")
    # Other books, for these know the key for a minute.
    with serving_pages(Books(house.books.url)) as pages:
        visitor = Visitor(pages)
        visitor.client.post("/sign-in", data={"csrf": visitor.token(), "staff_id": "manager-zhao"})
        answer = visitor.get(f"/loans/{house.other}")
        visitor.close()
    tamper(house.books, "UPDATE data_key SET ring_key = 'demo'")
    return answer


def command(*words: str) -> Callable[[House], object]:
    """A command on the books of the house; `CUSTOMER` stands for its customer."""

    def run(house: House) -> object:
        given = [house.customer if word == "CUSTOMER" else word for word in words]
        ended = loanwright(*given, environment={"LOANWRIGHT_DATABASE_URL": house.books.url})
        assert ended.code == 1, ended
        return ended

    return run


ERASE = ("erase", "CUSTOMER", "--reason", "the legal period is over")
# What is tried, and the entry that it leaves: the act, who, and how the reason begins.
REFUSED: dict[str, tuple[Callable[[House], object], str, tuple[str, Role], str]] = {
    # the API
    "a forged token": (
        lambda house: house.api.get("/loans", None, headers={"Authorization": f"Bearer lwt_{'A' * 43}"}),
        *("token_refused", STRANGER, "not_signed_in"),
    ),
    "a wrong secret": (
        lambda house: house.token(client_secret="wrong"),
        *("token_refused", (MACHINE, Role.INTEGRATOR), "wrong_client"),
    ),
    "a scope that the account has not": (
        lambda house: house.token(client_secret=house.secret, scope="payments"),
        *("issue_token", STRANGER, "invalid_scope"),
    ),
    "a locked account": (locked, "issue_token", STRANGER, "too_many_tries"),
    "a large body of a stranger": (
        lambda house: house.api.call("POST", "/auth/token", None, content=b"x" * 70_000),
        *("request_refused", STRANGER, "body_too_large"),
    ),
    "a large body of somebody signed in": (
        lambda house: house.api.call("POST", "/applications", "agent-lin", content=b"x" * 70_000),
        *("request_refused", ("agent-lin", Role.AGENT), "body_too_large"),
    ),
    "a forged notice": (
        lambda house: house.notice(b"{}", signed_with="guessed"),
        *("take_notice", STRANGER, "notice_rejected"),
    ),
    "a replayed notice": (
        lambda house: house.notice(b"{}", seconds_ago=4_000),
        *("take_notice", STRANGER, "notice_rejected"),
    ),
    "a notice with entities": (lambda house: house.notice(BOMB), "take_notice", STRANGER, "notice_rejected"),
    "an upload of no picture": (
        lambda house: house.upload("a.png", b"MZ...."),
        *("upload_document", ("integrator-demo", Role.INTEGRATOR), "invalid_document"),
    ),
    "an upload with a path": (
        lambda house: house.upload("../../etc/passwd", b"MZ...."),
        *("upload_document", ("integrator-demo", Role.INTEGRATOR), "invalid_document"),
    ),
    "an upload that is too large": (
        lambda house: house.upload("a.png", b"\x89PNG\r\n\x1a\n" + b"x" * 6_000_000),
        *("request_refused", ("integrator-demo", Role.INTEGRATOR), "body_too_large"),
    ),
    "a reveal without a reason": (
        lambda house: house.reveal(reason=" "),
        *("reveal_value", MANAGER, "reason_missing"),
    ),
    "a reveal without a word of a reason": (
        lambda house: house.reveal(),
        *("reveal_value", MANAGER, "invalid_request"),
    ),
    "too many reveals": (
        lambda house: too_many(31, lambda _: house.reveal(reason="please now")),
        *("reveal_value", MANAGER, "too_many_reveals"),
    ),
    "too many documents": (
        House.copy_documents,
        *("show_document", MANAGER, "too_many_documents_opened"),
    ),
    "a customer's document for an auditor": (
        lambda house: house.open_document("auditor-wei"),
        *("show_document", AUDITOR, "not_allowed"),
    ),
    "too many searches": (
        lambda house: too_many(
            30, lambda n: house.api.post("/customers/search", {"query": f"1990000{n:04d}"}, "risk-qian")
        ),
        *("search_customers", ("risk-qian", Role.RISK), "too_many_searches"),
    ),
    "a webhook that points inside": (
        lambda house: house.api.post("/webhooks", {"url": "http://127.0.0.1/x"}, "integrator-demo"),
        *("register_webhook", ("integrator-demo", Role.INTEGRATOR), "bad_webhook_address"),
    ),
    "payloads that are none, by API": (
        lambda house: house.api.post("/codec/decode", {"payloads": []}, "auditor-wei"),
        *("decode_payloads", AUDITOR, "invalid_request"),
    ),
    "payloads for an agent": (
        lambda house: house.api.post("/codec/decode", {"payloads": [{"data": ""}]}, "agent-lin"),
        *("decode_payloads", ("agent-lin", Role.AGENT), "not_allowed"),
    ),
    # pages
    "a locked password": (locked_page, "sign_in_password", STRANGER, "too_many_tries"),
    "a wrong code at the enrolment": (
        wrong_at_enrolment,
        *("second_factor_refused", ("agent-neu", Role.AGENT), "enrolment"),
    ),
    "a sign-in from another site": (
        lambda house: form(house, None, "/sign-in/password", EVIL, staff_id="agent-lin", password="x"),
        *("sign_in_password", STRANGER, "foreign_form"),
    ),
    "a sign-in without a token": (
        lambda house: form(house, None, "/sign-in/password", csrf="x", staff_id="agent-lin", password="x"),
        *("sign_in_password", STRANGER, "foreign_form"),
    ),
    "a form of another site": (
        lambda house: form(house, "manager-zhao", "/language", EVIL),
        *("language", MANAGER, "foreign_form"),
    ),
    "a form without a token": (
        lambda house: form(house, "manager-zhao", "/language", csrf=""),
        *("language", MANAGER, "foreign_form"),
    ),
    "a stranger's large form": (
        lambda house: large_form(house, None, "/sign-in/password"),
        *("sign_in_password", STRANGER, "form_too_large"),
    ),
    "a large form": (
        lambda house: large_form(house, "manager-zhao", "/language"),
        *("language", MANAGER, "form_too_large"),
    ),
    "a forged cookie": (forged_cookie, "session_refused", STRANGER, "not_signed_in"),
    "an upload on a page": (
        lambda house: page_upload(house, b"MZ...."),
        *("hand_in_document", ("agent-lin", Role.AGENT), "invalid_document"),
    ),
    "a large upload on a page": (
        lambda house: page_upload(house, b"x" * 6_000_000),
        *("hand_in_document", ("agent-lin", Role.AGENT), "form_too_large"),
    ),
    # the codec door of the pages
    "a foreign origin with an auditor's cookie": (
        lambda house: house.codec("auditor-wei", b"{}", EVIL),
        *("decode_payloads", STRANGER, "foreign_origin"),
    ),
    "no origin": (
        lambda house: house.codec("auditor-wei", b"{}", {}),
        *("decode_payloads", STRANGER, "foreign_origin"),
    ),
    "a stranger from Temporal's pages": (
        lambda house: house.codec(None, b"{}", UI),
        *("decode_payloads", STRANGER, "not_signed_in"),
    ),
    "payloads that are no JSON": (
        lambda house: house.codec("auditor-wei", b"x", UI),
        *("decode_payloads", AUDITOR, "payloads_not_read"),
    ),
    "payloads that are none": (
        lambda house: house.codec("auditor-wei", b"{}", UI),
        *("decode_payloads", AUDITOR, "payloads_not_read"),
    ),
    "payloads that are too large": (
        lambda house: house.codec("auditor-wei", b"x" * 1_100_000, UI),
        *("decode_payloads", AUDITOR, "form_too_large"),
    ),
    # commands
    "a command of nobody": (
        command("staff", "add", "agent-x", "--name", "x", "--role", "agent", "--actor", "nobody-x"),
        *("command_refused", OPERATOR, "unknown_actor"),
    ),
    "a look of nobody": (
        command("policies", "list", "--actor", "nobody-x"),
        *("command_refused", OPERATOR, "unknown_actor"),
    ),
    "a look that the role may not": (
        command("policies", "list", "--actor", "agent-lin"),
        *("command_refused", ("agent-lin", Role.AGENT), "not_allowed"),
    ),
    "a second person who is nobody": (
        command(*ERASE, "--actor", "admin-gu", "--second", "nobody-x"),
        *("command_refused", ("admin-gu", Role.ADMIN), "unknown_actor"),
    ),
    "a command that the role may not": (
        command(*ERASE, "--actor", "agent-lin", "--second", "risk-qian"),
        *("customer_erased", ("agent-lin", Role.AGENT), "not_allowed"),
    ),
    "a bundle for somebody of risk": (
        command("audit", "export", "L26000001", "/dev/null", "--actor", "nobody-x"),
        *("command_refused", OPERATOR, "unknown_actor"),
    ),
    # what was tampered with: last, for nothing of it can be read afterwards
    "a key that is gone": (keyless, "loan", MANAGER, "key_missing"),
    "a value that was exchanged": (tampered, "list_signatures", MANAGER, "seal_broken"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_a_refusal_is_on_record(house: House, what: str) -> None:
    attempt, act, who, reason = REFUSED[what]
    before = {one.id for one in house.entries()}
    attempt(house)
    added = [one for one in house.entries() if one.id not in before]
    found = [one for one in added if one.act == act and (one.reason or "").startswith(reason)]
    assert found, [(one.act, one.actor_id, one.reason) for one in added]
    entry = found[-1]
    assert (entry.actor_id, entry.role) == who
    if not (entry.address or "").startswith("127.0.0."):
        assert entry.address == f"cli:{getpass.getuser()}@{socket.gethostname()}"[:64]
    else:
        assert entry.request_id
    kept = json.dumps([entry.subject, entry.reason, entry.before, entry.after])
    assert not [secret for secret in (house.secret, "nobody-x", "passwd", PASSWORD, "lwt_") if secret in kept]


def test_what_was_given_in_place_of_an_id_is_not_kept(books: Books) -> None:
    """It may be anything: the log takes new entries only, and no erasure reaches into it."""
    planted = ("王小明", "13812345678", "110101199003074514")
    for one in planted:
        tried = [
            *(("staff", "disable", one), ("staff", "sign-out-borrower", one), ("staff", "allow-codes", one)),
            *(("audit", "loan", one), ("replay", one)),
            ("erase", one, "--reason", "he asked for it today", "--actor", "admin-gu", "--second", "risk-qian"),
        ]
        for command in tried:
            assert loanwright(*command, environment={"LOANWRIGHT_DATABASE_URL": books.url}).code == 1, command
    with books.read() as work:
        kept = [one for one in work.audit.page(limit=1000) if one.refused]
    assert len(kept) >= len(planted)
    said = " ".join(f"{one.subject} {one.reason} {one.loan}" for one in kept)
    assert not [one for one in planted if one in said]
