"""The rules on pages: read in words, drafted, back-tested and published by two people of risk."""

import json
from datetime import timedelta

from models.policies import PolicyPart
from models.tasks import TaskKind
from tests.modules.applications import DAY
from tests.services.policies import MICRO_RULES, micro_rules, put_in_force
from tests.services.procedure import Procedure
from tests.web.conftest import Come
from tests.web.serving import words

AT = f"/policies/{MICRO_RULES}"
LOWER = {12: {"limit_fen": "700000"}}


def test_a_table_is_read_in_words_in_both_languages(come: Come) -> None:
    auditor = come("auditor-wei")
    assert 'href="/policies"' in auditor.get("/").text
    assert f'href="{AT}/1"' in auditor.get("/policies").text
    page = words(auditor.get(f"{AT}/1").text)
    assert "grading-micro, version 1 In force" in page
    assert "Full-time student: Yes Refused" in page
    assert "Share of income for debts: ≤ 35.0%" in page
    assert "A ¥200,000.00 7.2% No payment was overdue in 24 months." in page
    assert "Every other case" in page
    assert "Draft a new version" not in page
    chinese = words(come("risk-qian", language="zh").get(f"{AT}/1").text)
    assert "全日制学生: 是" in chinese
    assert "全日制在校学生不得申请小额贷款。" in chinese
    assert words(auditor.get("/policies/grading-student/1").text).count("Bachelor") > 0


def test_two_people_of_risk_change_the_rules_on_the_pages(come: Come, procedure: Procedure) -> None:
    loan = procedure.graded()
    author, second = come("risk-shen"), come("risk-qian")
    text = json.dumps(micro_rules(LOWER), ensure_ascii=False)
    drafted = author.post(f"{AT}/drafts", seen_at=f"{AT}/1", content=text, reason="losses went up")
    assert drafted.url.path == f"{AT}/2"
    page = words(drafted.text)
    assert "Different from version 1, which is in force" in page
    assert "12 Limit 20000000 700000" in page
    assert "Publish" not in page.replace("Published", "").replace("publish it", "")
    assert "another person of risk must publish it" in page

    report = author.post(f"{AT}/2/backtests", seen_at=f"{AT}/2", since=str(DAY - timedelta(days=9)), until=str(DAY))
    said = words(report.text)
    assert "1 of 1 applications" in said
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
    content = micro_rules({12: {"reasons": '["loyal"]'}})
    content["reasons"]["loyal"] = {"en": "A loyal customer.", "zh": "老客户。"}
    with procedure.at() as work:
        put_in_force(work, MICRO_RULES, 2, content)
    task = procedure.task(procedure.graded(), TaskKind.APPROVAL).id
    assert "A loyal customer." in come("manager-zhao").get(f"/tasks/{task}").text
    assert "老客户。" in come("manager-zhao", language="zh").get(f"/tasks/{task}").text


def test_a_draft_with_problems_shows_row_column_and_reason(come: Come) -> None:
    author = come("risk-shen", language="zh")
    text = json.dumps(micro_rules({6: {"worst_dpd": "> 90天"}}), ensure_ascii=False)
    page = words(author.post(f"{AT}/drafts", seen_at=f"{AT}/1", content=text, reason="试一试").text)
    assert "不能发布的原因" in page
    assert "6 worst_dpd" in page
    refused = author.post(f"{AT}/drafts", seen_at=f"{AT}/1", content="{", reason="试一试")
    assert (refused.status_code, "规则是否为JSON" in refused.text) == (422, True)


def test_a_challenger_is_compared_and_retired_on_its_page(come: Come, procedure: Procedure) -> None:
    with procedure.at() as work:
        put_in_force(work, MICRO_RULES, 2, micro_rules(LOWER), part=PolicyPart.CHALLENGER, share_percent=30)
    procedure.graded()
    risk = come("risk-qian")
    page = words(risk.get(f"{AT}/2").text)
    assert "version 2 Challenger" in page
    assert "1 of 1 cases were graded alike" in page
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
