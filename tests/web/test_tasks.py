"""The page of a task. The engine is away here: decisions that reach it are in test_at_work."""

import re
from datetime import timedelta

import pytest

from books.session import Books
from models.documents import Reading
from models.staff import Role
from models.tasks import Outcome, Task, TaskKind, TaskStatus
from services import webhooks
from services.tasks import open_task
from tests.modules.applications import DAY
from tests.services.procedure import ADMIN, AGENT, INTEGRATOR, MANAGER, RISK, Procedure, sender
from tests.services.test_documents_comparing import read
from tests.services.test_documents_reading import NOTHING, concluded, give, good, word
from tests.services.test_screening import PERSON, listed
from tests.web.conftest import Come
from tests.web.serving import Visitor, hidden, words
from web.decision import DecisionForm, read_decision

GOOD = {"outcome": "approve", "reason": "income and record are in order"}


def task_of(procedure: Procedure, loan: str, kind: TaskKind = TaskKind.APPROVAL) -> str:
    """The address of the loan's open task."""
    return f"/tasks/{procedure.task(loan, kind).id}"


def decide(visitor: Visitor, task: str, **fields: str) -> tuple[int, str]:
    """Status and words of the answer to a decision."""
    answer = visitor.post(f"{task}/decision", seen_at=task, **fields)
    return answer.status_code, answer.text


def test_the_case_is_shown_with_personal_numbers_masked(come: Come, procedure: Procedure) -> None:
    loan = procedure.graded()
    with procedure.books.read() as work:
        form = work.loans.application(loan).form

    html = come("manager-zhao").get(task_of(procedure, loan)).text

    for name in ("id_number", "mobile", "bank_card"):
        assert form[name] not in html
    assert f"{form['id_number'][:3]}••••{form['id_number'][-4:]}" in html
    assert "199••••0001" in html
    assert "•••• 0001" in html


def test_the_page_gives_grade_reasons_verdicts_and_what_an_approval_comes_to(come: Come, procedure: Procedure) -> None:
    text = words(come("manager-zhao").get(task_of(procedure, procedure.graded())).text)

    assert "No payment was overdue in 24 months." in text
    assert re.search(r"Credit bureau .* Passed .* Record found Yes Times overdue in 24 months 0", text)
    assert "If approved today" in text
    assert "11 × ¥1,039.43, then ¥1,039.42" in text
    assert "Annualised comprehensive cost 7.2%" in text
    assert "Missing ID card" in text


def test_a_manager_reads_that_documents_are_missing_and_that_only_risk_approves_before(
    come: Come, procedure: Procedure
) -> None:
    loan = procedure.graded()
    task, manager = task_of(procedure, loan), come("manager-zhao")
    text = words(manager.get(task).text)
    assert "Risk lead A document that the case needs is not there; until it is, only risk may decide" in text
    status, html = decide(manager, task, **GOOD)
    assert status == 403
    assert "A document is missing or not read yet. Until it is there, only risk may approve." in words(html)


def test_answers_past_their_days_are_named_and_asked_again_from_the_task(come: Come, procedure: Procedure) -> None:
    procedure.day -= timedelta(days=1)
    loan = procedure.graded()
    procedure.day += timedelta(days=1)
    procedure.complete(loan)
    task, manager = task_of(procedure, loan), come("manager-zhao")
    text = words(manager.get(task).text)
    assert "Past their days: " in text
    status, html = decide(manager, task, **GOOD)
    assert status == 403
    assert "Answers of registers are past their days." in words(html)
    assert manager.post(f"{task}/registers", seen_at=task).status_code == 200
    text = words(manager.get(task).text)
    assert "They are being asked again." in text
    assert "Ask the registers again" not in text
    assert "Past their days" not in words(manager.get(task_of(procedure, procedure.graded())).text)
    assert "to be asked again" in words(come("risk-qian").get(task).text)


def test_who_came_on_a_list_since_the_grade_is_shown_to_risk(come: Come, procedure: Procedure) -> None:
    loan = procedure.graded(id_number=PERSON)
    task = task_of(procedure, loan)
    assert "Who stands on which list" not in come("risk-qian").get(task).text
    listed(procedure, id_number=PERSON, name="欧阳测试")
    assert "Who stands on which list" in come("risk-qian").get(task).text
    assert "Who stands on which list" not in come("manager-zhao").get(task).text


def test_the_case_shows_how_each_document_stands(come: Come, procedure: Procedure) -> None:
    loan = procedure.graded()
    give(procedure, loan, b"unread", kind="id_card")
    concluded(procedure, give(procedure, loan, b"blank"), NOTHING)
    concluded(procedure, give(procedure, loan, b"other"), other_income(procedure, loan))
    refused, taken = give(procedure, loan, b"refused"), give(procedure, loan, b"taken")
    for document in (refused, taken):
        concluded(procedure, document, NOTHING)
    word(procedure, loan, refused, Outcome.REFUSE)
    word(procedure, loan, taken)
    concluded(procedure, give(procedure, loan, b"good"), good(procedure, loan))
    html = come("manager-zhao").get(task_of(procedure, loan)).text
    (papers,) = re.findall(r'<ul class="lw-papers">(.*?)</ul>', html, re.DOTALL)
    rows = re.findall(r'bg-(\w+)-lt">([^<]+)</span>\s*([^<]+?)\s*<span class="lw-sub">(?:([A-Z][^·<]*) · )?', papers)
    assert rows == [
        ("blue", "Not read yet", "ID card", ""),
        ("yellow", "In doubt", "Proof of income", "Cannot be read"),
        ("yellow", "In doubt", "Proof of income", "Differs"),
        ("red", "Not taken", "Proof of income", "Cannot be read"),
        ("green", "Taken", "Proof of income", "Cannot be read"),
        ("green", "Handed in", "Proof of income", "Agrees with the form"),
    ]


def other_income(procedure: Procedure, loan: str) -> Reading:
    """A proof of half the income of the form."""
    with procedure.books.read() as work:
        form = work.loans.application(loan).form
    return read("收入证明", f"兹证明 {form['name']}，身份证号码 {form['id_number']}，", "月收入 5,000.00 元。")


def test_reasons_are_given_in_chinese_on_a_chinese_page(come: Come, procedure: Procedure) -> None:
    html = come("manager-zhao", language="zh").get(task_of(procedure, procedure.graded())).text

    assert "近24个月无逾期。" in html
    assert "审批决定" in html


def test_the_offer_follows_a_smaller_amount(come: Come, procedure: Procedure) -> None:
    task = task_of(procedure, procedure.graded())
    visitor = come("manager-zhao")

    assert "¥6,000.00" in visitor.get(f"{task}/offer?amount=6,000").text
    for useless in ("abc", "", "-5", "99999999"):
        assert "¥12,000.00" in visitor.get(f"{task}/offer", params={"amount": useless}).text


def test_a_limit_that_the_application_exceeds_is_marked(come: Come, procedure: Procedure) -> None:
    within = procedure.graded()
    above = procedure.apply()
    procedure.verify(above, bureau={"history_months": 3})
    procedure.grade(above)
    risk = come("risk-qian")

    assert "exceeded" not in words(risk.get(task_of(procedure, within)).text)
    assert "¥10,000.00 exceeded" in words(risk.get(task_of(procedure, above)).text)


def test_a_case_above_the_limit_of_its_grade_can_be_approved_up_to_it(come: Come, procedure: Procedure) -> None:
    above = procedure.apply()
    procedure.verify(above, bureau={"history_months": 3})
    procedure.grade(above)
    task = task_of(procedure, above)
    risk = come("risk-qian")

    text = words(risk.get(task).text)
    assert "What do you decide?" in text
    assert "If approved today Amount ¥10,000.00" in text
    assert "At most ¥10,000.00" in text
    assert "¥10,000.00" in risk.get(f"{task}/offer", params={"amount": "11000"}).text
    status, html = decide(risk, task, **GOOD)
    assert status == 422
    assert 'id="amount-problem"' in html
    # The engine is away: what gets as far as it was taken for well-formed.
    assert decide(risk, task, **GOOD, amount="10000")[0] == 503


@pytest.mark.parametrize(
    ("fields", "wrong"),
    [
        ({"reason": "good"}, ["outcome"]),
        ({"outcome": "approve", "reason": "  "}, ["reason"]),
        ({"outcome": "approve", "reason": "x" * 501}, ["reason"]),
        ({"outcome": "approve", "reason": "income\x00 proven"}, ["reason"]),
        ({**GOOD, "amount": "a lot"}, ["amount"]),
        ({**GOOD, "amount": "1\x000"}, ["amount"]),
        ({**GOOD, "amount": "0"}, ["amount"]),
        ({**GOOD, "amount": "12000.01"}, ["amount"]),
        ({"outcome": "refuse", "reason": "no", "amount": "100", "why-credit_record": "yes"}, ["amount"]),
        ({"outcome": "refuse", "reason": "no"}, ["reason_codes"]),
        ({"outcome": "refuse"}, ["reason_codes", "reason"]),
        ({"outcome": "refuse", "reason": "no", "why-because": "yes"}, ["reason_codes"]),
        ({"outcome": "bribe"}, ["outcome", "reason"]),
    ],
)
def test_what_is_wrong_stands_at_its_field_and_the_first_one_gets_the_focus(
    come: Come, procedure: Procedure, fields: dict[str, str], wrong: list[str]
) -> None:
    task = task_of(procedure, procedure.graded())

    status, html = decide(come("manager-zhao"), task, **fields)

    assert status == 422
    for name in ("outcome", "amount", "reason_codes", "reason"):
        assert (f'id="{name}-problem"' in html) is (name in wrong)
        described = re.search(rf'aria-describedby="(reason_codes-hint )?{name}-problem', html)
        assert bool(described) is (name in wrong)
    assert html.count(" autofocus") == 1
    assert fields.get("reason", "").replace("\x00", "")[:500] in html


@pytest.mark.parametrize(
    ("language", "sentence"),
    [
        ("en", "The text held invisible control characters. They are taken out now: read it again and send it."),
        ("zh", "内容含有不可见的控制字符，现已去除，请核对后重新提交。"),
    ],
)
def test_control_characters_are_refused_and_taken_out(
    come: Come, procedure: Procedure, language: str, sentence: str
) -> None:
    task = task_of(procedure, procedure.graded())

    status, html = decide(come("manager-zhao", language), task, outcome="refuse", reason="no\x00 \x1b[2Jincome")

    assert status == 422
    assert sentence in words(html)
    assert "no [2Jincome</textarea>" in html


def test_a_reason_of_several_lines_is_taken(procedure: Procedure) -> None:
    task = procedure.task(procedure.graded(), TaskKind.APPROVAL)
    form = DecisionForm.from_fields(
        {"outcome": "refuse", "reason": "no income\r\nno record", "why-credit_record": "yes"}
    )

    assert read_decision(form, task, sender(MANAGER)).reason == "no income\nno record"


@pytest.mark.parametrize(
    ("code", "language", "said"),
    [
        ("micro", "en", ["The papers do not show the income", "The case as a whole"]),
        ("auto", "zh", ["收入证明不足", "车辆状况、价格或手续不足以支持本笔贷款。"]),
    ],
)
def test_who_refuses_a_case_chooses_of_the_reasons_of_its_product(
    come: Come, procedure: Procedure, code: str, language: str, said: list[str]
) -> None:
    task = procedure.task(procedure.graded(code), TaskKind.APPROVAL)

    html = come("risk-qian", language).get(f"/tasks/{task.id}").text

    assert all(one in html for one in said)
    assert ("why-vehicle_not_suitable" in html) is (code == "auto")
    chosen = {"why-credit_record": "yes", "why-income_not_shown": "yes"}
    refusal, approval = [
        read_decision(DecisionForm.from_fields({"outcome": outcome, "reason": "so", **chosen}), task, sender(RISK))
        for outcome in ("refuse", "approve")
    ]
    assert (set(refusal.reason_codes), approval.reason_codes) == ({"credit_record", "income_not_shown"}, ())


def test_the_id_of_a_decision_is_bound_to_person_and_task(procedure: Procedure) -> None:
    tasks = [procedure.task(procedure.graded(), TaskKind.APPROVAL) for _ in range(2)]
    form = DecisionForm.from_fields({**GOOD, "command_id": "one"})

    ids = [read_decision(form, task, sender(actor)).command_id for task in tasks for actor in (MANAGER, RISK)]

    assert len(set(ids)) == 4
    assert read_decision(form, tasks[0], sender(MANAGER)).command_id == ids[0]


def test_without_the_engine_a_decision_is_not_lost_silently(come: Come, procedure: Procedure) -> None:
    loan = procedure.graded()
    procedure.complete(loan)
    task = task_of(procedure, loan)

    status, html = decide(come("manager-zhao"), task, **GOOD)

    assert status == 503
    assert "The system did not answer in time." in words(html)
    assert GOOD["reason"] in html


def test_whoever_entered_a_case_is_told_that_another_must_decide(
    come: Come, procedure: Procedure, books: Books
) -> None:
    task = task_of(procedure, procedure.graded(actor=MANAGER))
    visitor = come("manager-zhao")

    html = visitor.get(task).text
    assert "You entered this application" in html
    assert "What do you decide?" not in html
    answer = visitor.post(f"{task}/decision", seen_at="/", **GOOD)
    assert answer.status_code == 409 or answer.status_code == 403
    with books.read() as work:
        assert [entry.act for entry in work.audit.page() if entry.refused] == ["decision"]


@pytest.mark.parametrize("staff_id", ["auditor-wei", "admin-gu"])
def test_who_only_looks_gets_no_form_and_his_decision_is_refused(
    come: Come, procedure: Procedure, staff_id: str
) -> None:
    task = task_of(procedure, procedure.graded())
    visitor = come(staff_id)

    assert "What do you decide?" not in visitor.get(task).text
    for act in ("decision", "claim", "note", "completion"):
        assert visitor.post(f"{task}/{act}", seen_at="/", **GOOD).status_code == 403


@pytest.mark.parametrize(
    ("language", "said"),
    [
        ("en", "Events for integrator-demo are not sent any more: its address took nothing for five days."),
        ("zh", "接口账户 integrator-demo 的推送地址已连续五天未接收"),
    ],
)
def test_an_administrator_ends_the_task_of_a_disabled_webhook(
    come: Come, books: Books, language: str, said: str
) -> None:
    with books.begin() as work:
        made, _ = webhooks.register(work, INTEGRATOR, "https://receiver.example/in", [], "", plain_http=False)
    with books.begin() as work:
        webhook = webhooks.webhook_of(work, INTEGRATOR, made.id, held=True)
        webhook.failing_since = work.now - timedelta(days=6)
        work.session.add(webhook)
        webhooks.give_up(work, webhook.id)
        (task,) = [f"/tasks/{one.id}" for one in work.tasks.page(ADMIN, mine=True)]
    visitor = come("admin-gu", language=language)
    assert task in visitor.get("/inbox").text
    assert said in words(visitor.get(task).text)

    for other in ("risk-qian", "auditor-wei"):
        assert come(other).post(f"{task}/note", seen_at="/", reason="looked at").status_code == 403
    assert come("manager-zhao").get(task).status_code == 404
    answer = visitor.post(f"{task}/note", seen_at=task, reason="the receiver is back")

    assert answer.status_code == 200
    with books.read() as work:
        assert work.tasks.get(task.rpartition("/")[2]).status is TaskStatus.DONE


@pytest.mark.parametrize("staff_id", ["agent-lin", "finance-sun"])
def test_a_task_of_another_role_is_not_found(come: Come, procedure: Procedure, staff_id: str) -> None:
    task = task_of(procedure, procedure.graded())
    visitor = come(staff_id)

    assert visitor.get(task).status_code == 404
    assert visitor.get(f"{task}/offer").status_code == 404
    for act in ("decision", "claim", "release", "note", "completion"):
        assert visitor.post(f"{task}/{act}", seen_at="/", **GOOD).status_code == 404


def test_somebody_elses_decision_is_shown_to_the_one_who_came_late(come: Come, procedure: Procedure) -> None:
    loan = procedure.graded()
    task = task_of(procedure, loan)
    visitor = come("manager-zhao")
    procedure.decide(loan, Outcome.REFUSE, actor=RISK, reason="the income is not proven")

    status, html = decide(visitor, task, **GOOD)

    assert status == 409
    text = words(html)
    assert "This task is done already." in text
    assert "Refused 钱若水（演示）" in text
    assert "the income is not proven" in text


def test_what_stood_beside_an_open_task_goes_with_the_decision(come: Come, procedure: Procedure) -> None:
    loan = procedure.graded()
    task = task_of(procedure, loan)
    visitor = come("manager-zhao")
    page = visitor.get(task).text
    assert 'id="task-holder"' in page
    assert 'id="before-act"' in page
    assert "Take it" in page
    procedure.decide(loan, Outcome.REFUSE, actor=RISK, reason="the income is not proven")

    fields = {"csrf": visitor.token("/"), **GOOD}
    late = visitor.client.post(f"{task}/decision", data=fields, headers={"HX-Request": "true"}).text

    assert '<div id="task-holder" class="lw-head-end" hx-swap-oob="true"></div>' in late
    assert '<div id="before-act" hx-swap-oob="true"></div>' in late
    assert "hx-swap-oob" not in visitor.get(task).text


def test_htmx_gets_the_form_alone(come: Come, procedure: Procedure) -> None:
    task = task_of(procedure, procedure.graded())
    visitor = come("manager-zhao")

    answer = visitor.client.post(f"{task}/decision", data={"csrf": visitor.token(task)}, headers={"HX-Request": "true"})

    assert answer.status_code == 422
    assert answer.text.lstrip().startswith('<div id="act"')


def test_a_form_sent_twice_is_one_command(come: Come, procedure: Procedure) -> None:
    task = task_of(procedure, procedure.graded())
    visitor = come("manager-zhao")
    first = hidden(visitor.get(task).text, "command_id")

    assert hidden(visitor.get(task).text, "command_id") != first
    assert len(first) == 32


def test_a_task_is_taken_and_given_back(come: Come, procedure: Procedure) -> None:
    task = task_of(procedure, procedure.graded())
    manager, risk = come("manager-zhao"), come("risk-qian")

    assert "Give back" in manager.post(f"{task}/claim", seen_at=task).text
    assert "With 赵明远" in risk.get(task).text
    refused = risk.post(f"{task}/claim", seen_at=task)
    assert refused.status_code == 409
    assert "A colleague has taken this task." in refused.text
    assert "Take it" in manager.post(f"{task}/release", seen_at=task).text


def test_a_follow_up_is_closed_with_a_note(come: Come, procedure: Procedure) -> None:
    loan = procedure.running(actor=AGENT)
    with procedure.at() as work:
        task: Task = open_task(
            work, work.loans.get(loan), TaskKind.OVERDUE, Role.AGENT, DAY, "past due since 2026-01-05"
        )
    address = f"/tasks/{task.id}"
    agent = come("agent-lin")
    assert "Past due since 5 Jan 2026" in words(agent.get(address).text)
    assert "自2026年1月5日起逾期" in come("agent-lin", language="zh").get(address).text

    empty = agent.post(f"{address}/note", seen_at=address, reason=" ")
    assert empty.status_code == 422
    assert 'id="reason-problem"' in empty.text
    for useless in ("he pays\x00 on Friday", "x" * 501):
        answer = agent.post(f"{address}/note", seen_at=address, reason=useless)
        assert answer.status_code == 422
        assert 'id="reason-problem"' in answer.text
    assert "This task is done." in agent.post(f"{address}/note", seen_at=address, reason="he pays on Friday").text


@pytest.mark.parametrize("note", ["it is\x00 in now", "x" * 501])
def test_a_note_on_a_completion_that_cannot_be_kept_is_marked(come: Come, procedure: Procedure, note: str) -> None:
    loan = procedure.graded(actor=AGENT)
    procedure.decide(loan, Outcome.RETURN, reason="the salary slips are missing")
    task = task_of(procedure, loan, TaskKind.COMPLETION)

    answer = come("agent-lin").post(f"{task}/completion", seen_at=task, reason=note)

    assert answer.status_code == 422
    assert 'id="reason-problem"' in answer.text
    assert f"{note.replace(chr(0), '')}</textarea>" in answer.text


def test_finance_sees_money_without_a_loan(come: Come, procedure: Procedure) -> None:
    with procedure.at() as work:
        task = open_task(work, None, TaskKind.UNMATCHED_MONEY, Role.FINANCE, DAY, "bank reference X: no loan is named")
    finance = come("finance-sun")

    assert "Bank reference X" in finance.get("/inbox").text
    text = words(finance.get(f"/tasks/{task.id}").text)
    assert "Unmatched money" in text
    assert "What was done?" in text
