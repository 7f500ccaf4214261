"""Members of staff come in by password and authenticator."""

import time
from datetime import UTC, datetime, timedelta
from html import escape

import httpx
import pytest
from sqlalchemy import event

from books.session import Books
from models.sign_in import StaffCredential
from models.staff import Role
from services.audit import SYSTEM
from services.staff import disable, give_password
from tests.web.conftest import Come
from tests.web.serving import Visitor, words
from tests.web.sign_in import NEXT_PASSWORD, PASSWORD, Authenticator, by_password, employed, first_sign_in, send


def acts(books: Books, actor_id: str) -> list[str]:
    with books.read() as work:
        return [one.act for one in work.audit.page() if one.actor_id == actor_id]


def test_a_new_colleague_chooses_a_password_and_enrols_before_he_sees_anything(come: Come, books: Books) -> None:
    visitor = come()
    first = employed(books)
    page = by_password(visitor, "agent-neu", first, back="/loans")

    assert page.url.path == "/sign-in/new-password"
    assert visitor.get("/loans").url.path == "/sign-in"
    page = visitor.get("/sign-in/new-password?next=/loans")
    page = send(visitor, page, "/sign-in/new-password", password=PASSWORD, again=PASSWORD, next="/loans")
    assert page.url.path == "/sign-in/enrolment"
    assert visitor.get("/inbox").url.path == "/sign-in"
    page = visitor.get("/sign-in/enrolment?next=/loans")
    assert 'src="data:image/svg+xml' in page.text
    page = send(visitor, page, "/sign-in/enrolment", code=Authenticator.reading(page).code(), next="/loans")
    assert 'href="/loans"' in page.text
    assert visitor.get("/loans").url.path == "/loans"
    assert acts(books, "agent-neu") == ["password_accepted", "password_changed", "second_factor_enrolled", "signed_in"]


def test_password_and_code_open_the_desk(come: Come, books: Books) -> None:
    phone, _ = first_sign_in(come(), books)
    visitor = come()

    page = by_password(visitor, "AGENT-neu ", PASSWORD)
    assert page.url.path == "/sign-in/code"
    assert visitor.get("/inbox").url.path == "/sign-in"
    page = send(visitor, visitor.get("/sign-in/code"), "/sign-in/code", code=phone.code())

    assert page.url.path == "/"
    assert visitor.get("/inbox").url.path == "/inbox"


def test_a_code_opens_the_desk_once(come: Come, books: Books) -> None:
    phone, _ = first_sign_in(come(), books)
    code = phone.code()
    first, second = come(), come()
    for visitor in (first, second):
        by_password(visitor, "agent-neu", PASSWORD)

    assert send(first, first.get("/sign-in/code"), "/sign-in/code", code=code).url.path == "/"
    answer = send(second, second.get("/sign-in/code"), "/sign-in/code", code=code)

    assert answer.status_code == 422
    assert "was used already" in words(answer.text)
    assert second.get("/inbox").url.path == "/sign-in"
    assert "second_factor_refused" in acts(books, "agent-neu")


def test_a_recovery_code_opens_the_desk_once(come: Come, books: Books) -> None:
    _, codes = first_sign_in(come(), books)
    answers = []
    for visitor in (come(), come()):
        by_password(visitor, "agent-neu", PASSWORD)
        answers.append(send(visitor, visitor.get("/sign-in/code"), "/sign-in/code", code=codes[3]).status_code)

    assert answers == [200, 422]
    assert "recovery_code_used" in acts(books, "agent-neu")


def test_codes_cannot_be_guessed(come: Come, books: Books) -> None:
    phone, _ = first_sign_in(come(), books)
    visitor = come()
    by_password(visitor, "agent-neu", PASSWORD)
    answers = [
        send(visitor, visitor.get("/sign-in/code"), "/sign-in/code", code=f"{n:06}").status_code for n in range(5)
    ]

    assert answers == [422] * 5
    assert send(visitor, visitor.get("/sign-in/code"), "/sign-in/code", code=phone.code()).status_code == 429


@pytest.mark.parametrize(
    ("staff_id", "password"),
    [
        ("agent-neu", "wrong password of his"),
        ("nobody-here", PASSWORD),
        ("agent-lin", PASSWORD),
        ("integrator-demo", PASSWORD),
        ("'; DROP TABLE staff", PASSWORD),
        ("a\x00b", PASSWORD),
        ("", ""),
    ],
)
def test_unknown_and_wrong_get_the_same_answer(come: Come, books: Books, staff_id: str, password: str) -> None:
    employed(books)

    answer = by_password(come(), staff_id, password)

    assert answer.status_code == 422
    assert "No member of staff has this id and this password." in words(answer.text)
    with books.read() as work:
        refused = [one for one in work.audit.page() if one.refused]
        assert [one.act for one in refused] == ["sign_in_refused"]
        known = work.staff.get(staff_id) if staff_id.isprintable() else None
    assert refused[0].subject == (known.id if known else None)


def test_unknown_costs_the_books_and_the_visitor_as_much_as_wrong(come: Come, books: Books) -> None:
    employed(books)
    visitor = come()
    statements: list[str] = []
    event.listen(books.engine, "before_cursor_execute", lambda *call: statements.append(call[2]))

    def asked(staff_id: str) -> tuple[list[str], float]:
        page = visitor.get("/sign-in")
        statements.clear()
        began = time.perf_counter()
        assert send(visitor, page, "/sign-in/password", staff_id=staff_id, password="wrong").status_code == 422
        spent = time.perf_counter() - began
        return [one for one in statements if "FROM data_key" not in one], spent

    asked("agent-neu")
    known, unknown = [asked("agent-neu") for _ in range(3)], [asked("nobody-here") for _ in range(3)]
    assert known[0][0] == unknown[0][0]
    fastest = [min(spent for _, spent in found) for found in (known, unknown)]
    assert 0.4 < fastest[0] / fastest[1] < 2.5


def test_five_wrong_passwords_lock_the_id_for_this_address(come: Come, books: Books) -> None:
    first = employed(books)
    visitor = come()
    answers = [by_password(visitor, "agent-neu", "wrong").status_code for _ in range(5)]

    assert answers == [422] * 5
    answer = by_password(visitor, "agent-neu", first)
    assert answer.status_code == 429
    assert "Wait a quarter of an hour." in words(answer.text)
    assert by_password(come(address="127.0.0.2"), "agent-neu", first).url.path == "/sign-in/new-password"


def test_who_is_asked_to_come_again_has_used_up_no_try(
    come: Come, books: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = employed(books)
    visitor = come()
    with monkeypatch.context() as busy:
        busy.setattr("services.passwords.MOST_WAITING", 0)
        assert [by_password(visitor, "agent-neu", first).status_code for _ in range(6)] == [503] * 6

    assert by_password(visitor, "agent-neu", first).url.path == "/sign-in/new-password"


@pytest.mark.parametrize(
    ("password", "again", "said"),
    [
        ("short", "short", "at least twelve characters"),
        ("password1234", "password1234", "nothing that anybody would guess first"),
        ("xx agent-neu xx", "xx agent-neu xx", "your own id not among them"),
        (PASSWORD, PASSWORD + "!", "The two entries are not the same."),
        ("", "", "another password than the one that you have"),
    ],
)
def test_a_bad_password_is_refused_at_its_field(come: Come, books: Books, password: str, again: str, said: str) -> None:
    visitor = come()
    first = employed(books)
    page = by_password(visitor, "agent-neu", first)

    answer = send(visitor, page, "/sign-in/new-password", password=password or first, again=again or first)

    assert answer.status_code == 422
    assert said in words(answer.text)
    assert 'aria-describedby="password-problem' in answer.text


def test_a_one_time_password_ends_after_three_days(come: Come, books: Books) -> None:
    first = employed(books)
    with books.begin() as work:
        held = work.session.get_one(StaffCredential, "agent-neu")
        assert held.valid_until is not None
        assert held.valid_until - work.now > timedelta(days=2, hours=23)
        held.valid_until = datetime.now(UTC) - timedelta(seconds=1)

    assert by_password(come(), "agent-neu", first).status_code == 422


def test_a_password_that_an_administrator_gave_ends_all_sessions_and_is_changed_at_once(
    come: Come, books: Books
) -> None:
    visitor = come()
    phone, _ = first_sign_in(visitor, books)
    with books.begin() as work:
        given = give_password(work, SYSTEM, "agent-neu")

    assert visitor.get("/inbox").url.path == "/sign-in"
    other = come()
    assert by_password(other, "agent-neu", PASSWORD).status_code == 422
    page = by_password(other, "agent-neu", given)
    assert page.url.path == "/sign-in/code"
    page = send(other, page, "/sign-in/code", code=phone.code())
    assert page.url.path == "/sign-in/new-password"
    page = send(other, page, "/sign-in/new-password", password=NEXT_PASSWORD, again=NEXT_PASSWORD)
    assert page.url.path == "/"


def test_who_lost_his_phone_enrols_another_one(come: Come, books: Books) -> None:
    phone, codes = first_sign_in(come(), books)
    with books.begin() as work:
        given = give_password(work, SYSTEM, "agent-neu", new_authenticator=True)
    visitor = come()
    page = by_password(visitor, "agent-neu", given)
    page = send(visitor, page, "/sign-in/new-password", password=NEXT_PASSWORD, again=NEXT_PASSWORD)

    assert page.url.path == "/sign-in/enrolment"
    assert send(visitor, page, "/sign-in/enrolment", code=phone.code()).status_code == 422
    assert send(visitor, page, "/sign-in/enrolment", code=codes[0]).status_code == 422
    assert send(visitor, page, "/sign-in/enrolment", code=Authenticator.reading(page).code()).status_code == 200


def begins_to_enrol(visitor: Visitor) -> httpx.Response:
    page = by_password(visitor, "agent-neu", PASSWORD)
    assert page.url.path == "/sign-in/enrolment", page.text
    return page


def test_an_enrolment_that_begins_ends_the_one_before_and_makes_its_key_worthless(come: Come, books: Books) -> None:
    owner, thief = come(), come()
    page = by_password(owner, "agent-neu", employed(books))
    page = send(owner, page, "/sign-in/new-password", password=PASSWORD, again=PASSWORD)
    seen_by_thief = Authenticator.reading(begins_to_enrol(thief))
    assert owner.get("/sign-in/enrolment").url.path == "/sign-in"

    page = begins_to_enrol(owner)

    assert thief.get("/sign-in/enrolment").url.path == "/sign-in"
    assert send(owner, page, "/sign-in/enrolment", code=seen_by_thief.code()).status_code == 422
    assert send(owner, page, "/sign-in/enrolment", code=Authenticator.reading(page).code()).status_code == 200


def test_signing_out_half_way_ends_the_session_in_the_books(come: Come, books: Books) -> None:
    visitor = come()
    page = by_password(visitor, "agent-neu", employed(books))
    cookie = visitor.client.cookies["loanwright_session"]

    send(visitor, page, "/sign-out")

    visitor.client.cookies.set("loanwright_session", cookie)
    assert visitor.get("/sign-in/new-password").url.path == "/sign-in"
    assert acts(books, "agent-neu") == ["password_accepted", "signed_out"]


def test_who_is_disabled_is_out_at_his_next_click_and_does_not_come_back(come: Come, books: Books) -> None:
    visitor = come()
    phone, _ = first_sign_in(visitor, books)
    assert visitor.get("/inbox").url.path == "/inbox"
    with books.begin() as work:
        disable(work, SYSTEM, "agent-neu")

    assert visitor.get("/inbox").url.path == "/sign-in"
    assert by_password(come(), "agent-neu", PASSWORD).status_code == 422
    assert phone


@pytest.mark.parametrize("step", ["code", "new-password", "enrolment"])
def test_a_step_of_a_sign_in_is_for_who_came_so_far(come: Come, books: Books, step: str) -> None:
    employed(books)
    for visitor in (come(), come("manager-zhao")):
        page = visitor.get("/sessions") if visitor.get("/").url.path == "/" else visitor.get("/sign-in")
        answer = send(visitor, page, f"/sign-in/{step}", code="000000", password=PASSWORD, again=PASSWORD)
        assert answer.url.path in ("/sign-in", "/")
        assert visitor.get(f"/sign-in/{step}").url.path in ("/sign-in", "/")


def test_half_a_sign_in_ends_after_ten_minutes(come: Come, books: Books) -> None:
    visitor = come()
    by_password(visitor, "agent-neu", employed(books))
    with books.begin() as work:
        (held,) = work.sign_in.sessions_of("agent-neu", None, work.now)
        assert held.ends_at - held.created_at == timedelta(minutes=10)
        held.ends_at = work.now - timedelta(seconds=1)

    assert visitor.get("/sign-in/new-password").url.path == "/sign-in"


def test_the_id_in_the_cookie_is_a_new_one_after_each_step(come: Come, books: Books) -> None:
    visitor = come()
    seen = [visitor.token() and visitor.client.cookies["loanwright_session"]]
    page = by_password(visitor, "agent-neu", employed(books))
    seen.append(visitor.client.cookies["loanwright_session"])
    page = send(visitor, page, "/sign-in/new-password", password=PASSWORD, again=PASSWORD)
    seen.append(visitor.client.cookies["loanwright_session"])
    send(visitor, page, "/sign-in/enrolment", code=Authenticator.reading(page).code())
    seen.append(visitor.client.cookies["loanwright_session"])

    assert len(set(seen)) == 4
    visitor.client.cookies.set("loanwright_session", seen[2])
    assert visitor.get("/inbox").url.path == "/sign-in"


def test_neither_password_nor_secret_nor_code_lies_in_the_books(come: Come, books: Books) -> None:
    visitor = come()
    _, codes = first_sign_in(visitor, books)
    cookie = visitor.client.cookies["loanwright_session"]
    with books.engine.connect() as connection:
        kept = [
            str(row)
            for table in ("staff_credential", "recovery_code", "web_session", "audit_entry", "try_count")
            for row in connection.exec_driver_sql(f"SELECT * FROM {table}")
        ]

    assert len(kept) > 10
    for secret in (PASSWORD, cookie, *codes):
        assert all(secret not in row for row in kept)


def test_an_administrator_signs_in_like_everybody(come: Come, books: Books) -> None:
    visitor = come()
    page = by_password(visitor, "admin-neu", employed(books, "admin-neu", Role.ADMIN))

    assert page.url.path == "/sign-in/new-password"


def test_a_sign_in_leads_to_the_whole_address_that_was_wanted(come: Come, books: Books) -> None:
    visitor = come()
    wanted = "/loans?stage=approval&overdue=yes"

    page = by_password(visitor, "agent-neu", employed(books), back=wanted)

    assert page.url.path == "/sign-in/new-password"
    assert page.url.params["next"] == wanted
    assert f'name="next" value="{escape(wanted)}"' in page.text
