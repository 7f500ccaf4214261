"""The page of early warnings, their tasks, and the window on the borrower's page."""

import csv
import io
from datetime import timedelta
from urllib.parse import unquote

from models.tasks import TaskKind
from tests.services.procedure import AGENT, MANAGER, OTHER_AGENT, Procedure
from tests.services.test_behaviour import misses, score_months, warned_pair
from tests.services.test_reminders import CLOSES, GRADUATION
from tests.web.conftest import Come
from tests.web.serving import words
from web import early_warnings


def test_the_page_says_who_why_and_what_next_in_both_languages(come: Come, procedure: Procedure) -> None:
    mine, others = warned_pair(procedure)

    english = words(come("risk-qian").get("/warnings").text)
    chinese = words(come("risk-qian", language="zh").get("/warnings").text)

    for text in (english, chinese):
        assert mine in text
        assert others in text
    for said in ("Serious", "Two or more debits failed within the month.", "Call the borrower", "Too few to say more."):
        assert said in english
    for said in ("严重", "当月扣款失败两次及以上。", "致电借款人", "样本太少"):
        assert said in chinese


def test_each_person_finds_his_own_and_others_no_page(come: Come, procedure: Procedure) -> None:
    mine, others = warned_pair(procedure)

    agent = come(AGENT.id).get("/warnings").text
    assert mine in agent
    assert others not in agent
    assert others in come(OTHER_AGENT.id).get("/warnings").text
    assert mine in come(MANAGER.id).get("/warnings").text
    for who in ("finance-sun", "admin-gu"):
        visitor = come(who)
        assert 'href="/warnings"' not in visitor.get("/").text
        assert visitor.get("/warnings").status_code == visitor.get("/warnings.csv").status_code == 403
    assert 'href="/warnings"' in come(AGENT.id).get("/").text


def test_the_list_is_filtered_and_paged(come: Come, procedure: Procedure) -> None:
    mine, others = warned_pair(procedure)
    visitor = come("risk-qian")

    assert others not in visitor.get("/warnings?product=micro").text
    assert mine in visitor.get("/warnings?product=micro").text
    assert mine not in visitor.get("/warnings?urgency=watch").text
    assert "Nobody is warned of here" in visitor.get("/warnings?month=2026-01").text
    for nonsense in ("month=2026-13", "urgency=x", "band=zz", "product=none", "after=1_2"):
        assert mine in visitor.get(f"/warnings?{nonsense}").text

    before, early_warnings.PAGE = early_warnings.PAGE, 1
    try:
        first = visitor.get("/warnings").text
        assert (mine in words(first)) is not (others in words(first))
        following = first.split('id="warnings-next"')[1].split('href="')[1].split('"')[0].replace("&amp;", "&")
        second = visitor.get(unquote(following)).text
        assert (mine in words(second)) is (others in words(first))
        assert 'id="warnings-next"' not in second
        assert "To the beginning" in second
    finally:
        early_warnings.PAGE = before


def test_before_the_first_month_the_page_says_so(come: Come) -> None:
    visitor = come("risk-qian")
    assert "No month is scored yet" in visitor.get("/warnings").text
    assert visitor.get("/warnings.csv").status_code == 200


def test_the_file_opens_in_a_spreadsheet_in_the_visitors_language(come: Come, procedure: Procedure) -> None:
    loans = set(warned_pair(procedure))

    answer = come("risk-qian", language="zh").get("/warnings.csv?month=2026-02")

    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert "warnings-2026-02.csv" in answer.headers["content-disposition"]
    rows = list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"))))
    assert {row["loan"] for row in rows} == loans
    assert all("扣款失败" in row["causes"] and row["next_steps"] and row["reasons"] for row in rows)


def test_the_owner_sees_to_a_warning_and_finishes_it_with_a_note(come: Come, procedure: Procedure) -> None:
    loan = procedure.running()
    misses(procedure, loan, 0, 1)
    procedure.own(loan, AGENT.id)
    procedure.day += timedelta(days=30)
    score_months(procedure, procedure.day)
    task = procedure.task(loan, TaskKind.EARLY_WARNING)
    visitor = come(AGENT.id)

    inbox = words(visitor.get("/inbox").text)
    assert "Early warning Getting worse: two failed debits" in inbox
    page = f"/tasks/{task.id}"
    task_page = words(visitor.get(page).text)
    for said in ("Behaviour in 2026-02", "Two or more debits failed within the month.", "Call the borrower"):
        assert said in task_page
    assert "Behaviour in" not in come("finance-sun").get(f"/loans/{loan}").text
    visitor.post(f"{page}/note", seen_at=page, reason="called; pays on the 10th")

    assert procedure.open_tasks(loan) == []
    assert "Followed up the early warning" in words(visitor.get(f"/loans/{loan}").text)


def test_the_borrower_reads_of_a_window_while_it_is_open(come: Come, procedure: Procedure) -> None:
    loan = procedure.running("student")
    digits = "0000"
    with procedure.books.read() as work:
        digits = work.loans.application(loan).form["mobile"][-4:]
    visitor = come()
    visitor.sign_in_as_borrower(loan, digits)
    assert CLOSES.isoformat() not in visitor.get(f"/my/{loan}").text

    with procedure.at(GRADUATION) as work:
        row = work.loans.get(loan)
        row.booked_to = GRADUATION
        work.session.add(row)
    assert f"until {CLOSES.isoformat()}" in words(visitor.get(f"/my/{loan}").text)


def test_rules_for_reminders_and_the_behaviour_card_stand_among_the_policies(come: Come) -> None:
    visitor = come("risk-qian")

    reminders = words(visitor.get("/policies/reminders-micro/1").text)
    assert "The first installment is to come: Yes" in reminders
    for name in ("reminders-student", "reminders-auto", "reminders-loans", "scorecard-behaviour"):
        assert visitor.get(f"/policies/{name}/1").status_code == 200
