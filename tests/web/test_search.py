"""The box above the list of loans, and one value in full."""

import re
from typing import Any

import pytest
from sqlalchemy import event

from tests.services.procedure import AGENT, OTHER_AGENT, Procedure
from tests.web.conftest import Come
from tests.web.serving import words

REASON = "the bank asks who it was"


def test_a_loan_is_found_by_name_pinyin_and_number_and_the_address_holds_nothing(
    come: Come, procedure: Procedure
) -> None:
    loan = procedure.apply(actor=AGENT, name="欧阳晓光")
    procedure.apply(actor=OTHER_AGENT, name="欧阳晓晨")
    visitor = come("agent-lin")
    with procedure.books.read() as work:
        customer = work.customers.get(work.loans.get(loan).customer_id)
        assert customer is not None
        mobile = customer.mobile
    for typed in ("欧阳", "ouyangxg", mobile, mobile[-4:]):
        page = visitor.post("/loans/search", seen_at="/loans", query=typed)
        assert set(re.findall(r"/loans/(L\d+)", page.text)) == {loan}, typed
        assert page.url.path == "/loans/search"
        assert page.url.query == b""
        # The box keeps what was typed; the list shows the mobile masked.
        assert mobile not in page.text.replace(f'value="{typed}"', "")


def test_what_nobody_can_be_found_by_and_nobody_found_are_said(come: Come, procedure: Procedure) -> None:
    procedure.apply()
    visitor = come("risk-qian")
    assert "Search by two characters of a name" in words(visitor.post("/loans/search", query="王").text)
    assert "Nobody is found" in words(visitor.post("/loans/search", query="闻人立夏").text)


def test_the_number_of_a_loan_leads_to_its_page_for_who_may_see_it(come: Come, procedure: Procedure) -> None:
    loan = procedure.apply(actor=AGENT)
    agent = come("agent-lin")
    assert "Loan number, name, pinyin" in words(agent.get("/loans").text)
    for typed in (loan, f" {loan.lower()} "):
        assert agent.post("/loans/search", seen_at="/loans", query=typed).url.path == f"/loans/{loan}"
    for visitor, typed in ((agent, "L99999999"), (come("agent-tang"), loan)):
        refused = visitor.post("/loans/search", query=typed)
        assert refused.status_code == 404
        assert refused.url.path == "/loans/search"
        assert "There is no such loan, or you may not see it." in words(refused.text)


def test_who_may_not_search_is_offered_no_search(come: Come, procedure: Procedure) -> None:
    procedure.apply()
    assert 'action="/loans/search"' in come("risk-qian").get("/loans").text
    assert 'action="/loans/search"' not in come("admin-gu").get("/loans").text


def test_a_place_in_the_list_that_is_none_is_its_beginning(come: Come, procedure: Procedure) -> None:
    loan = procedure.apply(name="欧阳晓光")
    statements: list[Any] = []
    event.listen(procedure.books.engine, "before_cursor_execute", lambda *call: statements.append(call[3]))
    page = come("risk-qian").post("/loans/search", seen_at="/loans", query="欧阳", after="a\x00")
    assert loan in page.text
    assert r"\x00" not in repr(statements)


def test_a_value_is_shown_in_full_for_a_reason_and_for_this_once(come: Come, procedure: Procedure) -> None:
    loan = procedure.apply(actor=AGENT)
    visitor = come("agent-lin")
    with procedure.books.read() as work:
        customer = work.customers.get(work.loans.get(loan).customer_id)
        assert customer is not None
    page = visitor.get(f"/loans/{loan}")
    assert customer.id_number not in page.text
    assert "Show in full" in words(page.text)
    shown = visitor.post(f"/loans/{loan}/reveals", seen_at=f"/loans/{loan}", field="id_number", reason=REASON)
    assert customer.id_number in shown.text
    assert customer.id_number not in visitor.get(f"/loans/{loan}").text
    refused = visitor.post(f"/loans/{loan}/reveals", seen_at=f"/loans/{loan}", field="id_number", reason="a")
    assert refused.status_code == 422
    assert "Say why you need to see it" in words(refused.text)
    assert customer.id_number not in refused.text
    with procedure.books.read() as work:
        (entry,) = [one for one in work.audit.page() if one.act == "personal_value_shown"]
    assert (entry.actor_id, entry.loan, entry.subject, entry.reason) == ("agent-lin", loan, "id_number", REASON)


def test_who_does_not_work_with_a_value_is_not_offered_it(come: Come, procedure: Procedure) -> None:
    loan = procedure.apply()
    auditor, finance = come("auditor-wei"), come("finance-sun")
    assert "Show in full" not in words(auditor.get(f"/loans/{loan}").text)
    assert auditor.post(f"/loans/{loan}/reveals", field="mobile", reason=REASON).status_code == 403
    assert finance.post(f"/loans/{loan}/reveals", field="mobile", reason=REASON).status_code == 403
    assert finance.post(f"/loans/{loan}/reveals", field="account", reason=REASON).status_code == 200
    assert finance.post(f"/loans/{loan}/reveals", field="name", reason=REASON).status_code == 404


def test_the_pages_of_the_search_speak_chinese(come: Come, procedure: Procedure) -> None:
    loan = procedure.apply()
    visitor = come("risk-qian", "zh")
    page = words(visitor.post("/loans/search", query="王小").text)
    assert "查找" in page
    assert "姓名、拼音、手机号或身份证号" in page
    shown = words(visitor.post(f"/loans/{loan}/reveals", field="mobile", reason=REASON).text)
    assert "本次查看及理由已记录" in shown


@pytest.mark.parametrize("reason", ["x" * 501, "the bank\x00 asks", "the bank \x1b[2Jasks"])
def test_a_reason_that_the_log_could_not_keep_shows_nothing(come: Come, procedure: Procedure, reason: str) -> None:
    loan = procedure.apply(actor=AGENT)
    visitor = come("agent-lin")

    refused = visitor.post(f"/loans/{loan}/reveals", seen_at=f"/loans/{loan}", field="id_number", reason=reason)

    assert refused.status_code == 422
    with procedure.books.read() as work:
        assert "personal_value_shown" not in [one.act for one in work.audit.page()]


def test_a_place_in_what_was_found_that_is_none_is_the_beginning(come: Come, procedure: Procedure) -> None:
    loan = procedure.apply(name="王小明")
    visitor = come("risk-qian")
    statements: list[Any] = []
    event.listen(procedure.books.engine, "before_cursor_execute", lambda *call: statements.append(call[3]))

    assert loan in visitor.post("/loans/search", query="王小", after="\x00").text
    assert r"\x00" not in repr(statements)
