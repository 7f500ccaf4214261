"""Commands by API with the engine at work: what a person waits for really happens, or is refused with the reason."""

import itertools
import re
import time
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from books.customers import blind_index
from books.session import Books
from models.outbox import NumberSeries
from settings import Settings
from tests.api.serving import Caller, own_namespace, serving
from tests.services.procedure import INTEGRATOR
from tests.services.signatures import all_sign, await_contract
from tests.simulators.running import Outside, running_outside
from tests.workflows.people import application, earner

APPROVAL = {"outcome": "approve", "reason": "income and record are in order"}
SYSTEM = "integrator-demo"

_lenders = itertools.count(1)


@pytest.fixture(scope="module")
def outside(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Outside]:
    """Registers and a bank for the tests of this file."""
    with running_outside(tmp_path_factory.mktemp("outside") / "bank") as started:
        yield started


@pytest.fixture
def house(books: Books, temporal_server: str, outside: Outside) -> Iterator["House"]:
    """The API with a worker, a dispatcher and the outside world."""
    # One bank serves all tests of this file, and an order's number must be new to it.
    with books.begin() as work:
        work.session.add(NumberSeries(name="loan", next=next(_lenders) * 100 + 1))
    settings = Settings(
        temporal_address=temporal_server,
        temporal_namespace=own_namespace(temporal_server),
        outside_url=outside.url,
    )
    with serving(books, settings, with_worker=True) as caller:
        yield House(caller, books, outside)


class House:
    """A lender at work, reached by API alone."""

    def __init__(self, api: Caller, books: Books, outside: Outside) -> None:
        self.api = api
        self.books = books
        self.outside = outside

    def apply(self) -> str:
        """An application that waits for approval."""
        body = {"product": "micro", "form": application("micro", earner()), "consent": "2026-01"}
        loan = str(self.api.apply(body, uuid.uuid4().hex).json()["loan"])
        self.at(loan, "approval")
        return loan

    def at(self, loan: str, stage: str) -> Any:
        """The loan, once it is at a stage."""
        return self.api.eventually(f"/loans/{loan}", SYSTEM, lambda shown: shown["stage"] == stage)

    def task(self, loan: str, who: str = "risk-qian") -> str:
        """The id of the task that the loan waits for."""
        (task,) = self.api.get(f"/tasks?loan={loan}", who).json()["items"]
        return str(task["id"])

    def decide(self, loan: str, **changes: object) -> Any:
        """The result of a decision that must be taken."""
        answer = self.api.post(f"/tasks/{self.task(loan)}/decision", APPROVAL | changes, "risk-qian")
        assert answer.status_code == 200, answer.text
        return answer.json()

    def tell(self, loan: str, act: str, body: object = None, key: str | None = None) -> Any:
        """The answer to a command of the borrower, through his system."""
        headers = {} if key is None else {"Idempotency-Key": key}
        return self.api.post(f"/loans/{loan}/{act}", body, SYSTEM, headers=headers)

    def sign(self, loan: str) -> None:
        """Every party signs the contract."""
        await_contract(self.books, loan)
        all_sign(self.books, loan, INTEGRATOR)

    def running(self) -> str:
        """A loan that was paid out."""
        loan = self.apply()
        self.decide(loan)
        self.sign(loan)
        assert self.tell(loan, "acceptance").status_code == 200
        self.at(loan, "repayment")
        self.await_mandate(loan)
        return loan

    def await_mandate(self, loan: str) -> None:
        """The bank has entered the mandate, which it is told of beside the payout: from now on it debits."""
        give_up_at = time.monotonic() + 30
        while time.monotonic() < give_up_at:
            with self.books.read() as work:
                account = work.customers.borrower(loan).account
                if work.accounts.active_mandate(loan, blind_index(account or "")) is not None:
                    return
            time.sleep(0.05)
        raise AssertionError(f"loan {loan} has no mandate")


def sign_by_api(house: House, loan: str) -> None:
    """The borrower signs as an integrator has him do it, with the code that his provider sent him."""
    path = f"/loans/{loan}/signatures"
    assert house.tell(loan, "acceptance").json()["code"] == "not_signed"
    shown = house.api.eventually(path, SYSTEM, lambda found: found["contract"] is not None)
    (signer,) = shown["signers"]
    asked = house.api.post(f"/loans/{loan}/signing-codes", {"party": signer["party"]}, SYSTEM)
    assert asked.status_code == 202

    def told() -> list[str]:
        messages = house.outside.call("GET", "/sms/messages").json()
        return [code for one in messages if loan in one["text"] for code in re.findall(r"验证码(\d{6})", one["text"])]

    give_up_at = time.monotonic() + 30
    while not told():
        assert time.monotonic() < give_up_at, "no code was sent"
        time.sleep(0.05)
    (code,) = told()
    body = {"party": signer["party"], "code": code, "document_sha256": shown["contract"]["sha256"]}
    signed = house.api.post(path, body, SYSTEM)
    assert (signed.status_code, signed.json()["complete"]) == (201, True)
    assert code not in house.api.get(f"/loans/{loan}/history", "auditor-wei").text


def test_a_loan_goes_from_application_to_settlement_by_api(house: House) -> None:
    loan = house.apply()

    assert house.decide(loan)["stage"] == "acceptance"
    sign_by_api(house, loan)
    accepted = house.tell(loan, "acceptance").json()
    assert (accepted["loan"], accepted["stage"]) == (loan, "disbursement")
    shown = house.at(loan, "repayment")
    assert shown["principal_outstanding"] == shown["applied"]
    settled = house.tell(loan, "prepayment").json()
    assert (settled["stage"], settled["sentence"]) == ("settled", "the loan is settled")
    assert house.api.get(f"/loans/{loan}", SYSTEM).json()["principal_outstanding"] == "0.00"


def test_a_prepayment_sent_again_with_its_key_is_drawn_once(house: House) -> None:
    loan = house.running()
    body = {"amount": "1000.00", "effect": "reduce_term"}

    first, second = (house.tell(loan, "prepayment", body, key="prepayment-1") for _ in range(2))

    assert (first.status_code, second.status_code) == (200, 200)
    assert first.json() == second.json()
    payments = house.api.get(f"/loans/{loan}/transactions", SYSTEM).json()["payments"]
    assert [one["settled"] for one in payments if one["kind"] == "prepayment"] == ["1000.00"]


def test_a_command_sent_again_with_its_key_gets_its_answer_again_whatever_the_loan_has_come_to(house: House) -> None:
    loan = house.apply()
    house.decide(loan)
    house.sign(loan)
    first = house.tell(loan, "acceptance", key="accept-1")
    house.at(loan, "repayment")
    house.await_mandate(loan)
    clearing = house.tell(loan, "prepayment", key="clear-1")
    assert clearing.json()["stage"] == "settled"

    again = house.tell(loan, "acceptance", key="accept-1")
    assert (again.status_code, again.json()) == (200, first.json())
    assert house.tell(loan, "prepayment", key="clear-1").json() == clearing.json()
    assert house.tell(loan, "acceptance", key="accept-2").json()["code"] == "wrong_stage"


def test_another_wish_under_the_same_key_is_refused_and_draws_nothing(house: House) -> None:
    loan = house.running()
    assert house.tell(loan, "prepayment", {"amount": "100.00"}, key="one").status_code == 200

    for wish in ({"amount": "200.00"}, {"amount": "100.00", "effect": "reduce_term"}):
        refused = house.tell(loan, "prepayment", wish, key="one")
        assert (refused.status_code, refused.json()["code"]) == (409, "idempotency_conflict")
    payments = house.api.get(f"/loans/{loan}/transactions", SYSTEM).json()["payments"]
    assert [one["settled"] for one in payments if one["kind"] == "prepayment"] == ["100.00"]


def test_less_than_applied_for_is_a_counter_offer(house: House) -> None:
    loan = house.apply()

    house.decide(loan, amount="4000.00")

    shown = house.at(loan, "acceptance")
    assert (shown["approved"], shown["waits_for"]["who"]) == ("4000.00", "borrower")
    rows = house.api.get(f"/loans/{loan}/schedule", SYSTEM).json()["rows"]
    assert sum(int(row["principal"].replace(".", "")) for row in rows) == 400_000


def test_a_decision_that_nobody_waits_for_reaches_the_loan(house: House) -> None:
    loan = house.apply()
    path = f"/tasks/{house.task(loan)}/decision?wait=false"

    answer = house.api.post(path, APPROVAL, "risk-qian")

    assert answer.status_code == 202
    house.at(loan, "acceptance")
    decided = house.api.get(answer.json()["status_url"].removeprefix("/api/v1"), "risk-qian").json()
    assert (decided["status"], decided["decision"]["outcome"]) == ("done", "approve")


def test_of_two_decisions_at_once_one_counts_and_the_other_is_told(house: House) -> None:
    loan = house.apply()
    path = f"/tasks/{house.task(loan)}/decision"
    wishes = [("risk-qian", "approve"), ("manager-zhao", "refuse")]

    def decide(wish: tuple[str, str]) -> Any:
        return house.api.post(path, APPROVAL | {"outcome": wish[1]}, wish[0])

    with ThreadPoolExecutor(2) as both:
        answers = list(both.map(decide, wishes))

    assert sorted(one.status_code for one in answers) == [200, 409]
    (refused,) = (one.json() for one in answers if one.status_code == 409)
    assert refused["code"] == "task_closed"


def test_a_returned_case_is_completed_and_verified_again(house: House) -> None:
    loan = house.apply()
    house.decide(loan, outcome="return")
    shown = house.at(loan, "returned")

    answer = house.api.post(
        f"/tasks/{shown['waits_for']['task_id']}/decision",
        {"outcome": "done", "reason": "the income proof is there"},
        "manager-zhao",
    )

    assert (answer.status_code, answer.json()["stage"]) == (200, "verification")
    house.at(loan, "approval")
    house.decide(loan, outcome="return")
    assert house.tell(loan, "completion", {"reason": "and the bank statements"}).status_code == 200
    house.at(loan, "approval")


def test_a_withdrawn_loan_takes_no_more_commands(house: House) -> None:
    loan = house.apply()

    withdrawn = house.tell(loan, "withdrawal", {"reason": "found a better offer"})
    again = house.tell(loan, "withdrawal")
    accepted = house.tell(loan, "acceptance")

    assert (withdrawn.status_code, withdrawn.json()["stage"]) == (200, "withdrawn")
    assert [(one.status_code, one.json()["code"]) for one in (again, accepted)] == [(409, "wrong_stage")] * 2
    history = house.api.get(f"/loans/{loan}/history", "auditor-wei").json()["items"]
    assert [one["act"] for one in history if one["refused"]] == ["withdraw_loan", "accept_offer"]


def test_nobody_but_who_speaks_for_the_borrower_accepts(house: House) -> None:
    loan = house.apply()
    house.decide(loan)

    answer = house.api.post(f"/loans/{loan}/acceptance", None, "finance-sun")

    assert (answer.status_code, answer.json()["code"]) == (403, "not_allowed")
    assert house.api.get(f"/loans/{loan}", SYSTEM).json()["stage"] == "acceptance"
