"""Nobody gets in without a key, and what is refused looks the same everywhere."""

import time

import pytest

from api import sign_in
from books.session import Books
from services.audit import SYSTEM
from services.staff import demo_key, disable
from tests.api.serving import Caller


@pytest.mark.parametrize(
    "path", ["/loans", "/tasks", "/loans/L26000001", "/openapi.json", "/nothing-here", "/auth/token", "/bank/notices/1"]
)
@pytest.mark.parametrize("authorization", [None, "Bearer wrong", "Bearer", "Basic ZGVtbzpkZW1v", f"Bearer {'x' * 500}"])
def test_no_address_is_open(refusing_api: Caller, path: str, authorization: str | None) -> None:
    headers = {} if authorization is None else {"Authorization": authorization}
    answer = refusing_api.get(path, None, headers=headers)

    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"].startswith('Bearer realm="loanwright"')
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json()["code"] == "not_signed_in"


def test_a_problem_has_all_its_parts(refusing_api: Caller) -> None:
    answer = refusing_api.get("/loans/L26999999", headers={"X-Request-Id": "mine"})

    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.headers["X-Request-Id"] == "mine"
    assert answer.json() == {
        "type": "urn:loanwright:problem:unknown_loan",
        "title": "Not Found",
        "status": 404,
        "detail": "there is no loan L26999999",
        "code": "unknown_loan",
        "fields": {},
        "request_id": "mine",
    }


@pytest.mark.parametrize("given", ["with space", "x" * 65, "a/b", ""])
def test_a_request_id_that_could_confuse_a_log_is_replaced(refusing_api: Caller, given: str) -> None:
    answer = refusing_api.get("/loans", headers={"X-Request-Id": given})

    assert answer.headers["X-Request-Id"] not in ("", given)


@pytest.mark.parametrize(
    "path",
    ["/nothing-here", "/loans/36个月", "/loans/L1", "/loans/L26000001%00", "/tasks/1", "/loans/L26000001/nothing"],
)
def test_an_address_that_leads_nowhere_is_not_found(refusing_api: Caller, path: str) -> None:
    answer = refusing_api.get(path)

    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


def test_a_method_that_an_address_does_not_know_is_refused_with_those_it_knows(refusing_api: Caller) -> None:
    answer = refusing_api.call("DELETE", "/applications")

    assert (answer.status_code, answer.json()["code"]) == (405, "method_not_allowed")
    assert answer.headers["Allow"] == "POST"


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("stage=unheard-of", "stage"),
        ("limit=0", "limit"),
        ("limit=1000", "limit"),
        ("after=%00", "after"),
        ("product=%F0%9F%9A%97", "product"),
        ("overdue=perhaps", "overdue"),
    ],
)
def test_a_wrong_query_is_refused_by_field(refusing_api: Caller, query: str, field: str) -> None:
    answer = refusing_api.get(f"/loans?{query}")

    assert answer.status_code == 422
    assert list(answer.json()["fields"]) == [field]


def test_a_key_that_is_taken_back_ends_to_work(api: Caller, books: Books, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sign_in, "KEPT_SECONDS", 0.3)
    assert api.get("/loans", "agent-lin").status_code == 200
    with books.begin() as work:
        disable(work, SYSTEM, "agent-lin")
    time.sleep(0.4)

    assert api.get("/loans", "agent-lin").status_code == 401


def test_what_is_not_the_api_is_not_open_either(refusing_api: Caller) -> None:
    headers = {"Authorization": f"Bearer {demo_key('manager-zhao')}"}
    for path in ("/", "/docs", "/api/v2/loans"):
        assert refusing_api.client.get(f"{refusing_api.url}{path}").status_code == 401
        assert refusing_api.client.get(f"{refusing_api.url}{path}", headers=headers).json()["code"] == "not_found"
