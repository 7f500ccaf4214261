"""Reconciliations and the flow of funds by API."""

import pytest

from books.session import Books
from services import reconciliation
from tests.api.serving import Caller
from tests.services.procedure import Procedure
from tests.services.statements import DAY, line, paid_out, statement

ALLOWED = ("finance-sun", "auditor-wei", "risk-qian")


def reconciled(books: Books, procedure: Procedure) -> str:
    """A loan whose payout, deposit and unknown money stand on the statement of the first day."""
    loan, key = paid_out(procedure)
    procedure.deposit(loan, 5_000, reference="b1")
    procedure.advance(loan)
    whole = statement(
        line(f"bank-{key}", -1_200_000, end_to_end_id=key), line("b1", 5_000), line("b2", 300), opening=5_000_000
    )
    with books.begin() as work:
        kept = reconciliation.take_in(work, whole).id
    with books.begin() as work:
        for n in reconciliation.book_known(work, kept):
            reconciliation.book_line(work, kept, n)
    with books.begin() as work:
        reconciliation.compare(work, kept)
    return loan


def test_a_day_shows_opening_what_moved_by_kind_closing_and_differences(
    api: Caller, books: Books, procedure: Procedure
) -> None:
    reconciled(books, procedure)

    shown = api.get(f"/reconciliations/{DAY}", "finance-sun").json()

    assert (shown["opening"], shown["closing"], shown["lines"]) == ("50000.00", "38053.00", 3)
    assert (shown["matched"], shown["booked"], shown["differences"]) == (1, 2, 1)
    flows = {(one["direction"], one["kind"]): (one["count"], one["amount"]) for one in shown["flows"]}
    assert flows == {
        ("in", "deposit"): (1, "50.00"),
        ("in", None): (1, "3.00"),
        ("out", "disbursement"): (1, "12000.00"),
    }
    (found,) = shown["found"]
    assert (found["kind"], found["subject"], found["bank"], found["books"]) == ("missing_in_books", "b2", "3.00", None)
    assert api.get(f"/tasks/{found['task_id']}", "finance-sun").json()["money"]["bank_reference"] == "b2"


def test_a_day_without_a_statement_shows_what_notices_told_of(api: Caller, procedure: Procedure) -> None:
    procedure.deposit(procedure.running(), 5_000)

    shown = api.get(f"/reconciliations/{DAY}", "finance-sun").json()

    assert (shown["opening"], shown["version"]) == (None, None)
    assert [(one["kind"], one["amount"]) for one in shown["flows"]] == [("deposit", "50.00")]


def test_a_period_lists_its_days(api: Caller, books: Books, procedure: Procedure) -> None:
    reconciled(books, procedure)

    for period in ("", f"?from={DAY}&to={DAY}"):
        (day,) = api.get(f"/reconciliations{period}", "auditor-wei").json()["items"]
        assert (day["business_date"], day["differences"]) == (str(DAY), 1)
    assert api.get("/reconciliations?to=2026-01-04", "auditor-wei").json()["items"] == []


@pytest.mark.parametrize("period", ["from=2026-02-01&to=2026-01-01", "from=2020-01-01&to=2026-01-01"])
def test_a_period_that_is_none_is_refused(refusing_api: Caller, period: str) -> None:
    answer = refusing_api.get(f"/reconciliations?{period}", "finance-sun")

    assert (answer.status_code, answer.json()["code"], list(answer.json()["fields"])) == (
        422,
        "invalid_period",
        ["from"],
    )


def test_a_loan_shows_each_movement_with_its_references_and_postings(
    api: Caller, books: Books, procedure: Procedure
) -> None:
    loan = reconciled(books, procedure)

    payout, deposit = api.get(f"/loans/{loan}/funds", "risk-qian").json()["items"]

    assert (payout["kind"], payout["direction"], payout["told_by"]) == ("disbursement", "out", "statement")
    assert [(one["debit"], one["credit"], one["amount"]) for one in payout["postings"]] == [
        ("1101", "1001", "12000.00")
    ]
    assert (deposit["bank_reference"], deposit["order"], deposit["told_by"]) == ("b1", "deposit:b1", "notice")
    assert [(one["debit"], one["credit"]) for one in deposit["postings"]] == [("1001", "2001")]


def test_only_finance_risk_and_auditors_see_the_flow_of_funds(api: Caller, procedure: Procedure) -> None:
    loan = procedure.running()

    for path in ("/reconciliations", f"/reconciliations/{DAY}", f"/loans/{loan}/funds"):
        assert {api.get(path, who).status_code for who in ALLOWED} == {200}
        for who in ("agent-lin", "manager-zhao", "integrator-demo", "admin-gu"):
            assert api.get(path, who).json()["code"] == "not_allowed", (path, who)
    assert api.get("/loans/L99999999/funds", "finance-sun").status_code == 404
