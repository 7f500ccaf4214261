"""Loans by API: each person sees his own, and every figure is money as text."""

from datetime import timedelta
from typing import Any

import pytest

from books.session import Books
from books.sign_in import secret_digest
from models.staff import Role, Staff
from services.staff import demo_key
from tests.api.serving import Caller
from tests.services.people import add as add_staff
from tests.services.procedure import AGENT, Procedure
from tests.services.signatures import make_contract

REASON = "on the list of 2024, cleared"
VIEWS = ("", "/schedule", "/transactions", "/documents", "/contacts", "/history")


@pytest.mark.parametrize("view", VIEWS)
def test_who_may_not_see_a_loan_finds_nothing(api: Caller, procedure: Procedure, view: str) -> None:
    loan = procedure.apply(actor=AGENT)

    assert api.get(f"/loans/{loan}{view}", "agent-lin").status_code == 200
    for who in ("agent-he", "integrator-demo"):
        answer = api.get(f"/loans/{loan}{view}", who)
        assert (answer.status_code, answer.json()["code"]) == (404, "unknown_loan")


def test_a_list_shows_each_person_his_own_loans(api: Caller, procedure: Procedure) -> None:
    of_the_agent, of_the_system = procedure.apply(actor=AGENT), procedure.apply()

    def numbers(who: str) -> list[str]:
        return [one["loan"] for one in api.get("/loans", who).json()["items"]]

    assert numbers("agent-lin") == [of_the_agent]
    assert numbers("agent-he") == []
    assert numbers("integrator-demo") == [of_the_system]
    assert numbers("manager-zhao") == numbers("risk-qian") == [of_the_system, of_the_agent]


def test_a_borrower_sees_his_own_loan_only(api: Caller, books: Books, procedure: Procedure) -> None:
    his, anothers = procedure.apply(), procedure.apply()
    with books.begin() as work:
        customer = work.loans.get(his).customer_id
        digest = secret_digest(demo_key("borrower"))
        add_staff(work, Staff(id="borrower", name="借款人", role=Role.BORROWER, customer_id=customer, key_hash=digest))

    assert api.get(f"/loans/{his}", "borrower").json()["actions"] == ["withdraw"]
    assert api.get(f"/loans/{anothers}", "borrower").status_code == 404
    assert [one["loan"] for one in api.get("/loans", "borrower").json()["items"]] == [his]


def test_pages_of_loans_follow_each_other_without_gap(api: Caller, procedure: Procedure) -> None:
    entered = [procedure.apply() for _ in range(5)]

    seen: list[str] = []
    path = "/loans?limit=2"
    while True:
        page = api.get(path).json()
        seen += [one["loan"] for one in page["items"]]
        if page["next"] is None:
            break
        path = f"/loans?limit=2&after={page['next']}"

    assert seen == sorted(entered, reverse=True)


def test_loans_are_filtered_by_stage_product_and_arrears(api: Caller, procedure: Procedure) -> None:
    late = procedure.running()
    procedure.apply("auto")
    procedure.graded()
    first_due = procedure.account(late).rows[0].due
    procedure.day = first_due + timedelta(days=5)
    procedure.advance(late)

    def numbers(query: str) -> list[str]:
        return [one["loan"] for one in api.get(f"/loans?{query}").json()["items"]]

    assert numbers("overdue=true") == numbers("stage=repayment") == [late]
    assert len(numbers("product=micro")) == 2
    assert numbers("product=auto&stage=approval") == []


def test_open_offers_whose_contract_is_made_can_be_asked_for(api: Caller, procedure: Procedure) -> None:
    procedure.running()
    procedure.graded()
    made, in_the_making = procedure.offered(), procedure.offered()
    make_contract(procedure.books, made, procedure.books.clock.opens_at(procedure.day), blank=True)

    def ready() -> list[str]:
        return [one["loan"] for one in api.get("/loans?contract_ready=true").json()["items"]]

    assert ready() == [made]
    procedure.sign(in_the_making)
    assert ready() == [in_the_making, made]


def test_a_running_loan_shows_its_figures_as_text_with_two_places(api: Caller, procedure: Procedure) -> None:
    loan = procedure.running()

    shown = api.get(f"/loans/{loan}").json()
    schedule = api.get(f"/loans/{loan}/schedule").json()

    assert (shown["stage"], shown["principal_outstanding"], shown["currency"]) == ("repayment", "12000.00", "CNY")
    assert shown["next_due_amount"] == schedule["rows"][0]["total"]
    assert shown["next_due"] == schedule["rows"][0]["due"]
    assert sum(int(row["principal"].replace(".", "")) for row in schedule["rows"]) == 1_200_000
    assert not fractions(shown)
    assert not fractions(schedule)
    assert "fen" not in str(shown)


def test_an_installment_is_explained_in_the_language_asked_for(api: Caller, procedure: Procedure) -> None:
    loan = procedure.running()

    def asked(language: str, n: int = 1) -> Any:
        return api.get(f"/loans/{loan}/schedule?explain={n}", headers={"Accept-Language": language}).json()

    shown = asked("en-GB,zh;q=0.5")
    explanation = shown["explanation"]
    assert (explanation["n"], explanation["total"], explanation["language"]) == (1, shown["rows"][0]["total"], "en")
    interest, principal = explanation["steps"]
    assert interest["pieces"] == [
        {"from": "2026-01-05", "to": "2026-02-05", "base_fen": "1200000", "rate": "9/125", "span": "1/12",
         "exact_fen": "7200"}
    ]  # fmt: skip
    assert interest["sentence"].startswith("Interest 72.00: 2026-01-05 to 2026-02-05: 12,000.00 × 7.2% × 1/12 = 72")
    assert (principal["amount"], principal["level"], principal["solved"]["periods"]) == ("967.43", "1039.43", 12)
    assert asked("zh-CN")["explanation"]["steps"][1]["sentence"].startswith("本金967.43元：每期还款额1,039.43元")
    assert asked("fr")["explanation"]["language"] == "zh"
    refused = api.get(f"/loans/{loan}/schedule?explain=13")
    assert (refused.status_code, refused.json()["code"]) == (404, "unknown_installment")
    assert api.get(f"/loans/{loan}/schedule").json()["explanation"] is None


def test_what_clears_a_loan_is_explained_and_only_of_one_that_runs(api: Caller, procedure: Procedure) -> None:
    loan = procedure.running()
    procedure.day += timedelta(days=10)
    procedure.advance(loan)

    shown = api.get(f"/loans/{loan}/settlement", headers={"Accept-Language": "en"}).json()

    assert shown["settlement"] == api.get(f"/loans/{loan}").json()["settlement"]
    assert shown["prepayment_fee"] == "0.00"
    assert [(step["kind"], step["amount"]) for step in shown["steps"]] == [
        ("principal_left", "12000.00"),
        ("interest_to_date", "23.23"),
    ]
    assert not fractions(shown)
    refused = api.get(f"/loans/{procedure.graded()}/settlement")
    assert (refused.status_code, refused.json()["code"]) == (409, "wrong_stage")


def test_the_status_names_the_yearly_cost_once_there_are_terms(api: Caller, procedure: Procedure) -> None:
    assert api.get(f"/loans/{procedure.graded()}").json()["cost_percent"] is None
    assert api.get(f"/loans/{procedure.offered()}").json()["cost_percent"] == "7.20"
    assert api.get(f"/loans/{procedure.running()}").json()["cost_percent"] == "7.20"


def test_every_yuan_of_a_loan_is_among_its_transactions(api: Caller, procedure: Procedure) -> None:
    loan = procedure.running()

    moved = api.get(f"/loans/{loan}/transactions", "finance-sun").json()

    assert [(one["kind"], one["status"], one["settled"]) for one in moved["payments"]] == [
        ("disbursement", "settled", "12000.00")
    ]
    assert ("1101", "1001", "12000.00") in {(one["debit"], one["credit"], one["amount"]) for one in moved["postings"]}


def test_the_history_of_a_loan_tells_its_acts_in_their_order(api: Caller, procedure: Procedure) -> None:
    loan = procedure.offered()

    acts = [one["act"] for one in api.get(f"/loans/{loan}/history", "auditor-wei").json()["items"]]

    assert acts == procedure.acts(loan)
    assert acts[0] == "application_submitted"
    assert acts[-1] == "approval_decided"


def test_a_long_history_comes_page_by_page_newest_first_and_loses_nothing(api: Caller, procedure: Procedure) -> None:
    loan = procedure.running()
    address, pages, before = f"/loans/{loan}/history?limit=3", [], ""
    while True:
        page = api.get(f"{address}{before}", "auditor-wei").json()
        pages.append([one["act"] for one in page["items"]])
        if page["next"] is None:
            break
        before = f"&before={page['next']}"

    assert len(pages) > 3
    assert [act for page in reversed(pages) for act in page] == procedure.acts(loan)
    assert api.get(f"{address}&before=nothing", "auditor-wei").status_code == 422
    assert api.get(f"/loans/{loan}/history?limit=501", "auditor-wei").status_code == 422


def test_a_machine_reads_of_a_loan_no_more_than_its_events_tell(api: Caller, procedure: Procedure) -> None:
    loan = procedure.graded()
    procedure.decide(loan, reason=REASON)

    history = api.get(f"/loans/{loan}/history", "integrator-demo").json()["items"]

    assert api.get(f"/loans/{loan}", "integrator-demo").json()["timeline"] == history
    with procedure.books.read() as work:
        (task,) = [one.task_id for one in work.tasks.decisions(loan)]
    reasons = {
        who: api.get(f"/tasks/{task}", who).json()["decision"]["reason"] for who in ("manager-zhao", "risk-qian")
    }
    assert reasons == {"manager-zhao": "", "risk-qian": REASON}
    applied, *_, decided = history
    assert (applied["act"], applied["role"], applied["actor_id"]) == (
        "application_submitted",
        "integrator",
        "integrator-demo",
    )
    assert {name: decided[name] for name in decided if name != "at"} == {
        "act": "approval_decided",
        "role": "system",
        "actor_id": "system",
        "reason": None,
        "before": {},
        "after": {"outcome": "approve", "stage": "acceptance", "amount": "12000.00"},
        "refused": False,
    }


def test_contacts_come_newest_first(api: Caller, procedure: Procedure) -> None:
    loan = procedure.offered()

    contacts = api.get(f"/loans/{loan}/contacts").json()["items"]

    assert [one["template"] for one in contacts] == ["offer", "application_received"]
    assert contacts[0]["text"].startswith("【借款服务】")


def test_a_reply_of_the_borrower_is_entered_once_and_listed_as_coming_in(api: Caller, procedure: Procedure) -> None:
    loan = procedure.running()
    address = f"/loans/{loan}/contacts"
    body = {"channel": "call", "on": today(procedure), "text": "pays on Friday"}

    first = api.post(address, body, "manager-zhao", headers={"Idempotency-Key": "call-1"})
    again = api.post(address, body, "manager-zhao", headers={"Idempotency-Key": "call-1"})

    assert (first.status_code, first.json()["direction"], first.json()["channel"]) == (201, "in", "call")
    assert again.json() == first.json()
    (newest, *others) = api.get(address).json()["items"]
    assert (newest["id"], newest["text"], newest["template"]) == (first.json()["id"], "pays on Friday", None)
    assert {one["direction"] for one in others} == {"out"}
    assert api.post(address, body | {"channel": "fax"}, "manager-zhao").status_code == 422
    wrong = api.post(address, body | {"on": "2999-01-01"}, "manager-zhao")
    assert (wrong.status_code, wrong.json()["code"], [*wrong.json()["fields"]]) == (422, "invalid_contact", ["on"])
    refused = api.post(address, body, "integrator-demo")
    assert (refused.status_code, refused.json()["code"]) == (403, "not_allowed")
    assert len(api.get(address).json()["items"]) == len(others) + 1


def today(procedure: Procedure) -> str:
    """The business date of the server, which runs on the real clock."""
    with procedure.books.read() as work:
        return work.today.isoformat()


def test_a_loan_has_no_schedule_before_approval(api: Caller, procedure: Procedure) -> None:
    assert api.get(f"/loans/{procedure.graded()}/schedule").json()["rows"] == []


def fractions(body: Any) -> list[float]:
    """All floating-point numbers in a JSON body."""
    if isinstance(body, float):
        return [body]
    inner = body.values() if isinstance(body, dict) else body if isinstance(body, list) else ()
    return [one for value in inner for one in fractions(value)]
