"""The rules on pages: read in words, drafted, back-tested and published by two people of risk."""

import copy
import html
import json
from datetime import timedelta
from typing import Any

import pytest

from models.performance import LoanPerformance
from models.policies import Backtest, BacktestPage, PolicyPart
from models.tasks import TaskKind
from services.backtest_findings import CLASSES
from services.policy_publishing import draft
from tests.modules.applications import DAY
from tests.services.policies import MICRO_PRICES, MICRO_RULES, OTHER_RISK, micro_rules, put_in_force, table_of
from tests.services.procedure import Procedure
from tests.web.conftest import Come
from tests.web.serving import words

AT = f"/policies/{MICRO_PRICES}"
LOWER = {12: {"limit_fen": "700000"}}


PART_HEADINGS = (
    "{} Cases Change Not refused before Not refused after Could be lent before Could be lent after"
    " Expected loss before Expected loss after"
)


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
    assert "Knock-out: Microloan 1 18 Outcome: Passes" in said
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
    assert "12 Limit ¥200,000.00 ¥7,000.00" in page
    assert "Publish" not in page.replace("Published", "").replace("publish it", "")
    assert "another person of risk must publish it" in page

    report = author.post(f"{AT}/2/backtests", seen_at=f"{AT}/2", since=str(DAY - timedelta(days=9)), until=str(DAY))
    said = words(report.text)
    assert "1 of 1 cases" in said
    assert "Version 2 1 100.0% ¥7,000.00 ¥70.00" in said
    # The month and the product, with both sides and their losses.
    both = "1 1 100.0% 100.0% ¥12,000.00 ¥7,000.00 ¥120.00 ¥70.00"
    assert f"By month {{}} {DAY:%Y-%m} {both}".format(PART_HEADINGS.format("Month")) in said
    assert f"By product {{}} Microloan {both}".format(PART_HEADINGS.format("Product")) in said
    assert (
        "How decisions move As it is in force by row, with the draft by column Before A B C D E Refused A 1 B" in said
    )
    assert "Version 2 A 0 0 1.0% its class as it is in force" in said
    file = author.get(f"{report.url.path}.csv")
    assert file.headers["content-type"].startswith("text/csv")
    assert loan in file.text

    published = second.post(
        f"{AT}/2/publication", seen_at=f"{AT}/2", starts_on=str(DAY), part="champion", share="", reason="agreed"
    )
    assert "version 2 In force" in words(published.text)
    assert "1 Retired" in words(second.get("/policies").text)


def test_what_became_of_the_loans_stands_in_the_report(come: Come, procedure: Procedure) -> None:
    loan = procedure.graded()
    with procedure.at() as work:
        paid_out = DAY - timedelta(days=400)
        work.loans.get(loan).disbursed_on = paid_out
        defaulted_on = paid_out + timedelta(days=200)
        work.write(
            LoanPerformance(loan=loan, worst_dpd=200, defaulted_on=defaulted_on, observed_to=DAY, simulated=True)
        )
        put_in_force(work, MICRO_RULES, 2, micro_rules({9: {"outcome": '"refuse"'}}))
        draft(work, OTHER_RISK, MICRO_RULES, micro_rules(), "as it was")
    at = f"/policies/{MICRO_RULES}/3"
    author = come("risk-shen")
    said = words(author.post(f"{at}/backtests", seen_at=at, since=str(DAY), until=str(DAY)).text)
    assert "Version 2 Refused 1 1 –" in said
    assert "Version 3 A 1 1 1.0% its class as it is in force" in said
    assert "1 of these loans are made up." in said
    assert "1 cases that are refused as it is in force would be let in, on which ¥12,000.00 could be lent." in said


def test_a_report_of_earlier_days_is_shown_as_it_was_kept(come: Come, procedure: Procedure) -> None:
    side = {
        **{"passed": 1, "passed_basis_points": 10_000, "lendable_fen": 100, "expected_loss_fen": 1},
        "by_grade": {"A": 1},
    }
    report = {
        **{"cases": 1, "ungraded": 0, "changed": 1, "differing": {}, "before": side, "after": side, "months": []},
        "matrix": {old: dict.fromkeys(CLASSES, 0) for old in CLASSES},
        "default_rates": {"A": {"basis_points": 123, "loans": 31, "observed": True}},
    }
    with procedure.at() as work:
        policy = work.policies.version(MICRO_RULES, 1)
        test = Backtest(
            policy_id=policy.id,
            against_id=policy.id,
            applied_from=DAY,
            applied_to=DAY,
            cases=1,
            changed=1,
            report=report,
            run_by="risk-shen",
            run_at=work.now,
        )
        work.write(test)
        case = ["L1", str(DAY), 100, "refer", "A", 1, "7.2", "refer", "B", 1, "7.2", 9]
        work.write(BacktestPage(backtest_id=test.id, page=0, cases=[case]))
    auditor = come("auditor-wei")
    said = words(auditor.get(f"/policies/backtests/{test.id}").text)
    assert "A 1.23% 31 the books" in said
    assert "L1," in auditor.get(f"/policies/backtests/{test.id}.csv").text


def test_a_decision_is_made_again_on_a_page_and_what_differs_is_named(come: Come, procedure: Procedure) -> None:
    loan = procedure.graded()
    procedure.decide(loan)
    at = f"/policies/replays/{loan}"
    auditor, risk = come("auditor-wei"), come("risk-qian")
    assert f'href="{at}"' in risk.get(f"/loans/{loan}").text
    said = words(auditor.get(at).text)
    assert f"The decisions on {loan} made again as they were" in said
    assert "Grading: Microloan 1 9 Outcome: To a person Grade: A Yes" in said
    assert "Now as a whole: grade A, up to ¥200,000.00 at 7.2% a year." in said
    assert "Authority: All loans 1" in said
    with procedure.at() as work:
        grading = work.policies.grading(loan)
        assert grading is not None
        work.write(type(grading)(**grading.model_dump() | {"id": "second", "round": 2, "grade": "B"}))
    said = words(risk.get(at).text)
    assert "made again otherwise" in said
    assert "differs in: Grade" in said
    manager = come("manager-zhao")
    assert manager.get(at).status_code == 403
    assert at not in manager.get(f"/loans/{loan}").text


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
    assert "6 在本机构已有及已批未放余额 exposure_fen" in page


@pytest.mark.parametrize(
    ("language", "content", "sentence"),
    [
        ("en", '{\r\n "rules": [1,\r\n 2,,\r\n}', "Line 3, column 4: this is no JSON."),
        ("zh", "{", "第1行第2列不符合JSON格式"),
        ("en", "[1]", "The rules are one JSON object"),
        ("en", '{"x": ' * 33 + "1" + "}" * 33, "more than 32 levels"),
    ],
)
def test_a_draft_that_cannot_be_read_stays_in_its_form_with_the_line_that_is_wrong(
    come: Come, language: str, content: str, sentence: str
) -> None:
    author = come("risk-shen", language=language)
    fields = {"content": content, "version": "1"}
    refused = author.post(f"{AT}/drafts", seen_at=f"{AT}/1", reason="losses went up", **fields)
    assert refused.status_code == 422
    assert sentence in words(refused.text)
    assert html.escape(content.replace("\r\n", "\n"), quote=True).replace("&quot;", "&#34;") in refused.text
    assert 'value="losses went up"' in refused.text
    assert 'aria-describedby="content-problem"' in refused.text
    without_reason = author.post(f"{AT}/drafts", seen_at=f"{AT}/1", reason=" ", **fields)
    assert 'id="draft-reason-problem"' in without_reason.text


def test_a_draft_with_a_cell_that_cannot_be_read_is_told_as_it_was_typed(come: Come) -> None:
    author = come("risk-shen")
    text = json.dumps(prices({12: {"limit_fen": "a lot"}}), ensure_ascii=False)
    page = words(author.post(f"{AT}/drafts", seen_at=f"{AT}/1", content=text, reason="why not").text)
    assert "12 Limit ¥200,000.00 a lot" in page


def test_a_challenger_is_compared_and_retired_on_its_page(come: Come, procedure: Procedure) -> None:
    with procedure.at() as work:
        put_in_force(work, MICRO_PRICES, 2, prices(LOWER), part=PolicyPart.CHALLENGER, share_percent=30)
    procedure.graded()
    risk = come("risk-qian")
    page = words(risk.get(f"{AT}/2").text)
    assert "version 2 Challenger" in page
    assert "with the challenger by column Champion A B" in page
    assert "0 of 1 cases came out alike in outcome, grade, limit and rate" in page
    assert "Other outcome: 0, other grade: 0, other limit: 1, other rate: 0." in page
    assert "What could be lent: ¥12,000.00 by the champion, ¥7,000.00 by the challenger." in page
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
