"""Who may approve how much, deputies, several at once and declined borrowers, on pages. The engine is away here."""

from datetime import timedelta

import pytest

from models.loans import Stage
from models.recurring import DeadlinesOrder
from models.staff import Actor, Role
from models.tasks import TaskKind
from services import absences, deadlines, tasks
from services.authority import LOANS
from services.errors import AboveAuthority
from tests.services.policies import OTHER_RISK, put_in_force
from tests.services.procedure import MANAGER, RISK, Procedure
from tests.services.test_authority import LARGE, graded, rules
from tests.services.test_documents_reading import NOTHING, concluded, give
from tests.services.test_fast_lane import graded_with_documents
from tests.web.conftest import Come
from tests.web.serving import words
from tests.web.test_my_loan import borrower, page

GOOD = {"outcome": "approve", "reason": "looked at everything"}


def task_of(procedure: Procedure, loan: str) -> str:
    return procedure.task(loan, TaskKind.APPROVAL).id


def refused(procedure: Procedure) -> str:
    loan = procedure.apply(amount="30000", term="6", monthly_income="10000")
    procedure.verify(loan, bureau={"monthly_income_fen": 1_000_000, "monthly_payment_fen": 300_000})
    assert procedure.grade(loan).stage is Stage.REFUSED
    return loan


# -- authority ---------------------------------------------------------------------------------------------------------


def test_a_task_says_who_may_approve_how_much_and_what_the_first_person_said(come: Come, procedure: Procedure) -> None:
    loan = graded(procedure, LARGE)
    procedure.complete(loan)
    first = words(come("risk-qian").get(f"/tasks/{task_of(procedure, loan)}").text)
    assert "Up to By People ¥100,000.00 Loan manager" in first
    assert "¥150,000.00 Risk lead" in first
    assert "¥160,000.00 Risk lead The amount is large for this product; two people of risk decide. 2" in first
    procedure.decide(loan, actor=RISK, amount_fen=15_500_000, reason="income is proven")
    second = f"/tasks/{task_of(procedure, loan)}"
    text = words(come("risk-shen").get(second).text)
    assert "Approved by the first person ¥155,000.00 · 钱若水（演示）" in text
    assert "income is proven" in text
    assert "At most ¥155,000.00" in text
    assert "gave the first approval. Another person gives the second." in words(come("risk-qian").get(second).text)
    assert "Approved ¥155,000.00; another person confirms it" in words(come("risk-qian").get(f"/loans/{loan}").text)


def test_who_approves_more_than_he_may_reads_that_and_no_other_refusal(come: Come, procedure: Procedure) -> None:
    loan = procedure.graded()
    procedure.complete(loan)
    with procedure.at() as work:
        put_in_force(work, LOANS, 2, rules({row: {"amount_fen": "<= 500000"} for row in (17, 20, 21)}))
    task = f"/tasks/{task_of(procedure, loan)}"
    answer = come("manager-zhao").post(f"{task}/decision", seen_at=task, **GOOD)
    assert answer.status_code == 403
    assert "This is more than you may approve. See who may approve how much, or approve less." in words(answer.text)
    assert "Only with an approval" not in answer.text
    assert 'id="amount-problem"' not in answer.text


def test_who_may_approve_nothing_of_a_case_is_not_told_to_approve_less(come: Come, procedure: Procedure) -> None:
    loan = procedure.graded()
    procedure.complete(loan)
    concluded(procedure, give(procedure, loan, kind="id_card"), NOTHING)
    task = f"/tasks/{task_of(procedure, loan)}"
    for language, sentence in (("en", "You may not approve this case, whatever the amount."), ("zh", "您都无权批准")):
        answer = come("manager-zhao", language=language).post(f"{task}/decision", seen_at=task, **GOOD)
        assert answer.status_code == 403
        assert sentence in words(answer.text)
        assert 'id="amount-problem"' not in answer.text
    with pytest.raises(AboveAuthority) as refused:
        procedure.decide(loan, actor=MANAGER)
    assert refused.value.fields == {}


# -- deputies and reminders --------------------------------------------------------------------------------------------


def test_an_absence_is_entered_seen_and_called_off_on_a_page(come: Come, procedure: Procedure) -> None:
    loan = procedure.graded()
    with procedure.at() as work:
        tasks.claim(work, MANAGER, work.tasks.open_of(loan)[0])
    manager, deputy = come("manager-zhao"), come("manager-feng")
    assert loan not in deputy.get("/inbox").text
    day = procedure.day
    entered = manager.post(
        "/absences",
        who="manager-zhao",
        deputy="manager-feng",
        **{"from": day.isoformat(), "to": (day + timedelta(days=3)).isoformat()},
        reason="annual leave",
    )
    assert entered.status_code == 200
    assert "赵明远（演示） 5 Jan 2026 8 Jan 2026 冯守正（演示） annual leave" in words(entered.text)
    inbox = words(deputy.get("/inbox").text)
    assert loan in inbox
    assert "For 赵明远（演示）" in inbox
    assert "You stand in for 赵明远（演示）" in words(deputy.get("/").text)
    task = f"/tasks/{task_of(procedure, loan)}"
    assert "What do you decide?" in deputy.get(task).text
    assert "Call off" not in deputy.get("/absences").text
    with procedure.books.read() as work:
        (absence,) = work.absences.from_day(day)
    assert deputy.post(f"/absences/{absence.id}/call-off").status_code == 403
    assert "Nobody is away" in manager.post(f"/absences/{absence.id}/call-off").text
    assert loan not in deputy.get("/inbox").text


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({}, "Choose a colleague of the same role or above"),
        ({"deputy": "manager-feng", "from": "tomorrow", "to": "2026-01-09"}, "A day. Nobody is away twice at once"),
        ({"deputy": "manager-feng", "from": "2026-01-09", "to": "2026-01-08"}, "Not before the first day"),
        ({"deputy": "agent-lin", "from": "2026-01-08", "to": "2026-01-09"}, "Choose a colleague of the same role"),
    ],
)
def test_a_wrong_absence_is_refused_at_the_field(come: Come, fields: dict[str, str], problem: str) -> None:
    sent = {"who": "manager-zhao", "from": "2026-01-08", "to": "2026-01-09", "reason": "leave"} | fields
    answer = come("manager-zhao").post("/absences", **sent)
    assert answer.status_code == 422
    assert problem in words(answer.text)
    assert 'aria-invalid="true"' in answer.text


def test_a_decision_for_somebody_says_so(come: Come, procedure: Procedure) -> None:
    loan = procedure.graded()
    task = task_of(procedure, loan)
    with procedure.at() as work:
        tasks.claim(work, MANAGER, work.tasks.get(task))
        day = procedure.day
        absences.enter(work, MANAGER, MANAGER.id, "manager-feng", day, day, "ill")
    procedure.complete(loan)
    procedure.decide(loan, actor=Actor("manager-feng", Role.MANAGER))
    text = words(come("risk-qian").get(f"/tasks/{task}").text)
    assert "冯守正（演示） for 赵明远（演示）" in text


def test_who_is_reminded_sees_it(come: Come, procedure: Procedure) -> None:
    procedure.graded()
    manager = come("manager-zhao")
    assert "Reminder" not in words(manager.get("/inbox").text)
    with procedure.at() as work:
        deadlines.look_at_page(work, DeadlinesOrder(day=procedure.day + timedelta(days=1)))
    assert "Reminder" in words(manager.get("/inbox").text)
    assert "some of these tasks are due by tomorrow" in words(manager.get("/").text)


# -- several at once ---------------------------------------------------------------------------------------------------


def test_marked_tasks_are_listed_before_they_are_approved(come: Come, procedure: Procedure) -> None:
    simple, larger = procedure.graded(), procedure.graded(amount="25000", term="36")
    for loan in (simple, larger):
        procedure.complete(loan)
    manager = come("manager-zhao")
    marks = {f"task_{task_of(procedure, loan)}": "yes" for loan in (simple, larger)}
    inbox = manager.get("/inbox").text
    for mark in marks:
        assert f'name="{mark}" value="yes" form="together"' in inbox
    confirmation = manager.get("/inbox/together", params=marks | {"task_rubbish": "yes"})
    text = words(confirmation.text)
    assert f"These will be approved Loan Borrower Amount Grade {simple}" in text
    assert f"To be decided on their own Task Borrower Why {larger}" in text
    assert "The rules of authority do not call this case simple." in text
    without_reason = manager.post("/inbox/together", seen_at="/inbox/together", **marks, reason=" ")
    assert without_reason.status_code == 422
    assert "write a sentence" in words(without_reason.text)
    assert simple in without_reason.text
    nothing = manager.post("/inbox/together", seen_at="/inbox/together", reason="x")
    assert "Nothing is marked" in words(nothing.text)
    not_simple = manager.get("/inbox/together", params={f"task_{task_of(procedure, larger)}": "yes"})
    assert "Nothing that you marked can be approved together" in words(not_simple.text)


def test_a_case_without_its_documents_says_so_instead_of_being_approved_together(
    come: Come, procedure: Procedure
) -> None:
    mark = {f"task_{task_of(procedure, procedure.graded())}": "yes"}
    text = words(come("manager-zhao").get("/inbox/together", params=mark).text)
    assert "A document is missing, not read yet or in doubt. Decide it on its own." in text
    assert "有材料缺失、尚未识读或存疑" in come("manager-zhao", language="zh").get("/inbox/together", params=mark).text


def test_whoever_approves_nothing_marks_nothing(come: Come, procedure: Procedure) -> None:
    procedure.graded()
    for who in ("auditor-wei", "agent-lin", "finance-sun"):
        assert "together" not in come(who).get("/inbox?show=all").text


# -- declined borrowers ------------------------------------------------------------------------------------------------


def test_a_declined_borrower_reads_what_would_change_it_and_asks_for_people(come: Come, procedure: Procedure) -> None:
    loan = refused(procedure)
    visitor = borrower(come, loan)
    text = words(visitor.get(f"/my/{loan}").text)
    assert "What would change it:" in text
    assert "By the same rules ¥20,000.00 over 6 months would be possible." in text
    assert "Over 12 months it would be ¥30,000.00." in text
    assert "Until 4 Feb 2026 people can be asked to look at it, once." in text
    asked = visitor.post(f"/my/{loan}/second-look", words="升职加薪了")
    assert "People will look at your application" in words(asked.text)
    assert "A person is looking at your application" in words(asked.text)
    seen = words(come("risk-shen").get(f"/tasks/{task_of(procedure, loan)}").text)
    assert "Refused by the rules, looked at by people" in seen
    assert "升职加薪了" in seen
    procedure.decide(loan, actor=RISK, amount_fen=500_000)
    procedure.decide(loan, actor=OTHER_RISK)
    offered = words(visitor.get(f"/my/{loan}").text)
    assert "You asked for ¥30,000.00. We offer you ¥5,000.00" in offered
    assert "This is less than you asked for. It is yours only if you accept it." in offered


def test_the_agent_asks_for_the_borrower(come: Come, procedure: Procedure) -> None:
    loan = refused(procedure)
    procedure.own(loan, "agent-lin")
    agent = come("agent-lin")
    assert "Have people look at it" in words(agent.get(f"/loans/{loan}").text)
    agent.post(f"/loans/{loan}/second-look", words="")
    assert procedure.loan(loan).stage is Stage.APPROVAL
    assert "Asked for people to look at the refusal by the rules" in words(agent.get(f"/loans/{loan}").text)
    assert agent.post(f"/loans/{refused(procedure)}/second-look").status_code == 404


def test_a_refusal_is_explained_in_chinese_too(come: Come, procedure: Procedure) -> None:
    text = page(come, refused(procedure), "zh")
    assert "如何改变" in text
    assert "按同样的规则，6个月可借" in text


def test_an_automatic_approval_is_called_one(come: Come, procedure: Procedure) -> None:
    loan = graded_with_documents(procedure)
    assert procedure.grade(loan).stage is Stage.ACCEPTANCE
    assert "This was decided automatically, by our rules." in page(come, loan)
    text = words(come("manager-zhao").get(f"/loans/{loan}").text)
    assert "Approved automatically, by the rules fast_lane-micro/1" in text
    assert "automatically, by the rules Approval Approved ¥12,000.00" in text
