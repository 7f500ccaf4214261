"""The ledger by API: what auditors read and what finance may do to a month and to the rules."""

from datetime import date

import pytest

from books.session import Books
from models.ledger import BANK, INTEREST_INCOME, LOAN_PRINCIPAL
from tests.api.serving import Caller
from tests.modules.applications import DAY
from tests.services.month_ends import booked_in_december
from tests.services.procedure import Procedure


def test_the_trial_balance_balances_and_leads_to_the_postings(api: Caller, procedure: Procedure) -> None:
    loan = procedure.running()

    shown = api.get(f"/ledger/trial-balance?on={DAY}", "auditor-wei").json()
    assert shown["debit_balances"] == shown["credit_balances"] != "0.00"
    (principal,) = [line for line in shown["lines"] if line["code"] == LOAN_PRINCIPAL]
    assert (principal["debit_balance"], principal["name_zh"]) == ("12000.00", "贷款本金")

    page = api.get(f"/ledger/postings?account={LOAN_PRINCIPAL}&from={DAY}&to={DAY}", "auditor-wei").json()
    (posting,) = page["items"]
    assert (posting["loan"], posting["debit"], posting["credit"]) == (loan, LOAN_PRINCIPAL, BANK)
    assert (posting["amount"], posting["value_date"], posting["booking_date"]) == ("12000.00", str(DAY), str(DAY))
    first = api.get(f"/ledger/postings?account={BANK}&from={DAY}&to={DAY}&limit=1", "finance-sun").json()
    second = api.get(f"/ledger/postings?account={BANK}&from={DAY}&to={DAY}&after={first['next']}", "finance-sun")
    assert first["items"][0]["id"] not in {one["id"] for one in second.json()["items"]}
    assert api.get("/ledger/postings?account=777", "finance-sun").json()["code"] == "unknown_ledger_account"


def test_finance_closes_a_month_that_is_over_and_a_refusal_is_kept(
    api: Caller, books: Books, procedure: Procedure
) -> None:
    booked_in_december(procedure)
    assert api.call("POST", "/ledger/months/2026-01/close", "finance-sun").json()["code"] == "period_not_over"

    assert api.call("POST", "/ledger/months/2025-12/close", "auditor-wei").status_code == 403
    closed = api.call("POST", "/ledger/months/2025-12/close", "finance-sun").json()

    assert (closed["month"], closed["closed_by"], closed["can_be_closed"]) == ("2025-12", "finance-sun", False)
    (shown,) = [one for one in api.get("/ledger/months", "risk-qian").json()["items"] if one["month"] == "2025-12"]
    assert shown == closed
    with books.read() as work:
        refused = [one.actor_id for one in work.audit.page(limit=1000) if one.act == "close_month" and one.refused]
    assert sorted(refused) == ["auditor-wei", "finance-sun"]


def test_finance_adds_rules_from_a_day_to_come(api: Caller, books: Books) -> None:
    rules = {
        "accounts": [{"code": INTEREST_INCOME, "valid_from": "2026-12-01", "vat_basis_points": 300}],
        "non_accrual": [{"valid_from": "2026-12-01", "above_dpd": 60, "cured_at_dpd": 0}],
        "provisions": [{"classification": "loss", "valid_from": "2026-12-01", "basis_points": 9000}],
    }

    assert api.call("POST", "/ledger/rules", "finance-sun", json=rules).json() == {"added": 3}

    with books.read() as work:
        assert work.ledger.rates(date(2026, 12, 1))[INTEREST_INCOME] == 300
    for again in ("accounts", "non_accrual", "provisions"):
        answer = api.call("POST", "/ledger/rules", "finance-sun", json={again: rules[again]})
        assert (answer.status_code, answer.json()["code"]) == (422, "invalid_rule"), again


@pytest.mark.parametrize(
    ("rules", "field"),
    [
        ({"accounts": [{"code": "4001", "valid_from": "2026-12-01", "name_en": None}]}, "accounts.0.name_en"),
        ({"accounts": [{"code": "4001", "valid_from": "2026-12-01", "parent": "9999"}]}, "parent"),
        ({"accounts": [{"code": "4001", "valid_from": "2020-01-01", "vat_basis_points": 1}]}, "valid_from"),
        ({"accounts": [{"code": "40\x0001", "valid_from": "2026-12-01"}]}, "accounts.0.code"),
        ({"accounts": [{"code": "4001", "valid_from": "2026-12-01", "name_zh": "收\x00入"}]}, "accounts.0.name_zh"),
        ({"rates": []}, "rates"),
        ({"non_accrual": [{"valid_from": "2026-12-01", "above_dpd": 10**12, "cured_at_dpd": 0}]}, "above_dpd"),
    ],
)
def test_a_rule_that_cannot_be_is_refused_with_its_field(
    refusing_api: Caller, rules: dict[str, object], field: str
) -> None:
    answer = refusing_api.call("POST", "/ledger/rules", "finance-sun", json=rules)

    assert (answer.status_code, list(answer.json()["fields"])) == (422, [field])


def test_the_ledger_is_closed_to_roles_that_neither_move_nor_check_money(refusing_api: Caller) -> None:
    for path in ("/ledger/trial-balance", "/ledger/postings?account=1001", "/ledger/months"):
        assert refusing_api.get(path, "manager-zhao").status_code == 403
    rule = {"valid_from": "2026-12-01", "above_dpd": 60, "cured_at_dpd": 0}
    answer = refusing_api.call("POST", "/ledger/rules", "risk-qian", json={"non_accrual": [rule]})
    assert answer.status_code == 403
    assert refusing_api.post("/ledger/rules", {}, "risk-qian").status_code == 403
    assert refusing_api.call("POST", "/ledger/months/2026-01/close", "admin-gu").status_code == 403
