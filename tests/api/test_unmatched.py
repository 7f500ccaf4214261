"""Unmatched money by API: shown with its likely loans, proposed by one, confirmed by another."""

from books.session import Books
from models.payments import PaymentKind
from services.bank import BankMovement, record_movement
from tests.api.serving import Caller
from tests.services.procedure import Procedure

FIRST, SECOND = "finance-sun", "finance-zhou"
BOOK = {"outcome": "book", "reason": "the payer called"}


def unmatched(books: Books, procedure: Procedure, fen: int = 5_000) -> str:
    """The address of a task about money that came in."""
    told = BankMovement(
        "b1", "in", fen, procedure.day, None, "王先生", "还款", counterparty_account="6230000000000000077"
    )
    with books.begin() as work:
        return f"/tasks/{record_movement(work, told).task_id}"


def test_the_task_shows_the_money_and_the_likely_loans(api: Caller, books: Books, procedure: Procedure) -> None:
    loan = procedure.running()
    procedure.advance(loan)
    task = unmatched(books, procedure, procedure.loan(loan).next_due_fen)

    money = api.get(task, FIRST).json()["money"]

    assert (money["bank_reference"], money["counterparty"], money["can_be_moved"]) == ("b1", "王先生", True)
    assert money["matches"] == [{"loan": loan, "score": 40, "reasons": ["next_due"]}]
    assert money["proposal"] is None
    for who in ("auditor-wei", "admin-gu"):
        told = api.get(task, who).json()["money"]
        assert told == money | {"counterparty": "王**", "remittance": None}
    assert (money["counterparty"], money["remittance"]) == ("王先生", "还款")


def test_money_is_booked_when_a_second_person_confirms(api: Caller, books: Books, procedure: Procedure) -> None:
    loan = procedure.running()
    task = unmatched(books, procedure)

    proposed = [api.post(f"{task}/decision", BOOK | {"loan": loan}, FIRST).json()["sentence"] for _ in range(2)]
    assert proposed == ["the booking is proposed; another person of finance confirms it"] * 2
    assert api.get(task, SECOND).json()["money"]["proposal"]["loan"] == loan
    verdict = {"outcome": "approve", "reason": "the account is his"}
    own = api.post(f"{task}/decision", verdict, FIRST)
    assert (own.status_code, own.json()["code"]) == (403, "own_proposal")
    answers = [api.post(f"{task}/decision", verdict, SECOND) for _ in range(2)]

    assert [one.status_code for one in answers] == [200, 200]
    assert api.get(task, FIRST).json()["status"] == "done"
    assert [one.kind for one in procedure.payments(loan)].count(PaymentKind.REALLOCATION) == 1


def test_what_does_not_fit_is_refused_by_its_field(api: Caller, books: Books, procedure: Procedure) -> None:
    task = unmatched(books, procedure)
    wrong = [
        ({"outcome": "book"}, 422, ["loan"]),
        ({"outcome": "return", "loan": "L26000001"}, 422, ["loan"]),
        ({"outcome": "done", "loan": "L26000001"}, 422, ["outcome"]),
        ({"outcome": "book", "loan": "26000001"}, 422, ["loan"]),
        ({"outcome": "refuse"}, 409, ["outcome"]),
        ({"outcome": "book", "loan": "L99999999"}, 404, []),
    ]
    for body, status, fields in wrong:
        answer = api.post(f"{task}/decision", {"reason": "why"} | body, FIRST)
        assert (answer.status_code, list(answer.json()["fields"])) == (status, fields), body


def test_a_case_is_decided_and_not_booked(api: Caller, procedure: Procedure) -> None:
    loan = procedure.graded()
    (task,) = api.get(f"/tasks?loan={loan}").json()["items"]

    answer = api.post(f"/tasks/{task['id']}/decision", BOOK | {"loan": loan})

    assert (answer.status_code, list(answer.json()["fields"])) == (422, ["outcome"])
