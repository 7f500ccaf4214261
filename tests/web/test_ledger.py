"""The pages of the ledger: trial balance, months with their closing, an account's postings."""

from models.ledger import BANK, LOAN_PRINCIPAL
from tests.modules.applications import DAY
from tests.services.month_ends import booked_in_december
from tests.services.procedure import Procedure
from tests.web.conftest import Come
from tests.web.serving import words


def test_the_ledger_shows_balances_and_leads_to_an_account_and_its_loans(come: Come, procedure: Procedure) -> None:
    loan = procedure.running()
    visitor = come("auditor-wei")

    assert 'href="/ledger"' in visitor.get("/").text
    page = visitor.get(f"/ledger?on={DAY}").text
    assert f'href="/ledger/accounts/{LOAN_PRINCIPAL}?to={DAY}"' in page
    assert "1101 Loan principal Asset Debited ¥12,000.00" in words(page)
    account = visitor.get(f"/ledger/accounts/{LOAN_PRINCIPAL}?to={DAY}").text
    assert f'href="/loans/{loan}/funds"' in account
    assert f"{BANK} Bank account Debited ¥12,000.00 Value date {DAY} Booked on {DAY} {loan}" in words(account)
    assert "贷款本金" in come("finance-sun", language="zh").get(f"/ledger?on={DAY}").text


def test_an_account_is_read_a_page_at_a_time(come: Come, procedure: Procedure) -> None:
    loan = procedure.running()
    for n in range(51):
        procedure.deposit(loan, 100 + n)
    procedure.advance(loan)
    visitor = come("finance-sun")

    first = visitor.get(f"/ledger/accounts/{BANK}?from={DAY}&to={DAY}").text
    (address,) = [part.partition('"')[0] for part in first.split('href="') if "after=" in part.partition('"')[0]]
    second = visitor.get(address.replace("&amp;", "&")).text

    assert "Next page" not in second
    assert "To the beginning" in second
    assert visitor.get("/ledger/accounts/777").status_code == 404
    assert visitor.get("/ledger/accounts/1001?from=nonsense&to=0001-01-01").status_code == 200


def test_finance_closes_a_month_on_the_page_and_others_have_no_button(come: Come, procedure: Procedure) -> None:
    booked_in_december(procedure)
    finance, auditor = come("finance-sun"), come("auditor-wei")

    assert "Close 2025-12" in words(finance.get("/ledger").text)
    assert "Close 2025-12" not in words(auditor.get("/ledger").text)
    assert auditor.post("/ledger/months/2025-12/close", seen_at="/ledger").status_code == 403
    closed = words(finance.post("/ledger/months/2025-12/close", seen_at="/ledger").text)
    assert "2025-12 Closed" in closed
    assert "Close 2025-12" not in closed
    again = finance.post("/ledger/months/2025-12/close", seen_at="/ledger")
    assert again.status_code == 409
    assert "closed already" in words(again.text)


def test_only_finance_risk_and_auditors_find_the_ledger(come: Come) -> None:
    visitor = come("manager-zhao")

    assert 'href="/ledger"' not in visitor.get("/").text
    for path in ("/ledger", "/ledger/accounts/1001"):
        assert visitor.get(path).status_code == 403
