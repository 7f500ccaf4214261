"""Coming in and going out."""

from collections.abc import Callable

import httpx
import pytest
from sqlalchemy import event

from books.session import Books
from services.audit import SYSTEM
from services.staff import DEMO_PERSONS, disable
from tests.services.procedure import Procedure
from tests.web.conftest import Come
from tests.web.serving import words

DIGITS = "0001"


def test_the_sign_in_lists_every_demo_person_but_machines(come: Come) -> None:
    text = words(come().get("/sign-in").text)

    for staff_id, name, *_ in DEMO_PERSONS:
        assert (name in text) is (staff_id != "integrator-demo")


def test_a_person_comes_back_to_the_page_he_wanted(come: Come) -> None:
    visitor = come()

    asked = visitor.get("/loans")
    assert asked.url.path == "/sign-in"
    assert asked.url.params["next"] == "/loans"

    answer = visitor.post("/sign-in", staff_id="manager-zhao", next="/loans")
    assert answer.url.path == "/loans"
    assert answer.status_code == 200


@pytest.mark.parametrize("elsewhere", ["//evil.example", "https://evil.example/", "/\\evil.example"])
def test_nobody_is_sent_to_another_site_after_the_sign_in(come: Come, elsewhere: str) -> None:
    answer = come().post("/sign-in", staff_id="manager-zhao", next=elsewhere)

    assert answer.url.path == "/"
    assert "evil" not in str(answer.url)


@pytest.mark.parametrize("staff_id", ["integrator-demo", "nobody", ""])
def test_only_the_listed_people_can_sign_in(come: Come, staff_id: str) -> None:
    visitor = come()

    assert visitor.post("/sign-in", staff_id=staff_id).status_code == 404
    assert visitor.get("/").url.path == "/sign-in"


def test_who_signs_out_is_a_stranger_again(come: Come) -> None:
    visitor = come("manager-zhao")

    visitor.post("/sign-out", seen_at="/")

    assert visitor.get("/inbox").url.path == "/sign-in"


def test_a_dismissed_colleague_is_a_stranger_at_his_next_click(come: Come, books: Books) -> None:
    visitor = come("manager-zhao")
    with books.begin() as work:
        disable(work, SYSTEM, "manager-zhao")

    assert visitor.get("/inbox").url.path == "/sign-in"


@pytest.mark.parametrize(
    "change",
    [
        str.swapcase,
        lambda held: held[:-1],
        lambda held: f"{held}A",
        lambda held: f"{'B' if held[0] == 'A' else 'A'}{held[1:]}",
    ],
)
def test_a_session_cookie_that_we_did_not_give_is_worth_nothing(come: Come, change: Callable[[str], str]) -> None:
    visitor = come("manager-zhao")
    visitor.client.cookies.set("loanwright_session", change(visitor.client.cookies["loanwright_session"]))

    assert visitor.get("/inbox").url.path == "/sign-in"


def test_the_session_cookie_is_kept_from_scripts_and_other_sites(pages: str) -> None:
    cookie = httpx.get(f"{pages}/sign-in", verify=False).headers["set-cookie"]

    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie


def test_a_borrower_comes_in_with_loan_number_and_four_digits(come: Come, procedure: Procedure) -> None:
    loan = procedure.graded()

    answer = come().sign_in_as_borrower(loan.lower(), DIGITS)

    assert answer.url.path == f"/my/{loan}"
    assert answer.status_code == 200


@pytest.mark.parametrize(("loan", "digits"), [("L26000001", "9999"), ("L26999999", DIGITS), ("L26000001", "")])
def test_wrong_number_and_wrong_digits_get_the_same_answer(
    come: Come, procedure: Procedure, books: Books, loan: str, digits: str
) -> None:
    procedure.graded()

    answer = come().sign_in_as_borrower(loan, digits)

    assert answer.status_code == 422
    assert "No loan has this number and these four digits." in words(answer.text)
    with books.read() as work:
        assert [entry.act for entry in work.audit.page() if entry.refused] == ["sign_in_refused"]


def test_an_unknown_number_costs_the_books_as_much_as_wrong_digits(
    come: Come, procedure: Procedure, books: Books
) -> None:
    loan = procedure.graded()
    visitor = come()
    statements: list[str] = []
    event.listen(books.engine, "before_cursor_execute", lambda *call: statements.append(call[2]))

    def asked(number: str) -> list[str]:
        statements.clear()
        assert visitor.sign_in_as_borrower(number, "9999").status_code == 422
        # A page opens sealed names, and asks for the keys to them once a minute.
        return [one for one in statements if "FROM data_key" not in one]

    assert asked("L26999999") == asked(loan)


def test_what_is_no_loan_number_is_not_kept(come: Come, books: Books) -> None:
    for number in ("19912345678", "L2600\x00001"):
        assert come().sign_in_as_borrower(number, DIGITS).status_code == 422

    with books.read() as work:
        assert [entry.subject for entry in work.audit.page() if entry.refused] == [None, None]
