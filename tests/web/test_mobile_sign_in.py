"""Borrowers come in with their mobile and the code that goes there."""

import asyncio
import time
from collections.abc import Iterator
from datetime import timedelta

import httpx
import pytest
from sqlalchemy import event
from sqlmodel import col, select

from activities.secrets import SignInCodeSender
from books.session import Books
from gateways.connection import open_session
from gateways.sms import SmsGateway
from models.outbox import OutboxRow, Topic
from models.sign_in import SignInCode
from services.sign_in_tries import Door, take
from tests.services.procedure import Procedure
from tests.simulators.running import Outside, running_outside
from tests.web.conftest import Come
from tests.web.serving import Visitor, words
from tests.web.sign_in import send

MOBILE, NOBODYS = "19911110001", "19911119999"
SAID = "If this number is known to us, a code is on its way to it."


@pytest.fixture
def loan(procedure: Procedure) -> str:
    """The loan of the one customer with the mobile."""
    return procedure.graded(mobile=MOBILE)


def asks(visitor: Visitor, mobile: str = MOBILE) -> httpx.Response:
    return visitor.post("/sign-in/mobile", mobile=mobile)


def enters(visitor: Visitor, page: httpx.Response, code: str, **more: str) -> httpx.Response:
    return send(visitor, page, "/sign-in/mobile-code", code=code, **more)


def newest(books: Books) -> SignInCode:
    with books.read() as work:
        code = work.session.exec(select(SignInCode).order_by(col(SignInCode.id).desc())).first()
    assert code is not None
    return code


def digits(books: Books) -> str:
    found = newest(books).code
    assert found is not None
    return found


def another(code: str) -> str:
    return f"{(int(code) + 1) % 10**6:06}"


@pytest.mark.parametrize("entered", [MOBILE, "199 1111 0001", "+86 199-1111-0001"])
def test_a_code_to_the_mobile_opens_the_only_loan(come: Come, books: Books, loan: str, entered: str) -> None:
    visitor = come()
    page = asks(visitor, entered)
    assert SAID in words(page.text)

    answer = enters(visitor, page, digits(books))

    assert (answer.status_code, answer.url.path) == (200, f"/my/{loan}")
    assert visitor.get("/").url.path == f"/my/{loan}"
    with books.read() as work:
        acts = [(one.act, one.refused) for one in work.audit.page() if one.act.startswith("sign")]
    assert acts == [("sign_in_code_requested", False), ("signed_in", False)]


def test_who_has_several_loans_sees_them_all_and_nobody_elses(
    come: Come, books: Books, procedure: Procedure, loan: str
) -> None:
    with books.read() as work:
        person = work.loans.application(loan).form["id_number"]
    second = procedure.graded("auto", mobile=MOBILE, id_number=person)
    other = procedure.graded(mobile="19911110002")
    visitor = come()
    page = enters(visitor, asks(visitor), digits(books))

    assert page.url.path == "/my"
    assert loan in page.text
    assert second in page.text
    assert other not in page.text
    assert visitor.get(f"/my/{second}").status_code == 200
    assert visitor.get(f"/my/{other}").status_code == 404


def test_where_several_people_gave_one_mobile_the_id_number_tells_them_apart(
    come: Come, books: Books, procedure: Procedure, loan: str
) -> None:
    other = procedure.graded(mobile=MOBILE)
    with books.read() as work:
        ends = work.loans.application(other).form["id_number"][-4:]
    visitor = come()
    code_page = asks(visitor)
    code = digits(books)
    page = enters(visitor, code_page, code)
    assert "Last four characters of your ID number" in words(page.text)
    assert visitor.get("/my").url.path == "/sign-in"

    assert enters(visitor, page, code, id_end="0000").status_code == 422
    answer = enters(visitor, page, code, id_end=ends.lower())

    assert answer.url.path == f"/my/{other}"
    assert visitor.get(f"/my/{loan}").status_code == 404


def test_an_unknown_mobile_gets_the_same_answer_and_nothing_is_sent(come: Come, books: Books, loan: str) -> None:
    known, unknown = asks(come()), asks(come(), NOBODYS)

    assert (known.status_code, known.url.path) == (unknown.status_code, unknown.url.path)
    assert words(known.text) == words(unknown.text)
    assert newest(books).customer_id is None
    assert loan


def test_an_unknown_mobile_costs_the_books_and_the_visitor_as_much(come: Come, books: Books, loan: str) -> None:
    visitor = come()
    statements: list[str] = []
    event.listen(books.engine, "before_cursor_execute", lambda *call: statements.append(call[2]))

    def asked(mobile: str) -> tuple[list[str], float]:
        page = visitor.get("/sign-in")
        statements.clear()
        began = time.perf_counter()
        answer = visitor.client.post(
            "/sign-in/mobile", data={"csrf": visitor.token(), "mobile": mobile}, follow_redirects=False
        )
        assert answer.status_code == 303, page
        spent = time.perf_counter() - began
        return list(statements), spent

    asked(NOBODYS)
    known, unknown = asked(MOBILE), asked("19911119998")
    assert known[0] == unknown[0]
    unknown_again = asked("19911119998")
    asked("19911119996")
    known_again = [asked(MOBILE), asked(MOBILE)][1]
    assert known_again[0] == unknown_again[0] != known[0]
    fastest = (min(asked(MOBILE)[1], known[1]), min(asked("19911119997")[1], unknown[1]))
    assert 0.3 < fastest[0] / fastest[1] < 3
    assert loan


def test_a_wrong_code_is_refused_and_five_are_enough(come: Come, books: Books, loan: str) -> None:
    visitor = come()
    page = asks(visitor)
    code = digits(books)

    answers = [enters(visitor, page, another(code)).status_code for _ in range(5)]

    assert answers == [422] * 5
    answer = enters(visitor, page, code)
    assert answer.status_code == 422
    assert "not the code, or it is not good any more" in words(answer.text)
    with books.read() as work:
        assert [one.act for one in work.audit.page() if one.refused] == ["sign_in_refused"] * 6
    assert loan


def test_asking_again_within_the_minute_leaves_the_code_good_that_is_on_its_way(
    come: Come, books: Books, loan: str
) -> None:
    visitor = come()
    first = asks(visitor)
    code = digits(books)

    again = asks(visitor)

    assert words(again.text) == words(first.text)
    with books.read() as work:
        assert len(list(work.session.exec(select(SignInCode)))) == 1
        assert len([one for one in work.audit.page() if one.act == "sign_in_code_requested"]) == 2
    assert enters(visitor, again, code).url.path == f"/my/{loan}"


@pytest.mark.parametrize("by", ["another mobile", "five wrong tries", "its end"])
def test_what_is_asked_for_where_no_code_is_good_any_more_is_a_new_one(
    come: Come, books: Books, loan: str, by: str
) -> None:
    visitor = come()
    page = asks(visitor)
    code = newest(books)
    if by == "another mobile":
        asks(visitor, NOBODYS)
    elif by == "five wrong tries":
        for _ in range(5):
            enters(visitor, page, another(code.code or ""))
    else:
        with books.begin() as work:
            work.session.get_one(SignInCode, code.id).expires_at = work.now
    before = newest(books).id

    # Within the minute: it goes nowhere, and opens nothing.
    page = asks(visitor)

    assert newest(books).id != before
    assert newest(books).customer_id is None
    for one in (code.code or "", digits(books)):
        assert enters(visitor, page, one).status_code == 422
    assert loan


def test_a_code_works_once(come: Come, books: Books, loan: str) -> None:
    visitor = come()
    page = asks(visitor)
    code = digits(books)
    assert enters(visitor, page, code).status_code == 200
    visitor.post("/sign-out", seen_at=f"/my/{loan}")

    assert visitor.post("/sign-in/mobile-code", code=code).status_code == 422


def test_a_code_works_in_the_browser_that_asked_for_it_alone(come: Come, books: Books, loan: str) -> None:
    victim, thief = come(), come()
    asks(victim)

    answer = thief.post("/sign-in/mobile-code", code=digits(books))

    assert answer.status_code == 422
    assert thief.get(f"/my/{loan}").url.path == "/sign-in"


def test_a_code_ends_after_five_minutes(come: Come, books: Books, loan: str) -> None:
    visitor = come()
    page = asks(visitor)
    code = newest(books)
    assert code.expires_at - code.asked_at == timedelta(minutes=5)
    with books.begin() as work:
        work.session.get_one(SignInCode, code.id).expires_at = work.now

    assert enters(visitor, page, code.code or "").status_code == 422
    assert loan


def test_a_mobile_is_not_flooded_and_nobody_is_told(come: Come, books: Books, loan: str) -> None:
    first = asks(come())
    second = asks(come())

    assert words(first.text) == words(second.text)
    with books.read() as work:
        codes = list(work.session.exec(select(SignInCode)))
    assert [code.customer_id is not None for code in sorted(codes, key=lambda one: one.id)] == [True, False]
    assert loan


def test_strangers_use_up_no_code_of_the_browser_in_which_the_owner_was(
    come: Come, books: Books, procedure: Procedure, loan: str
) -> None:
    other = procedure.graded(mobile="19911110002")
    owner, neighbour = come(), come()
    enters(owner, asks(owner), digits(books))
    owner.post("/sign-out", seen_at=f"/my/{loan}")
    page = asks(neighbour, "19911110002")
    enters(neighbour, page, digits(books))
    neighbour.post("/sign-out", seen_at=f"/my/{other}")

    def is_sent(visitor: Visitor) -> bool:
        before = newest(books).id
        asks(visitor)
        code = newest(books)
        return code.id != before and code.customer_id is not None

    # In the first minute nobody gets one whom we do not know, and the mark of another mobile is worth nothing.
    assert [is_sent(come()), is_sent(neighbour)] == [False, False]
    assert is_sent(owner)
    owner.client.cookies.delete("loanwright_known")
    owner.client.cookies.set("loanwright_known", "A" * 43)
    assert not is_sent(owner)


def test_the_mark_of_a_known_browser_is_kept_from_scripts_and_says_nothing(come: Come, books: Books, loan: str) -> None:
    owner = come()
    asks(owner)
    answer = owner.client.post(
        "/sign-in/mobile-code", data={"csrf": owner.token(), "code": digits(books)}, follow_redirects=False
    )

    (mark,) = [one for one in answer.headers.get_list("set-cookie") if one.startswith("loanwright_known=")]
    assert "HttpOnly" in mark
    assert "samesite=lax" in mark.lower()
    assert MOBILE not in mark
    with books.read() as work:
        assert work.loans.get(loan).customer_id not in mark


def test_an_address_that_asks_for_one_number_after_another_is_stopped(come: Come, books: Books) -> None:
    with books.begin() as work:
        for _ in range(98):
            take(work, Door.MOBILE, "", "127.0.0.1")
    visitor = come()

    assert [asks(visitor, f"199222200{n:02}").status_code for n in range(3)] == [200, 200, 429]


def test_a_borrower_who_came_in_leaves_his_try_to_the_next_behind_the_same_address(
    come: Come, books: Books, loan: str
) -> None:
    with books.begin() as work:
        for _ in range(99):
            take(work, Door.MOBILE, "", "127.0.0.1")
    first, next_one = come(), come()
    page = asks(first)
    code = digits(books)
    assert asks(next_one, NOBODYS).status_code == 429

    assert enters(first, page, code).url.path == f"/my/{loan}"

    assert asks(next_one, NOBODYS).status_code == 200


@pytest.mark.parametrize(
    "entered", ["", "1991111000", "199111100011", "29911110001", "abc", "199\x001111000", "１" * 11]
)
def test_what_is_no_mobile_is_refused_at_its_field(come: Come, books: Books, entered: str) -> None:
    answer = asks(come(), entered)

    assert answer.status_code == 422
    assert "A mobile number has eleven digits" in words(answer.text)
    with books.read() as work:
        assert work.session.exec(select(SignInCode)).first() is None


def test_the_code_is_sent_to_the_mobile_and_forgotten(come: Come, books: Books, loan: str, outside: Outside) -> None:
    asks(come())
    asks(come(), NOBODYS)
    code = newest_known(books)
    with books.read() as work:
        rows = [one for one in work.session.exec(select(OutboxRow)) if one.topic is Topic.SIGN_IN_CODE]
    assert len(rows) == 2
    assert all(MOBILE not in str(row.payload) and (code.code or "-") not in str(row.payload) for row in rows)

    async def deliver() -> None:
        async with open_session() as session:
            sender = SignInCodeSender(books, SmsGateway(session, f"{outside.url}/sms", "demo-sms"))
            for _ in range(2):
                with books.read() as work:
                    found = sender.look_up(work, rows)
                for row in rows:
                    await sender.deliver(row, found.get(row.id))

    asyncio.run(deliver())

    sent = [one for row in rows for one in outside.call("GET", f"/sms/messages?key={row.key}").json()]
    assert [one["mobile"] for one in sent] == [MOBILE]
    assert code.code is not None
    assert code.code in sent[0]["text"]
    kept = newest_known(books)
    assert kept.code is None
    assert kept.sent_at is not None
    assert loan


def test_neither_code_nor_mobile_can_be_read_from_the_books(come: Come, books: Books, loan: str) -> None:
    asks(come())
    code = digits(books)
    with books.engine.connect() as connection:
        rows = [str(row) for row in connection.exec_driver_sql("SELECT * FROM sign_in_code")]

    assert len(rows) == 1
    assert MOBILE not in rows[0]
    assert f"'{code}'" not in rows[0]
    assert loan


def newest_known(books: Books) -> SignInCode:
    with books.read() as work:
        return work.session.exec(select(SignInCode).where(col(SignInCode.customer_id).is_not(None))).one()


@pytest.fixture
def outside(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Outside]:
    """The provider of text messages."""
    with running_outside(tmp_path_factory.mktemp("outside") / "bank") as found:
        yield found
