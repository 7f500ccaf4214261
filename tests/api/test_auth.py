"""Machine accounts: client id and secret give a token, and what a token is good for."""

import base64
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import event
from sqlmodel import select

from api import sign_in
from books.session import Books
from models.sign_in import AccessToken
from models.staff import Scope
from services.audit import SYSTEM
from services.sign_in_machines import TooManySecrets, add_secret
from services.staff import add_machine, disable, enable, person_with
from settings import Settings
from tests.api.serving import NOWHERE, Caller, serving

CLIENT = "dealer-system"
SCOPES = frozenset({Scope.APPLICATIONS, Scope.LOANS_READ})


def account(books: Books) -> str:
    """A machine account; its secret."""
    with books.begin() as work:
        return add_secret(work, SYSTEM, add_machine(work, SYSTEM, CLIENT, "经销商系统", SCOPES))


def asks(api: Caller, secret: str, client: str = CLIENT, **more: Any) -> httpx.Response:
    return api.post("/auth/token", {"client_id": client, "client_secret": secret, **more}, None)


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def test_client_id_and_secret_give_a_token_for_ten_minutes(api: Caller, books: Books) -> None:
    answer = asks(api, account(books))

    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "no-store"
    body = answer.json()
    assert (body["token_type"], body["expires_in"], body["scope"]) == ("Bearer", 600, "applications loans:read")
    assert api.get("/loans", None, headers=bearer(body["access_token"])).status_code == 200
    with books.read() as work:
        assert [one.act for one in work.audit.page() if one.actor_id == CLIENT] == ["token_issued"]


def test_http_basic_carries_them_too(api: Caller, books: Books) -> None:
    shown = base64.b64encode(f"{CLIENT}:{account(books)}".encode()).decode()

    answer = api.call("POST", "/auth/token", None, headers={"Authorization": f"Basic {shown}"})

    assert answer.status_code == 200


@pytest.mark.parametrize(
    "shown", ["Basic", "Basic !!", "Basic Og==", "Basic eA==", "Basic //79/A==", "Bearer x", "Negotiate"]
)
def test_what_cannot_be_read_is_refused(api: Caller, books: Books, shown: str) -> None:
    account(books)

    assert api.call("POST", "/auth/token", None, headers={"Authorization": shown}).status_code == 401


def test_fewer_scopes_can_be_asked_for_and_no_others(api: Caller, books: Books) -> None:
    secret = account(books)

    assert asks(api, secret, scope="loans:read").json()["scope"] == "loans:read"
    for scope in ("payments", "loans:read payments", "everything"):
        answer = asks(api, secret, scope=scope)
        assert (answer.status_code, answer.json()["code"]) == (422, "invalid_scope")


def test_a_token_is_good_for_its_scopes_alone(api: Caller, books: Books) -> None:
    secret = account(books)
    reads = asks(api, secret, scope="loans:read").json()["access_token"]

    assert api.get("/loans", None, headers=bearer(reads)).status_code == 200
    answer = api.post("/applications", {}, None, headers={"Idempotency-Key": "k", **bearer(reads)})
    assert answer.status_code == 403


@pytest.mark.parametrize(
    ("client", "secret"),
    [(CLIENT, "wrong"), ("nobody-here", "wrong"), ("manager-zhao", "wrong"), ("", ""), ("a\x00b", "x"), (CLIENT, "")],
)
def test_unknown_and_wrong_get_the_same_answer(api: Caller, books: Books, client: str, secret: str) -> None:
    account(books)

    answer = asks(api, secret, client)

    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == 'Basic realm="loanwright"'
    assert answer.json()["detail"] == "no machine account has this client id and this secret"
    with books.read() as work:
        (refused,) = [one for one in work.audit.page() if one.refused]
    assert refused.act == "token_refused"
    assert refused.subject == (client if client in (CLIENT, "manager-zhao") else None)


def test_a_client_that_cannot_be_read_is_unknown(api: Caller) -> None:
    answer = api.client.post(f"{api.url}/api/v1/auth/token", headers={b"Authorization": b"Basic \xe9t\xe9"})

    assert answer.status_code == 401


def test_unknown_costs_the_books_as_much_as_wrong(api: Caller, books: Books) -> None:
    account(books)
    statements: list[str] = []
    event.listen(books.engine, "before_cursor_execute", lambda *call: statements.append(call[2]))

    def asked(client: str) -> list[str]:
        statements.clear()
        assert asks(api, "wrong", client).status_code == 401
        return list(statements)

    asked(CLIENT)
    assert asked(CLIENT) == asked("nobody-here")


def test_an_account_that_was_disabled_needs_a_new_secret_whichever_it_had(api: Caller, books: Books) -> None:
    secrets = [account(books)]
    with books.begin() as work:
        secrets.append(add_secret(work, SYSTEM, person_with(work, CLIENT)))
    with books.begin() as work:
        disable(work, SYSTEM, CLIENT)
    with books.begin() as work:
        enable(work, SYSTEM, CLIENT)

    assert [asks(api, one).status_code for one in secrets] == [401, 401]
    with books.begin() as work:
        fresh = add_secret(work, SYSTEM, person_with(work, CLIENT))
    assert asks(api, fresh).status_code == 200


def test_secrets_cannot_be_guessed(api: Caller, books: Books) -> None:
    secret = account(books)
    assert [asks(api, "wrong").status_code for _ in range(5)] == [401] * 5

    answer = asks(api, secret)

    assert (answer.status_code, answer.json()["code"]) == (429, "too_many_tries")
    assert 800 < int(answer.headers["Retry-After"]) <= 900


def test_who_asks_often_with_the_right_secret_is_not_stopped(api: Caller, books: Books) -> None:
    secret = account(books)

    assert {asks(api, secret).status_code for _ in range(25)} == {200}


def test_the_right_secret_is_not_stopped_by_scopes_that_the_account_has_not(api: Caller, books: Books) -> None:
    secret = account(books)

    assert [asks(api, secret, scope="payments").status_code for _ in range(6)] == [422] * 6
    assert asks(api, secret).status_code == 200


def test_who_asks_many_times_at_once_with_the_right_secret_is_not_stopped(api: Caller, books: Books) -> None:
    secret = account(books)

    with ThreadPoolExecutor(12) as line:
        answers = list(line.map(lambda _: asks(api, secret).status_code, range(24)))

    assert answers == [200] * 24


def test_guesses_at_the_same_time_are_no_more_than_one_after_the_other(api: Caller, books: Books) -> None:
    secret = account(books)

    with ThreadPoolExecutor(12) as line:
        answers = sorted(line.map(lambda n: asks(api, f"wrong {n}").status_code, range(24)))

    assert answers == [401] * 5 + [429] * 19
    assert asks(api, secret).status_code == 429


def test_two_secrets_are_good_while_a_machine_changes_over(api: Caller, books: Books) -> None:
    first = account(books)
    with books.begin() as work:
        second = add_secret(work, SYSTEM, person_with(work, CLIENT))
    assert [asks(api, secret).status_code for secret in (first, second)] == [200, 200]
    with books.begin() as work, pytest.raises(TooManySecrets):
        add_secret(work, SYSTEM, person_with(work, CLIENT))
    with books.begin() as work:
        (older,) = [one for one in work.sign_in.secrets_of(CLIENT, work.now) if one.ends_at is not None]
        assert older.ends_at is not None
        assert timedelta(days=6) < older.ends_at - work.now <= timedelta(days=7)
        older.ends_at = work.now

    assert [asks(api, secret).status_code for secret in (first, second)] == [401, 200]


def test_a_secret_that_is_out_ends_at_once(api: Caller, books: Books) -> None:
    first = account(books)
    with books.begin() as work:
        second = add_secret(work, SYSTEM, person_with(work, CLIENT), timedelta())

    assert [asks(api, secret).status_code for secret in (first, second)] == [401, 200]


def test_tokens_of_a_secret_that_is_out_end_with_it_and_those_of_an_ordinary_change_over_do_not(
    api: Caller, books: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sign_in, "KEPT_SECONDS", 0.3)
    token = asks(api, account(books)).json()["access_token"]
    with books.begin() as work:
        second = add_secret(work, SYSTEM, person_with(work, CLIENT))
    time.sleep(0.4)
    assert api.get("/loans", None, headers=bearer(token)).status_code == 200
    other = asks(api, second).json()["access_token"]
    with books.begin() as work:
        third = add_secret(work, SYSTEM, person_with(work, CLIENT), timedelta())
    time.sleep(0.4)

    assert [api.get("/loans", None, headers=bearer(one)).status_code for one in (token, other)] == [401, 401]
    assert asks(api, third).status_code == 200


def test_a_disabled_account_is_out_within_seconds_and_stays_out(
    api: Caller, books: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sign_in, "KEPT_SECONDS", 0.3)
    secret = account(books)
    token = asks(api, secret).json()["access_token"]
    assert api.get("/loans", None, headers=bearer(token)).status_code == 200
    with books.begin() as work:
        disable(work, SYSTEM, CLIENT)
    time.sleep(0.4)

    assert api.get("/loans", None, headers=bearer(token)).status_code == 401
    assert asks(api, secret).status_code == 401
    with books.begin() as work:
        enable(work, SYSTEM, CLIENT)
    assert asks(api, secret).status_code == 401
    assert api.get("/loans", None, headers=bearer(token)).status_code == 401


def test_a_holder_is_believed_for_five_seconds_at_most() -> None:
    assert sign_in.KEPT_SECONDS <= 5


def test_a_token_ends_after_ten_minutes_also_where_it_is_remembered(api: Caller, books: Books) -> None:
    token = asks(api, account(books)).json()["access_token"]
    with books.begin() as work:
        kept = work.session.exec(select(AccessToken)).one()
        kept.ends_at = work.now + timedelta(seconds=0.5)
    assert api.get("/loans", None, headers=bearer(token)).status_code == 200
    time.sleep(0.6)

    answer = api.get("/loans", None, headers=bearer(token))

    assert answer.status_code == 401
    assert 'error="invalid_token"' in answer.headers["WWW-Authenticate"]


@pytest.mark.parametrize("token", ["lwt_forged", "lwt_" + "A" * 43, "demo-nobody", "lws_x", "' OR 1=1 --"])
def test_a_forged_token_is_refused_and_recorded(api: Caller, books: Books, token: str) -> None:
    assert api.get("/loans", None, headers=bearer(token)).status_code == 401

    with books.read() as work:
        (refused,) = [one for one in work.audit.page() if one.refused]
    assert (refused.act, refused.actor_id, refused.address) == ("token_refused", "unknown", "127.0.0.1")
    assert token not in str(refused)


def test_a_secret_is_no_token_and_a_token_no_secret(api: Caller, books: Books) -> None:
    secret = account(books)
    token = asks(api, secret).json()["access_token"]

    assert api.get("/loans", None, headers=bearer(secret)).status_code == 401
    assert asks(api, token).status_code == 401


def test_neither_secret_nor_token_lies_in_the_books(api: Caller, books: Books) -> None:
    secret = account(books)
    token = asks(api, secret).json()["access_token"]
    with books.engine.connect() as connection:
        kept = [
            str(row)
            for table in ("staff", "client_secret", "access_token", "audit_entry", "try_count")
            for row in connection.exec_driver_sql(f"SELECT * FROM {table}")
        ]

    assert all(secret not in row and token not in row for row in kept)


def test_what_is_too_much_or_no_json_is_refused(api: Caller) -> None:
    assert api.post("/auth/token", {"client_id": "x" * 201}, None).status_code == 422
    assert api.post("/auth/token", {"client_id": 1}, None).status_code == 422
    assert api.post("/auth/token", {"grant_type": "password"}, None).status_code == 422
    headers = {"Content-Type": "application/json"}
    assert api.call("POST", "/auth/token", None, content=b"{", headers=headers).status_code == 422
    assert api.call("POST", "/auth/token", None, content=b"x" * 70_000, headers=headers).status_code == 413
    assert api.call("GET", "/auth/token", None).status_code == 401


def test_without_a_demonstration_the_open_keys_open_nothing(books: Books) -> None:
    with serving(books, Settings(temporal_address=NOWHERE, demo=False)) as caller:
        for who in ("manager-zhao", "integrator-demo"):
            assert caller.get("/loans", who).status_code == 401
        token = asks(caller, account(books)).json()["access_token"]
        assert caller.get("/loans", None, headers=bearer(token)).status_code == 200
