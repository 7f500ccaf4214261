"""Applications by API: taken in once, or refused with what is wrong."""

import json
import socket
from typing import Any

import httpx
import pytest

from books.session import Books
from models.staff import Actor, Role
from services.staff import demo_key
from tests.api.serving import Caller
from tests.books.migrated import books as books
from tests.modules.applications import application, id_number

INTEGRATOR = Actor("integrator-demo", Role.INTEGRATOR)


def body(code: str = "micro", **changes: object) -> dict[str, object]:
    """A good application with changes of its form."""
    return {"product": code, "form": application(code, **changes), "consent": "2026-01"}


def loans(books: Books) -> list[str]:
    """The numbers of all loans."""
    with books.read() as work:
        return work.loans.all_numbers()


def test_a_good_application_is_accepted_with_its_loan_and_where_to_look(api: Caller, books: Books) -> None:
    answer = api.apply(body(), "first")

    assert answer.status_code == 202
    accepted = answer.json()
    assert loans(books) == [accepted["loan"]]
    assert answer.headers["Location"] == accepted["status_url"] == f"/api/v1/loans/{accepted['loan']}"
    shown = api.get(f"/loans/{accepted['loan']}", "integrator-demo").json()
    assert (shown["stage"], shown["applied"], shown["currency"]) == ("application", "12000.00", "CNY")


def test_the_same_application_again_gets_the_same_answer(api: Caller, books: Books) -> None:
    first, second = (api.apply(body(), "first") for _ in range(2))

    assert (first.status_code, second.status_code) == (202, 200)
    assert first.json() == second.json()
    assert len(loans(books)) == 1


def test_the_same_key_with_another_body_is_refused_and_the_refusal_recorded(api: Caller, books: Books) -> None:
    api.apply(body(), "first")
    answer = api.apply(body(term="24"), "first")

    assert (answer.status_code, answer.json()["code"]) == (409, "idempotency_conflict")
    assert len(loans(books)) == 1
    with books.read() as work:
        refusals = [entry for entry in work.audit.page() if entry.refused]
    assert [(entry.act, entry.actor_id) for entry in refusals] == [("submit_application", "integrator-demo")]
    assert refusals[0].reason is not None
    assert refusals[0].reason.startswith("idempotency_conflict")
    assert refusals[0].request_id == answer.headers["X-Request-Id"]


def test_the_same_application_under_another_key_is_refused_as_a_duplicate(api: Caller, books: Books) -> None:
    api.apply(body(), "first")
    answer = api.apply(body(), "second")

    assert (answer.status_code, answer.json()["code"]) == (409, "duplicate_application")
    assert len(loans(books)) == 1


def test_the_key_of_one_caller_is_no_key_of_another(api: Caller, books: Books) -> None:
    api.apply(body(), "first")
    answer = api.apply(body(id_number=id_number(sequence=7)), "first", who="agent-lin")

    assert answer.status_code == 202
    assert len(loans(books)) == 2


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"term": "36个月"}, "term"),
        ({"term": None}, "term"),
        ({"id_number": "110105194912310021"}, "id_number"),
        ({"id_number": id_number().replace("1990", "2990")}, "id_number"),
        ({"amount": "-5"}, "amount"),
        ({"amount": "999999999999999"}, "amount"),
        ({"amount": "12000.001"}, "amount"),
        ({"amount": 12000.5}, "amount"),
        ({"amount": "1e4"}, "amount"),
        ({"amount": 10**400}, "amount"),
        ({"term": True}, "term"),
        ({"mobile": "12345"}, "mobile"),
        ({"name": "甲\x00乙"}, "name"),
        ({"favourite_colour": "red"}, "favourite_colour"),
    ],
    ids=str,
)
def test_a_wrong_field_is_named(refusing_api: Caller, changes: dict[str, Any], field: str) -> None:
    answer = refusing_api.apply(body(**changes), "wrong")

    assert answer.status_code == 422
    problem = answer.json()
    assert problem["code"] == "invalid_application"
    assert list(problem["fields"]) == [field]


def test_every_wrong_field_has_its_entry_at_once(refusing_api: Caller) -> None:
    answer = refusing_api.apply(body(term="36个月", amount="-5", mobile=None), "wrong")

    assert answer.json()["fields"].keys() == {"term", "amount", "mobile"}


def test_the_sentences_come_in_the_language_of_the_caller(refusing_api: Caller) -> None:
    headers = {"Idempotency-Key": "wrong", "Accept-Language": "zh-CN,zh;q=0.9"}
    answer = refusing_api.post("/applications", body(mobile=None), "integrator-demo", headers=headers)

    assert answer.json()["fields"] == {"mobile": "请填写手机号。"}


def test_an_unknown_product_is_refused_with_those_on_offer(refusing_api: Caller) -> None:
    answer = refusing_api.apply(body() | {"product": "mortgage"}, "wrong")

    assert (answer.status_code, answer.json()["code"]) == (422, "unknown_product")
    assert "micro" in answer.json()["fields"]["product"]


def test_an_application_without_consent_is_refused(refusing_api: Caller) -> None:
    assert refusing_api.apply(body() | {"consent": "1999-01"}, "wrong").json()["fields"].keys() == {"consent"}
    asked = body()
    del asked["consent"]
    assert refusing_api.apply(asked, "wrong").json()["fields"] == {"consent": "is needed"}


def test_an_application_without_idempotency_key_is_refused(refusing_api: Caller) -> None:
    answer = refusing_api.post("/applications", body(), "integrator-demo")

    assert answer.status_code == 422
    assert answer.json()["fields"] == {"Idempotency-Key": "is needed"}


@pytest.mark.parametrize("field", ["id_number", "mobile", "bank_card"])
def test_a_key_that_says_who_somebody_is_is_refused_and_not_repeated(refusing_api: Caller, field: str) -> None:
    asked = body()
    form = asked["form"]
    assert isinstance(form, dict)
    answer = refusing_api.apply(asked, f"{form[field]}-1")

    assert (answer.status_code, answer.json()["code"]) == (422, "personal_key")
    assert str(form[field]) not in answer.text


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b"\xff\xfe", b"[" * 20_000, b'{"product": NaN}', b'{"product": "\\ud800"}']
)
def test_a_body_that_is_no_application_is_refused(refusing_api: Caller, content: bytes) -> None:
    headers = {"Idempotency-Key": "wrong", "Content-Type": "application/json"}
    answer = refusing_api.call("POST", "/applications", "integrator-demo", headers=headers, content=content)

    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")


def test_who_enters_no_applications_is_refused_and_the_refusal_recorded(api: Caller, books: Books) -> None:
    answer = api.apply(body(), "first", who="auditor-wei")

    assert (answer.status_code, answer.json()["code"]) == (403, "not_allowed")
    with books.read() as work:
        assert [(entry.act, entry.actor_id) for entry in work.audit.page() if entry.refused] == [
            ("submit_application", "auditor-wei")
        ]


def test_an_oversize_application_is_refused_before_it_is_read(refusing_api: Caller) -> None:
    answer = refusing_api.apply(body(hobbies="x" * 70_000), "large")

    assert (answer.status_code, answer.json()["code"]) == (413, "body_too_large")


def test_what_announces_itself_as_too_large_is_answered_without_waiting_for_it(refusing_api: Caller) -> None:
    host, _, port = refusing_api.url.removeprefix("http://").partition(":")
    head = (
        f"POST /api/v1/applications HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {demo_key('agent-lin')}\r\n"
        "Content-Type: application/json\r\nIdempotency-Key: large\r\nContent-Length: 99999999\r\n\r\n"
    )
    with socket.create_connection((host, int(port)), timeout=5) as connection:
        connection.sendall(head.encode())
        assert connection.recv(12) == b"HTTP/1.1 413"


def test_an_oversize_application_in_pieces_is_refused_as_well(refusing_api: Caller) -> None:
    pieces = (b"x" * 10_000 for _ in range(8))
    headers = {"Idempotency-Key": "large", "Content-Type": "application/json"}
    answer = refusing_api.call("POST", "/applications", "integrator-demo", headers=headers, content=pieces)

    assert answer.status_code == 413


def test_nobody_signed_in_is_refused_before_the_body_is_read(refusing_api: Caller) -> None:
    answer = refusing_api.post("/applications", body(), None, headers={"Idempotency-Key": "first"})

    assert (answer.status_code, answer.json()["code"]) == (401, "not_signed_in")
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")


def test_the_client_address_and_request_id_stand_in_the_audit_log(api: Caller, books: Books) -> None:
    headers = {
        "Idempotency-Key": "first",
        "X-Request-Id": "order-4711",
        "Authorization": f"Bearer {demo_key('integrator-demo')}",
    }
    answer = httpx.post(f"{api.url}/api/v1/applications", headers=headers, json=body())

    assert answer.headers["X-Request-Id"] == "order-4711"
    with books.read() as work:
        (entry,) = work.audit.of_loan(answer.json()["loan"])
    assert (entry.address, entry.request_id) == ("127.0.0.1", "order-4711")


def test_a_field_sent_twice_is_refused(refusing_api: Caller) -> None:
    """Two sums in one form: whichever counted would be the wrong one for somebody."""
    twice = json.dumps(body()).replace('"amount":', '"amount": "99999.00", "amount":', 1)
    answer = refusing_api.call("POST", "/applications", content=twice, headers={"Idempotency-Key": "twice"})
    assert answer.status_code == 422
    assert list(answer.json()["fields"]) == ["amount"]
