"""People of the staff at the API, outside of any demonstration: password and second factor give a short token."""

import base64
import json
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import event, text
from sqlmodel import select

from api import sign_in
from books.session import Books, UnitOfWork
from models.sign_in import SessionState, SignInMethod, StaffCredential, WebSession
from models.staff import Actor, Role
from models.tasks import TaskKind
from services.audit import SYSTEM
from services.passwords import hashed
from services.second_factor import new_recovery_codes, new_secret
from services.sign_in import Origin, end_session, kept_hash, own_sessions, session_of
from services.sign_in_tokens import LASTS, give_token
from services.sign_in_tries import Door, TooManyTries, take
from services.staff import add_person, disable, enable, give_password, sign_out_everywhere
from services.staff_changes import change_person
from settings import Settings
from tests.api.serving import NOWHERE, Caller, serving
from tests.api.test_codec import sealed
from tests.services.procedure import Procedure
from tests.services.unguarded import unguarded
from tests.web.sign_in import PASSWORD, Authenticator

AUDITOR = "auditor-neu"
REFUSED = "no member of staff has this id, this password and this code; the first sign-in is done at the pages"


@pytest.fixture
def api(books: Books) -> Iterator[Caller]:
    """The API as it is served for real people: no open keys."""
    with serving(books, Settings(temporal_address=NOWHERE, demo=False)) as caller:
        yield caller


def colleague(books: Books, staff_id: str = AUDITOR, role: Role = Role.AUDITOR) -> Authenticator:
    """Somebody who has been through his first sign-in."""
    secret = new_secret()
    with books.begin() as work:
        add_person(work, SYSTEM, staff_id, "新同事", role, None)
        held = work.session.get_one(StaffCredential, staff_id)
        held.password_hash, held.must_change, held.valid_until = hashed(PASSWORD), False, None
        held.totp_secret, held.totp_confirmed_at = secret, work.now
    return Authenticator(secret)


def asks(api: Caller, code: str, staff_id: str = AUDITOR, password: str = PASSWORD) -> httpx.Response:
    return api.post("/auth/token", {"staff_id": staff_id, "password": password, "code": code}, None)


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def token_of(api: Caller, phone: Authenticator, staff_id: str = AUDITOR) -> str:
    answer = asks(api, phone.code(), staff_id)
    assert answer.status_code == 200, answer.text
    return str(answer.json()["access_token"])


def written(books: Books, act: str) -> Any:
    with books.read() as work:
        (entry,) = [one for one in work.audit.page(limit=500) if one.act == act]
    return entry


def test_an_auditor_sees_the_life_of_a_loan_with_a_token(api: Caller, books: Books, procedure: Procedure) -> None:
    loan = procedure.graded()
    phone = colleague(books)

    answer = api.post(
        "/auth/token", {"staff_id": f" {AUDITOR.upper()} ", "password": PASSWORD, "code": phone.code()}, None
    )

    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "no-store"
    body = answer.json()
    assert (body["token_type"], body["expires_in"], body["scope"]) == ("Bearer", 900, "")
    told = api.get(f"/audit/loans/{loan}", None, headers=bearer(body["access_token"]))
    assert (told.status_code, told.json()["loan"]) == (200, loan)
    assert api.get(f"/audit/loans/{loan}", "auditor-wei").status_code == 401
    entry = written(books, "token_issued")
    assert (entry.actor_id, entry.role, entry.subject, entry.address) == (AUDITOR, "auditor", AUDITOR, "127.0.0.1")
    assert entry.after == {"method": "password", "seconds": 900}
    assert entry.request_id == answer.headers["X-Request-Id"]


def test_a_token_may_do_what_the_role_may_and_sees_what_it_sees(
    api: Caller, books: Books, procedure: Procedure
) -> None:
    loan = procedure.graded()
    agent = bearer(token_of(api, colleague(books, "agent-neu", Role.AGENT), "agent-neu"))
    risk = bearer(token_of(api, colleague(books, "risk-neu", Role.RISK), "risk-neu"))

    assert api.get(f"/audit/loans/{loan}", None, headers=agent).status_code == 403
    assert api.get(f"/loans/{loan}", None, headers=agent).status_code == 404
    assert api.get("/loans", None, headers=agent).json()["items"] == []
    assert [one["loan"] for one in api.get("/loans", None, headers=risk).json()["items"]] == [loan]
    task = procedure.task(loan, TaskKind.APPROVAL)
    claimed = api.post(f"/tasks/{task.id}/claim", None, None, headers=risk)
    assert claimed.status_code == 200, claimed.text
    assert written(books, "task_claimed").actor_id == "risk-neu"


def disabled(work: UnitOfWork) -> None:
    disable(work, SYSTEM, AUDITOR)


def without_authenticator(work: UnitOfWork) -> None:
    work.session.get_one(StaffCredential, AUDITOR).totp_confirmed_at = None


def with_a_password_to_change(work: UnitOfWork) -> None:
    work.session.get_one(StaffCredential, AUDITOR).must_change = True


BEFORE: dict[str, Callable[[UnitOfWork], None]] = {
    "disabled": disabled,
    "without an authenticator": without_authenticator,
    "with a one-time password": with_a_password_to_change,
}


@pytest.mark.parametrize(
    "how", [*BEFORE, "wrong password", "wrong code", "no code", "unknown", "a machine", "\x00", ""]
)
def test_whatever_is_wrong_gets_the_same_answer_and_is_recorded(api: Caller, books: Books, how: str) -> None:
    phone = colleague(books)
    if how in BEFORE:
        with books.begin() as work:
            BEFORE[how](work)
    known = {**dict.fromkeys(BEFORE, AUDITOR), "a machine": "integrator-demo", "unknown": "nobody-here"}
    staff_id = known.get(how, how if how in ("\x00", "") else AUDITOR)
    password = "wrong" if how == "wrong password" else PASSWORD
    code = {"wrong code": "000000", "no code": ""}.get(how) or phone.code()

    answer = asks(api, "" if how == "no code" else code, staff_id, password)

    body = answer.json()
    assert (answer.status_code, body["code"], body["detail"]) == (422, "sign_in_refused", REFUSED)
    with books.read() as work:
        refused = [one for one in work.audit.page(limit=500) if one.refused]
        assert work.session.exec(select(WebSession)).all() == []
    assert [one.act for one in refused] == [
        "second_factor_refused" if how in ("wrong code", "no code") else "sign_in_refused"
    ]
    assert refused[0].subject == (AUDITOR if staff_id == AUDITOR else known.get(how) if how == "a machine" else None)
    assert PASSWORD not in str(refused)


def test_unknown_costs_the_books_and_the_caller_as_much_as_wrong(api: Caller, books: Books) -> None:
    colleague(books)
    statements: list[str] = []
    event.listen(books.engine, "before_cursor_execute", lambda *call: statements.append(call[2]))

    def asked(staff_id: str) -> tuple[list[str], float]:
        statements.clear()
        began = time.perf_counter()
        assert asks(api, "000000", staff_id, "wrong").status_code == 422
        spent = time.perf_counter() - began
        return [one for one in statements if "FROM data_key" not in one], spent

    asked(AUDITOR)
    known, unknown = [asked(AUDITOR) for _ in range(3)], [asked("nobody-here") for _ in range(3)]
    assert known[0][0] == unknown[0][0]
    fastest = [min(spent for _, spent in found) for found in (known, unknown)]
    assert 0.4 < fastest[0] / fastest[1] < 2.5


def test_a_code_gives_one_token_and_a_recovery_code_too(api: Caller, books: Books) -> None:
    phone = colleague(books)
    with books.begin() as work:
        spare = new_recovery_codes(work, AUDITOR)[0]
    code = phone.code()

    assert [asks(api, code).status_code for _ in range(2)] == [200, 422]
    assert [asks(api, spare).status_code for _ in range(2)] == [200, 422]


def test_wrong_passwords_lock_the_same_door_as_at_the_pages(api: Caller, books: Books) -> None:
    phone = colleague(books)
    assert [asks(api, phone.code(), password="wrong").status_code for _ in range(5)] == [422] * 5

    answer = asks(api, phone.code())

    assert (answer.status_code, answer.json()["code"]) == (429, "too_many_tries")
    assert 800 < int(answer.headers["Retry-After"]) <= 900
    with books.begin() as work, pytest.raises(TooManyTries):
        take(work, Door.STAFF, AUDITOR, "127.0.0.1")


def test_who_is_asked_to_come_again_has_used_up_no_try(
    api: Caller, books: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    code = colleague(books).code()
    with monkeypatch.context() as busy:
        busy.setattr("services.passwords.MOST_WAITING", 0)
        assert [asks(api, code).status_code for _ in range(6)] == [503] * 6

    assert asks(api, code).status_code == 200


def test_codes_cannot_be_guessed_and_who_is_right_is_not_stopped(api: Caller, books: Books) -> None:
    phone = colleague(books)
    with books.begin() as work:
        spare = new_recovery_codes(work, AUDITOR)
    assert {asks(api, one).status_code for one in spare[:7]} == {200}
    assert [asks(api, f"{n:06}").status_code for n in range(5)] == [422] * 5

    assert asks(api, phone.code()).status_code == 429


def to_another_role(work: UnitOfWork) -> None:
    change_person(work, SYSTEM, AUDITOR, "keeps the people from now on", role=Role.ADMIN)


def to_another_role_around_the_act(work: UnitOfWork) -> None:
    with unguarded(work, "staff"):
        work.session.execute(text(f"UPDATE staff SET role = 'admin' WHERE id = '{AUDITOR}'"))


def by_himself(work: UnitOfWork) -> None:
    me = Actor(AUDITOR, Role.AUDITOR)
    (token,) = own_sessions(work, me)
    end_session(work, me, token.id)


def disabled_for_a_while(work: UnitOfWork) -> None:
    disable(work, SYSTEM, AUDITOR)
    enable(work, SYSTEM, AUDITOR)


def with_another_password(work: UnitOfWork) -> None:
    give_password(work, SYSTEM, AUDITOR)


def by_an_administrator(work: UnitOfWork) -> None:
    sign_out_everywhere(work, SYSTEM, AUDITOR)


def over(work: UnitOfWork) -> None:
    work.session.exec(select(WebSession)).one().ends_at = work.now


ENDS: dict[str, Callable[[UnitOfWork], None]] = {
    "its time is over": over,
    "he ends it": by_himself,
    "an administrator signs him out": by_an_administrator,
    "he is disabled": disabled,
    "he was disabled for a while": disabled_for_a_while,
    "his password changes": with_another_password,
    "his role changes": to_another_role,
    "his role changes around the act": to_another_role_around_the_act,
}


@pytest.mark.parametrize("how", ENDS)
def test_a_token_ends_within_seconds_when(api: Caller, books: Books, monkeypatch: pytest.MonkeyPatch, how: str) -> None:
    monkeypatch.setattr(sign_in, "KEPT_SECONDS", 0.2)
    shown = bearer(token_of(api, colleague(books)))
    assert api.get("/loans", None, headers=shown).status_code == 200
    with books.begin() as work:
        ENDS[how](work)
    time.sleep(0.3)

    answer = api.get("/loans", None, headers=shown)

    assert (answer.status_code, answer.json()["code"]) == (401, "not_signed_in")


def test_a_password_that_changed_while_it_was_compared_gives_no_token(books: Books) -> None:
    phone = colleague(books)
    with books.begin() as work:
        compared = kept_hash(work, AUDITOR)
        work.session.get_one(StaffCredential, AUDITOR).password_hash = hashed(PASSWORD)

    with books.begin() as work:
        assert give_token(work, AUDITOR, compared, phone.code(), Origin(), LASTS) is None

    assert written(books, "sign_in_refused").actor_id == AUDITOR


def test_a_token_is_good_for_as_long_as_the_settings_say(books: Books) -> None:
    with serving(books, Settings(temporal_address=NOWHERE, demo=False, staff_token_minutes=120)) as caller:
        assert asks(caller, colleague(books).code()).json()["expires_in"] == 7200
    for minutes in (0, 481):
        with pytest.raises(ValueError, match="staff_token_minutes"):
            Settings(staff_token_minutes=minutes)


def test_a_token_is_no_cookie_and_a_cookie_no_token(api: Caller, books: Books) -> None:
    token = token_of(api, colleague(books))
    with books.begin() as work:
        assert session_of(work, token) is None
        held = work.session.exec(select(WebSession)).one()
        assert (held.method, held.state, held.second_factor) == (SignInMethod.PASSWORD, SessionState.OPEN, True)
        held.token_role = None
    assert api.get("/loans", None, headers={"Cookie": f"loanwright_session={token}"}).status_code == 401

    assert api.get("/loans", None, headers=bearer(token)).status_code == 401


def test_neither_token_nor_password_nor_code_lies_in_the_books(api: Caller, books: Books) -> None:
    code = (phone := colleague(books)).code()
    token = asks(api, code).json()["access_token"]
    asks(api, phone.code(), password=PASSWORD + "!")
    with books.engine.connect() as connection:
        kept = [
            str(row)
            for table in ("staff", "staff_credential", "web_session", "audit_entry", "try_count")
            for row in connection.exec_driver_sql(f"SELECT * FROM {table}")
        ]

    assert all(secret not in row for row in kept for secret in (token, PASSWORD, code))


def test_that_a_token_was_used_is_noted_once_a_minute(api: Caller, books: Books) -> None:
    shown = bearer(token_of(api, colleague(books)))
    with books.begin() as work:
        held = work.session.exec(select(WebSession)).one()
        held.seen_at = before = work.now - timedelta(minutes=5)
    assert api.get("/loans", None, headers=shown).status_code == 200

    with books.read() as work:
        assert work.session.exec(select(WebSession)).one().seen_at > before


def test_the_codec_server_takes_an_auditors_token_and_nobody_elses(api: Caller, books: Books) -> None:
    auditor = bearer(token_of(api, colleague(books)))
    finance = bearer(token_of(api, colleague(books, "finance-neu", Role.FINANCE), "finance-neu"))
    asked = {"payloads": [sealed("hello")]}

    [payload] = api.post("/codec/decode", asked, None, headers=auditor).json()["payloads"]

    assert json.loads(base64.b64decode(payload["data"])) == "hello"
    assert written(books, "decode_payloads").actor_id == AUDITOR
    assert api.post("/codec/decode", asked, None, headers=finance).status_code == 403


@pytest.mark.parametrize("token", ["lwp_forged", "lwp_" + "A" * 43])
def test_a_forged_token_is_refused_and_recorded(api: Caller, books: Books, token: str) -> None:
    assert api.get("/loans", None, headers=bearer(token)).status_code == 401

    entry = written(books, "token_refused")
    assert (entry.actor_id, entry.refused, entry.address) == ("unknown", True, "127.0.0.1")
