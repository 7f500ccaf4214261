"""The rules on pages: read in words, drafted, back-tested and published by two people of risk."""

import copy
import json
from datetime import timedelta
from typing import Any

from models.policies import PolicyPart
from models.tasks import TaskKind
from tests.modules.applications import DAY
from tests.services.policies import MICRO_PRICES, MICRO_RULES, micro_rules, put_in_force, table_of
from tests.services.procedure import Procedure
from tests.web.conftest import Come
from tests.web.serving import words

AT = f"/policies/{MICRO_PRICES}"
LOWER = {12: {"limit_fen": "700000"}}


def prices(rows: dict[int, dict[str, str]]) -> dict[str, Any]:
    return micro_rules(rows, MICRO_PRICES)


def test_a_table_is_read_in_words_in_both_languages(come: Come) -> None:
    auditor = come("auditor-wei")
    assert 'href="/policies"' in auditor.get("/").text
    assert f'href="{AT}/1"' in auditor.get("/policies").text
    page = words(auditor.get(f"{AT}/1").text)
    assert "Limit and price: Microloan, version 1 In force" in page
    assert "grade: A Limit: ¥200,000.00 Rate: 7.2%" in page.replace("Grade", "grade")
    assert "Limit: ¥200,000.00 less: Owed here already, or approved" in page
    assert "Every other case" in page
    assert "Draft a new version" not in page
    grades = words(auditor.get("/policies/grading-micro/1").text)
    assert "Share of income for debts: ≤ 35.0%" in grades
    assert "Outcome: To a person Grade: A No payment was overdue in 24 months." in grades
    assert "Full-time student: Yes Outcome: Refused" in words(auditor.get("/policies/knockout-micro/1").text)
    chinese = words(come("risk-qian", language="zh").get("/policies/knockout-micro/1").text)
    assert "准入规则：小额贷款" in chinese
    assert "全日制学生: 是" in chinese
    assert "全日制在校学生不得申请小额贷款。" in chinese
    assert words(auditor.get("/policies/grading-student/1").text).count("Bachelor") > 0


def test_every_policy_has_a_page_and_the_list_is_narrowed_by_kind_and_scope(come: Come, procedure: Procedure) -> None:
    auditor = come("auditor-wei", language="zh")
    with procedure.books.read() as work:
        names = work.policies.names()
    listed = auditor.get("/policies").text
    for name in names:
        assert f'href="/policies/{name}/1"' in listed
        page = auditor.get(f"/policies/{name}/1")
        assert page.status_code == 200, name
        assert "第1版 有效" in words(page.text), name
    narrowed = auditor.get("/policies?kind=pricing&scope=auto").text
    assert [name for name in names if f'href="/policies/{name}/1"' in narrowed] == ["pricing-auto"]


def test_the_page_of_a_case_shows_each_policy_that_was_asked_with_its_row(come: Come, procedure: Procedure) -> None:
    loan = procedure.graded()
    page = come("risk-qian").get(f"/loans/{loan}").text
    said = words(page)
    assert "Knock-out: Microloan 1 15 Outcome: Passes" in said
    assert "Grading: Microloan 1 9 Outcome: To a person Grade: A" in said
    assert "Limit and price: Microloan 1 12 Limit: ¥200,000.00 Rate: 7.2%" in said
    assert 'href="/policies/pricing-micro/1#row-12"' in page
    task = procedure.task(loan, TaskKind.APPROVAL).id
    manager = come("manager-zhao").get(f"/tasks/{task}").text
    assert "Limit and price: Microloan" in words(manager)
    assert 'href="/policies/pricing-micro/1"' not in manager


def test_a_policy_outside_the_chain_is_back_tested_by_its_own_answers(come: Come, procedure: Procedure) -> None:
    procedure.graded()
    author, at = come("risk-shen"), "/policies/authority-loans"
    with procedure.books.read() as work:
        content = copy.deepcopy(work.policies.version("authority-loans", 1).content)
    for row in table_of(content)["rules"]:
        row["people"] = "2"
    author.post(f"{at}/drafts", seen_at=f"{at}/1", content=json.dumps(content), reason="two for all")
    report = author.post(f"{at}/2/backtests", seen_at=f"{at}/2", since=str(DAY), until=str(DAY))
    said = words(report.text)
    assert "Back-test of Authority: All loans, version 2" in said
    assert "1 of 1 cases" in said
    assert "Microloan 1 1" in said
    assert "Expected loss" not in said
    assert "people: 2" in author.get(f"{report.url.path}.csv").text


def test_two_people_of_risk_change_the_rules_on_the_pages(come: Come, procedure: Procedure) -> None:
    loan = procedure.graded()
    author, second = come("risk-shen"), come("risk-qian")
    text = json.dumps(prices(LOWER), ensure_ascii=False)
    drafted = author.post(f"{AT}/drafts", seen_at=f"{AT}/1", content=text, reason="losses went up")
    assert drafted.url.path == f"{AT}/2"
    page = words(drafted.text)
    assert "Different from version 1, which is in force" in page
    assert "12 Limit 20000000 700000" in page
    assert "Publish" not in page.replace("Published", "").replace("publish it", "")
    assert "another person of risk must publish it" in page

    report = author.post(f"{AT}/2/backtests", seen_at=f"{AT}/2", since=str(DAY - timedelta(days=9)), until=str(DAY))
    said = words(report.text)
    assert "1 of 1 cases" in said
    assert "Version 2 1 100.0% ¥7,000.00 ¥70.00" in said
    file = author.get(f"{report.url.path}.csv")
    assert file.headers["content-type"].startswith("text/csv")
    assert loan in file.text

    published = second.post(
        f"{AT}/2/publication", seen_at=f"{AT}/2", starts_on=str(DAY), part="champion", share="", reason="agreed"
    )
    assert "version 2 In force" in words(published.text)
    assert "1 Retired" in words(second.get("/policies").text)


def test_a_new_reason_is_told_in_the_words_of_its_version(come: Come, procedure: Procedure) -> None:
    content = micro_rules({9: {"reasons": '["loyal"]'}})
    content["reasons"]["loyal"] = {"en": "A loyal customer.", "zh": "老客户。"}
    with procedure.at() as work:
        put_in_force(work, MICRO_RULES, 2, content)
    task = procedure.task(procedure.graded(), TaskKind.APPROVAL).id
    assert "A loyal customer." in come("manager-zhao").get(f"/tasks/{task}").text
    assert "老客户。" in come("manager-zhao", language="zh").get(f"/tasks/{task}").text


def test_a_draft_with_problems_shows_row_column_and_reason(come: Come) -> None:
    author = come("risk-shen", language="zh")
    text = json.dumps(prices({6: {"exposure_fen": "> 90元"}}), ensure_ascii=False)
    page = words(author.post(f"{AT}/drafts", seen_at=f"{AT}/1", content=text, reason="试一试").text)
    assert "不能发布的原因" in page
    assert "6 exposure_fen" in page
    refused = author.post(f"{AT}/drafts", seen_at=f"{AT}/1", content="{", reason="试一试")
    assert (refused.status_code, "规则是否为JSON" in refused.text) == (422, True)


def test_a_challenger_is_compared_and_retired_on_its_page(come: Come, procedure: Procedure) -> None:
    with procedure.at() as work:
        put_in_force(work, MICRO_PRICES, 2, prices(LOWER), part=PolicyPart.CHALLENGER, share_percent=30)
    procedure.graded()
    risk = come("risk-qian")
    page = words(risk.get(f"{AT}/2").text)
    assert "version 2 Challenger" in page
    assert "1 of 1 cases came out alike" in page
    ended = risk.post(f"{AT}/2/retirement", seen_at=f"{AT}/2", from_day=str(DAY), reason="seen enough")
    assert "version 2 Retired" in words(ended.text)
    again = risk.post(f"{AT}/2/retirement", seen_at=f"{AT}/2", from_day=str(DAY), reason="seen enough")
    assert again.status_code == 409


def test_the_rules_are_no_page_for_others_and_no_forms_for_auditors(come: Come) -> None:
    manager, auditor = come("manager-zhao"), come("auditor-wei")
    assert 'href="/policies"' not in manager.get("/").text
    for path in ("/policies", f"{AT}/1", f"/policies/backtests/{'0' * 32}", f"/policies/backtests/{'0' * 32}.csv"):
        assert manager.get(path).status_code == 403, path
    acts = {
        f"{AT}/drafts": {"content": "{}", "reason": "why"},
        f"{AT}/1/backtests": {"since": str(DAY), "until": str(DAY)},
        f"{AT}/1/publication": {"starts_on": str(DAY), "reason": "why"},
        f"{AT}/1/retirement": {"from_day": str(DAY), "reason": "why"},
    }
    for act, fields in acts.items():
        assert auditor.post(act, seen_at="/policies", **fields).status_code == 403, act
        assert auditor.client.post(act, data=fields).status_code == 403, act
