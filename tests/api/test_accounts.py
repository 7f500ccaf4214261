"""Accounts by API: shown masked, checked again, changed by two people, and debited under a mandate signed by code."""

from datetime import UTC, datetime, timedelta

from books.session import Books
from models.accounts import CardResult
from services import mandate_papers
from tests.api.serving import Caller
from tests.services.accounts import answer_change, check_account
from tests.services.procedure import INTEGRATOR, Procedure

AGENT, MANAGER, SECOND, FINANCE = "agent-lin", "manager-zhao", "risk-qian", "finance-sun"
NEW = "6230000000000000011"


def borrower_of(api: Caller, loan: str) -> dict[str, str]:
    found = api.get(f"/loans/{loan}/accounts").json()["accounts"]
    account: dict[str, str] = next(one for one in found if one["role"] == "borrower")
    return account


def proposal(api: Caller, loan: str, **changes: object) -> dict[str, object]:
    asked = {"party": borrower_of(api, loan)["party"], "account": NEW, "reason": "a new card", "consent": "2026-01"}
    return asked | changes


def test_accounts_are_shown_masked_with_their_check_and_mandate(
    api: Caller, books: Books, procedure: Procedure
) -> None:
    loan = procedure.running()
    shown = api.get(f"/loans/{loan}/accounts")
    with books.read() as work:
        account = work.customers.borrower(loan).account or ""
    assert account not in shown.text
    assert {one["check"] for one in shown.json()["accounts"]} == {"match"}
    (mandate,) = shown.json()["mandates"]
    assert (mandate["status"], mandate["source"], mandate["account_of_today"]) == ("active", "contract", True)
    assert api.get("/loans/L99999999/accounts").status_code == 404


def test_a_check_is_asked_for_again(api: Caller, procedure: Procedure) -> None:
    loan = procedure.graded()
    assert api.post(f"/loans/{loan}/account-check").status_code == 202
    assert api.post(f"/loans/{loan}/account-check", who=FINANCE).status_code == 403
    with procedure.at() as work:
        for _ in range(6):
            check_account(work, loan)
    answer = api.post(f"/loans/{loan}/account-check")
    assert (answer.status_code, answer.json()["code"]) == (429, "too_many_checks")


def test_an_account_is_changed_by_two_people_after_its_check_and_then_needs_a_signature(
    api: Caller, books: Books, procedure: Procedure
) -> None:
    loan = procedure.running()
    asked = proposal(api, loan)
    assert api.post(f"/loans/{loan}/account-change", asked, FINANCE).json()["code"] == "not_allowed"
    proposed = api.post(f"/loans/{loan}/account-change", asked)
    assert proposed.status_code == 201
    assert proposed.json()["account"].endswith(NEW[-4:])
    assert NEW not in proposed.text
    again = api.post(f"/loans/{loan}/account-change", asked | {"account": "6230000000000000029"})
    assert (again.status_code, again.json()["code"]) == (409, "account_change_pending")

    decide = f"/tasks/{proposed.json()['task']}/account-decision"
    verdict = {"outcome": "approve", "reason": "called him back"}
    early = api.post(decide, verdict, SECOND)
    assert (early.status_code, early.json()["code"]) == (409, "account_not_verified")
    with procedure.at() as work:
        answer_change(work, loan, CardResult.MISMATCH)
    wrong = api.post(decide, verdict, SECOND)
    assert (wrong.status_code, wrong.json()["code"]) == (409, "account_refused")
    with books.begin() as work:
        answer_change(work, loan)
    own = api.post(decide, verdict, MANAGER)
    assert (own.status_code, own.json()["code"]) == (403, "own_proposal")
    for _ in range(2):
        assert api.post(decide, verdict, SECOND).json()["confirmed"] is True

    assert borrower_of(api, loan)["account"].endswith(NEW[-4:])
    paper = api.get(f"/loans/{loan}/accounts").json()["paper"]
    assert "委托扣款授权书" in api.get(paper["content"].removeprefix("/api/v1")).text
    api.post(f"/loans/{loan}/mandate-codes")
    soon = api.post(f"/loans/{loan}/mandate-codes")
    assert (soon.status_code, soon.json()["code"]) == (429, "too_many_codes")
    with books.begin(datetime.now(UTC) + timedelta(minutes=2)) as work:
        code = mandate_papers.request_code(work, INTEGRATOR, work.loans.get(loan)).code
    signed = {"code": code, "document_sha256": paper["sha256"]}
    assert api.post(f"/loans/{loan}/mandate-signatures", signed | {"document_sha256": "a" * 64}).status_code == 409
    answer = api.post(f"/loans/{loan}/mandate-signatures", signed)
    assert (answer.status_code, answer.json()["paper"]) == (201, None)
    assert [one["status"] for one in answer.json()["mandates"]] == ["ended", "ordered"]
    with books.read() as work:
        assert work.outbox.has(f"{loan}:mandate:2")


def test_what_is_missing_is_said_at_its_field(api: Caller, procedure: Procedure) -> None:
    loan = procedure.offered()
    for changes, field in (({"consent": None}, "consent"), ({"account": "12345678"}, "account")):
        answer = api.post(f"/loans/{loan}/account-change", proposal(api, loan, **changes))
        assert (answer.status_code, list(answer.json()["fields"])) == (422, [field])
    unknown = api.post(f"/loans/{loan}/account-change", proposal(api, loan, party="0" * 32))
    assert (unknown.status_code, unknown.json()["code"]) == (404, "unknown_account_party")
    assert api.post(f"/loans/{loan}/mandate-codes").json()["code"] == "no_mandate_paper"
